//! The changes of all series of a history: when something changed, between which subjects, by how much, and how sure that is.

use crate::series::{Point, Series};
use jiff::Timestamp;
use lb_analysis::change_in_words;
use lb_changes::{Change, Observation, Settings, change_points};
use lb_results::Metric;
use serde::Serialize;
use std::fmt::Write as _;

/// The smallest change of an error rate that is told, as of the margin of `bench compare`: half a percentage point.
const ERROR_RATE: f64 = 0.005;

/// The smallest change of Jain's index that is told.
const JAIN: f64 = 0.05;

/// Which changes are told.
#[derive(Clone, Debug)]
pub struct ChangeOptions {
    /// The smallest effect on latencies and goodput, as a fraction: 0.02 is 2 %.
    pub smallest: f64,
    /// Only changes whose first run began at this time or later. Earlier runs still belong to their series.
    pub since: Option<Timestamp>,
}

impl Default for ChangeOptions {
    fn default() -> Self {
        Self { smallest: Settings::ratio().smallest_effect, since: None }
    }
}

/// A change of one series.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SeriesChange {
    /// Name of the scenario.
    pub scenario: String,
    /// Name of the algorithm.
    pub algorithm: String,
    /// Name of the metric, such as `p99`.
    pub metric: &'static str,
    /// The machine.
    pub host: String,
    /// What the numbers depend on besides algorithms, seed and repetitions.
    pub fingerprint: String,
    /// The last run before the change.
    pub last: Point,
    /// The first run after it: something changed between the subjects of these two.
    pub first: Point,
    /// The last run of the series.
    pub latest: Point,
    /// Mean over the runs before, back to the change before, in the metric's own unit.
    pub before: f64,
    /// Mean over the runs since, up to the next change.
    pub after: f64,
    /// 0.05 is 5 % more; for shares, the difference.
    pub effect: f64,
    /// The 95 % interval of the effect.
    pub interval: [f64; 2],
    /// The p value of the permutation test.
    pub split_p: f64,
    /// The p value of Welch's t test.
    pub step_p: f64,
    /// Whether it became worse. Null for a metric that only describes.
    pub worse: Option<bool>,
    /// All of this as a sentence.
    pub sentence: String,
}

/// Finds the changes of series, the last one first; changes that began with the same run are sorted by name.
pub fn changes(series: &[Series], options: &ChangeOptions) -> Vec<SeriesChange> {
    let mut all = side_by_side(series, |one| of_series(one, options));
    let since = options.since;
    all.retain(|one| {
        since.is_none_or(|since| one.first.started_at.parse().is_ok_and(|at: Timestamp| at >= since))
    });
    all.sort_by(|one, other| {
        let names = |change: &SeriesChange| (change.scenario.clone(), change.algorithm.clone());
        let by_time = other.first.started_at.cmp(&one.first.started_at);
        by_time.then_with(|| names(one).cmp(&names(other)))
    });
    all
}

/// Does the work of all series on all cores, and returns what it gives in their order: a permutation test takes long where
/// there is a change.
fn side_by_side<T: Send>(series: &[Series], work: impl Fn(&Series) -> Vec<T> + Sync) -> Vec<T> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from).min(series.len()).max(1);
    let work = &work;
    let mut found: Vec<(usize, Vec<T>)> = std::thread::scope(|scope| {
        let part = |first: usize| {
            let mine = series.iter().enumerate().skip(first).step_by(cores);
            scope.spawn(move || mine.map(|(place, one)| (place, work(one))).collect::<Vec<_>>())
        };
        let parts: Vec<_> = (0..cores).map(part).collect();
        let joined = parts.into_iter().flat_map(|part| match part.join() {
            Ok(found) => found,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        joined.collect()
    });
    found.sort_by_key(|(place, _)| *place);
    found.into_iter().flat_map(|(_, found)| found).collect()
}

fn of_series(series: &Series, options: &ChangeOptions) -> Vec<SeriesChange> {
    let metric = series.metric.0;
    // A trial in which nothing succeeded has no goodput, and so no logarithm of it.
    let has_place =
        |point: &&Point| point.value.is_finite() && (!metric.is_ratio() || point.value > f64::EPSILON);
    let points: Vec<&Point> = series.points.iter().filter(has_place).collect();
    let values: Vec<Observation> =
        points.iter().map(|point| Observation { value: point.value, interval: point.interval }).collect();
    let settings = Settings { noise_floor: series.noise_floor, ..settings(metric, options) };
    // Values without a place on the scale were left out.
    let found = change_points(&values, &settings).unwrap_or_default();
    found.iter().map(|change| told(series, &points, change)).collect()
}

fn settings(metric: Metric, options: &ChangeOptions) -> Settings {
    match metric {
        Metric::ErrorRate => Settings::difference(ERROR_RATE),
        Metric::JainIndex => Settings::difference(JAIN),
        _ => Settings { smallest_effect: options.smallest, ..Settings::ratio() },
    }
}

fn told(series: &Series, points: &[&Point], change: &Change) -> SeriesChange {
    let metric = series.metric.0;
    let worse = metric.has_direction().then(|| (change.effect > 0.0) != metric.higher_is_better());
    let mut told = SeriesChange {
        scenario: series.scenario.clone(),
        algorithm: series.algorithm.clone(),
        metric: series.metric.name(),
        host: series.host.clone(),
        fingerprint: series.fingerprint.clone(),
        last: points[change.at - 1].clone(),
        first: points[change.at].clone(),
        latest: points[points.len() - 1].clone(),
        before: change.before,
        after: change.after,
        effect: change.effect,
        interval: change.interval,
        split_p: change.split_p,
        step_p: change.step_p,
        worse,
        sentence: String::new(),
    };
    told.sentence = sentence(&told, metric);
    told
}

/// Says what changed, by how much, since when, between which subjects, and how sure that is.
fn sentence(change: &SeriesChange, metric: Metric) -> String {
    let mut text = format!(
        "{} of {} in {}: {}",
        metric.label(),
        change.algorithm,
        change.scenario,
        change_in_words(metric, change.effect, Some(change.interval)),
    );
    let date = change.first.started_at.get(..10).unwrap_or(&change.first.started_at);
    let _ = write!(text, " since {date}");
    let (last, first) = (&change.last.subject, &change.first.subject);
    if !last.is_empty() || !first.is_empty() {
        let named = |subject: &str| if subject.is_empty() { "?".to_owned() } else { subject.to_owned() };
        let _ = write!(text, ", between {} and {}", named(last), named(first));
    }
    let _ = write!(text, " (p = {:.4})", change.split_p.max(change.step_p));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::MetricName;

    fn series(metric: Metric, value: impl Fn(usize) -> f64) -> Series {
        let point = |night: usize| Point {
            run_id: format!("run-{night}"),
            started_at: format!("2026-11-{:02}T01:00:00Z", night + 1),
            subject: format!("c{night}"),
            config: "shop.json".to_owned(),
            engine: "live".to_owned(),
            load_balancer: "haproxy".to_owned(),
            trials: 10,
            value: value(night),
            interval: None,
        };
        Series {
            fingerprint: "f".to_owned(),
            host: "h".to_owned(),
            scenario: "shop".to_owned(),
            algorithm: "p2c".to_owned(),
            metric: MetricName(metric),
            noise_floor: None,
            points: (0..28).map(point).collect(),
        }
    }

    fn wave(night: usize) -> f64 {
        1.0 + 0.004 * (night % 3) as f64
    }

    #[test]
    fn a_change_says_what_by_how_much_since_when_and_between_which_subjects() {
        let slower = series(Metric::P99, |night| wave(night) * if night < 18 { 80.0 } else { 88.0 });
        let found = changes(&[slower], &ChangeOptions::default());
        assert_eq!(found.len(), 1);
        let sentence = &found[0].sentence;
        assert!(sentence.starts_with("p99 of p2c in shop: 10.0 % more (9."), "{sentence}");
        assert!(
            sentence.contains("), worse, since 2026-11-19, between c17 and c18 (p = 0.0005)"),
            "{sentence}"
        );
        assert_eq!((found[0].last.run_id.as_str(), found[0].worse), ("run-17", Some(true)));
    }

    #[test]
    fn less_goodput_is_worse_and_shares_have_units_of_their_own() {
        let fewer = series(Metric::Goodput, |night| wave(night) * if night < 18 { 500.0 } else { 450.0 });
        let errors = series(
            Metric::ErrorRate,
            |night| if night < 18 { 0.0 } else { 0.02 } + (wave(night) - 1.0) / 10.0,
        );
        let even = series(Metric::JainIndex, |night| if night < 18 { 0.99 } else { 0.8 } * wave(night));
        let found = changes(&[fewer, errors, even], &ChangeOptions::default());
        let of = |metric: &str| found.iter().find(|one| one.metric == metric).expect("each has a change");
        assert_eq!(
            (of("goodput").worse, of("error_rate").worse, of("jain_index").worse),
            (Some(true), Some(true), None)
        );
        assert!(
            of("error_rate").sentence.contains(": 2.0 percentage points more"),
            "{}",
            of("error_rate").sentence
        );
        assert!(of("jain_index").sentence.contains(": 0.191 less"), "{}", of("jain_index").sentence);
    }

    #[test]
    fn only_later_changes_are_told_and_small_ones_not() {
        let small = |floor| Series {
            noise_floor: floor,
            ..series(Metric::P95, |night| wave(night) * if night < 18 { 80.0 } else { 83.2 })
        };
        let told = |floor, since: Option<&str>, smallest| {
            let since = since.map(|since| since.parse().expect("a time"));
            changes(&[small(floor)], &ChangeOptions { since, smallest }).len()
        };
        assert_eq!(told(None, Some("2026-11-19T00:00:00Z"), 0.02), 1);
        assert_eq!(told(None, Some("2026-11-20T00:00:00Z"), 0.02), 0, "it began earlier");
        assert_eq!(told(None, None, 0.05), 0, "4 % are not asked for");
        assert_eq!(told(Some(0.045), None, 0.02), 0, "4 % are within the noise floor");
    }

    #[test]
    fn values_without_a_logarithm_are_left_out() {
        let empty = series(Metric::Goodput, |night| if night % 2 == 0 { 0.0 } else { 500.0 * wave(night) });
        assert_eq!(changes(&[empty], &ChangeOptions::default()), []);
    }
}
