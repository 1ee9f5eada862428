//! Training configs (`rl_training_scenarios`, with or without profiles) and stress configs
//! (`stress_test_scenarios`).

use super::bench::Bench;
use super::limits::{LONGEST_MINUTES, MOST_USERS};
use super::profile::Profile;
use super::scenario::{TrainingScenario, Weights};
use lb_core::ordered::Ordered;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// A config with training scenarios, stress scenarios, or both.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrainingFile {
    /// The address of this schema, for editors; it has no effect.
    #[serde(rename = "$schema", default)]
    #[allow(dead_code, reason = "for editors")]
    pub(crate) schema: Option<String>,
    /// Scenarios of overlapping patterns.
    #[serde(default)]
    pub(crate) rl_training_scenarios: Option<TrainingScenarios>,
    /// Scenarios with extreme load or failures, and comparisons.
    #[serde(default)]
    pub(crate) stress_test_scenarios: Option<StressScenarios>,
    /// User profiles by name, for training and stress scenarios.
    #[serde(default)]
    pub(crate) user_behavior_profiles: Ordered<Profile>,
    /// Settings of the experiment.
    #[serde(default)]
    pub(crate) bench: Bench,
}

/// Scenarios of overlapping patterns, and the settings that they share.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct TrainingScenarios {
    /// A description for readers; it has no effect.
    #[allow(dead_code, reason = "for readers")]
    pub(crate) description: Option<String>,
    /// The version of the file, for readers; it has no effect.
    #[allow(dead_code, reason = "for readers")]
    pub(crate) version: Option<String>,
    /// The purpose of the file, for readers; it has no effect.
    #[allow(dead_code, reason = "for readers")]
    pub(crate) created_for: Option<String>,
    /// Settings that all scenarios share.
    pub(crate) base_config: Option<BaseConfig>,
    /// Scenarios by name.
    pub(crate) training_scenarios: Ordered<TrainingScenario>,
    /// User profiles by name.
    pub(crate) user_behavior_profiles: Ordered<Profile>,
    /// Products of the shop.
    #[schemars(length(min = 1))]
    pub(crate) enhanced_test_products: Option<Vec<TestProduct>>,
    /// Shipping addresses: objects with fields such as `street`, `city` and `zipCode`.
    #[schemars(length(min = 1), extend("items" = {"type": "object", "additionalProperties": {"type": "string"}}))]
    pub(crate) realistic_shipping_addresses: Option<Vec<Value>>,
    /// Settings for collecting training data. Not used: runs record all requests.
    pub(crate) rl_training_data_collection: Option<Value>,
    /// Injected bad requests.
    pub(crate) error_simulation_config: Option<ErrorSimulation>,
    /// Algorithms to compare, by name, with parameters that have no effect.
    pub(crate) load_balancer_routing_strategies: Option<Ordered<RoutingStrategy>>,
    /// Scenarios by name, in addition to those in `training_scenarios`.
    #[serde(flatten)]
    pub(crate) direct: Ordered<TrainingScenario>,
}

/// Settings that all scenarios share.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct BaseConfig {
    /// URL of the load balancer, including the path below which services are found.
    #[schemars(length(min = 1))]
    pub(crate) base_url: Option<String>,
    /// Seconds until a request counts as a timeout.
    #[schemars(range(max = 3600), extend("exclusiveMinimum" = 0))]
    pub(crate) request_timeout: Option<f64>,
    /// Retries of a request. Not used: a retry would hide a failure.
    #[schemars(range(min = 0, max = 1000))]
    pub(crate) retry_attempts: Option<u32>,
    /// Another name for `retry_attempts`.
    #[schemars(range(min = 0, max = 1000))]
    pub(crate) max_retries: Option<u32>,
    /// Seconds between retries. Not used.
    #[schemars(range(min = 0, max = 3600))]
    pub(crate) retry_delay: Option<f64>,
    /// Retries in a session. Not used.
    #[schemars(range(min = 0, max = 1000))]
    pub(crate) max_retries_per_session: Option<u32>,
    /// Upper limit for the length of a session, in minutes.
    #[schemars(range(max = LONGEST_MINUTES), extend("exclusiveMinimum" = 0))]
    pub(crate) session_duration_minutes: Option<f64>,
    /// Shortest think time in seconds, for profiles that do not set it.
    #[schemars(range(min = 0, max = 86400))]
    pub(crate) think_time_min: Option<f64>,
    /// Longest think time in seconds, for profiles that do not set it.
    #[schemars(range(min = 0, max = 86400))]
    pub(crate) think_time_max: Option<f64>,
    /// Size of the connection pool. Not used: each user has its own connection.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) connection_pool_size: Option<u32>,
}

/// A product of the shop.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TestProduct {
    /// The unique key of the product.
    #[schemars(length(min = 1))]
    pub(crate) sku: Option<String>,
    /// Another name for `sku`.
    #[schemars(length(min = 1))]
    pub(crate) id: Option<String>,
    /// Name of the product; by default its key.
    pub(crate) name: Option<String>,
    /// Category of the product; by default `General`.
    pub(crate) category: Option<String>,
    /// The price, in the currency of the shop.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub(crate) price: f64,
    /// URL of an image.
    pub(crate) image: Option<String>,
    /// How often the product is drawn, relative to the others.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub(crate) popularity_score: Option<f64>,
    /// A label without effect: service times come from the topology.
    pub(crate) inventory_complexity: Option<String>,
}

/// Injected bad requests. Each request that can carry an error has it with a probability of
/// `error_injection_probability` times the rate of the error.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ErrorSimulation {
    /// A description for readers; it has no effect.
    #[serde(default)]
    #[allow(dead_code, reason = "for readers")]
    pub(crate) description: Option<String>,
    /// Factor by which all rates are multiplied.
    #[schemars(range(min = 0, max = 1))]
    pub(crate) error_injection_probability: f64,
    /// Rates of errors by group and name, such as `invalid_token_rate`.
    #[serde(default)]
    #[schemars(extend("additionalProperties" = {
        "type": "object",
        "additionalProperties": {"type": "number", "minimum": 0, "maximum": 1}
    }))]
    pub(crate) error_scenarios: Ordered<Ordered<f64>>,
    /// SKUs of products that do not exist.
    pub(crate) invalid_product_skus: Option<Vec<String>>,
    /// Categories that do not exist.
    pub(crate) invalid_categories: Option<Vec<String>>,
    /// Malformed bodies by kind of request. Not used: the journey has its own.
    #[schemars(extend("additionalProperties" = {"type": "array"}))]
    pub(crate) malformed_payloads: Option<Ordered<Value>>,
}

/// An algorithm and its parameters.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct RoutingStrategy {
    /// A description for readers; it has no effect.
    #[allow(dead_code, reason = "for readers")]
    pub(crate) description: Option<String>,
    /// Parameters, which have no effect: `bench` uses the published formula of each algorithm.
    pub(crate) parameters: Option<Value>,
    /// Other parameters, which have no effect.
    #[serde(flatten)]
    pub(crate) more: Ordered<Value>,
}

/// Scenarios with extreme load or failures, comparisons, and the settings that they share.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StressScenarios {
    /// A description for readers; it has no effect.
    #[allow(dead_code, reason = "for readers")]
    pub(crate) description: Option<String>,
    /// The version of the file, for readers; it has no effect.
    #[allow(dead_code, reason = "for readers")]
    pub(crate) version: Option<String>,
    /// The purpose of the file, for readers; it has no effect.
    #[allow(dead_code, reason = "for readers")]
    pub(crate) created_for: Option<String>,
    /// Settings that all scenarios share.
    pub(crate) base_config: Option<BaseConfig>,
    /// Scenarios with extreme load, by name.
    pub(crate) extreme_load_scenarios: Ordered<TrainingScenario>,
    /// Scenarios with failures and recoveries, by name.
    pub(crate) failure_recovery_scenarios: Ordered<TrainingScenario>,
    /// Scenarios that set their own algorithms.
    pub(crate) load_balancer_test_scenarios: Ordered<AlgorithmComparison>,
    /// More user profiles by name.
    pub(crate) advanced_user_behaviors: Ordered<Profile>,
    /// Metrics for a trainer. Not used: runs record all requests.
    pub(crate) rl_specific_metrics: Option<Value>,
}

/// A scenario that sets its own algorithms.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AlgorithmComparison {
    /// A description for readers; it has no effect.
    #[serde(default)]
    #[allow(dead_code, reason = "for readers")]
    pub(crate) description: Option<String>,
    /// Names of the algorithms to compare.
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub(crate) algorithms_to_test: Vec<String>,
    /// Length for each algorithm, in minutes.
    #[schemars(range(max = LONGEST_MINUTES), extend("exclusiveMinimum" = 0))]
    pub(crate) test_duration_per_algorithm: f64,
    /// Number of concurrent users.
    #[schemars(range(min = 1, max = MOST_USERS))]
    pub(crate) concurrent_users: u32,
    /// Seconds over which the users arrive.
    #[serde(default)]
    #[schemars(range(min = 0, max = 604_800))]
    pub(crate) ramp_up_time_seconds: f64,
    /// The traffic that every algorithm gets.
    pub(crate) identical_traffic_pattern: IdenticalTraffic,
}

/// The traffic that every algorithm of a comparison gets.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct IdenticalTraffic {
    /// Shares of the profiles, relative to their sum.
    #[schemars(extend("additionalProperties" = {"type": "number", "minimum": 0, "maximum": 1_000_000}))]
    pub(crate) user_behavior_distribution: Option<Ordered<f64>>,
    /// Weights of the actions, relative to their sum.
    pub(crate) scenario_weights: Option<Weights>,
}
