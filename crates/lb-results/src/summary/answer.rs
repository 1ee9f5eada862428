//! The answer of a scenario: which algorithm to choose.

use super::metric::Metric;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which algorithm to choose, by how much it is better, and how certain that is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// The deciding metric.
    pub metric: Metric,
    /// Label with the best value of the metric, among the labels whose error rate does not exceed that of
    /// others by more than the margin.
    pub leader: String,
    /// Labels that cannot be distinguished from the leader, best first. Empty when the leader is better than
    /// every other label.
    pub tied: Vec<String>,
    /// Labels that the leader is better than, worst first.
    pub beaten: Vec<Lead>,
    /// Number of blocks in which the leader has a valid trial.
    pub blocks: usize,
    /// What to choose in a few words, such as `Take p2c`; empty in results of older versions, whose first
    /// sentence begins with it.
    #[serde(default)]
    pub title: String,
    /// The answer in sentences; the first says by how much the leader is better.
    pub sentences: Vec<String>,
}

/// How far the leader is ahead of another label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Lead {
    /// The other label.
    pub label: String,
    /// Effect of choosing the leader instead of the other label: -0.2 means that the metric is 20 % lower.
    pub effect: f64,
    /// 95 % interval of the effect. Null below 5 blocks.
    pub interval: Option<[f64; 2]>,
}
