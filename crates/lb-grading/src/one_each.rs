//! Two tests of one run each: what can be said of them, and what cannot.
//!
//! How much runs differ by anyway shows only between runs, so a pair of single runs has no verdict. What a run varies by within
//! itself can be told from its course: **batch means** (Law and Carson, *Operations Research* 27, 1979) put consecutive values
//! together until they no longer correlate, and Welch's test compares those of both runs. Locust's rows are of the ten seconds
//! before them, so a batch has at least ten.

use crate::course::Interval;
use crate::test::Test;
use lb_stats::{Moments, Welch, lag_one_correlation};

/// The rows of the shortest batch.
const SHORTEST: usize = 10;
/// The fewest batches on each side.
const FEWEST: usize = 6;
/// The share of a run that is left out at its beginning, while users still arrive.
const RAMP: f64 = 0.1;
/// The level of intervals.
const LEVEL: f64 = 0.95;

/// What is compared within the runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Measure {
    Throughput,
    P95,
    ErrorRate,
}

impl Measure {
    const ALL: [Self; 3] = [Self::Throughput, Self::P95, Self::ErrorRate];

    const fn name(self) -> &'static str {
        match self {
            Self::Throughput => "throughput",
            Self::P95 => "p95",
            Self::ErrorRate => "error rate",
        }
    }

    /// Returns the value of a batch: logarithms of what is compared as a ratio. `None` if a row lacks it.
    fn value(self, batch: &[Interval]) -> Option<f64> {
        let mean = |of: &dyn Fn(&Interval) -> Option<f64>| -> Option<f64> {
            let values: Vec<f64> = batch.iter().map(of).collect::<Option<_>>()?;
            Some(values.iter().sum::<f64>() / values.len() as f64)
        };
        let rps = mean(&|row| Some(row.rps))?;
        match self {
            Self::Throughput => (rps > 0.0).then(|| rps.ln()),
            Self::P95 => mean(&|row| row.p95_ms).filter(|p95| *p95 > 0.0).map(f64::ln),
            Self::ErrorRate => (rps > 0.0).then_some(mean(&|row| Some(row.failures_rps))? / rps),
        }
    }

    fn change(self, difference: f64) -> String {
        match self {
            Self::ErrorRate => format!("{:+.2} points", 100.0 * difference),
            _ => format!("{:+.1} %", 100.0 * difference.exp_m1()),
        }
    }
}

/// Says what the two runs tell, and what they cannot tell, a sentence each.
pub fn one_run_each(base: &Test, new: &Test) -> Vec<String> {
    let mut said = Vec::new();
    let courses = [&base.course, &new.course].map(|course| steady(course));
    if courses.iter().any(|course| course.is_empty()) {
        said.push(
            "neither run's course is known on both sides (`_stats_history.csv` beside `_stats.csv`), so not even what each run \
             varies by within itself"
                .to_owned(),
        );
    }
    let mut short = Vec::new();
    for measure in Measure::ALL {
        match within(measure, courses[0], courses[1]) {
            Some(sentence) => said.push(sentence),
            None => short.push(measure.name()),
        }
    }
    if !short.is_empty() && courses.iter().all(|course| !course.is_empty()) {
        said.push(format!(
            "the runs are too short to tell what they vary by within themselves in {}: each needs {} stretches of at least {SHORTEST} s",
            short.join(", "),
            FEWEST
        ));
    }
    said.push(
        "not enough data for a verdict: each side is one run, and how much runs differ by anyway, such as by the state of the machine, \
         shows only between several runs of the same; percentiles of Locust are rounded and those of its course are of ten seconds"
            .to_owned(),
    );
    said
}

/// Returns a course without its beginning.
fn steady(course: &[Interval]) -> &[Interval] {
    &course[(course.len() as f64 * RAMP).ceil() as usize..]
}

/// Compares one measure over batches of both runs. `None` if there are too few.
fn within(measure: Measure, base: &[Interval], new: &[Interval]) -> Option<String> {
    let (mut length, mut best) = (SHORTEST, None);
    while base.len().min(new.len()) / length >= FEWEST {
        let of = |course: &[Interval]| -> Option<Vec<f64>> {
            course.chunks_exact(length).map(|batch| measure.value(batch)).collect()
        };
        let (one, other) = (of(base)?, of(new)?);
        let moments = Moments::of(&one).zip(Moments::of(&other));
        best = moments.map(|(before, after)| (Welch::of(&before, &after), length));
        let correlates = |side: &[f64]| lag_one_correlation(side) > 1.0 / (side.len() as f64).sqrt();
        if !correlates(&one) && !correlates(&other) {
            break;
        }
        length *= 2;
    }
    let (welch, length) = best?;
    let [low, high] = welch.interval(LEVEL);
    let is_more = low > 0.0 || high < 0.0;
    Some(format!(
        "{}: {} [{} to {}] between these two runs, {} each varied by within itself (stretches of {length} s, Welch's t, 95 %)",
        measure.name(),
        measure.change(welch.difference),
        measure.change(low),
        measure.change(high),
        if is_more { "more than" } else { "no more than" },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Kind;
    use std::path::Path;

    /// A run of `seconds` rows around these values, which wobble a little.
    fn run(seconds: usize, rps: f64, p95: f64) -> Test {
        let row = |second: usize| {
            let wobble = 1.0 + 0.02 * ((second * 7 + 3) % 5) as f64;
            Interval {
                at_s: second as f64,
                length_s: 1.0,
                rps: rps * wobble,
                failures_rps: 0.0,
                mean_ms: None,
                p95_ms: Some(p95 * wobble),
            }
        };
        let course = (0..seconds).map(row).collect();
        Test { course, ..Test::new(Path::new("run_stats.csv"), Kind::Locust, "Locust stats CSV") }
    }

    #[test]
    fn long_runs_tell_what_they_vary_by_and_no_run_tells_what_runs_differ_by() {
        let said = one_run_each(&run(300, 100.0, 40.0), &run(300, 100.0, 50.0));
        assert_eq!(said.len(), 4, "{said:?}");
        assert!(
            said[0].starts_with("throughput: +0.0 % [") && said[0].contains("no more than each varied"),
            "{said:?}"
        );
        assert!(
            said[1].starts_with("p95: +25.0 % [") && said[1].contains(", more than each varied"),
            "{said:?}"
        );
        assert!(said[2].starts_with("error rate: +0.00 points"), "{said:?}");
        assert!(said[3].starts_with("not enough data for a verdict: each side is one run"), "{said:?}");
    }

    #[test]
    fn short_runs_and_runs_without_a_course_say_so() {
        let short = one_run_each(&run(60, 100.0, 40.0), &run(300, 100.0, 50.0));
        assert!(
            short[0].contains(
                "too short to tell what they vary by within themselves in throughput, p95, error rate"
            ),
            "{short:?}"
        );
        let none = one_run_each(&run(0, 100.0, 40.0), &run(300, 100.0, 50.0));
        assert!(none[0].contains("`_stats_history.csv`") && none.len() == 2, "{none:?}");
    }
}
