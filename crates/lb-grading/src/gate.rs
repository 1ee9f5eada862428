//! Thresholds of the user's, in the grammar of `bench --threshold`, held against the totals of other tools' tests.
//!
//! A value that a test does not report does not meet a threshold: a gate must not pass because a number is missing.

use crate::analyze::Analysis;
use crate::stats::Stats;
use crate::test::Test;
use lb_analysis::threshold::{Aggregation, Threshold, ThresholdMetric};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a threshold says about one test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Gate {
    /// Name of the test.
    pub test: String,
    /// The threshold as it was given.
    pub threshold: String,
    /// The value that was compared, in milliseconds, a fraction, a number of requests or requests per second; null if
    /// the test does not report it.
    pub value: Option<f64>,
    /// Whether the threshold held.
    pub ok: bool,
    /// Why there is no value; empty if there is one.
    pub reason: String,
}

impl Gate {
    /// Returns the result as a sentence.
    pub(crate) fn words(&self) -> String {
        let verdict = if self.ok { "held" } else { "NOT MET" };
        let value = match self.value {
            Some(value) => format!("{value:.4}").trim_end_matches('0').trim_end_matches('.').to_owned(),
            None => self.reason.clone(),
        };
        format!("{}: {} {verdict} ({value})", self.test, self.threshold)
    }
}

/// Holds every test of an analysis against every threshold.
pub fn gates(analysis: &Analysis, thresholds: &[Threshold]) -> Vec<Gate> {
    let of = |test: &Test| thresholds.iter().map(|threshold| gate(test, threshold)).collect::<Vec<_>>();
    analysis.tests.iter().flat_map(of).collect()
}

fn gate(test: &Test, threshold: &Threshold) -> Gate {
    let found = value(test, threshold);
    let (value, reason) = match found {
        Ok(value) => (Some(value), String::new()),
        Err(reason) => (None, reason),
    };
    Gate {
        test: test.name.clone(),
        threshold: threshold.text().to_owned(),
        value,
        ok: value.is_some_and(|value| threshold.holds(value)),
        reason,
    }
}

/// Returns the value that a threshold limits, or why there is none.
fn value(test: &Test, threshold: &Threshold) -> Result<f64, String> {
    let selector = threshold.selector();
    if selector.algorithm.is_some() || selector.scenario.is_some() || selector.window.is_some() {
        return Err("results of other tools have no algorithms, scenarios or windows".to_owned());
    }
    let stats = part(test, selector.action.as_deref(), selector.method.as_deref())?;
    let aggregation = threshold.aggregation();
    let missing = || "the test does not report this value".to_owned();
    match selector.metric {
        ThresholdMetric::Duration => latency(stats, aggregation),
        ThresholdMetric::Failed => stats.error_rate.map(|percent| percent / 100.0).ok_or_else(missing),
        ThresholdMetric::Requests if aggregation == Aggregation::Rate => stats.rps.ok_or_else(missing),
        ThresholdMetric::Requests => stats.total_requests.map(|count| count as f64).ok_or_else(missing),
        ThresholdMetric::Fairness
        | ThresholdMetric::Spread
        | ThresholdMetric::Dropped
        | ThresholdMetric::Recovery
        | ThresholdMetric::HitRatio
        | ThresholdMetric::HitGain => Err("only runs of `bench` know this value".to_owned()),
    }
}

fn latency(stats: &Stats, aggregation: Aggregation) -> Result<f64, String> {
    let value = match aggregation {
        Aggregation::Average => stats.avg_response_time,
        Aggregation::Min => stats.min_response_time,
        Aggregation::Max => stats.max_response_time,
        Aggregation::Median | Aggregation::Percentile(50.0) => stats.p50,
        Aggregation::Percentile(95.0) => stats.p95,
        Aggregation::Percentile(99.0) => stats.p99,
        _ => None,
    };
    value.ok_or_else(|| match stats.error_rate {
        Some(rate) if rate >= crate::stats::NEARLY_ALL => {
            format!("{rate:.1} % of the requests failed, so there is no latency to judge")
        }
        _ => "the test does not report this value".to_owned(),
    })
}

/// Returns the totals of the whole test, or of its only endpoint with this name and method.
fn part<'a>(test: &'a Test, name: Option<&str>, method: Option<&str>) -> Result<&'a Stats, String> {
    if name.is_none() && method.is_none() {
        return Ok(&test.summary);
    }
    let matching = test.endpoints.iter().filter(|endpoint| {
        name.is_none_or(|name| endpoint.name == name || endpoint.label() == name)
            && method.is_none_or(|method| endpoint.method == method)
    });
    let found: Vec<&Stats> = matching.map(|endpoint| &endpoint.stats).collect();
    match found.as_slice() {
        [stats] => Ok(stats),
        [] => Err("the test has no such endpoint".to_owned()),
        // Percentiles of several endpoints cannot be pooled.
        several => Err(format!("{} endpoints have this name; give the method too", several.len())),
    }
}
