//! The sending end of the channel, which policies hold.

use super::messages::{Control, Event, Gate, NAP, Overflow};
use super::row::Decided;
use lb_core::policy::{BackendIndex, Decision, DecisionLog, Ending};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{SyncSender, TrySendError};

/// Sends the decisions and endings of one policy to the writer thread.
pub struct TraceLog {
    pub(super) number: u32,
    pub(super) sender: SyncSender<Event>,
    pub(super) gate: Arc<Gate>,
    pub(super) overflow: Overflow,
}

impl TraceLog {
    fn send(&self, mut event: Event, dropped: &AtomicU64) {
        // If the writer is gone, the loss is reported when the recording is stopped.
        while let Err(TrySendError::Full(back)) = self.sender.try_send(event) {
            match self.overflow {
                Overflow::Drop => {
                    dropped.fetch_add(1, Relaxed);
                    return;
                }
                // A blocking call would be woken for every single slot that becomes free.
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
            hints: decision.hints.as_slice().into(),
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
    /// Tells the writer that the policy is gone and its open decisions will not end.
    fn drop(&mut self) {
        // Never waits, because a switch drops policies under the locks of all pools. If the message does not
        // fit, the open decisions are written at the end of the recording instead.
        let _ = self.sender.try_send(Event::Control(Control::Closed { log: self.number }));
    }
}
