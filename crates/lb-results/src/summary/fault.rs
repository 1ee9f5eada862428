//! Faults, and the responses of algorithms to them.

use super::kinds::FaultPhase;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A fault that affected backends in every trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FaultMark {
    /// Kind of the fault, such as `latency_factor`.
    pub fault: String,
    /// Ids of the affected backends; empty for all backends.
    pub backends: Vec<String>,
    /// Services whose requests the fault affected; empty for all.
    #[serde(default)]
    pub services: Vec<String>,
    /// Start of the fault, in seconds from the start of the measured phase.
    pub start_s: f64,
    /// End of the fault, in seconds from the start of the measured phase; at most the end of that phase.
    pub end_s: f64,
}

impl FaultMark {
    /// Describes what the fault affected, such as `cart-1, cart-2`, `order-service on all backends` or `all
    /// backends`.
    pub fn target(&self) -> String {
        let backends = match self.backends.as_slice() {
            [] => "all backends".to_owned(),
            some => some.join(", "),
        };
        match self.services.as_slice() {
            [] => backends,
            services => format!("{} on {backends}", services.join(", ")),
        }
    }
}

/// The response of one algorithm to one fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FaultResponse {
    /// Index of the fault in the scenario's list of faults.
    pub fault: usize,
    /// The figures before, during and after the fault. A phase of zero length is left out.
    pub phases: Vec<PhaseSummary>,
    /// Share of requests that the faulty backends got before the fault, from 0 to 1. Null without requests.
    pub share_before: Option<f64>,
    /// Share of requests that the faulty backends got during the fault, from 0 to 1. Null without requests.
    pub share_during: Option<f64>,
    /// Seconds from the start of the fault until the share of the faulty backends fell below half of its
    /// earlier value and stayed there. Null if that did not happen.
    pub time_to_avoid_s: Option<f64>,
    /// Seconds from the end of the fault until the share was back above four fifths of its earlier value.
    /// Null if that did not happen within the run, or if the backends were never avoided.
    pub time_to_return_s: Option<f64>,
    /// Resolution of both times in seconds: the length of time over which shares are averaged.
    pub resolution_s: f64,
}

/// The figures of one phase before, during or after a fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PhaseSummary {
    /// Whether the phase is before, during or after the fault.
    pub name: FaultPhase,
    /// Start of the phase, in seconds from the start of the measured phase.
    pub from_s: f64,
    /// End of the phase, in seconds from the start of the measured phase.
    pub to_s: f64,
    /// Requests that ended, per second and trial.
    pub throughput_rps: f64,
    /// Mean latency of successful requests. Null without any.
    pub mean_ms: Option<f64>,
    /// 95th percentile of the latency of successful requests. Null without any.
    pub p95_ms: Option<f64>,
    /// 99th percentile of the latency of successful requests. Null without any.
    pub p99_ms: Option<f64>,
    /// Share of requests that did not get the expected reply, from 0 to 1.
    pub error_rate: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_labelled_with_the_services_and_backends_that_it_hits() {
        let target = |services: &[&str], backends: &[&str]| {
            let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
            let mark = FaultMark {
                fault: "error_rate".to_owned(),
                backends: owned(backends),
                services: owned(services),
                start_s: 0.0,
                end_s: 1.0,
            };
            mark.target()
        };
        assert_eq!(target(&[], &[]), "all backends");
        assert_eq!(target(&[], &["a", "b"]), "a, b");
        assert_eq!(target(&["inventory-service"], &[]), "inventory-service on all backends");
        assert_eq!(target(&["cart-service"], &["a"]), "cart-service on a");
    }
}
