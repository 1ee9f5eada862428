//! One scraped series over the trials of an algorithm, and its values at any time between its samples.

use lb_results::{SampledSeries, Trial};

/// A scraped series over the trials of an algorithm.
pub(super) struct Course<'a> {
    pub(super) target: &'a str,
    pub(super) name: &'a str,
    pub(super) unit: &'a str,
    /// Each trial that has the series, with its samples.
    pub(super) parts: Vec<(&'a Trial, &'a SampledSeries)>,
}

/// The longest gap between two samples over which values are interpolated, in intervals of the scrape. A single reading
/// that failed leaves a gap of two.
const LONGEST_GAP: f64 = 2.5;

/// Returns the mean of a series from `from_s` on for `width_s`, which is a whole number of seconds: of its values in the
/// middle of each second. `None` if it has no values there.
pub(super) fn mean_of_part(trial: &Trial, series: &SampledSeries, from_s: f64, width_s: f64) -> Option<f64> {
    let interval_s = trial.resources.as_ref().map_or(1.0, |record| record.interval_s);
    let seconds = (0..width_s as u32).map(|second| from_s + f64::from(second) + 0.5);
    let values: Vec<f64> =
        seconds.filter_map(|at_s| value_at(&series.samples, at_s, interval_s * LONGEST_GAP)).collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Returns the value at a time: that of a straight line between the samples around it, if they are at most `gap_s` apart,
/// or the first or last sample, if it is at most half of `gap_s` away.
fn value_at(samples: &[[f64; 2]], at_s: f64, gap_s: f64) -> Option<f64> {
    let after = samples.partition_point(|[time, _]| *time < at_s);
    match (after.checked_sub(1).map(|before| samples[before]), samples.get(after).copied()) {
        (Some([from_s, from]), Some([to_s, to])) => {
            let share = if to_s > from_s { (at_s - from_s) / (to_s - from_s) } else { 1.0 };
            (to_s - from_s <= gap_s).then_some(from + share * (to - from))
        }
        (Some([time, value]), None) | (None, Some([time, value])) => {
            ((time - at_s).abs() <= gap_s / 2.0).then_some(value)
        }
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_lie_between_samples_that_are_near_and_nowhere_else() {
        let samples = [[0.0, 10.0], [1.0, 20.0], [2.0, 30.0], [6.0, 70.0]];
        for (at_s, value) in [
            (0.0, Some(10.0)),
            (0.5, Some(15.0)),
            (1.25, Some(22.5)),
            (4.0, None),
            (6.5, Some(70.0)),
            (9.0, None),
        ] {
            assert_eq!(value_at(&samples, at_s, 2.5), value, "{at_s}");
        }
        assert_eq!(value_at(&[], 0.0, 2.5), None);
        assert_eq!(value_at(&[[1.0, 3.0], [1.0, 5.0]], 1.0, 2.5), Some(3.0), "two samples at one time");
    }
}
