//! The response of an algorithm to a fault: figures before, during and after it, how soon the faulty backends
//! are avoided, and how soon they are used again.
//!
//! Shares count requests by the time at which they were *sent*. Replies of a slow backend arrive late, so
//! counting them would make every algorithm appear to avoid it. Requests without a reply that names a backend
//! (timeouts) are not counted.

use super::window::Window;
use lb_core::topology::Topology;
use lb_results::{FaultMark, FaultPhase, FaultResponse, PhaseSummary, Trial};

/// Number of requests that the faulty backends should get in one window while they are healthy. Half of them
/// or fewer then occur by chance in 4 of 10,000 windows (Poisson).
const LOOK_REQUESTS: f64 = 40.0;
/// Shortest and longest window over which a share is computed, in seconds.
const LOOK_S: [f64; 2] = [0.1, 1.0];
/// A backend is avoided when its share is at most this fraction of its share before the fault.
const AVOIDED: f64 = 0.5;
/// A backend is used again when its share is at least this fraction of its share before the fault.
const BACK: f64 = 0.8;
/// Largest number of occurrences of repeating faults that are reported.
const MOST_MARKS: usize = 50;
/// Number of share values per second.
const TENTHS: f64 = 10.0;

/// Returns the faults of a topology within a phase of `duration_s`, in order of time, with every occurrence
/// of a repeating fault.
pub fn fault_marks(topology: &Topology, duration_s: f64) -> Vec<FaultMark> {
    let mut marks = Vec::new();
    for fault in &topology.faults {
        let mut start_s = fault.start_s;
        while start_s < duration_s && marks.len() < MOST_MARKS {
            marks.push(FaultMark {
                fault: fault.kind.name().to_owned(),
                backends: fault.backends.clone(),
                services: fault.services.clone(),
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

/// Returns the response of one algorithm to each fault, from its trials.
pub fn fault_responses(trials: &[&Trial], marks: &[FaultMark], duration_s: f64) -> Vec<FaultResponse> {
    let respond = |(number, mark): (usize, &FaultMark)| {
        // The spans before and after a fault end at the nearest other fault.
        let from_s =
            marks.iter().map(|other| other.end_s).filter(|end| *end <= mark.start_s).fold(0.0, f64::max);
        let until_s =
            marks.iter().map(|other| other.start_s).filter(|at| *at >= mark.end_s).fold(duration_s, f64::min);
        let spans = [
            (FaultPhase::Before, from_s, mark.start_s),
            (FaultPhase::During, mark.start_s, mark.end_s),
            (FaultPhase::After, mark.end_s, until_s),
        ];
        let phases =
            spans.into_iter().filter_map(|(name, from_s, to_s)| phase(trials, name, from_s, to_s)).collect();
        let share = Share::new(trials, mark);
        let before = share.over(from_s, mark.start_s);
        let look_s = share.look(from_s, mark.start_s);
        let avoided = before.and_then(|before| share.avoided(before, mark.start_s, mark.end_s, look_s));
        FaultResponse {
            fault: number,
            phases,
            share_before: before,
            share_during: share.over(mark.start_s, mark.end_s),
            time_to_avoid_s: avoided,
            // Only backends that were avoided can be used again.
            time_to_return_s: before
                .filter(|_| avoided.is_some())
                .and_then(|before| share.back(before, mark.end_s, until_s, look_s)),
            resolution_s: look_s,
        }
    };
    marks.iter().enumerate().map(respond).collect()
}

fn phase(trials: &[&Trial], name: FaultPhase, from_s: f64, to_s: f64) -> Option<PhaseSummary> {
    let mut window = Window::empty();
    for trial in trials {
        window.add(&trial.record, from_s, to_s);
    }
    (to_s > from_s).then(|| PhaseSummary {
        name,
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

    /// Counts requests to the faulty backends and to their whole pools in a span of time.
    fn counts(&self, from_s: f64, to_s: f64) -> (u64, u64) {
        let index = |at_s: f64| ((at_s * TENTHS).round() as usize).min(self.tenths.len());
        let span = self.tenths.get(index(from_s)..index(to_s)).unwrap_or(&[]);
        span.iter().fold((0, 0), |sum, tenth| (sum.0 + tenth.0, sum.1 + tenth.1))
    }

    /// Returns the share of the faulty backends in a span of time. `None` without requests.
    fn over(&self, from_s: f64, to_s: f64) -> Option<f64> {
        let (faulty, all) = self.counts(from_s, to_s);
        (all > 0).then(|| faulty as f64 / all as f64)
    }

    /// Returns the length of the window over which a share is computed, in whole tenths of a second. It
    /// follows from the rate of requests to the faulty backends before the fault.
    fn look(&self, from_s: f64, start_s: f64) -> f64 {
        let rate = self.counts(from_s, start_s).0 as f64 / (start_s - from_s).max(1.0 / TENTHS);
        let [shortest, longest] = LOOK_S;
        ((LOOK_REQUESTS / rate).clamp(shortest, longest) * TENTHS - 1e-9).ceil() / TENTHS
    }

    /// Returns the time in seconds from `start_s` until the share has fallen for good.
    fn avoided(&self, before: f64, start_s: f64, end_s: f64, look_s: f64) -> Option<f64> {
        let low = |from_s: f64, to_s: f64| self.over(from_s, to_s).is_none_or(|s| s <= AVOIDED * before);
        let fallen = |at_s: f64| low(at_s, (at_s + look_s).min(end_s)) && low(at_s, end_s) && before > 0.0;
        // A window cut short by the end of the fault proves nothing.
        steps(start_s, end_s - look_s).find(|at_s| fallen(*at_s)).map(|at_s| at_s - start_s)
    }

    /// Returns the time in seconds from `end_s` until the share has recovered.
    fn back(&self, before: f64, end_s: f64, until_s: f64, look_s: f64) -> Option<f64> {
        let risen = |at_s: f64| self.over(at_s, at_s + look_s).is_some_and(|share| share >= BACK * before);
        steps(end_s, until_s - look_s).find(|at_s| risen(*at_s)).map(|at_s| at_s - end_s)
    }
}

/// Iterates over the tenths of a second from one time to another, both included.
fn steps(from_s: f64, to_s: f64) -> impl Iterator<Item = f64> {
    let count = ((to_s - from_s) * TENTHS + 1e-6).floor();
    let count = if count < 0.0 { 0 } else { count as usize + 1 };
    (0..count).map(move |step| from_s + step as f64 / TENTHS)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One faulty backend of four that gets `per_tenth` requests each tenth of a second. A fault lasts from
    /// 10 to 20 s of 30; the backend is avoided 0.3 s after its start and used again 2 s after its end.
    fn share(per_tenth: u64) -> Share {
        let left = |tenth: usize| (103..220).contains(&tenth);
        let tenths = (0..300).map(|tenth| (if left(tenth) { 0 } else { per_tenth }, 4 * per_tenth));
        Share { tenths: tenths.collect() }
    }

    #[test]
    fn many_requests_tell_times_to_the_tenth() {
        let share = share(50);
        let look = share.look(0.0, 10.0);
        assert_eq!(look, 0.1, "a tenth of a second brings enough requests");
        let avoided = share.avoided(0.25, 10.0, 20.0, look).expect("it was avoided");
        let back = share.back(0.25, 20.0, 30.0, look).expect("it was used again");
        assert!((avoided - 0.3).abs() < 1e-9 && (back - 2.0).abs() < 1e-9, "{avoided} and {back}");
    }

    #[test]
    fn few_requests_are_looked_at_for_longer_and_blur_the_times() {
        let share = share(5);
        let look = share.look(0.0, 10.0);
        assert_eq!(look, 0.8, "40 requests take eight tenths");
        let avoided = share.avoided(0.25, 10.0, 20.0, look).expect("it was avoided");
        assert!((0.0..=0.3).contains(&avoided), "at most one window too early: {avoided}");
        assert_eq!(self::share(1).look(0.0, 10.0), 1.0, "a second is the longest window");
        let unasked = Share { tenths: vec![(0, 4); 300] };
        assert_eq!(unasked.look(0.0, 10.0), 1.0, "the same holds without any request");
        assert_eq!(
            unasked.avoided(0.0, 10.0, 20.0, 1.0),
            None,
            "a backend without requests cannot be avoided"
        );
    }

    #[test]
    fn a_share_that_stays_is_never_avoided() {
        let stays = Share { tenths: vec![(10, 40); 300] };
        assert_eq!(stays.avoided(0.25, 10.0, 20.0, 0.4), None, "round-robin avoids no backend");
        // Avoided for a second only, in the middle of the fault.
        let mut tenths = vec![(10, 40); 300];
        tenths[150..160].fill((0, 40));
        assert_eq!(Share { tenths }.avoided(0.25, 10.0, 20.0, 0.4), None, "it was used again too soon");
    }
}
