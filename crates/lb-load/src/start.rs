//! A common start of several generators: each waits for the same moment, read on its own machine's clock.

use lb_clock::{Clock, monotonic};
use std::sync::OnceLock;
use std::time::Duration;

/// The last part of the wait, in nanoseconds, in which the clock is read again and again: a thread that sleeps is woken
/// some tens of microseconds late, on a busy machine later.
const SPIN_NS: u64 = 1_000_000;

/// The moment at which a phase begins, and when it did.
#[derive(Debug)]
pub struct StartAt {
    at: u64,
    begun: OnceLock<u64>,
}

impl StartAt {
    /// Begins at a reading of the system's monotonic clock ([`lb_clock::monotonic`]).
    pub fn new(monotonic_ns: u64) -> Self {
        Self { at: monotonic_ns, begun: OnceLock::new() }
    }

    /// Returns when the wait was over, on the same clock; `None` before that.
    pub fn begun(&self) -> Option<u64> {
        self.begun.get().copied()
    }

    /// Waits for the moment, and returns the clock of the phase. A phase that begins late is late against this clock.
    pub(crate) fn wait(&self) -> Clock {
        loop {
            match self.at.saturating_sub(monotonic()) {
                0 => break,
                left if left > SPIN_NS => std::thread::sleep(Duration::from_nanos(left - SPIN_NS)),
                _ => std::hint::spin_loop(),
            }
        }
        self.begun.get_or_init(monotonic);
        Clock::since(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_core::{Span, Time};

    #[test]
    fn a_phase_begins_at_its_moment_or_is_late_against_it() {
        let at = monotonic() + 20_000_000;
        let start = StartAt::new(at);
        assert_eq!(start.begun(), None);
        let clock = start.wait();
        assert!(start.begun().expect("it began") >= at, "never early");
        assert!(clock.now() < Time::ZERO + Span::from_secs(10), "time runs from the moment on");

        let late = StartAt::new(monotonic().saturating_sub(1_000_000_000)).wait();
        assert!(late.now() >= Time::ZERO + Span::from_secs(1), "the second before it counts");
    }
}
