//! One finished request: what both drivers hand to the recorder.

use super::ids::UserId;
use super::request::{ActionIndex, StepIndex};
use crate::outcome::Outcome;
use crate::time::Time;

/// One finished request, as the client saw it.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// The virtual user that sent it.
    pub user: UserId,
    /// The action that it belongs to.
    pub action: ActionIndex,
    /// Which request of the workload it is.
    pub step: StepIndex,
    /// When it should have been sent. In the closed model the same as `sent`.
    pub intended: Time,
    /// When it was sent, from the start of the phase.
    pub sent: Time,
    /// When its reply was complete, or it failed.
    pub done: Time,
    /// The outcome of the request.
    pub outcome: Outcome,
    /// HTTP status; 0 when there was no reply.
    pub status: u16,
    /// Number of the backend that answered, in the order in which the topology lists backends over
    /// all pools (drivers number backends that no topology lists after those).
    pub backend: Option<u16>,
    /// Bytes of the reply's body.
    pub bytes: u64,
}

/// Receives every finished request of a trial.
pub trait Observer {
    /// Called for each finished request, in the order of `done` within one driver thread.
    fn sample(&mut self, sample: &Sample);
}
