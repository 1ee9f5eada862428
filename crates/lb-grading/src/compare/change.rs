//! How the values of two tests differ.

use crate::stats::{Endpoint, Stats};
use crate::test::Test;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One value of both tests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// Kind of request; `summary` for all requests.
    pub endpoint: String,
    /// Name of the value, as in `analysis`.
    pub metric: String,
    /// The value before, in the unit that it has in `analysis`; null if the source does not report it.
    pub baseline: Option<f64>,
    /// The value after.
    pub improved: Option<f64>,
    /// The difference in percent of the value before; null if one of them is unknown, or the first one is 0.
    pub change_percent: Option<f64>,
}

/// The name of a value, and how it is read from totals.
pub(crate) type Metric = (&'static str, fn(&Stats) -> Option<f64>);

/// The values that are compared, by their names in JSON.
pub(crate) const METRICS: [Metric; 10] = [
    ("total_requests", |stats| stats.total_requests.map(|count| count as f64)),
    ("rps", |stats| stats.rps),
    ("error_rate", |stats| stats.error_rate),
    ("avg_response_time", |stats| stats.avg_response_time),
    ("std_response_time", |stats| stats.std_response_time),
    ("min_response_time", |stats| stats.min_response_time),
    ("p50", |stats| stats.p50),
    ("p95", |stats| stats.p95),
    ("p99", |stats| stats.p99),
    ("max_response_time", |stats| stats.max_response_time),
];

/// Returns the difference in percent of the first value; `None` if one is unknown, or the first one is 0.
pub(super) fn percent(baseline: Option<f64>, improved: Option<f64>) -> Option<f64> {
    let (baseline, improved) = (baseline.filter(|value| *value > 0.0)?, improved?);
    Some(100.0 * (improved - baseline) / baseline).filter(|change| change.is_finite())
}

/// Returns the endpoints of both tests, in the order of the first one: those of both, those of one alone.
pub(crate) fn joined<'a>(
    baseline: &'a Test,
    improved: &'a Test,
) -> Vec<(String, Option<&'a Endpoint>, Option<&'a Endpoint>)> {
    let same = |one: &Endpoint, other: &Endpoint| one.method == other.method && one.name == other.name;
    let mut all: Vec<_> = baseline
        .endpoints
        .iter()
        .map(|one| (one.label(), Some(one), improved.endpoints.iter().find(|other| same(one, other))))
        .collect();
    let new =
        improved.endpoints.iter().filter(|other| !baseline.endpoints.iter().any(|one| same(one, other)));
    all.extend(new.map(|other| (other.label(), None, Some(other))));
    all
}

/// Returns all values of both tests, of the totals first.
pub fn changes(baseline: &Test, improved: &Test) -> Vec<Change> {
    let of = |endpoint: &str, before: Option<&Stats>, after: Option<&Stats>| -> Vec<Change> {
        METRICS
            .into_iter()
            .map(|(metric, value)| {
                let (before, after) = (before.and_then(value), after.and_then(value));
                Change {
                    endpoint: endpoint.to_owned(),
                    metric: metric.to_owned(),
                    baseline: before,
                    improved: after,
                    change_percent: percent(before, after),
                }
            })
            .collect()
    };
    let mut all = of("summary", Some(&baseline.summary), Some(&improved.summary));
    for (label, before, after) in joined(baseline, improved) {
        all.extend(of(&label, before.map(|one| &one.stats), after.map(|one| &one.stats)));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_in_percent_of_the_value_before_and_unknown_from_zero() {
        assert_eq!(percent(Some(80.0), Some(60.0)), Some(-25.0));
        assert_eq!(percent(Some(0.0), Some(60.0)), None);
        assert_eq!(percent(None, Some(60.0)), None);
        assert_eq!(percent(Some(1e-308), Some(1e308)), None, "a change beyond all numbers");
    }
}
