//! Dialect G: the guide's format.

use super::bench::Bench;
use super::limits::{LONGEST_MINUTES, LONGEST_SECONDS, MOST_USERS};
use crate::ordered::Ordered;
use schemars::JsonSchema;
use serde::Deserialize;

/// Dialect G: scenarios that run one after the other.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SequenceFile {
    /// Where this schema lies, for editors.
    #[serde(rename = "$schema", default)]
    #[allow(dead_code, reason = "for editors")]
    pub(crate) schema: Option<String>,
    /// What it is for.
    #[serde(default)]
    #[allow(dead_code, reason = "for readers")]
    pub(crate) description: Option<String>,
    /// Entry of the load balancer; without a path, services lie below `/proxy`.
    #[schemars(length(min = 1))]
    pub(crate) base_url: Option<String>,
    /// Seconds until a request counts as a timeout.
    #[schemars(range(max = 3600), extend("exclusiveMinimum" = 0))]
    pub(crate) request_timeout: Option<f64>,
    /// Scenarios, in the order in which they run.
    #[schemars(length(min = 1))]
    pub(crate) scenarios: Vec<SequenceScenario>,
    /// Kinds of users, in equal shares.
    #[serde(default)]
    pub(crate) user_profiles: Ordered<UserProfile>,
    /// Our own settings.
    #[serde(default)]
    pub(crate) bench: Bench,
}

/// One scenario of dialect G.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SequenceScenario {
    /// Name in results.
    #[schemars(length(min = 1))]
    pub(crate) name: String,
    /// What it is for.
    #[serde(default)]
    #[allow(dead_code, reason = "for readers")]
    pub(crate) description: Option<String>,
    /// Minutes of the measured phase; fractions are fine.
    #[schemars(range(max = LONGEST_MINUTES), extend("exclusiveMinimum" = 0))]
    pub(crate) duration_minutes: f64,
    /// Users at once.
    #[schemars(range(min = 1, max = MOST_USERS))]
    pub(crate) concurrent_users: u32,
    /// Seconds over which they arrive.
    #[serde(default)]
    #[schemars(range(min = 0, max = LONGEST_SECONDS))]
    pub(crate) ramp_up_time_seconds: f64,
    /// Shares of browsing and of buying among the actions.
    pub(crate) traffic_mix: Option<TrafficMix>,
}

/// Shares of two groups of actions, of their sum.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrafficMix {
    /// Browse, search and view details.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub(crate) browse_and_search: f64,
    /// Add to cart and order.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub(crate) add_to_cart_and_order: f64,
}

/// A kind of user of dialect G.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserProfile {
    /// What it imitates.
    #[serde(default)]
    #[allow(dead_code, reason = "for readers")]
    pub(crate) description: Option<String>,
    /// What it likes to do.
    #[schemars(length(min = 1))]
    pub(crate) actions: Vec<WeightedAction>,
}

/// An action of the journey, and how often it is chosen.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WeightedAction {
    /// Name in the journey.
    #[schemars(length(min = 1))]
    pub(crate) name: String,
    /// Weight, of the sum over the profile.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub(crate) weight: f64,
}
