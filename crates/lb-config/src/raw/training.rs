//! Dialects R (`rl_training_scenarios`), B (R without profiles) and S (`stress_test_scenarios`).

use super::bench::Bench;
use super::limits::{LONGEST_MINUTES, MOST_USERS};
use super::profile::Profile;
use super::scenario::{TrainingScenario, Weights};
use crate::ordered::Ordered;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// Dialects R, S and B; R and S may stand side by side.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrainingFile {
    /// Where this schema lies, for editors.
    #[serde(rename = "$schema", default)]
    #[allow(dead_code, reason = "for editors")]
    pub(crate) schema: Option<String>,
    /// Dialects R and B.
    #[serde(default)]
    pub(crate) rl_training_scenarios: Option<TrainingScenarios>,
    /// Dialect S.
    #[serde(default)]
    pub(crate) stress_test_scenarios: Option<StressScenarios>,
    /// Profiles may also stand here.
    #[serde(default)]
    pub(crate) user_behavior_profiles: Ordered<Profile>,
    /// Our own settings.
    #[serde(default)]
    pub(crate) bench: Bench,
}

/// Dialect R.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct TrainingScenarios {
    /// What it is for.
    #[allow(dead_code, reason = "for readers")]
    pub(crate) description: Option<String>,
    /// Version of the file.
    #[allow(dead_code, reason = "for readers")]
    pub(crate) version: Option<String>,
    /// Purpose.
    #[allow(dead_code, reason = "for readers")]
    pub(crate) created_for: Option<String>,
    /// Settings of all scenarios.
    pub(crate) base_config: Option<BaseConfig>,
    /// Scenarios by name.
    pub(crate) training_scenarios: Ordered<TrainingScenario>,
    /// Kinds of users by name.
    pub(crate) user_behavior_profiles: Ordered<Profile>,
    /// Catalogue of the shop.
    #[schemars(length(min = 1))]
    pub(crate) enhanced_test_products: Option<Vec<TestProduct>>,
    /// Addresses that orders go to: objects with `street`, `city`, `zipCode` and the like.
    #[schemars(length(min = 1), extend("items" = {"type": "object", "additionalProperties": {"type": "string"}}))]
    pub(crate) realistic_shipping_addresses: Option<Vec<Value>>,
    /// What the old collector wrote; belongs to training.
    pub(crate) rl_training_data_collection: Option<Value>,
    /// Bad requests on purpose.
    pub(crate) error_simulation_config: Option<ErrorSimulation>,
    /// Algorithms by their old names, with parameters.
    pub(crate) load_balancer_routing_strategies: Option<Ordered<RoutingStrategy>>,
    /// Scenarios may also stand here by name.
    #[serde(flatten)]
    pub(crate) direct: Ordered<TrainingScenario>,
}

/// Settings of all scenarios.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct BaseConfig {
    /// Entry of the load balancer, with the path below which services lie.
    #[schemars(length(min = 1))]
    pub(crate) base_url: Option<String>,
    /// Seconds until a request counts as a timeout.
    #[schemars(range(max = 3600), extend("exclusiveMinimum" = 0))]
    pub(crate) request_timeout: Option<f64>,
    /// Retries of a request (reported: a retried failure would be hidden).
    #[schemars(range(min = 0, max = 1000))]
    pub(crate) retry_attempts: Option<u32>,
    /// The same under its other name.
    #[schemars(range(min = 0, max = 1000))]
    pub(crate) max_retries: Option<u32>,
    /// Seconds between retries.
    #[schemars(range(min = 0, max = 3600))]
    pub(crate) retry_delay: Option<f64>,
    /// Retries in a session.
    #[schemars(range(min = 0, max = 1000))]
    pub(crate) max_retries_per_session: Option<u32>,
    /// No session is longer than this many minutes.
    #[schemars(range(max = LONGEST_MINUTES), extend("exclusiveMinimum" = 0))]
    pub(crate) session_duration_minutes: Option<f64>,
    /// Shortest think time in seconds, where a profile names none.
    #[schemars(range(min = 0, max = 86400))]
    pub(crate) think_time_min: Option<f64>,
    /// Longest think time in seconds, where a profile names none.
    #[schemars(range(min = 0, max = 86400))]
    pub(crate) think_time_max: Option<f64>,
    /// Connections (reported: each user has its own).
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) connection_pool_size: Option<u32>,
}

/// A product of the shop.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TestProduct {
    /// Its key.
    #[schemars(length(min = 1))]
    pub(crate) sku: Option<String>,
    /// Its key under the other name.
    #[schemars(length(min = 1))]
    pub(crate) id: Option<String>,
    /// Name.
    pub(crate) name: Option<String>,
    /// Category.
    pub(crate) category: Option<String>,
    /// Price.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub(crate) price: f64,
    /// Address of a picture.
    pub(crate) image: Option<String>,
    /// How often it is drawn, relative to the others.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub(crate) popularity_score: Option<f64>,
    /// Label (reported, not steered).
    pub(crate) inventory_complexity: Option<String>,
}

/// Bad requests on purpose. The chance of each error at each request that knows it is
/// `error_injection_probability` times its rate.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ErrorSimulation {
    /// What it is for.
    #[serde(default)]
    #[allow(dead_code, reason = "for readers")]
    pub(crate) description: Option<String>,
    /// Chance that errors are considered at all.
    #[schemars(range(min = 0, max = 1))]
    pub(crate) error_injection_probability: f64,
    /// Rates by group and name (`invalid_token_rate`).
    #[serde(default)]
    #[schemars(extend("additionalProperties" = {
        "type": "object",
        "additionalProperties": {"type": "number", "minimum": 0, "maximum": 1}
    }))]
    pub(crate) error_scenarios: Ordered<Ordered<f64>>,
    /// Products that do not exist.
    pub(crate) invalid_product_skus: Option<Vec<String>>,
    /// Categories that do not exist.
    pub(crate) invalid_categories: Option<Vec<String>>,
    /// Broken bodies, by kind of request.
    #[schemars(extend("additionalProperties" = {"type": "array"}))]
    pub(crate) malformed_payloads: Option<Ordered<Value>>,
}

/// An algorithm by its old name.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct RoutingStrategy {
    /// What it does.
    #[allow(dead_code, reason = "for readers")]
    pub(crate) description: Option<String>,
    /// Parameters (reported: algorithms here have their own).
    pub(crate) parameters: Option<Value>,
    /// Parameters may also stand here.
    #[serde(flatten)]
    pub(crate) more: Ordered<Value>,
}

/// Dialect S.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StressScenarios {
    /// What it is for.
    #[allow(dead_code, reason = "for readers")]
    pub(crate) description: Option<String>,
    /// Version of the file.
    #[allow(dead_code, reason = "for readers")]
    pub(crate) version: Option<String>,
    /// Purpose.
    #[allow(dead_code, reason = "for readers")]
    pub(crate) created_for: Option<String>,
    /// Settings of all scenarios.
    pub(crate) base_config: Option<BaseConfig>,
    /// Scenarios of extreme load.
    pub(crate) extreme_load_scenarios: Ordered<TrainingScenario>,
    /// Scenarios of failure and recovery.
    pub(crate) failure_recovery_scenarios: Ordered<TrainingScenario>,
    /// Scenarios that bring their own algorithms.
    pub(crate) load_balancer_test_scenarios: Ordered<AlgorithmComparison>,
    /// Further kinds of users by name.
    pub(crate) advanced_user_behaviors: Ordered<Profile>,
    /// What the old trainer watched; belongs to training.
    pub(crate) rl_specific_metrics: Option<Value>,
}

/// A scenario that brings its own algorithms.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AlgorithmComparison {
    /// What it is for.
    #[serde(default)]
    #[allow(dead_code, reason = "for readers")]
    pub(crate) description: Option<String>,
    /// Algorithms by their old names.
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub(crate) algorithms_to_test: Vec<String>,
    /// Minutes for each.
    #[schemars(range(max = LONGEST_MINUTES), extend("exclusiveMinimum" = 0))]
    pub(crate) test_duration_per_algorithm: f64,
    /// Users at once.
    #[schemars(range(min = 1, max = MOST_USERS))]
    pub(crate) concurrent_users: u32,
    /// Seconds over which they arrive.
    #[serde(default)]
    #[schemars(range(min = 0, max = 604_800))]
    pub(crate) ramp_up_time_seconds: f64,
    /// What all of them get.
    pub(crate) identical_traffic_pattern: IdenticalTraffic,
}

/// The traffic that every algorithm of a comparison gets.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct IdenticalTraffic {
    /// Shares of the profiles, of their sum.
    #[schemars(extend("additionalProperties" = {"type": "number", "minimum": 0, "maximum": 1_000_000}))]
    pub(crate) user_behavior_distribution: Option<Ordered<f64>>,
    /// Weights of the actions.
    pub(crate) scenario_weights: Option<Weights>,
}
