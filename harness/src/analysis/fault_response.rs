//! What an algorithm does about a fault: figures before, during and after it, how soon it turns away
//! from the faulty backends, and how soon it comes back.
//!
//! Shares are of requests by the time at which they were *sent*: a slow backend's replies come late,
//! and would make every algorithm look as if it had avoided it. Requests whose reply named nobody
//! (timeouts) are in no share.

use super::window::Window;
use crate::experiment::Trial;
use crate::results::{FaultMark, FaultResponse, PhaseSummary};
use lb_core::topology::Topology;

/// Seconds over which a share is looked at: long enough for some requests, short beside a fault.
const LOOK_S: f64 = 1.0;
/// A backend is avoided when its share is at most this part of what it was.
const AVOIDED: f64 = 0.5;
/// A backend is back when its share is at least this part of what it was.
const BACK: f64 = 0.8;
/// Occurrences of repeating faults that are reported.
const MOST_MARKS: usize = 50;
/// Resolution of shares.
const TENTHS: f64 = 10.0;

/// The faults of a topology within a phase of `duration_s`, every occurrence of a repeating one, in
/// order of time.
pub fn fault_marks(topology: &Topology, duration_s: f64) -> Vec<FaultMark> {
    let mut marks = Vec::new();
    for fault in &topology.faults {
        let mut start_s = fault.start_s;
        while start_s < duration_s && marks.len() < MOST_MARKS {
            marks.push(FaultMark {
                fault: fault.kind.name().to_owned(),
                backends: fault.backends.clone(),
                start_s,
                end_s: fault.duration_s.map_or(duration_s, |length| (start_s + length).min(duration_s)),
            });
            match fault.every_s {
                Some(every) => start_s += every,
                None => break,
            }
        }
    }
    marks.sort_by(|a, b| a.start_s.total_cmp(&b.start_s));
    marks
}

/// What the trials of one algorithm show about each fault.
pub fn fault_responses(trials: &[&Trial], marks: &[FaultMark], duration_s: f64) -> Vec<FaultResponse> {
    let respond = |(number, mark): (usize, &FaultMark)| {
        // Before and after reach to the nearest other fault.
        let from_s =
            marks.iter().map(|other| other.end_s).filter(|end| *end <= mark.start_s).fold(0.0, f64::max);
        let until_s =
            marks.iter().map(|other| other.start_s).filter(|at| *at >= mark.end_s).fold(duration_s, f64::min);
        let spans = [
            ("before", from_s, mark.start_s),
            ("during", mark.start_s, mark.end_s),
            ("after", mark.end_s, until_s),
        ];
        let phases =
            spans.into_iter().filter_map(|(name, from_s, to_s)| phase(trials, name, from_s, to_s)).collect();
        let share = Share::new(trials, mark);
        let before = share.over(from_s, mark.start_s);
        let avoided = before.and_then(|before| share.avoided(before, mark.start_s, mark.end_s));
        FaultResponse {
            fault: number,
            phases,
            share_before: before,
            share_during: share.over(mark.start_s, mark.end_s),
            time_to_avoid_s: avoided,
            // Who never left cannot return.
            time_to_return_s: before
                .filter(|_| avoided.is_some())
                .and_then(|before| share.back(before, mark.end_s, until_s)),
        }
    };
    marks.iter().enumerate().map(respond).collect()
}

fn phase(trials: &[&Trial], name: &str, from_s: f64, to_s: f64) -> Option<PhaseSummary> {
    let mut window = Window::empty();
    for trial in trials {
        window.add(&trial.record, from_s, to_s);
    }
    (to_s > from_s).then(|| PhaseSummary {
        name: name.to_owned(),
        from_s,
        to_s,
        throughput_rps: window.throughput_rps(),
        mean_ms: window.mean_ms(),
        p95_ms: window.quantile_ms(0.95),
        p99_ms: window.quantile_ms(0.99),
        error_rate: window.error_rate(),
    })
}

/// Requests to faulty backends and to all backends of their pools, by tenth of a second.
struct Share {
    tenths: Vec<(u64, u64)>,
}

impl Share {
    fn new(trials: &[&Trial], mark: &FaultMark) -> Self {
        let listed = trials.first().map_or(&[][..], |trial| &trial.backends);
        let faulty =
            |number: usize| listed.get(number).is_some_and(|backend| mark.backends.contains(&backend.id));
        let pools: Vec<usize> =
            (0..listed.len()).filter(|number| faulty(*number)).map(|number| listed[number].pool).collect();
        let concerned =
            |number: usize| listed.get(number).is_some_and(|backend| pools.contains(&backend.pool));
        let mut tenths: Vec<(u64, u64)> = Vec::new();
        for trial in trials {
            if tenths.len() < trial.record.sent.len() {
                tenths.resize(trial.record.sent.len(), (0, 0));
            }
            for (sum, sent) in tenths.iter_mut().zip(&trial.record.sent) {
                for (number, count) in sent.iter().enumerate().filter(|(number, _)| concerned(*number)) {
                    sum.0 += if faulty(number) { u64::from(*count) } else { 0 };
                    sum.1 += u64::from(*count);
                }
            }
        }
        Self { tenths }
    }

    /// The share in a span of time; none without requests, or where all backends are faulty.
    fn over(&self, from_s: f64, to_s: f64) -> Option<f64> {
        let index = |at_s: f64| ((at_s * TENTHS).round() as usize).min(self.tenths.len());
        let span = self.tenths.get(index(from_s)..index(to_s)).unwrap_or(&[]);
        let (faulty, all) = span.iter().fold((0, 0), |sum, tenth| (sum.0 + tenth.0, sum.1 + tenth.1));
        (all > 0).then(|| faulty as f64 / all as f64)
    }

    /// Seconds from `start_s` until the share has fallen for good.
    fn avoided(&self, before: f64, start_s: f64, end_s: f64) -> Option<f64> {
        let low = |from_s: f64, to_s: f64| self.over(from_s, to_s).is_none_or(|s| s <= AVOIDED * before);
        let fallen = |at_s: f64| low(at_s, (at_s + LOOK_S).min(end_s)) && low(at_s, end_s) && before > 0.0;
        // A look that the end of the fault cuts short proves nothing.
        steps(start_s, end_s - LOOK_S).find(|at_s| fallen(*at_s)).map(|at_s| at_s - start_s)
    }

    /// Seconds from `end_s` until the share is back.
    fn back(&self, before: f64, end_s: f64, until_s: f64) -> Option<f64> {
        let risen = |at_s: f64| self.over(at_s, at_s + LOOK_S).is_some_and(|share| share >= BACK * before);
        steps(end_s, until_s - LOOK_S).find(|at_s| risen(*at_s)).map(|at_s| at_s - end_s)
    }
}

/// Tenths of seconds from one time to another, both included.
fn steps(from_s: f64, to_s: f64) -> impl Iterator<Item = f64> {
    let count = ((to_s - from_s) * TENTHS + 1e-6).floor();
    let count = if count < 0.0 { 0 } else { count as usize + 1 };
    (0..count).map(move |step| from_s + step as f64 / TENTHS)
}
