//! Users that ramp up, with bursts, in one flat object.

use super::bench::Bench;
use super::limits::{LONGEST_MINUTES, MOST_USERS};
use super::sequence::UserProfile;
use lb_core::ordered::Ordered;
use schemars::JsonSchema;
use serde::Deserialize;

/// Users that ramp up to a steady number, with random bursts.
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
    /// URL of the load balancer. Without a path, services are expected below `/proxy`.
    #[schemars(length(min = 1))]
    pub(crate) load_balancer_url: Option<String>,
    /// Length of the measured phase, in minutes.
    #[schemars(range(max = LONGEST_MINUTES), extend("exclusiveMinimum" = 0))]
    pub(crate) duration_minutes: f64,
    /// Number of concurrent users at the start.
    #[schemars(range(min = 1, max = MOST_USERS))]
    pub(crate) base_users: u32,
    /// Number of concurrent users after the ramp-up; the same as at the start if left out.
    #[schemars(range(min = 1, max = MOST_USERS))]
    pub(crate) max_users: Option<u32>,
    /// Minutes over which the users grow from `base_users` to `max_users`.
    #[serde(default)]
    #[schemars(range(min = 0, max = LONGEST_MINUTES))]
    pub(crate) ramp_up_minutes: f64,
    /// User profiles by name, with their shares, think times and actions. Without any, all users do what the journey
    /// has, by its weights.
    #[serde(default)]
    pub(crate) user_profiles: Ordered<UserProfile>,
    /// Think time between the actions of a user in seconds, `[min, max]`.
    #[schemars(inner(range(min = 0, max = 86400)))]
    pub(crate) request_delay_range: Option<[f64; 2]>,
    /// Probability of a burst in each period of ten seconds.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1))]
    pub(crate) burst_probability: f64,
    /// Number of users in a burst, as a multiple of the number without the burst.
    #[serde(default = "two")]
    #[schemars(range(min = 1, max = 1000))]
    pub(crate) burst_multiplier: f64,
    /// Settings of the experiment.
    #[serde(default)]
    pub(crate) bench: Bench,
}

/// Returns the default burst multiplier, which doubles the number of users.
fn two() -> f64 {
    2.0
}
