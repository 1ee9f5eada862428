//! How two stretches of windows differ, by each measure.
//!
//! Neighbouring windows resemble each other: a queue that is long now is long ten seconds later. Windows are
//! therefore not independent observations, and tests that treat them so raise false alarms. **Batch means** (Law and
//! Carson, Operations Research 27, 1979) put consecutive windows together until the batches no longer correlate: the
//! length of a batch doubles while the correlation of a batch with the next is above `1/sqrt(batches)`, one standard
//! error of zero, and at least [`FEWEST_BATCHES`] batches are left (the rule of doubling is that of Fishman,
//! Management Science 25, 1978). A batch must also hold enough requests for the measure. The value of a batch comes
//! from the pooled histogram of its windows, since percentiles cannot be averaged.
//!
//! The batches before and after are compared by Welch's test ([`lb_stats::Welch`]). Latency and throughput are
//! compared as ratios, on the scale of logarithms; error rates as differences. Six measures are tested together, so
//! their p values are corrected by Holm's method.

use crate::window::Window;
use lb_core::Span;
use lb_record::Cell;
use lb_stats::{Moments, Welch, holm, lag_one_correlation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The fewest windows on each side of a comparison.
pub const FEWEST_WINDOWS: usize = 8;

/// The fewest batches on each side.
pub(crate) const FEWEST_BATCHES: usize = 6;

/// The smallest difference of error rates that matters: one percentage point.
const ERROR_MARGIN: f64 = 0.01;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Mean latency of successful requests.
    Mean,
    /// Median of their latency.
    P50,
    /// 95th percentile of their latency.
    P95,
    /// 99th percentile of their latency.
    P99,
    /// Share of requests that did not get the expected reply.
    ErrorRate,
    /// Requests per second.
    Throughput,
}

/// What a comparison found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// It became worse, by at least the smallest difference that matters.
    Worse,
    /// It became better, by at least that much.
    Better,
    /// Whatever the difference is, it is smaller than that.
    Equivalent,
    /// Neither a difference nor its absence is shown.
    Undecided,
    /// There are too few windows or requests.
    TooLittleData,
}

/// How one measure changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// The measure.
    pub measure: Measure,
    /// Its value before: milliseconds, a share from 0 to 1, or requests per second. Null without requests.
    pub before: Option<f64>,
    /// Its value after.
    pub after: Option<f64>,
    /// The change: as a fraction of the value before (0.2 is 20 % more), or of error rates the difference. Null if
    /// there is too little data.
    pub change: Option<f64>,
    /// The ends of the interval of the change, at the confidence level of this look.
    pub interval: Option<[f64; 2]>,
    /// The p value of the hypothesis that nothing changed, corrected for the number of measures.
    pub p_value: Option<f64>,
    /// Number of batches before and after.
    pub batches: [usize; 2],
    /// What was found.
    pub finding: Finding,
}

impl Measure {
    /// All measures, in the order in which they are listed.
    pub const ALL: [Self; 6] =
        [Self::Mean, Self::P50, Self::P95, Self::P99, Self::ErrorRate, Self::Throughput];

    /// Returns the name in words, such as `p95`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean latency",
            Self::P50 => "p50",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::ErrorRate => "error rate",
            Self::Throughput => "throughput",
        }
    }

    /// Returns the fewest requests in a batch: a percentile needs some beyond it.
    const fn needed(self) -> u64 {
        match self {
            Self::P95 => 20,
            Self::P99 => 100,
            _ => 1,
        }
    }

    /// Returns whether the change is a difference, not a ratio.
    pub const fn is_difference(self) -> bool {
        matches!(self, Self::ErrorRate)
    }

    /// Returns the value of the measure in these windows; `None` without the requests that it needs.
    fn value(self, windows: &[&Window]) -> Option<f64> {
        let of = |count: fn(&Window) -> u64| windows.iter().map(|window| count(window)).sum::<u64>();
        let requests = of(|window| window.figures.requests);
        match self {
            Self::Throughput => {
                let seconds: f64 = windows.iter().map(|window| window.figures.length_s).sum();
                (seconds > 0.0).then(|| requests as f64 / seconds)
            }
            Self::ErrorRate => {
                (requests > 0).then(|| of(|window| window.figures.errors) as f64 / requests as f64)
            }
            _ => {
                let mut sum = Cell::default();
                for window in windows {
                    sum.merge(&window.latency.unpack());
                }
                if sum.count() < self.needed() {
                    return None;
                }
                let latency = match self {
                    Self::P50 => sum.quantile(0.5),
                    Self::P95 => sum.quantile(0.95),
                    Self::P99 => sum.quantile(0.99),
                    _ => sum.mean(),
                };
                latency.map(Span::as_millis_f64)
            }
        }
    }
}

/// Compares the windows `before` and `after`. `margin` is the smallest change that matters, as a fraction, and
/// `alpha` the probability of a false alarm in all measures together.
pub(crate) fn compare(before: &[&Window], after: &[&Window], margin: f64, alpha: f64) -> Vec<Change> {
    let tests: Vec<Option<(Welch, [usize; 2])>> =
        Measure::ALL.iter().map(|measure| test(*measure, before, after)).collect();
    let corrected = |p: &dyn Fn(&Welch, Measure) -> f64| -> Vec<Option<f64>> {
        let tested =
            || tests.iter().zip(Measure::ALL).filter_map(|(test, measure)| Some((test.as_ref()?, measure)));
        let raw: Vec<f64> = tested().map(|((welch, _), measure)| p(welch, measure)).collect();
        let mut left = holm(&raw).into_iter();
        tests.iter().map(|test| test.as_ref().and_then(|_| left.next())).collect()
    };
    let different = corrected(&|welch, _| welch.p_value());
    let outside = corrected(&|welch, measure| {
        let [lower, upper] = bounds(measure, margin);
        welch.outside_p(lower, upper)
    });
    Measure::ALL
        .into_iter()
        .zip(&tests)
        .zip(different.into_iter().zip(outside))
        .map(|((measure, test), (p_value, outside))| {
            let change =
                |difference: f64| if measure.is_difference() { difference } else { difference.exp_m1() };
            let found = test.as_ref().map(|(welch, _)| change(welch.difference));
            let finding = match (found, p_value, outside) {
                (Some(found), Some(p), Some(outside)) => judge(measure, found, p, outside, margin, alpha),
                _ => Finding::TooLittleData,
            };
            Change {
                measure,
                before: measure.value(before),
                after: measure.value(after),
                change: found,
                interval: test.as_ref().map(|(welch, _)| welch.interval(1.0 - alpha).map(change)),
                p_value,
                batches: test.as_ref().map_or([0, 0], |(_, batches)| *batches),
                finding,
            }
        })
        .collect()
}

/// Returns what all measures say together.
pub(crate) fn overall(changes: &[Change]) -> Finding {
    let any = |finding: Finding| changes.iter().any(|change| change.finding == finding);
    let of = |measure: Measure| changes.iter().find(|change| change.measure == measure);
    let deciding = [Measure::Mean, Measure::P95, Measure::ErrorRate];
    let are_equivalent = deciding
        .into_iter()
        .all(|measure| of(measure).is_some_and(|change| change.finding == Finding::Equivalent));
    match (any(Finding::Worse), any(Finding::Better)) {
        // What became worse counts, whatever became better: throughput may grow because of errors.
        (true, _) => Finding::Worse,
        (false, true) => Finding::Better,
        _ if are_equivalent => Finding::Equivalent,
        _ if changes.iter().all(|change| change.finding == Finding::TooLittleData) => Finding::TooLittleData,
        _ => Finding::Undecided,
    }
}

/// Judges the change of one measure.
fn judge(measure: Measure, change: f64, p: f64, outside: f64, margin: f64, alpha: f64) -> Finding {
    let smallest = if measure.is_difference() { ERROR_MARGIN } else { margin };
    if p < alpha && change.abs() >= smallest {
        let grew = change > 0.0;
        let is_better = grew == matches!(measure, Measure::Throughput);
        return if is_better { Finding::Better } else { Finding::Worse };
    }
    if outside < alpha { Finding::Equivalent } else { Finding::Undecided }
}

/// Returns the ends of the differences that do not matter, on the scale of the test.
fn bounds(measure: Measure, margin: f64) -> [f64; 2] {
    match measure.is_difference() {
        true => [-ERROR_MARGIN, ERROR_MARGIN],
        false => [-margin, margin].map(f64::ln_1p),
    }
}

/// Compares one measure by batch means. `None` if there are too few batches with enough requests.
fn test(measure: Measure, before: &[&Window], after: &[&Window]) -> Option<(Welch, [usize; 2])> {
    let shorter = before.len().min(after.len());
    let mut best = None;
    let mut length = 1;
    while shorter / length >= FEWEST_BATCHES {
        // The windows nearest to the mark are kept on both sides.
        let (skip, take) = (before.len() % length, after.len() - after.len() % length);
        let sides = [batches(measure, &before[skip..], length), batches(measure, &after[..take], length)];
        if let [Some(one), Some(other)] = &sides {
            let moments = Moments::of(one).zip(Moments::of(other));
            best = moments.map(|(one, other)| (Welch::of(&one, &other), [one.count, other.count]));
            let correlates = |side: &[f64]| lag_one_correlation(side) > 1.0 / (side.len() as f64).sqrt();
            if !correlates(one) && !correlates(other) {
                break;
            }
        }
        length *= 2;
    }
    best
}

/// Returns the value of each batch of `length` windows, on the scale of the test. `None` if one has too few requests.
fn batches(measure: Measure, windows: &[&Window], length: usize) -> Option<Vec<f64>> {
    let scaled = |value: f64| if measure.is_difference() { value } else { value.max(f64::MIN_POSITIVE).ln() };
    windows.chunks_exact(length).map(|batch| measure.value(batch).map(scaled)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::Tally;
    use lb_core::Outcome;
    use lb_record::{StepRecord, TrialRecord};

    /// A window of 100 requests in ten seconds, all of which take about `ms` milliseconds; `errors` of them fail.
    fn window(number: usize, ms: f64, errors: usize) -> Window {
        let mut step = StepRecord::default();
        for request in 0..100 {
            let outcome = if request < errors { Outcome::Timeout } else { Outcome::Ok };
            let spread = 1.0 + 0.002 * ((request * 37 + number * 11) % 100) as f64;
            let cell = step.outcomes[outcome.index()].get_or_insert_default();
            cell.record(Span::from_millis_f64(ms * spread), 100);
        }
        let mut tally = Tally::default();
        tally.add(&TrialRecord { steps: vec![step], ..TrialRecord::default() });
        tally.close(10.0 * number as f64, 10.0)
    }

    /// Windows whose latency wobbles a little around `ms`.
    fn side(count: usize, ms: f64, errors: usize) -> Vec<Window> {
        (0..count)
            .map(|number| window(number, ms * (1.0 + 0.01 * ((number * 7) % 5) as f64), errors))
            .collect()
    }

    fn found(before: &[Window], after: &[Window]) -> Vec<Change> {
        let refer = |side: &[Window]| -> Vec<Window> { side.to_vec() };
        let (before, after) = (refer(before), refer(after));
        let (one, other): (Vec<&Window>, Vec<&Window>) = (before.iter().collect(), after.iter().collect());
        compare(&one, &other, 0.05, 0.01)
    }

    #[test]
    fn a_slower_deployment_is_found_with_its_size_and_a_faster_one_is_better() {
        let changes = found(&side(20, 10.0, 0), &side(20, 12.0, 0));
        assert_eq!(overall(&changes), Finding::Worse);
        let mean = &changes[0];
        assert!((mean.change.expect("tested") - 0.2).abs() < 0.01, "{mean:?}");
        let [low, high] = mean.interval.expect("tested");
        assert!(low < 0.2 && 0.2 < high && low > 0.15 && high < 0.25, "{mean:?}");
        let throughput = changes.last().expect("six measures");
        assert_eq!(throughput.finding, Finding::Equivalent, "{throughput:?}");
        assert_eq!(overall(&found(&side(20, 10.0, 0), &side(20, 8.0, 0))), Finding::Better);
    }

    #[test]
    fn equal_deployments_are_equivalent_and_a_change_below_the_margin_is_not_worse() {
        let equal = found(&side(24, 10.0, 1), &side(24, 10.0, 1));
        assert_eq!(overall(&equal), Finding::Equivalent, "{equal:?}");
        let little = found(&side(24, 10.0, 0), &side(24, 10.3, 0));
        assert_ne!(overall(&little), Finding::Worse, "3 % do not matter: {little:?}");
    }

    #[test]
    fn errors_are_compared_as_differences() {
        let changes = found(&side(20, 10.0, 0), &side(20, 10.0, 5));
        let errors = &changes[4];
        assert_eq!((errors.measure, errors.finding), (Measure::ErrorRate, Finding::Worse), "{errors:?}");
        assert!((errors.change.expect("tested") - 0.05).abs() < 1e-9, "five points");
        assert_eq!(overall(&changes), Finding::Worse);
    }

    #[test]
    fn windows_that_resemble_their_neighbours_become_longer_batches() {
        // Eight windows at one level, eight at another, and so on.
        let levels = |count: usize| -> Vec<Window> {
            (0..count)
                .map(|number| window(number, if (number / 8) % 2 == 0 { 10.0 } else { 12.0 }, 0))
                .collect()
        };
        let changes = found(&levels(96), &levels(96));
        assert!(changes[0].batches[0] < 96, "{:?}", changes[0]);
        assert_ne!(overall(&changes), Finding::Worse);
    }

    #[test]
    fn too_few_windows_or_requests_are_too_little_data() {
        let changes = found(&side(5, 10.0, 0), &side(20, 12.0, 0));
        assert_eq!(overall(&changes), Finding::TooLittleData);
        assert_eq!((changes[0].change, changes[0].before.is_some()), (None, true), "values are shown");
        let failing = found(&side(10, 10.0, 95), &side(10, 10.0, 95));
        assert_eq!(
            failing[3].finding,
            Finding::TooLittleData,
            "five successes have no p99: {:?}",
            failing[3]
        );
    }
}
