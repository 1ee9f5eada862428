//! The reward of a decision: the negative latency of its request, in mean service times of the pool.
//!
//! By Little's law, the sum over all requests is the integral of the number of requests in the system, which
//! is the cost used by Park (Mao et al., Park: an open platform for learning-augmented computer systems,
//! 2019), but here each decision is charged immediately for its own request. Delays of later requests affect
//! the rewards of those requests.
//!
//! A failed request costs as much as a very slow one, regardless of how fast it failed; otherwise the best
//! policy would prefer a backend that refuses all requests immediately.

use lb_core::policy::Reply;

/// Minimum cost of a failure.
pub const ERROR_COST: f32 = 40.0;

/// Maximum cost of a request, so that no single request dominates the gradient.
pub const MOST_COST: f32 = 60.0;

/// Returns the reward of a reply; `service_ms` is the pool's mean service time in milliseconds.
pub fn reward(reply: &Reply, service_ms: f64) -> f32 {
    let cost = ((reply.latency.as_millis_f64() / service_ms) as f32).min(MOST_COST);
    -if reply.is_success() { cost } else { cost.max(ERROR_COST) }
}
