//! What a connection is doing and since when, shared by its stream, its service and the seat that it occupies.

use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};
use std::task::Waker;
use std::time::Duration;
use tokio::time::Instant;

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    /// Nothing: no byte of the next request has arrived.
    Idle,
    /// A part of a head has arrived.
    Head,
    /// A request is being answered.
    Busy,
}

/// The state of one connection.
#[derive(Debug)]
pub(crate) struct Activity {
    origin: Instant,
    phase: AtomicU8,
    /// When the phase began, in microseconds after `origin`.
    since: AtomicU64,
    /// When the client stopped to take what is written, in the same unit; 0 while it does.
    blocked: AtomicU64,
    leave: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Activity {
    pub(crate) fn new() -> Self {
        Self {
            origin: Instant::now(),
            phase: AtomicU8::new(Phase::Idle as u8),
            since: AtomicU64::new(0),
            blocked: AtomicU64::new(0),
            leave: AtomicBool::new(false),
            waker: Mutex::new(None),
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        match self.phase.load(Relaxed) {
            0 => Phase::Idle,
            1 => Phase::Head,
            _ => Phase::Busy,
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn at(&self, micros: u64) -> Instant {
        self.origin + Duration::from_micros(micros)
    }

    /// Returns when the phase began.
    pub(crate) fn since(&self) -> Instant {
        self.at(self.since.load(Relaxed))
    }

    /// Returns since when the client has not taken what is written; `None` if it does.
    pub(crate) fn blocked(&self) -> Option<Instant> {
        match self.blocked.load(Relaxed) {
            0 => None,
            micros => Some(self.at(micros)),
        }
    }

    fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Relaxed);
        self.since.store(self.now(), Relaxed);
    }

    /// Notes that bytes arrived. The first ones of a request begin its head.
    pub(crate) fn received(&self) {
        if self.phase() == Phase::Idle {
            self.enter(Phase::Head);
        }
    }

    /// Notes that a head is complete.
    pub(crate) fn begin(&self) {
        self.phase.store(Phase::Busy as u8, Relaxed);
    }

    /// Notes that a reply has been handed over completely.
    pub(crate) fn end(&self) {
        self.enter(Phase::Idle);
    }

    /// Notes whether the client took what was written.
    pub(crate) fn wrote(&self, taken: bool) {
        let blocked = self.blocked.load(Relaxed) != 0;
        if taken == blocked {
            // Never 0, which means that nothing is blocked.
            self.blocked.store(if taken { 0 } else { self.now().max(1) }, Relaxed);
        }
    }

    /// Tells the connection to end.
    pub(crate) fn dismiss(&self) {
        self.leave.store(true, Relaxed);
        if let Some(waker) = self.waker.lock().take() {
            waker.wake();
        }
    }

    pub(crate) fn is_dismissed(&self) -> bool {
        self.leave.load(Relaxed)
    }

    /// Sets the task to wake when the connection is told to end.
    pub(crate) fn remember(&self, waker: &Waker) {
        let mut known = self.waker.lock();
        if !known.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *known = Some(waker.clone());
        }
    }
}
