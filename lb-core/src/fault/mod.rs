//! What happens to backends, and when: a fault timeline as data, at the same offsets for every
//! algorithm.
//!
//! A [`Fault`] is written in a file. A [`FaultTimeline`] is what all faults amount to for one backend: a
//! list of phases, each with one speed, one condition per service, and a state, up or down. Faults that
//! overlap combine: factors multiply, additions add, independent probabilities combine to
//! `1 - prod(1 - p)`, and a backend is down if any fault takes it down.

mod raw;
mod timeline;

pub use timeline::{Condition, FaultTimeline};

use schemars::JsonSchema;
use serde::Serialize;

/// One fault: what happens, to which backends, when, and for how long.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What happens.
    #[serde(flatten)]
    pub kind: FaultKind,
    /// Services whose requests are affected; empty means all. A crash or freeze affects the whole
    /// backend, even if only one of its services is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<String>,
    /// Ids of the affected backends; empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backends: Vec<String>,
    /// Start of the fault, in seconds from the start of the measured phase.
    #[serde(default)]
    pub start_s: f64,
    /// Length of the fault in seconds; if absent, it lasts to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_s: Option<f64>,
    /// Seconds from one start to the next if the fault repeats; must be greater than `duration_s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every_s: Option<f64>,
}

/// What a fault does.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum FaultKind {
    /// Service takes `factor` times as long. A fault of whole backends also slows work in progress; a
    /// fault of single services slows requests whose service starts during the fault.
    LatencyFactor {
        /// Factor on the service time, above zero; 10 is ten times slower.
        factor: f64,
    },
    /// Each service occupies its worker for longer.
    LatencyAdd {
        /// Added time in milliseconds.
        add_ms: f64,
    },
    /// Requests are served in full and then fail with 500.
    ErrorRate {
        /// Share of requests that fail, from 0 to 1.
        rate: f64,
    },
    /// Requests hang without occupying a worker until the client gives up.
    TimeoutRate {
        /// Share of requests that hang, from 0 to 1.
        rate: f64,
    },
    /// Requests fail with 503 at once, without waiting or service.
    FastFail {
        /// Share of requests that fail, from 0 to 1.
        rate: f64,
    },
    /// The backend crashes: connections break and are refused. It restarts when the fault ends.
    Crash {
        /// Seconds after the restart during which speed rises, in ten equal steps, from a tenth to
        /// full.
        #[serde(default)]
        slow_start_s: f64,
    },
    /// The backend freezes, as in a long pause for garbage collection: nothing is served, requests
    /// wait, connections stay open, and health checks that only test whether the backend runs still
    /// pass. When the fault ends, work continues where it stopped.
    Freeze {},
    /// The backend goes down and comes back up repeatedly, starting with down.
    Flapping {
        /// Seconds for which the backend is up each time.
        up_s: f64,
        /// Seconds for which the backend is down each time.
        down_s: f64,
    },
}

/// Shortest time, in seconds, that a fault or a state of a flapping backend may last. Health checks and
/// dashboards do not see anything shorter, and the minimum limits the length of a timeline.
pub const SHORTEST_S: f64 = 0.01;

impl Fault {
    /// Returns the problems of the fault by itself, one sentence each, beginning with the key:
    /// `rate: 1.5 must lie between 0 and 1`.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = self.kind.problems();
        if !(self.start_s >= 0.0 && self.start_s.is_finite()) {
            problems.push(format!("start_s: {} must be at least 0", self.start_s));
        }
        if let Some(duration) = self.duration_s {
            problems.extend(too_short("duration_s", duration));
        }
        match (self.every_s, self.duration_s) {
            (Some(every), None) => problems.push(format!(
                "every_s: {every} makes the fault repeat, but `duration_s` is missing; set `duration_s`"
            )),
            (Some(every), Some(duration)) if !(every > duration && every.is_finite()) => {
                problems.push(format!("every_s: {every} must be above duration_s, which is {duration}"))
            }
            _ => {}
        }
        problems
    }
}

impl FaultKind {
    /// Returns the name of the kind as written in files.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::LatencyFactor { .. } => "latency_factor",
            Self::LatencyAdd { .. } => "latency_add",
            Self::ErrorRate { .. } => "error_rate",
            Self::TimeoutRate { .. } => "timeout_rate",
            Self::FastFail { .. } => "fast_fail",
            Self::Crash { .. } => "crash",
            Self::Freeze {} => "freeze",
            Self::Flapping { .. } => "flapping",
        }
    }

    fn problems(&self) -> Vec<String> {
        match *self {
            Self::LatencyFactor { factor } if !(factor > 0.0 && factor.is_finite()) => {
                vec![format!("factor: {factor} must be above 0 (10 is ten times slower)")]
            }
            Self::LatencyAdd { add_ms } if !(add_ms >= 0.0 && add_ms.is_finite()) => {
                vec![format!("add_ms: {add_ms} must be at least 0")]
            }
            Self::ErrorRate { rate } | Self::TimeoutRate { rate } | Self::FastFail { rate }
                if !(0.0..=1.0).contains(&rate) =>
            {
                vec![format!("rate: {rate} must lie between 0 and 1")]
            }
            Self::Crash { slow_start_s } if !(slow_start_s >= 0.0 && slow_start_s.is_finite()) => {
                vec![format!("slow_start_s: {slow_start_s} must be at least 0")]
            }
            Self::Flapping { up_s, down_s } => {
                too_short("up_s", up_s).into_iter().chain(too_short("down_s", down_s)).collect()
            }
            _ => Vec::new(),
        }
    }
}

fn too_short(key: &str, seconds: f64) -> Option<String> {
    (!(seconds >= SHORTEST_S && seconds.is_finite()))
        .then(|| format!("{key}: {seconds} must be at least {SHORTEST_S}"))
}
