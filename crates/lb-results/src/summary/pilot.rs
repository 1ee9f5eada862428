//! The result of a simulated pilot: how many blocks are needed.

use super::metric::Metric;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The plan from a simulated pilot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PilotSummary {
    /// The metric that the plan is for.
    pub metric: Metric,
    /// Number of blocks that the pilot simulated.
    pub played: u32,
    /// Number of blocks in the run.
    pub blocks: u32,
    /// Smallest difference that these blocks find with a probability of 80 % in every pair of algorithms that
    /// did not differ more in the pilot: 0.1 is 10 %. Null when every pair differed more in the pilot, or
    /// when there are too few blocks to find any difference.
    pub finds: Option<f64>,
    /// Difference that the plan should find, as a fraction.
    pub target: f64,
    /// Number of blocks that find the target with a probability of 80 %.
    pub needed: u32,
}
