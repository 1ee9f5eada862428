//! One row of a trace before it is written: a decision, how it ended, and what followed.

use lb_core::hints::Hint;
use lb_core::policy::ReplyKind;
use lb_core::{Span, Time};

/// A decision as its policy logged it.
pub(super) struct Decided {
    /// Number of the log.
    pub(super) log: u32,
    /// Number of the decision in the log.
    pub(super) id: u64,
    pub(super) at: Time,
    pub(super) route: u16,
    /// What the request says about its cost. Most requests say nothing, which takes no allocation.
    pub(super) hints: Box<[Hint]>,
    /// Number of backends in the pool.
    pub(super) backends: u16,
    /// Index of the chosen backend.
    pub(super) action: u16,
    pub(super) propensity: Option<f32>,
    pub(super) explored: bool,
    /// Total time that all requests of the pool spent in the system since the previous decision.
    pub(super) in_system: Span,
    /// The features of all backends, then one flag per backend: 1 if it could be picked, otherwise 0. They
    /// share one allocation, because this is made on the hot path.
    pub(super) numbers: Box<[f32]>,
}

/// One decision with everything known about it.
pub(super) struct Row {
    pub(super) decided: Decided,
    /// Number of the load balancer.
    pub(super) lb_id: u16,
    /// Number of the decision among those of its load balancer in this recording.
    pub(super) number: u64,
    /// How and when the request ended; `None` if unknown.
    pub(super) outcome: Option<Outcome>,
    /// The next decision; `None` if unknown.
    pub(super) next: Option<Next>,
}

/// How a request ended.
#[derive(Clone, Copy)]
pub(super) struct Outcome {
    pub(super) at: Time,
    pub(super) latency: Span,
    /// The kind of reply and the reward; `None` when the client gave up.
    pub(super) known: Option<(ReplyKind, f32)>,
}

/// The decision that followed another one.
#[derive(Clone, Copy)]
pub(super) struct Next {
    /// Number of the next decision.
    pub(super) number: u64,
    /// Total time that all requests of the pool spent in the system until the next decision.
    pub(super) in_system: Span,
}
