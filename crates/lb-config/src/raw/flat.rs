//! Steady users with bursts, in one flat object.

use super::bench::Bench;
use super::limits::{LONGEST_MINUTES, MOST_USERS};
use schemars::JsonSchema;
use serde::Deserialize;

/// Steady users with random bursts.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FlatFile {
    /// The address of this schema, for editors; it has no effect.
    #[serde(rename = "$schema", default)]
    #[allow(dead_code, reason = "for editors")]
    pub(crate) schema: Option<String>,
    /// A description for readers; it has no effect.
    #[serde(default)]
    #[allow(dead_code, reason = "for readers")]
    pub(crate) description: Option<String>,
    /// Entry of the load balancer; without a path, services lie below `/proxy`.
    #[schemars(length(min = 1))]
    pub(crate) load_balancer_url: Option<String>,
    /// Minutes of the measured phase.
    #[schemars(range(max = LONGEST_MINUTES), extend("exclusiveMinimum" = 0))]
    pub(crate) duration_minutes: f64,
    /// Number of concurrent users throughout.
    #[schemars(range(min = 1, max = MOST_USERS))]
    pub(crate) base_users: u32,
    /// Upper limit for the users of a burst; without it, the multiplier alone decides.
    #[schemars(range(min = 1, max = MOST_USERS))]
    pub(crate) max_users: Option<u32>,
    /// Minutes over which the base users arrive; there are no bursts in this time.
    #[serde(default)]
    #[schemars(range(min = 0, max = LONGEST_MINUTES))]
    pub(crate) ramp_up_minutes: f64,
    /// Seconds of thinking between the actions of a user, `[min, max]`.
    #[schemars(inner(range(min = 0, max = 86400)))]
    pub(crate) request_delay_range: Option<[f64; 2]>,
    /// Probability of a burst, for each minute.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1))]
    pub(crate) burst_probability: f64,
    /// Users in a burst, as a multiple of the base users.
    #[serde(default = "two")]
    #[schemars(range(min = 1, max = 1000))]
    pub(crate) burst_multiplier: f64,
    /// Settings of the experiment.
    #[serde(default)]
    pub(crate) bench: Bench,
}

/// A burst that does not say how large it is doubles the load.
fn two() -> f64 {
    2.0
}
