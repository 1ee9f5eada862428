//! Samples of finished requests.

use crate::requests::{End, Ended};
use lb_core::outcome::Origin;
use lb_core::workload::{ActionIndex, Request, Sample, StepIndex, UserId};
use lb_core::{Outcome, Time};

/// Placeholder for users that have not sent a request.
pub(crate) const NO_REQUEST: Request =
    Request { step: StepIndex(0), action: ActionIndex(0), key: 0, injected: None };

/// The sender of a request, and its expected statuses.
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

/// Creates the sample of a finished request. A served request gets the first of its expected statuses:
/// the simulated application does what the journey expects. Virtual time is never late: a request is
/// sent when it is intended.
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
        let origin = Origin::new(ended.backend.is_some(), true);
        Outcome::of_status(status, sender.expected, injected, origin)
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
