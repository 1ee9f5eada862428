//! The events of a phase, which every driver reports in the same way.

use super::events::Event;
use lb_record::Snapshot;
use std::time::Duration;

/// The trial called `trial` enters the phase called `phase`.
pub(super) fn phase(trial: &str, phase: &str) -> Event {
    Event::PhaseStarted { trial: trial.to_owned(), phase: phase.to_owned() }
}

/// The running figures of a phase that began `elapsed` ago.
pub(super) fn pulse(trial: &str, phase: &str, elapsed: Duration, now: Snapshot) -> Event {
    Event::Pulse {
        trial: trial.to_owned(),
        phase: phase.to_owned(),
        elapsed_s: elapsed.as_secs_f64(),
        users: now.users,
        requests_per_s: now.last_requests as f64,
        p95_ms: now.last_p95.as_millis_f64(),
        errors: now.errors,
    }
}
