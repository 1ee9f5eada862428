//! Scenarios of training and stress configs, with their traffic patterns.

use super::limits::{LONGEST_MINUTES, LONGEST_SECONDS, MOST_USERS};
use lb_core::ordered::Ordered;
use schemars::JsonSchema;
use serde::Deserialize;

/// A scenario: patterns on one timeline, or a timeline of failures under steady load.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TrainingScenario {
    /// A description for readers; it has no effect.
    #[allow(dead_code, reason = "for readers")]
    pub(crate) description: Option<String>,
    /// Tags by which `--tags` and `--exclude-tags` select scenarios.
    #[schemars(inner(length(min = 1)))]
    pub(crate) tags: Vec<String>,
    /// Number of distinct accounts, which sessions use in turn.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub(crate) total_users: Option<u32>,
    /// Length in minutes. If there are patterns, the end of the last one is used instead.
    #[schemars(range(max = LONGEST_MINUTES), extend("exclusiveMinimum" = 0))]
    pub(crate) test_duration_minutes: Option<f64>,
    /// Upper limit for concurrent users, over all patterns.
    #[schemars(range(min = 1, max = MOST_USERS))]
    pub(crate) max_concurrent_users: Option<u32>,
    /// Seconds over which the users of each pattern arrive.
    #[schemars(range(min = 0, max = LONGEST_SECONDS))]
    pub(crate) ramp_up_time_seconds: Option<f64>,
    /// Sampling period of a collector, in seconds. Not used: the time series of a run has one point per
    /// second.
    #[schemars(range(max = LONGEST_SECONDS), extend("exclusiveMinimum" = 0))]
    pub(crate) data_collection_interval_seconds: Option<f64>,
    /// Patterns of users; those that overlap run at the same time.
    pub(crate) traffic_patterns: Option<Vec<Pattern>>,
    /// Faults, with the times at which they begin and end.
    pub(crate) failure_timeline: Option<Vec<TimelineEvent>>,
}

/// A number of users from one offset to another.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pattern {
    /// Name of the pattern in the results.
    #[schemars(length(min = 1))]
    pub(crate) name: String,
    /// A description for readers; it has no effect.
    #[serde(default)]
    #[allow(dead_code, reason = "for readers")]
    pub(crate) description: Option<String>,
    /// Minutes from the start of the scenario.
    #[serde(default)]
    #[schemars(range(min = 0, max = LONGEST_MINUTES))]
    pub(crate) start_minute: f64,
    /// Length in minutes; users stop at the end.
    #[schemars(range(max = LONGEST_MINUTES), extend("exclusiveMinimum" = 0))]
    pub(crate) duration_minutes: f64,
    /// A label such as `high`, which is copied to the results.
    pub(crate) intensity: Option<String>,
    /// Number of concurrent users.
    #[schemars(range(min = 1, max = MOST_USERS))]
    pub(crate) concurrent_users: u32,
    /// Shares of the profiles, relative to their sum.
    #[schemars(extend("additionalProperties" = {"type": "number", "minimum": 0, "maximum": 1_000_000}))]
    pub(crate) user_behavior_distribution: Option<Ordered<f64>>,
    /// Weights of the actions, relative to their sum.
    pub(crate) scenario_weights: Option<Weights>,
    /// Expected load of each service: a label, or numbers.
    pub(crate) service_load_characteristics: Option<Ordered<ServiceLoad>>,
    /// Expected stress of each service, as a label.
    pub(crate) expected_service_stress: Option<Ordered<String>>,
    /// Faults during this pattern, such as `"cart_service_error_rate": "15%"`.
    pub(crate) simulated_failures: Option<Ordered<Quantity>>,
    /// Faults during this pattern with plain numbers, such as `"cart_service_error_rate": 0.15`, or `"normal"`.
    pub(crate) simulated_conditions: Option<Conditions>,
    /// SKUs of the products that users of this pattern view and buy.
    #[schemars(length(min = 1))]
    pub(crate) target_products: Option<Vec<String>>,
    /// Random variation of users, think times and actions.
    pub(crate) chaos_parameters: Option<Chaos>,
}

/// Weights of the actions in a pattern; an absent one is 0.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Weights {
    /// Weight of browsing a category.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub(crate) browse_weight: f64,
    /// Weight of searching.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub(crate) search_weight: f64,
    /// Weight of adding a product to the cart.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub(crate) cart_weight: f64,
    /// Weight of placing an order.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub(crate) order_weight: f64,
    /// Weight of viewing the user's own profile.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub(crate) profile_weight: f64,
}

/// Expected load of a service: a label, or numbers.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum ServiceLoad {
    /// A label such as `high`.
    Label(String),
    /// Load and limits as numbers.
    Limits(ServiceLimits),
}

/// Expected load and limits of a service.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServiceLimits {
    /// Expected requests per second.
    #[schemars(range(min = 0, max = 10_000_000))]
    pub(crate) expected_rps: Option<f64>,
    /// Highest acceptable error rate, from 0 to 1.
    #[schemars(range(min = 0, max = 1))]
    pub(crate) error_rate_threshold: Option<f64>,
    /// Highest acceptable 99th percentile of latency, in milliseconds.
    #[schemars(range(max = 3_600_000), extend("exclusiveMinimum" = 0))]
    pub(crate) latency_p99_threshold_ms: Option<f64>,
}

/// A number, or a text such as `15%` or `5x`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Quantity {
    /// A fraction or a multiple.
    Number(f64),
    /// A number with a unit, such as `15%` or `5x`.
    Text(String),
}

/// Conditions of services: `normal`, or faults.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Conditions {
    /// The text `normal`: no faults.
    Label(String),
    /// Faults by service and kind.
    Faults(Ordered<Quantity>),
}

/// Random variation of a pattern.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Chaos {
    /// Fraction by which the number of users varies, up and down.
    #[schemars(range(min = 0, max = 1))]
    pub(crate) concurrent_user_variance: f64,
    /// Fraction by which think times vary, up and down.
    #[schemars(range(min = 0, max = 1))]
    pub(crate) think_time_variance: f64,
    /// Probability that an action is drawn uniformly from all actions.
    #[schemars(range(min = 0, max = 1))]
    pub(crate) action_randomness: f64,
}

/// One event of a failure timeline.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TimelineEvent {
    /// Minutes from the start of the scenario.
    #[schemars(range(min = 0, max = LONGEST_MINUTES))]
    pub(crate) minute: f64,
    /// The service and what happens, such as `cart_service_high_latency`; or `full_recovery`.
    #[schemars(length(min = 1))]
    pub(crate) event: String,
    /// Strength of the fault: `30% requests fail`, `20% requests timeout`, `5x normal response time`.
    pub(crate) impact: Option<String>,
    /// Length in minutes; by default until a recovery or the end of the scenario.
    #[schemars(range(max = LONGEST_MINUTES), extend("exclusiveMinimum" = 0))]
    pub(crate) duration_minutes: Option<f64>,
}
