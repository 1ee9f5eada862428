//! One row of a trace before it is written: a decision, how it ended, what came next.

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
    /// Backends of the pool.
    pub(super) backends: u16,
    /// Position of the chosen backend.
    pub(super) action: u16,
    pub(super) propensity: Option<f32>,
    pub(super) explored: bool,
    /// Time that all requests of the pool spent in the system since the decision before.
    pub(super) in_system: Span,
    /// The rows of all backends, and then one number for each: 1 if it could be picked, else 0. In one
    /// allocation, as this is made on the hot path.
    pub(super) numbers: Box<[f32]>,
}

/// One decision with all that is known of it.
pub(super) struct Row {
    pub(super) decided: Decided,
    /// Number of the load balancer.
    pub(super) lb_id: u16,
    /// Number among the decisions of its load balancer in this recording.
    pub(super) number: u64,
    /// `None` if it is not known how the request ended, nor when.
    pub(super) outcome: Option<Outcome>,
    /// `None` if it is not known what the next decision is.
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

/// What came after a decision.
#[derive(Clone, Copy)]
pub(super) struct Next {
    /// Number of the next decision.
    pub(super) number: u64,
    /// Time that all requests of the pool spent in the system until then.
    pub(super) in_system: Span,
}
