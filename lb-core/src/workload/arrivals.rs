//! The open model: arrivals at given times, regardless of how earlier ones are served.
//!
//! An open stage has an arrival process instead of a number of users. Each arrival is a virtual user
//! that performs one session or a single action and leaves. The schedule fixes its time of arrival, so
//! that a slow algorithm gets as many requests as a fast one.

use super::ids::UserId;
use super::recorded::Replay;
use crate::time::{Span, Time};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The arrivals of an open stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Arrivals {
    /// The process that determines their times.
    pub process: ArrivalProcess,
    /// What each arrival does.
    pub start: ArrivalStart,
}

/// A process that determines the arrival times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ArrivalProcess {
    /// Arrivals at rates that change linearly within each segment. The last segment is shortened, or
    /// its final rate kept, to fill the stage.
    Rates {
        /// Segments of the rate curve, in order of time.
        segments: Vec<RateSegment>,
        /// How arrivals are spaced at the given rate.
        spacing: Spacing,
    },
    /// Bursts: a two-state Markov-modulated Poisson process.
    Bursts {
        /// Arrivals per second in the calm and in the busy state.
        rates: [f64; 2],
        /// Mean time in each state in seconds; actual times are exponentially distributed.
        mean_stay_s: [f64; 2],
    },
    /// Arrivals at the times of a recorded list of requests.
    Replay(#[serde(with = "shared")] Arc<Replay>),
}

/// A piece of a rate curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RateSegment {
    /// Length of the segment.
    pub duration: Span,
    /// Arrivals per second at its beginning.
    pub from: f64,
    /// Arrivals per second at its end.
    pub to: f64,
}

/// How arrivals are spaced at a given rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Spacing {
    /// Evenly spaced, with gaps that follow the rate.
    Even,
    /// Poisson process, as from independent clients.
    Poisson,
}

/// What an arrival does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ArrivalStart {
    /// A whole session of its user class, with opening and closing actions and think times.
    Session,
    /// One action of its user class, without a think time. Only for journeys without opening actions.
    Action,
}

/// One arrival of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// When it arrives, relative to the start of the phase.
    pub at: Time,
    /// Number of its virtual user; numbers of arrivals follow those of all users of closed stages.
    pub id: UserId,
    /// Position in [`super::Workload::stages`].
    pub stage: u16,
    /// Position in [`super::Workload::classes`].
    pub class: u16,
    /// Position in the [`Replay`] for a replay, otherwise [`Arrival::NO_ROW`].
    pub row: u32,
}

impl Arrival {
    /// Value of `row` for an arrival that does not replay a request.
    pub const NO_ROW: u32 = u32::MAX;
}

/// Writes a recording as if nobody shared it.
mod shared {
    use super::{Arc, Replay};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(replay: &Arc<Replay>, serializer: S) -> Result<S::Ok, S::Error> {
        replay.as_ref().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<Replay>, D::Error> {
        Replay::deserialize(deserializer).map(Arc::new)
    }
}
