//! The end of the channel that the policies hold.

use lb_core::policy::{BackendIndex, Decision, DecisionLog, Ending};
use lb_core::{Span, Time};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{SyncSender, TrySendError};

use super::join::Control;
use super::tracer::{NAP, Overflow};

/// What the numbers of a decision stand for. Asked by the writing thread.
pub trait Names: Send + Sync {
    /// The ids of all backends of the pool, by position.
    fn backends(&self) -> Vec<String>;

    /// The name of a class of route.
    fn route(&self, class: u16) -> String;
}

/// The policy whose decisions are logged, and where.
#[derive(Clone)]
pub struct TracedPolicy {
    /// Number of the load balancer: one for each view of each pool.
    pub lb_id: u16,
    /// What decides, such as `least-connections` or `rl:1f00c3a4b5d6`.
    pub policy_id: String,
    /// What its numbers stand for.
    pub names: Arc<dyn Names>,
}

/// What goes through the channel.
pub(super) enum Event {
    Decision(Decided),
    Ending { log: u32, ending: Ending },
    Control(Control),
}

/// A decision on its way.
pub(super) struct Decided {
    pub(super) log: u32,
    pub(super) id: u64,
    pub(super) at: Time,
    pub(super) route: u16,
    pub(super) backends: u16,
    pub(super) action: u16,
    pub(super) propensity: Option<f32>,
    pub(super) explored: bool,
    pub(super) in_system: Span,
    /// The rows of all backends, and then one number for each: 1 if it could be picked, else 0. In one
    /// allocation, as this is made on the hot path.
    pub(super) numbers: Box<[f32]>,
}

/// What the ends of the channel share beside it.
#[derive(Debug, Default)]
pub(super) struct Gate {
    pub(super) open: AtomicBool,
    pub(super) dropped_decisions: AtomicU64,
    pub(super) dropped_endings: AtomicU64,
}

/// The log of one policy.
pub struct TraceLog {
    pub(super) number: u32,
    pub(super) sender: SyncSender<Event>,
    pub(super) gate: Arc<Gate>,
    pub(super) overflow: Overflow,
}

impl TraceLog {
    fn send(&self, mut event: Event, dropped: &AtomicU64) {
        // What cannot be sent because the writer is gone is told when the recording is stopped.
        while let Err(TrySendError::Full(back)) = self.sender.try_send(event) {
            match self.overflow {
                Overflow::Drop => {
                    dropped.fetch_add(1, Relaxed);
                    return;
                }
                // A blocking call would be woken for every single place that becomes free.
                Overflow::Wait => std::thread::sleep(NAP),
            }
            event = back;
        }
    }
}

impl DecisionLog for TraceLog {
    #[inline]
    fn is_open(&self) -> bool {
        self.gate.open.load(Relaxed)
    }

    fn decision(&mut self, decision: &Decision<'_>) {
        let rows = decision.features.len();
        let mut numbers = Vec::with_capacity(rows + decision.backends);
        numbers.extend_from_slice(decision.features);
        numbers.resize(rows + decision.backends, 0.0);
        for BackendIndex(backend) in decision.eligible {
            numbers[rows + *backend as usize] = 1.0;
        }
        let decided = Decided {
            log: self.number,
            id: decision.id,
            at: decision.at,
            route: decision.route,
            backends: decision.backends as u16,
            action: decision.action.0 as u16,
            propensity: decision.propensity.map(|propensity| propensity as f32),
            explored: decision.explored,
            in_system: decision.in_system,
            numbers: numbers.into_boxed_slice(),
        };
        self.send(Event::Decision(decided), &self.gate.dropped_decisions);
    }

    fn ending(&mut self, ending: &Ending) {
        self.send(Event::Ending { log: self.number, ending: *ending }, &self.gate.dropped_endings);
    }
}

impl Drop for TraceLog {
    /// The policy is no more: what it has not heard of yet it will never hear.
    fn drop(&mut self) {
        // Never waits, as a switch drops policies under the locks of all pools. If this does not fit, its
        // open decisions are written at the end of the recording instead.
        let _ = self.sender.try_send(Event::Control(Control::Closed { log: self.number }));
    }
}
