//! What is recorded of a request that is over.

use crate::requests::{End, Ended};
use lb_core::workload::{ActionIndex, Request, Sample, StepIndex, UserId};
use lb_core::{Outcome, Time};

/// Stands where nothing was sent as yet.
pub(crate) const NO_REQUEST: Request =
    Request { step: StepIndex(0), action: ActionIndex(0), key: 0, injected: None };

/// Who sent a request, and what was expected of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sender<'a> {
    pub(crate) user: UserId,
    pub(crate) request: Request,
    pub(crate) expected: &'a [u16],
}

impl Default for Sender<'_> {
    fn default() -> Self {
        Self { user: UserId(0), request: NO_REQUEST, expected: &[] }
    }
}

/// What is to be recorded of a request that is over. A served request gets the first status that is
/// expected of it: the simulated application does what the journey expects. Virtual time is never
/// late: a request is sent when it is intended.
pub(crate) fn sample(ended: &Ended, epoch: Time, sender: &Sender<'_>) -> Sample {
    let status = match ended.end {
        End::Served => sender.expected.first().copied().unwrap_or(200),
        End::Failed => 500,
        End::Refused | End::NoBackend => 503,
        End::Unreachable | End::Broken => 502,
        End::TimedOut => 0,
    };
    let outcome = if ended.end == End::TimedOut {
        Outcome::Timeout
    } else {
        let injected = sender.request.injected.is_some();
        Outcome::of_status(status, sender.expected, injected, ended.backend.is_some())
    };
    let sent = Time::ZERO + ended.sent.since(epoch);
    Sample {
        user: sender.user,
        action: sender.request.action,
        step: sender.request.step,
        intended: sent,
        sent,
        done: Time::ZERO + ended.done.since(epoch),
        outcome,
        status,
        backend: ended.backend,
        bytes: 0,
    }
}
