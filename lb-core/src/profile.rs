//! A *pool profile*: what a calibration found out about the backends of one pool, with how sure it is.
//!
//! It is a JSON file beside a policy file, or part of one. Policies find their backends in it by id, and trust it only as
//! long as what they observe agrees with it.

use crate::topology::Discipline;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Format version of profiles that this build writes. A file with a different major version is rejected.
pub const FORMAT_VERSION: &str = "1.0.0";

/// What is known about a pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PoolProfile {
    /// Version of the format, such as `1.0.0`.
    pub format_version: String,
    /// Where the profile comes from, for people.
    #[serde(default)]
    pub about: String,
    /// Mean service time of an ordinary request at a backend of speed 1, in milliseconds.
    pub service_ms: Estimate,
    /// The backends, each id once.
    pub backends: Vec<BackendProfile>,
    /// What classes of route cost, each class once.
    #[serde(default)]
    pub routes: Vec<RouteProfile>,
}

/// What is known about one backend.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BackendProfile {
    /// Id in configs and results.
    pub id: String,
    /// Speed; a backend of speed 2 serves a request in half the time.
    pub speed: Estimate,
    /// Requests that it serves at once.
    pub workers: u32,
    /// Whether requests waited often enough to know the number of workers.
    pub workers_known: bool,
    /// How waiting requests share the workers.
    pub discipline: Discipline,
}

/// What is known about a class of route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteProfile {
    /// Name of the class, as in traces: `GET /cart-service/api/items/{}`.
    pub route: String,
    /// Mean service time relative to an ordinary request.
    pub cost: Estimate,
    /// Standard deviation of the natural logarithm of a single request's service time.
    pub log_spread: f64,
}

/// A positive quantity, and how sure it is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Estimate {
    /// The best guess.
    pub value: f64,
    /// Standard deviation of the natural logarithm of the guess.
    pub log_error: f64,
}
