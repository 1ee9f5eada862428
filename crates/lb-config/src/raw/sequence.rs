//! Scenarios in sequence, with a traffic mix and user profiles.

use super::bench::Bench;
use super::limits::{LONGEST_MINUTES, LONGEST_SECONDS, MOST_USERS};
use lb_core::ordered::Ordered;
use schemars::JsonSchema;
use serde::Deserialize;

/// Scenarios that run one after the other.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SequenceFile {
    /// The address of this schema, for editors; it has no effect.
    #[serde(rename = "$schema", default)]
    #[allow(dead_code, reason = "for editors")]
    pub(crate) schema: Option<String>,
    /// A description for readers; it has no effect.
    #[serde(default)]
    #[allow(dead_code, reason = "for readers")]
    pub(crate) description: Option<String>,
    /// URL of the load balancer. Without a path, services are expected below `/proxy`.
    #[schemars(length(min = 1))]
    pub(crate) base_url: Option<String>,
    /// Seconds until a request counts as a timeout.
    #[schemars(range(max = 3600), extend("exclusiveMinimum" = 0))]
    pub(crate) request_timeout: Option<f64>,
    /// Scenarios, in the order in which they run.
    #[schemars(length(min = 1))]
    pub(crate) scenarios: Vec<SequenceScenario>,
    /// User profiles by name. All have equal shares, unless they have weights.
    #[serde(default)]
    pub(crate) user_profiles: Ordered<UserProfile>,
    /// Settings of the experiment.
    #[serde(default)]
    pub(crate) bench: Bench,
}

/// A scenario with one level of users.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SequenceScenario {
    /// Name of the scenario in the results.
    #[schemars(length(min = 1))]
    pub(crate) name: String,
    /// A description for readers; it has no effect.
    #[serde(default)]
    #[allow(dead_code, reason = "for readers")]
    pub(crate) description: Option<String>,
    /// Length of the measured phase in minutes; may be a fraction.
    #[schemars(range(max = LONGEST_MINUTES), extend("exclusiveMinimum" = 0))]
    pub(crate) duration_minutes: f64,
    /// Number of concurrent users.
    #[schemars(range(min = 1, max = MOST_USERS))]
    pub(crate) concurrent_users: u32,
    /// Seconds over which the users arrive.
    #[serde(default)]
    #[schemars(range(min = 0, max = LONGEST_SECONDS))]
    pub(crate) ramp_up_time_seconds: f64,
    /// Shares of browsing and buying among the actions.
    pub(crate) traffic_mix: Option<TrafficMix>,
    /// Tags by which `--tags` and `--exclude-tags` select scenarios.
    #[serde(default)]
    #[schemars(inner(length(min = 1)))]
    pub(crate) tags: Vec<String>,
}

/// Shares of two groups of actions, relative to their sum.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrafficMix {
    /// Share of browsing, searching and viewing details.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub(crate) browse_and_search: f64,
    /// Share of adding to the cart and ordering.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub(crate) add_to_cart_and_order: f64,
}

/// A user profile: what users do, and how often.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserProfile {
    /// A description for readers; it has no effect.
    #[serde(default)]
    #[allow(dead_code, reason = "for readers")]
    pub(crate) description: Option<String>,
    /// Share of the users that have this profile, relative to the sum over all profiles.
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub(crate) weight: f64,
    /// Think time before each action in seconds, `[min, max]`; by default that of the `bench` block.
    #[schemars(inner(range(min = 0, max = 86400)))]
    pub(crate) think_time_s: Option<[f64; 2]>,
    /// Number of actions in a session, `[min, max]`; by default that of the `bench` block.
    #[schemars(inner(range(min = 1, max = 100_000)))]
    pub(crate) actions_per_session: Option<[u32; 2]>,
    /// The actions of these users.
    #[schemars(length(min = 1))]
    pub(crate) actions: Vec<WeightedAction>,
    /// Tags by which `--tags` and `--exclude-tags` select profiles.
    #[serde(default)]
    #[schemars(inner(length(min = 1)))]
    pub(crate) tags: Vec<String>,
}

/// Returns the default weight: all profiles get equal shares.
fn one() -> f64 {
    1.0
}

/// An action of the journey, and how often it is chosen.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WeightedAction {
    /// The name of the action in the journey.
    #[schemars(length(min = 1))]
    pub(crate) name: String,
    /// Weight of the action, relative to the sum over the profile.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub(crate) weight: f64,
}
