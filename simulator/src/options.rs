//! What surrounds the backends: how many load balancers, how far away, how they check health.

use lb_core::{Seed, Span};

/// What a simulation needs besides a scenario and an algorithm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Load balancers, each of which sees only its own requests; users are dealt out in turn.
    pub balancers: u16,
    /// Time from client to load balancer, and from load balancer to backend, one way.
    pub network_delay: Span,
    /// How load balancers find out that a backend is down.
    pub health: HealthChecks,
    /// Fixes the random draws of policies.
    pub seed: Seed,
    /// Gives requests other service times and failures, while users and arrivals stay the same: two
    /// runs of one schedule then differ as two trials do. 0 keeps the draws that the schedule fixes.
    pub luck: u64,
}

/// Active health checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HealthChecks {
    /// Time between one check of all backends and the next.
    pub interval: Span,
    /// Number of consecutive failures after which a backend gets no more requests.
    pub failures: u32,
    /// Number of consecutive successes after which it gets requests again.
    pub successes: u32,
}

impl Default for HealthChecks {
    /// As the reference load balancer does by default.
    fn default() -> Self {
        Self { interval: Span::from_secs(1), failures: 2, successes: 2 }
    }
}

impl Options {
    /// What one hop costs where client, load balancer and backends share a machine: the kernel's
    /// work for one message and the wake-up of its reader. Calibrated: on equal idle backends the live
    /// mean lay 0.18 ms below a simulation with 100 µs a hop (`live_vs_sim`, 2026-11-21), and a request
    /// has four hops.
    pub const LOOPBACK_DELAY: Span = Span::from_micros(55);
}

impl Default for Options {
    fn default() -> Self {
        Self {
            balancers: 1,
            network_delay: Self::LOOPBACK_DELAY,
            health: HealthChecks::default(),
            seed: Seed(0),
            luck: 0,
        }
    }
}
