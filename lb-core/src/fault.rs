//! What happens to backends, and when: a fault timeline as data, at the same offsets for every
//! algorithm.

use crate::time::{Span, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One fault: what, to whom, from when, for how long.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What happens.
    #[serde(flatten)]
    pub kind: FaultKind,
    /// Services whose requests are hit; empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<String>,
    /// Ids of the backends that are hit; empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backends: Vec<String>,
    /// Seconds from the start of the measured phase.
    #[serde(default)]
    pub start_s: f64,
    /// Seconds that it lasts; absent means to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_s: Option<f64>,
    /// Seconds from one start to the next, when the fault comes back again and again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every_s: Option<f64>,
}

/// What a fault does.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum FaultKind {
    /// Service takes `factor` times as long. On whole backends it also hits work in progress; on
    /// single services it hits requests whose service starts during the fault.
    LatencyFactor {
        /// Above zero; 10 is ten times slower.
        factor: f64,
    },
    /// Each service holds its worker this much longer.
    LatencyAdd {
        /// Milliseconds.
        add_ms: f64,
    },
    /// Requests are served in full, then fail with 500.
    ErrorRate {
        /// Share of requests, 0 to 1.
        rate: f64,
    },
    /// Requests hang outside the workers until the client gives up.
    TimeoutRate {
        /// Share of requests, 0 to 1.
        rate: f64,
    },
    /// Requests fail with 503 at once, without queueing or service.
    FastFail {
        /// Share of requests, 0 to 1.
        rate: f64,
    },
    /// The backend is gone: connections break and are refused; it restarts when the fault ends.
    Crash {
        /// Seconds after the restart in which speed climbs from a tenth to full.
        #[serde(default)]
        slow_start_s: f64,
    },
    /// The backend goes down and comes up again and again.
    Flapping {
        /// Seconds up.
        up_s: f64,
        /// Seconds down.
        down_s: f64,
    },
}

/// The condition that the active faults put one service of one backend in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Condition {
    /// Multiplies service time at its start (faults of single services).
    pub service_factor: f64,
    /// Added to service time.
    pub added: Span,
    /// Chance of a 500 after full service.
    pub error_rate: f64,
    /// Chance of a hang.
    pub timeout_rate: f64,
    /// Chance of an immediate 503.
    pub fast_fail: f64,
}

/// All faults of one backend, ready to be asked for a point in time.
#[derive(Clone, Debug, Default)]
pub struct FaultTimeline {
    // private: filled in by the implementation
}

impl FaultTimeline {
    /// The faults among `faults` that hit the backend `id`, which serves `services` (the order gives
    /// their index), until `end`.
    pub fn new(_faults: &[Fault], _id: &str, _services: &[String], _end: Span) -> Self {
        todo!()
    }

    /// The condition of service number `service` at `now`.
    pub fn condition(&self, _service: usize, _now: Time) -> Condition {
        todo!()
    }

    /// The speed multiplier of the whole backend at `now`: 1 when healthy, 0.1 when ten times slow.
    pub fn speed(&self, _now: Time) -> f64 {
        todo!()
    }

    /// Whether the backend runs at `now`.
    pub fn is_up(&self, _now: Time) -> bool {
        todo!()
    }

    /// The first point after `now` at which speed, condition or being up changes.
    pub fn next_change(&self, _now: Time) -> Option<Time> {
        todo!()
    }
}
