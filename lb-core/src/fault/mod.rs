//! What happens to backends, and when: a fault timeline as data, at the same offsets for every
//! algorithm.
//!
//! A [`Fault`] is what a file says; a [`FaultTimeline`] is what it means for one backend: a list of
//! phases, each with one speed, one condition per service, and up or down. Faults that overlap
//! combine: factors multiply, additions add, independent chances combine to `1 - prod(1 - p)`, and a
//! backend is down when any fault says so.

mod raw;
mod timeline;

pub use timeline::{Condition, FaultTimeline};

use schemars::JsonSchema;
use serde::Serialize;

/// One fault: what, to whom, from when, for how long.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What happens.
    #[serde(flatten)]
    pub kind: FaultKind,
    /// Services whose requests are hit; empty means all. A crash or a freeze takes a whole backend,
    /// whichever of its services is named.
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
    /// Seconds from one start to the next, when the fault comes back again and again; longer than
    /// `duration_s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every_s: Option<f64>,
}

/// What a fault does.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
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
        /// Seconds after the restart in which speed climbs, in ten even steps, from a tenth to full.
        #[serde(default)]
        slow_start_s: f64,
    },
    /// The backend stands still, as during a long pause of its garbage collector or of its machine:
    /// nothing is served, requests wait, connections stay open, and health checks that only ask whether
    /// it runs still pass. When the fault ends, work goes on where it stopped.
    Freeze {},
    /// The backend goes down and comes up again and again; it begins with going down.
    Flapping {
        /// Seconds up.
        up_s: f64,
        /// Seconds down.
        down_s: f64,
    },
}

/// Shortest time that a fault, or a flapping backend's stay in one state, may last: a hundredth of
/// a second is below what health checks and dashboards can see, and bounds the length of a timeline.
pub const SHORTEST_S: f64 = 0.01;

impl Fault {
    /// What is wrong with the fault by itself, one sentence each, beginning with the key:
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
                "every_s: {every} says when the fault comes back, but nothing says when it ends; give `duration_s`"
            )),
            (Some(every), Some(duration)) if !(every > duration && every.is_finite()) => problems
                .push(format!("every_s: {every} must be above duration_s, which is {duration}")),
            _ => {}
        }
        problems
    }
}

impl FaultKind {
    /// The name in files.
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
