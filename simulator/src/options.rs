//! The environment of the backends: number of load balancers, network delay, and health checks.

use crate::reports::Reports;
use lb_core::{Seed, Span};
use serde::{Deserialize, Serialize};

/// What a simulation needs besides a scenario and an algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Options {
    /// Number of load balancers. Each sees only its own requests, and users are assigned to them in
    /// turn.
    pub balancers: u16,
    /// One-way delay between client and load balancer, and between load balancer and backend.
    pub network_delay: Span,
    /// How load balancers detect that a backend is down.
    pub health: HealthChecks,
    /// Seed of the random draws of policies.
    pub seed: Seed,
    /// Changes service times and failures of requests without changing users and arrivals, so that two
    /// runs of one schedule differ as two trials do. 0 keeps the draws of the schedule.
    pub luck: u64,
    /// Whether backends tell load balancers what they hold.
    pub reports: Reports,
}

/// Active health checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthChecks {
    /// Time between two checks of all backends.
    pub interval: Span,
    /// Number of consecutive failures after which a backend gets no more requests.
    pub failures: u32,
    /// Number of consecutive successes after which a backend gets requests again.
    pub successes: u32,
}

impl Default for HealthChecks {
    /// Returns the defaults of the reference load balancer.
    fn default() -> Self {
        Self { interval: Span::from_secs(1), failures: 2, successes: 2 }
    }
}

impl Options {
    /// Cost of one hop if client, load balancer and backends share a machine: the kernel's work for one
    /// message and the wake-up of its reader. It was calibrated: on equal idle backends, the live mean
    /// was 0.18 ms below a simulation with 100 µs per hop (`live_vs_sim`, 2026-11-21), and a request
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
            reports: Reports::None,
        }
    }
}
