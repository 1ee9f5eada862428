//! The open model: what arrives, and when, independent of how earlier arrivals fare.
//!
//! An open stage has an arrival process in place of a number of users. Each arrival is a virtual user
//! that does one thing, a session or a single action, and is gone. When it arrives is fixed by the
//! schedule, so that a slow algorithm meets as many requests as a fast one.

use super::ids::UserId;
use crate::time::{Span, Time};
use std::sync::Arc;

/// The arrivals of an open stage.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrivals {
    /// When arrivals come.
    pub process: ArrivalProcess,
    /// What each arrival does.
    pub start: ArrivalStart,
}

/// The process that decides when something arrives.
#[derive(Clone, Debug, PartialEq)]
pub enum ArrivalProcess {
    /// At rates that change linearly within each segment; the last segment is cut, or its end rate
    /// kept, to fill the stage.
    Rates {
        /// In order of time.
        segments: Vec<RateSegment>,
        /// How arrivals lie within the rate.
        spacing: Spacing,
    },
    /// A two-state Markov-modulated Poisson process: bursts.
    Bursts {
        /// Arrivals per second in the calm and in the busy state.
        rates: [f64; 2],
        /// Mean stay in each state, exponentially distributed, in seconds.
        mean_stay_s: [f64; 2],
    },
    /// At the times of a recorded list of requests.
    Replay(Arc<Replay>),
}

/// A piece of a rate curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateSegment {
    /// Length of the segment.
    pub duration: Span,
    /// Arrivals per second at its beginning.
    pub from: f64,
    /// Arrivals per second at its end.
    pub to: f64,
}

/// How arrivals lie within a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spacing {
    /// Evenly spaced, with gaps that follow the rate.
    Even,
    /// As a Poisson process of independent clients.
    Poisson,
}

/// What an arrival does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArrivalStart {
    /// A whole session of its class, with opening and closing actions and think times.
    Session,
    /// One action of its class, at once. Only for journeys whose sessions open with nothing.
    Action,
}

/// A recorded list of requests.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Replay {
    /// In order of time.
    pub requests: Vec<ReplayRequest>,
}

/// One recorded request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReplayRequest {
    /// Offset from the start of the stage, speed factor included.
    pub at: Span,
    /// Name of its action: its method and the pattern of its path, such as `GET /api/user/{id}`.
    pub action: String,
    /// Path and query as recorded; takes the place of its step's path.
    pub path: String,
    /// Headers as recorded: name and value, in order.
    pub headers: Vec<(String, String)>,
    /// Body as recorded; empty when there was none.
    pub body: Vec<u8>,
}

/// One arrival of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// When it arrives, from the start of the phase.
    pub at: Time,
    /// Number of its virtual user; these follow the numbers of all users of closed stages.
    pub id: UserId,
    /// Position in [`super::Workload::stages`].
    pub stage: u16,
    /// Position in [`super::Workload::classes`].
    pub class: u16,
    /// Position in [`Replay::requests`] for a replay, else [`Arrival::NO_ROW`].
    pub row: u32,
}

impl Arrival {
    /// Value of `row` for an arrival that replays nothing.
    pub const NO_ROW: u32 = u32::MAX;
}
