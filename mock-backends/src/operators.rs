//! Paths that every backend answers for operators, whatever API it serves.

use crate::echo;
use lb_core::reports::PROBE_PATH;

/// Whether the backend is alive.
pub(crate) const HEALTH: [&str; 3] =
    ["/actuator/health", "/actuator/health/liveness", "/actuator/health/readiness"];
/// The metrics for Prometheus.
pub(crate) const METRICS: &str = "/actuator/prometheus";
/// The load, for probes, if the backends report it.
pub(crate) const LOAD: &str = PROBE_PATH;
/// Begins the paths that make a backend slow or failing.
pub(crate) const DEGRADATION: &str = "/api/degradation/";
/// Holds a request.
pub(crate) const HOLD: &str = "/api/hold";
/// Streams events.
pub(crate) const EVENTS: &str = "/api/events";

/// Returns whether requests to a path never get to the API, be it below a service or not.
pub(crate) fn is_operators(path: &str) -> bool {
    let is = |path: &str| {
        HEALTH.contains(&path)
            || [METRICS, LOAD, HOLD, EVENTS].contains(&path)
            || path.starts_with(DEGRADATION)
    };
    let below = path.get(1..).and_then(|rest| rest.find('/')).map_or("", |slash| &path[slash + 1..]);
    is(path) || is(below) || path.ends_with(echo::PATH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_paths_of_operators_are_known_with_and_without_a_service() {
        for path in [
            "/actuator/health",
            "/app1/actuator/prometheus",
            "/actuator/load",
            "/api/hold",
            "/ws/echo",
            "/a/ws/echo",
        ] {
            assert!(is_operators(path), "{path}");
        }
        for path in ["/health", "/app1/health", "/", "", "/metrics", "/api/users/{id}", "/api/holder"] {
            assert!(!is_operators(path), "{path}");
        }
    }
}
