//! Which scraped series move with latency: rank correlations within trials over parts of a second or more, at several
//! lags, corrected for all of them together.

use super::course::{Course, mean_of_part};
use lb_record::IntervalClass;
use lb_results::{ResourceCorrelation, Trial};
use lb_stats::{RankCorrelation, benjamini_hochberg, median, rank_correlation};
use std::collections::HashMap;

/// The confidence level of intervals; one minus it is the level of tests.
const LEVEL: f64 = 0.95;

/// How many parts before the latency a series is looked at: a resource that runs short is felt at once or soon.
const LAGS: [usize; 3] = [0, 1, 2];

/// The most parts of a trial, so that a run of days is judged as fast as one of minutes.
const MOST_PARTS: f64 = 1_200.0;

/// The fewest successful requests of a usual part for its 95th percentile; with fewer, the mean is taken.
const FEWEST_REQUESTS: f64 = 20.0;

/// The latency of the successful requests of one part of a trial.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Part {
    requests: u64,
    mean_ms: f64,
    p95_ms: f64,
}

/// A series and the latency in each part of a trial; `None` where a part has no value.
type Curves = (Vec<Option<f64>>, Vec<Option<f64>>);

/// Correlates each series of each algorithm with latency. `None` for a series that does not change or has too few
/// values.
pub(super) fn correlate(algorithms: &[Vec<Course<'_>>]) -> Vec<Vec<Option<ResourceCorrelation>>> {
    let trials = || algorithms.iter().flatten().flat_map(|course| &course.parts).map(|(trial, _)| *trial);
    let width_s = trials().map(width).fold(1.0, f64::max);
    // The same trial has many series.
    let mut latencies: HashMap<*const Trial, Vec<Option<Part>>> = HashMap::new();
    for trial in trials() {
        latencies.entry(std::ptr::from_ref(trial)).or_insert_with(|| latency(trial, width_s));
    }
    let requests: Vec<f64> =
        latencies.values().flatten().flatten().map(|part| part.requests as f64).collect();
    let by_p95 = median(&requests).is_some_and(|usual| usual >= FEWEST_REQUESTS);
    let of_part = |part: &Part| if by_p95 { part.p95_ms } else { part.mean_ms };

    let mut found: Vec<(usize, usize, usize, RankCorrelation)> = Vec::new();
    for (algorithm, courses) in algorithms.iter().enumerate() {
        for (place, course) in courses.iter().enumerate() {
            let parts: Vec<Curves> = course
                .parts
                .iter()
                .map(|(trial, series)| {
                    let of_trial = &latencies[&std::ptr::from_ref(*trial)];
                    let of = |number| mean_of_part(trial, series, number as f64 * width_s, width_s);
                    let values = (0..of_trial.len()).map(of).collect();
                    (values, of_trial.iter().map(|part| part.as_ref().map(of_part)).collect())
                })
                .collect();
            for lag in LAGS {
                let pairs: Vec<_> =
                    parts.iter().map(|(values, latency)| paired(values, latency, lag)).collect();
                found.extend(rank_correlation(&pairs, LEVEL).map(|one| (algorithm, place, lag, one)));
            }
        }
    }
    let adjusted = benjamini_hochberg(&found.iter().map(|(.., one)| one.p).collect::<Vec<_>>());
    let mut results: Vec<Vec<Option<ResourceCorrelation>>> =
        algorithms.iter().map(|courses| vec![None; courses.len()]).collect();
    for ((algorithm, place, lag, one), p_adjusted) in found.into_iter().zip(adjusted) {
        let known = &mut results[algorithm][place];
        if known.as_ref().is_some_and(|known| known.r.abs() >= one.r.abs()) {
            continue;
        }
        *known = Some(ResourceCorrelation {
            latency: if by_p95 { "p95" } else { "mean" }.to_owned(),
            part_s: width_s,
            lag_s: lag as f64 * width_s,
            r: one.r,
            interval: one.interval,
            p: one.p,
            p_adjusted,
            moves: p_adjusted <= 1.0 - LEVEL,
            parts: one.moments,
        });
    }
    results
}

/// Returns the least length of the parts of a trial in whole seconds: no shorter than the interval between readings.
fn width(trial: &Trial) -> f64 {
    let interval_s = trial.resources.as_ref().map_or(1.0, |record| record.interval_s);
    // A timer that fires a little late does not make parts longer.
    (trial.record.wall.as_secs_f64() / MOST_PARTS).ceil().max((interval_s - 0.01).ceil()).max(1.0)
}

/// Returns the latency of each whole part of a trial. `None` for a part without successful requests, and for the warm-up
/// that is cut off.
fn latency(trial: &Trial, width_s: f64) -> Vec<Option<Part>> {
    let record = &trial.record;
    let count = (record.wall.as_secs_f64() / width_s).floor() as usize;
    let mut parts = vec![None; count];
    let mut current: Option<(usize, hdrhistogram::Histogram<u64>)> = None;
    let mut close = |current: Option<(usize, hdrhistogram::Histogram<u64>)>| {
        let Some((number, histogram)) = current else { return };
        if number < count && number as f64 * width_s >= trial.cut_s && !histogram.is_empty() {
            parts[number] = Some(Part {
                requests: histogram.len(),
                mean_ms: histogram.mean() / 1e3,
                p95_ms: histogram.value_at_quantile(0.95).min(histogram.max()) as f64 / 1e3,
            });
        }
    };
    for interval in record.intervals.iter().filter(|interval| interval.class == IntervalClass::Ok) {
        let number = (interval.start.as_secs_f64() / width_s) as usize;
        match &mut current {
            Some((open, histogram)) if *open == number => {
                histogram.add(interval.histogram()).expect("an auto-resizing histogram takes any other");
            }
            _ => close(current.replace((number, interval.histogram()))),
        }
    }
    close(current);
    parts
}

/// Pairs each latency with the value of the series `lag` parts before it.
fn paired(values: &[Option<f64>], latency: &[Option<f64>], lag: usize) -> (Vec<f64>, Vec<f64>) {
    values
        .iter()
        .zip(latency.iter().skip(lag))
        .filter_map(|(value, latency)| Some(((*value)?, (*latency)?)))
        .unzip()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lag_pairs_latency_with_what_was_before_it() {
        let values = [Some(1.0), None, Some(3.0), Some(4.0)];
        let latency = [Some(10.0), Some(20.0), None, Some(40.0)];
        assert_eq!(paired(&values, &latency, 0), (vec![1.0, 4.0], vec![10.0, 40.0]));
        assert_eq!(paired(&values, &latency, 1), (vec![1.0, 3.0], vec![20.0, 40.0]));
        assert_eq!(paired(&values, &latency, 9), (vec![], vec![]));
    }
}
