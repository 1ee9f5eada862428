//! What a decision earns: minus the time that its request took, in mean service times of the pool.
//!
//! By Little's law the sum over all requests is the integral of the number in the system, which is what Park
//! charges (Mao et al., Park: an open platform for learning-augmented computer systems, 2019), but here each
//! decision bears the part of its own request at once. How it delayed later requests shows in their rewards.
//!
//! A failed request costs as much as a very slow one, however fast it failed: else the best policy would feed
//! the backend that refuses everything at once.

use lb_core::policy::Reply;

/// The least that a failure costs.
pub const ERROR_COST: f32 = 40.0;

/// Nothing costs more: beyond it a request is as good as lost, and none may dominate the gradient.
pub const MOST_COST: f32 = 60.0;

/// The reward of a reply; `service_ms` is the pool's mean service time.
pub fn reward(reply: &Reply, service_ms: f64) -> f32 {
    let cost = ((reply.latency.as_millis_f64() / service_ms) as f32).min(MOST_COST);
    -if reply.is_success() { cost } else { cost.max(ERROR_COST) }
}
