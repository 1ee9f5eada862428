//! Thresholds: conditions that a run must meet to pass, in k6's grammar (Grafana k6, "Thresholds").
//!
//! `metric{tag:value,…}: aggregation operator value`, for instance
//! `http_req_duration{algorithm:rl}: p(95)<200`.
//!
//! | metric | quantity | aggregations |
//! |---|---|---|
//! | `http_req_duration` (`latency`) | latency of successful requests, ms | `avg`, `min`, `max`, `med`, `p(N)` |
//! | `http_req_failed` | requests that did not get what was expected, 0 to 1 | `rate` |
//! | `http_reqs` | completed requests: their number, or requests per second | `count`, `rate` |
//! | `backend_fairness` | Jain's index of the backends' shares, 0 to 1 | `value` |
//! | `share_spread` | how far a backend is from its fair share, as a part of that | `value` |
//! | `dropped` | arrivals of the open model that were dropped | `count` |
//! | `recovery` | seconds until latency is back after the highest peak of the load | `value`, `high` |
//! | `hit_ratio` | hits among hits and misses (`--observe`), 0 to 1 | `value` |
//! | `hit_gain` | latency that a hit saves, as a part of that of a miss | `value`, `low` |
//!
//! `low` and `high` are the ends of the 95 % interval. A metric with a `value` can be written without it:
//! `recovery<30s`. A recovery that did not happen, and an interval that is not known, meet no threshold.
//!
//! Durations are milliseconds, or for `recovery` seconds, or have a unit (`200ms`, `0.2s`). Tags narrow a threshold down:
//! `algorithm`, `scenario`, `action` (an action or one of its requests), `method`, and `window`
//! (`after-ramp-up`, or seconds such as `10s-60s`). Seconds are kept for all requests together, so a
//! window cannot be combined with an action or a method. k6's `expected_response:true` is accepted on a
//! latency, where it changes nothing, and `===` means `==`.
//!
//! Two things differ from k6. Latency is that of successful requests, as everywhere in our results: a fast
//! error must not make an algorithm look fast, and `http_req_failed` counts it. And figures are over all
//! valid trials of an algorithm: histograms and counts added up.

mod evaluate;
mod grammar;
mod presets;

pub use evaluate::{Scope, covers, evaluate};
pub use presets::{PRESETS, Preset, preset};

use lb_core::Algorithm;
use lb_core::suggest::{did_you_mean, listing};
use std::fmt;

/// The number of observations beyond a percentile that make its estimate stable to about a fifth.
const TAIL: f64 = 30.0;
/// The smallest share beyond a percentile that the number of requests is planned for.
const SMALLEST_TAIL: f64 = 0.01;

/// A condition that must hold for a run to pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    text: String,
    selector: Selector,
    aggregation: Aggregation,
    operator: Operator,
    /// The limit in the metric's unit: milliseconds, a fraction, a count, or a rate per second.
    limit: f64,
}

/// The values that a threshold applies to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selector {
    /// The metric that the threshold limits.
    pub metric: ThresholdMetric,
    /// Applies only to this algorithm, if given.
    pub algorithm: Option<String>,
    /// Applies only in this scenario, if given.
    pub scenario: Option<String>,
    /// Applies only to requests of this action, or to this single request of an action, if given.
    pub action: Option<String>,
    /// Applies only to requests of this HTTP method, if given.
    pub method: Option<String>,
    /// Applies only to this part of the measured phase, if given.
    pub window: Option<TimeWindow>,
}

/// The metric of a threshold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ThresholdMetric {
    /// `http_req_duration`: latency of successful requests.
    #[default]
    Duration,
    /// `http_req_failed`: share of requests without the expected reply.
    Failed,
    /// `http_reqs`: completed requests.
    Requests,
    /// `backend_fairness`: Jain's index of the backends' shares.
    Fairness,
    /// `share_spread`: how far a backend is from its fair share at most.
    Spread,
    /// `dropped`: arrivals that were dropped.
    Dropped,
    /// `recovery`: seconds until latency is back after a peak of the load.
    Recovery,
    /// `hit_ratio`: hits among hits and misses.
    HitRatio,
    /// `hit_gain`: latency that a hit saves, as a part of that of a miss.
    HitGain,
}

/// A part of the measured phase.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TimeWindow {
    /// Seconds in which no pattern's users are still arriving.
    AfterRampUp,
    /// A range of seconds.
    Seconds {
        /// First second of the range.
        from: f64,
        /// End of the range in seconds, exclusive.
        to: f64,
    },
}

/// How values are combined into one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Aggregation {
    /// `avg`: the mean.
    Average,
    /// `min`: the smallest value.
    Min,
    /// `max`: the largest value.
    Max,
    /// `med`: the median.
    Median,
    /// `p(N)`: a percentile, from 0 to 100.
    Percentile(f64),
    /// `rate`: a share, or a number per second.
    Rate,
    /// `count`: a number.
    Count,
    /// `value`: the value itself.
    Value,
    /// `low`: the lower end of the interval of the value.
    Low,
    /// `high`: the upper end of the interval of the value.
    High,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
}

/// A threshold that cannot be parsed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("threshold `{text}`: {problem}")]
pub struct ThresholdError {
    /// The threshold as written.
    pub text: String,
    /// What is wrong, and how to write it.
    pub problem: String,
}

impl Threshold {
    /// Returns the threshold as written, such as `http_req_duration{algorithm:rl}: p(95)<200`.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the values that the threshold applies to.
    pub fn selector(&self) -> &Selector {
        &self.selector
    }

    /// Returns how the values that the threshold applies to are combined.
    pub const fn aggregation(&self) -> Aggregation {
        self.aggregation
    }

    /// Returns the limit in the metric's unit: milliseconds, a fraction, a count, or a rate per second.
    pub const fn limit(&self) -> f64 {
        self.limit
    }

    /// Returns whether the threshold limits a value from above, so that more load can only breach it.
    pub fn is_upper_limit(&self) -> bool {
        matches!(self.operator, Operator::Less | Operator::LessOrEqual)
    }

    /// Returns how many requests are needed to judge the threshold: enough for 30 of them to lie beyond the
    /// percentile, or to be failures at the limit of the rate.
    pub fn requests_needed(&self) -> u64 {
        let tail = match (self.selector.metric, self.aggregation) {
            (ThresholdMetric::Duration, Aggregation::Percentile(percentile)) => 1.0 - percentile / 100.0,
            (ThresholdMetric::Failed, _) => self.limit,
            _ => 0.5,
        };
        (TAIL / tail.clamp(SMALLEST_TAIL, 0.5)).ceil() as u64
    }

    /// Returns whether a value meets the threshold.
    pub fn holds(&self, value: f64) -> bool {
        match self.operator {
            Operator::Less => value < self.limit,
            Operator::LessOrEqual => value <= self.limit,
            Operator::Greater => value > self.limit,
            Operator::GreaterOrEqual => value >= self.limit,
            Operator::Equal => value == self.limit,
            Operator::NotEqual => value != self.limit,
        }
    }
}

impl Selector {
    /// Returns whether the selector covers an algorithm; aliases of algorithms count as the algorithm itself.
    pub fn names_algorithm(&self, label: &str) -> bool {
        let of = |name: &str| name.parse::<Algorithm>().ok();
        self.algorithm
            .as_deref()
            .is_none_or(|tag| tag == label || (of(tag).is_some() && of(tag) == of(label)))
    }

    /// Returns whether the selector covers a scenario.
    pub fn names_scenario(&self, name: &str) -> bool {
        self.scenario.as_deref().is_none_or(|tag| tag == name)
    }
}

impl ThresholdMetric {
    /// All metrics, with their names in k6's style.
    const ALL: [(Self, &'static str); 9] = [
        (Self::Duration, "http_req_duration"),
        (Self::Failed, "http_req_failed"),
        (Self::Requests, "http_reqs"),
        (Self::Fairness, "backend_fairness"),
        (Self::Spread, "share_spread"),
        (Self::Dropped, "dropped"),
        (Self::Recovery, "recovery"),
        (Self::HitRatio, "hit_ratio"),
        (Self::HitGain, "hit_gain"),
    ];

    /// Returns the name of the metric in thresholds.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(metric, _)| *metric == self).map_or("", |(_, name)| name)
    }

    /// Returns the names of the metric's aggregations.
    const fn aggregations(self) -> &'static [&'static str] {
        match self {
            Self::Duration => &["avg", "min", "max", "med", "p(N)"],
            Self::Failed => &["rate"],
            Self::Requests => &["count", "rate"],
            Self::Fairness | Self::Spread | Self::HitRatio => &["value"],
            Self::Dropped => &["count"],
            Self::Recovery => &["value", "high"],
            Self::HitGain => &["value", "low"],
        }
    }

    /// Returns whether the metric has a single value, so that `value` can be left out.
    fn has_value(self) -> bool {
        self.aggregations().contains(&"value")
    }

    /// Returns whether the metric is computed from an observed header of replies.
    pub const fn needs_observation(self) -> bool {
        matches!(self, Self::HitRatio | Self::HitGain)
    }

    /// Returns whether the metric's values lie between 0 and 1.
    const fn is_fraction(self) -> bool {
        matches!(self, Self::Failed | Self::Fairness | Self::HitRatio | Self::HitGain)
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Formats `x is not a known … (did you mean …?); known: …`.
fn unknown(kind: &str, name: &str, known: &[&str]) -> String {
    let hint = did_you_mean(name, known.iter().copied());
    format!("`{name}` is not a known {kind}{hint}; known: {}", listing(known.iter().copied()))
}
