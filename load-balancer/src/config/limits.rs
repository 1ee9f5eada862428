//! The time limits and the health checks of a config.

use serde::Deserialize;
use std::time::Duration;

#[derive(Deserialize)]
#[serde(default)]
pub(super) struct RawTimeouts {
    connect_ms: u64,
    response_ms: u64,
    head_ms: u64,
    client_ms: u64,
    idle_ms: u64,
    tunnel_ms: u64,
}

#[derive(Deserialize)]
#[serde(default)]
pub(super) struct RawHealth {
    enabled: bool,
    path: String,
    interval_ms: u64,
    timeout_ms: u64,
    unhealthy_after: u32,
    healthy_after: u32,
}

/// The longest time that each step may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    /// Limit for opening a connection to a backend.
    pub(crate) connect: Duration,
    /// Limit for each wait for a backend: for the head of its reply, then for each piece of the body.
    pub(crate) response: Duration,
    /// Limit for the head of a request, from its first byte to its last.
    pub(crate) head: Duration,
    /// Limit for each wait for a client: for a piece of its body, and until it reads a piece of its reply.
    pub(crate) client: Duration,
    /// How long a connection without a request is kept, on either side.
    pub(crate) idle: Duration,
    /// How long a tunnel (an upgraded connection) may be without a byte in either direction.
    pub(crate) tunnel: Duration,
}

/// Active health checks. The `*_after` fields count consecutive results.
#[derive(Clone, Debug)]
pub(crate) struct Health {
    pub(crate) enabled: bool,
    pub(crate) path: String,
    pub(crate) interval: Duration,
    pub(crate) timeout: Duration,
    pub(crate) unhealthy_after: u32,
    pub(crate) healthy_after: u32,
}

impl Default for RawTimeouts {
    /// Allows 2 s to connect, which covers two retransmitted SYNs; 30 s and 60 s are customary for HAProxy
    /// and nginx, as is an hour for tunnels.
    fn default() -> Self {
        Self {
            connect_ms: 2_000,
            response_ms: 30_000,
            head_ms: 60_000,
            client_ms: 60_000,
            idle_ms: 60_000,
            tunnel_ms: 3_600_000,
        }
    }
}

impl Default for RawHealth {
    /// Checks once a second and needs two equal results in a row, so a dead backend is out within about 2 s.
    fn default() -> Self {
        Self {
            enabled: true,
            path: "/actuator/health".to_owned(),
            interval_ms: 1_000,
            timeout_ms: 1_000,
            unhealthy_after: 2,
            healthy_after: 2,
        }
    }
}

/// Checks the time limits.
pub(super) fn timeouts(raw: &RawTimeouts, faults: &mut Vec<String>) -> Timeouts {
    Timeouts {
        connect: millis("timeouts.connect_ms", raw.connect_ms, faults),
        response: millis("timeouts.response_ms", raw.response_ms, faults),
        head: millis("timeouts.head_ms", raw.head_ms, faults),
        client: millis("timeouts.client_ms", raw.client_ms, faults),
        idle: millis("timeouts.idle_ms", raw.idle_ms, faults),
        tunnel: millis("timeouts.tunnel_ms", raw.tunnel_ms, faults),
    }
}

pub(super) fn millis(key: &str, value: u64, faults: &mut Vec<String>) -> Duration {
    /// One day; a larger value is a typing error.
    const LONGEST: u64 = 86_400_000;
    if !(1..=LONGEST).contains(&value) {
        faults.push(format!("`{key}` is {value}: must be from 1 to {LONGEST} milliseconds"));
    }
    Duration::from_millis(value)
}

/// Checks the settings of health checks.
pub(super) fn health(raw: RawHealth, faults: &mut Vec<String>) -> Health {
    if !raw.path.starts_with('/') || raw.path.parse::<http::uri::PathAndQuery>().is_err() {
        faults.push(format!("`health.path` is `{}`: must be a path that begins with `/`", raw.path));
    }
    for (key, value) in [("unhealthy_after", raw.unhealthy_after), ("healthy_after", raw.healthy_after)] {
        if value == 0 {
            faults.push(format!("`health.{key}` is 0: must be 1 or more"));
        }
    }
    Health {
        enabled: raw.enabled,
        interval: millis("health.interval_ms", raw.interval_ms, faults),
        timeout: millis("health.timeout_ms", raw.timeout_ms, faults),
        path: raw.path,
        unhealthy_after: raw.unhealthy_after,
        healthy_after: raw.healthy_after,
    }
}
