//! One finished request, as both drivers pass it to the recorder.

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
    /// The request of the workload that was sent.
    pub step: StepIndex,
    /// When it should have been sent; in the closed model equal to `sent`.
    pub intended: Time,
    /// When it was sent, relative to the start of the phase.
    pub sent: Time,
    /// When its reply was complete, or it failed.
    pub done: Time,
    /// The outcome of the request.
    pub outcome: Outcome,
    /// HTTP status; 0 if there was no reply.
    pub status: u16,
    /// Number of the backend that answered, in the order of the topology, over all pools. Backends that
    /// are not in the topology get the numbers after those.
    pub backend: Option<u16>,
    /// Size of the reply's body in bytes.
    pub bytes: u64,
}

/// Receives every finished request of a trial.
pub trait Observer {
    /// Called for each finished request, in the order of `done` within one driver thread.
    fn sample(&mut self, sample: &Sample);
}
