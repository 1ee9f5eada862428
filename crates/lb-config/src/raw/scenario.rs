//! A scenario of dialects R and S, with its traffic patterns.

use super::limits::{LONGEST_MINUTES, LONGEST_SECONDS, MOST_USERS};
use crate::ordered::Ordered;
use schemars::JsonSchema;
use serde::Deserialize;

/// A scenario: patterns on one timeline, or a timeline of failures under steady load.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TrainingScenario {
    /// What it is for.
    #[allow(dead_code, reason = "for readers")]
    pub(crate) description: Option<String>,
    /// Distinct accounts that sessions use in turn.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub(crate) total_users: Option<u32>,
    /// Minutes in all; the last pattern decides where there are patterns.
    #[schemars(range(max = LONGEST_MINUTES), extend("exclusiveMinimum" = 0))]
    pub(crate) test_duration_minutes: Option<f64>,
    /// Never more users at once than this.
    #[schemars(range(min = 1, max = MOST_USERS))]
    pub(crate) max_concurrent_users: Option<u32>,
    /// Seconds over which the users of each pattern arrive.
    #[schemars(range(min = 0, max = LONGEST_SECONDS))]
    pub(crate) ramp_up_time_seconds: Option<f64>,
    /// Sampling period of the old collector; the time series here is per second.
    #[schemars(range(max = LONGEST_SECONDS), extend("exclusiveMinimum" = 0))]
    pub(crate) data_collection_interval_seconds: Option<f64>,
    /// Who is there, from when to when; overlapping patterns run at the same time.
    pub(crate) traffic_patterns: Option<Vec<Pattern>>,
    /// What fails, from when to when.
    pub(crate) failure_timeline: Option<Vec<TimelineEvent>>,
}

/// A number of users from one offset to another.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pattern {
    /// Name in results.
    #[schemars(length(min = 1))]
    pub(crate) name: String,
    /// What it is for.
    #[serde(default)]
    #[allow(dead_code, reason = "for readers")]
    pub(crate) description: Option<String>,
    /// Offset in minutes.
    #[serde(default)]
    #[schemars(range(min = 0, max = LONGEST_MINUTES))]
    pub(crate) start_minute: f64,
    /// Length in minutes: users stop at its end.
    #[schemars(range(max = LONGEST_MINUTES), extend("exclusiveMinimum" = 0))]
    pub(crate) duration_minutes: f64,
    /// Label such as `high`; results carry it.
    pub(crate) intensity: Option<String>,
    /// Users at once.
    #[schemars(range(min = 1, max = MOST_USERS))]
    pub(crate) concurrent_users: u32,
    /// Shares of the profiles, of their sum.
    #[schemars(extend("additionalProperties" = {"type": "number", "minimum": 0, "maximum": 1_000_000}))]
    pub(crate) user_behavior_distribution: Option<Ordered<f64>>,
    /// Weights of the actions.
    pub(crate) scenario_weights: Option<Weights>,
    /// By service: a label, or the load and the limits expected of it.
    pub(crate) service_load_characteristics: Option<Ordered<ServiceLoad>>,
    /// By service: a label.
    pub(crate) expected_service_stress: Option<Ordered<String>>,
    /// Faults during this pattern, such as `"cart_service_error_rate": "15%"`.
    pub(crate) simulated_failures: Option<Ordered<Quantity>>,
    /// The same with plain numbers, such as `"cart_service_error_rate": 0.15`, or `"normal"`.
    pub(crate) simulated_conditions: Option<Conditions>,
    /// Products that this pattern is about.
    #[schemars(length(min = 1))]
    pub(crate) target_products: Option<Vec<String>>,
    /// Random variation.
    pub(crate) chaos_parameters: Option<Chaos>,
}

/// Weights of the actions in a pattern; an absent one is 0.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Weights {
    /// Browsing.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub(crate) browse_weight: f64,
    /// Searching.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub(crate) search_weight: f64,
    /// Adding to the cart.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub(crate) cart_weight: f64,
    /// Ordering.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub(crate) order_weight: f64,
    /// Looking at the own profile.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub(crate) profile_weight: f64,
}

/// What is expected of a service: a label, or numbers.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum ServiceLoad {
    /// Such as `high`.
    Label(String),
    /// Load and limits.
    Limits(ServiceLimits),
}

/// Load and limits that are expected of a service.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServiceLimits {
    /// Requests per second.
    #[schemars(range(min = 0, max = 10_000_000))]
    pub(crate) expected_rps: Option<f64>,
    /// Highest share of errors.
    #[schemars(range(min = 0, max = 1))]
    pub(crate) error_rate_threshold: Option<f64>,
    /// Highest 99th percentile of latency, in milliseconds.
    #[schemars(range(max = 3_600_000), extend("exclusiveMinimum" = 0))]
    pub(crate) latency_p99_threshold_ms: Option<f64>,
}

/// A number, or a text such as `15%` or `5x`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Quantity {
    /// Share or multiple.
    Number(f64),
    /// With `%` or `x`.
    Text(String),
}

/// Conditions of services.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Conditions {
    /// `normal`.
    Label(String),
    /// By service and kind.
    Faults(Ordered<Quantity>),
}

/// Random variation of a pattern.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Chaos {
    /// The number of users wanders by this share.
    #[schemars(range(min = 0, max = 1))]
    pub(crate) concurrent_user_variance: f64,
    /// Think times vary by this share.
    #[schemars(range(min = 0, max = 1))]
    pub(crate) think_time_variance: f64,
    /// Chance that an action is drawn evenly among all.
    #[schemars(range(min = 0, max = 1))]
    pub(crate) action_randomness: f64,
}

/// One line of a failure timeline.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TimelineEvent {
    /// Offset in minutes.
    #[schemars(range(min = 0, max = LONGEST_MINUTES))]
    pub(crate) minute: f64,
    /// The service and what happens, such as `cart_service_high_latency`; or `full_recovery`.
    #[schemars(length(min = 1))]
    pub(crate) event: String,
    /// How strongly: `30% requests fail`, `20% requests timeout`, `5x normal response time`.
    pub(crate) impact: Option<String>,
    /// Length in minutes; absent means until a recovery or the end.
    #[schemars(range(max = LONGEST_MINUTES), extend("exclusiveMinimum" = 0))]
    pub(crate) duration_minutes: Option<f64>,
}
