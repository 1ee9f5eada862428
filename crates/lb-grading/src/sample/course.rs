//! The course of a test: how many requests there were in each interval, how long they took and how many failed.

use super::Sample;
use crate::course::Interval;

/// The most intervals of a course, so that charts stay readable and small.
const MOST_INTERVALS: f64 = 60.0;
/// Lengths of intervals in seconds.
const LENGTHS: [f64; 15] =
    [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0];
/// The most values that are kept for the courses of all endpoints.
const MOST_VALUES: usize = 200_000;

/// Returns the courses of all counted requests (one) and of each endpoint. A course is empty if times are unknown.
pub(super) fn courses(
    samples: &[Sample],
    counted: &[bool],
    endpoints: usize,
    extent: Option<[f64; 2]>,
) -> [Vec<Vec<Interval>>; 2] {
    let none = || [vec![Vec::new()], vec![Vec::new(); endpoints]];
    let Some([mut from, mut to]) = extent else { return none() };
    if !(to > from && (to - from).is_finite()) {
        return none();
    }
    let stamps = || samples.iter().map(|sample| sample.at_ms).filter(|at| !at.is_nan());
    // A time of whole seconds stands for the second that begins with it. Shorter intervals would be empty between them.
    let whole = stamps().all(|at| at % 1e3 == 0.0);
    if whole && stamps().next().is_some() {
        (from, to) =
            (stamps().fold(f64::INFINITY, f64::min), stamps().fold(f64::NEG_INFINITY, f64::max) + 1e3);
    }
    let seconds = (to - from) / 1e3;
    let length = LENGTHS
        .into_iter()
        .find(|length| seconds / length <= MOST_INTERVALS && !(whole && *length < 1.0))
        .unwrap_or(seconds / MOST_INTERVALS);
    // The last interval takes what is left, which alone could be too short for a rate.
    let intervals = ((seconds / length) as usize).clamp(1, MOST_INTERVALS as usize);
    let place = |at: f64| (((at - from) / 1e3 / length) as usize).min(intervals - 1);
    let mut whole = vec![Filling::default(); intervals];
    let few = endpoints.saturating_mul(intervals) <= MOST_VALUES;
    let mut parts = vec![vec![Filling::default(); if few { intervals } else { 0 }]; endpoints];
    for sample in samples.iter().filter(|sample| !sample.at_ms.is_nan()) {
        let (interval, endpoint) = (place(sample.at_ms), sample.endpoint as usize);
        if counted[endpoint] {
            whole[interval].add(sample);
        }
        if let Some(filling) = parts[endpoint].get_mut(interval) {
            filling.add(sample);
        }
    }
    let course = |filled: Vec<Filling>| -> Vec<Interval> {
        let last = filled.len().saturating_sub(1);
        let interval = |(number, filling): (usize, Filling)| {
            let at_s = number as f64 * length;
            filling.interval(at_s, if number == last { seconds - at_s } else { length })
        };
        filled.into_iter().enumerate().map(interval).collect()
    };
    [vec![course(whole)], parts.into_iter().map(course).collect()]
}

/// What was found in one interval.
#[derive(Clone, Default)]
struct Filling {
    latencies: Vec<f64>,
    failed: u64,
}

impl Filling {
    fn add(&mut self, sample: &Sample) {
        self.latencies.push(sample.latency_ms);
        self.failed += u64::from(sample.failed);
    }

    fn interval(mut self, at_s: f64, length_s: f64) -> Interval {
        self.latencies.sort_unstable_by(f64::total_cmp);
        let count = self.latencies.len() as f64;
        let mean = self.latencies.iter().sum::<f64>() / count;
        Interval {
            at_s,
            length_s,
            rps: count / length_s,
            failures_rps: self.failed as f64 / length_s,
            mean_ms: mean.is_finite().then_some(mean),
            p95_ms: super::quantile(&self.latencies, 0.95),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(at_ms: f64, latency_ms: f64, failed: bool) -> Sample {
        Sample { at_ms, latency_ms, endpoint: 0, failed }
    }

    #[test]
    fn requests_are_counted_where_they_fall_and_the_rest_belongs_to_the_last_interval() {
        let samples = [
            sample(1000.5, 10.0, false),
            sample(1100.0, 30.0, true),
            sample(3200.0, 50.0, false),
            sample(f64::NAN, 9e9, true),
        ];
        let [whole, parts] = courses(&samples, &[true], 1, Some([1000.0, 3250.0]));
        assert_eq!(whole, parts, "there is one endpoint");
        let course = &whole[0];
        assert_eq!(course.len(), 22, "intervals of 100 ms in 2.25 s");
        assert_eq!(
            (course[0].rps, course[1].failures_rps, course[1].error_rate()),
            (10.0, 10.0, Some(100.0))
        );
        let last = course[21];
        assert!((last.length_s - 0.15).abs() < 1e-9, "{last:?}");
        assert_eq!((last.mean_ms, last.p95_ms, course[5].mean_ms), (Some(50.0), Some(50.0), None));
    }

    #[test]
    fn times_of_whole_seconds_fill_an_interval_each() {
        let samples: Vec<Sample> =
            (0..20).map(|number| sample(f64::from(number / 2) * 1e3, 250.0, false)).collect();
        // The first request began before the second that it ended in.
        let [whole, _] = courses(&samples, &[true], 1, Some([-250.0, 9_000.0]));
        let rates: Vec<f64> = whole[0].iter().map(|interval| interval.rps).collect();
        assert_eq!(rates, [2.0; 10], "two requests in each second, also in the last one");
    }

    #[test]
    fn a_test_without_extent_has_no_course() {
        let samples = [sample(1000.0, 10.0, false)];
        for extent in [None, Some([1000.0, 1000.0]), Some([0.0, f64::INFINITY])] {
            assert_eq!(courses(&samples, &[true], 1, extent), [vec![vec![]], vec![vec![]]], "{extent:?}");
        }
    }
}
