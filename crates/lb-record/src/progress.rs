//! The figures that a progress display reads while a trial runs, as a few atomics.
//!
//! The load engine changes the number of users when one arrives or leaves; the collector adds each second
//! once it is complete. No request touches them, so a display costs the load nothing.

use lb_core::Span;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// The running figures of a phase, shared between threads. A reader may see some figures of one second and
/// others of the next.
#[derive(Debug, Default)]
pub struct Progress {
    users: AtomicU32,
    in_flight: AtomicU32,
    requests: AtomicU64,
    errors: AtomicU64,
    seconds: AtomicU64,
    last_requests: AtomicU64,
    last_p95_us: AtomicU64,
}

/// The figures of a phase at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The number of users active now.
    pub users: u32,
    /// The number of requests that were waiting for their reply a few hundredths of a second ago.
    pub in_flight: u32,
    /// The number of requests that finished up to the last complete second.
    pub requests: u64,
    /// The number of those requests that did not get the expected reply.
    pub errors: u64,
    /// The number of complete seconds.
    pub seconds: u64,
    /// The number of requests that finished in the last complete second.
    pub last_requests: u64,
    /// The 95th percentile of latency in the last complete second; zero without requests.
    pub last_p95: Span,
}

impl Progress {
    /// Counts a user who has begun a window.
    #[inline]
    pub fn user_came(&self) {
        self.users.fetch_add(1, Relaxed);
    }

    /// Counts a user whose window is over.
    #[inline]
    pub fn user_left(&self) {
        self.users.fetch_sub(1, Relaxed);
    }

    /// Changes the number of requests in flight by the difference between two readings of one worker.
    #[inline]
    pub fn in_flight_changed(&self, before: u32, now: u32) {
        self.in_flight.fetch_add(now.wrapping_sub(before), Relaxed);
    }

    /// Adds a complete second.
    pub(crate) fn second(&self, requests: u64, errors: u64, p95: Span) {
        self.requests.fetch_add(requests, Relaxed);
        self.errors.fetch_add(errors, Relaxed);
        self.seconds.fetch_add(1, Relaxed);
        self.last_requests.store(requests, Relaxed);
        self.last_p95_us.store(p95.as_micros(), Relaxed);
    }

    /// Shows other figures in place of these, such as the sums over several generators.
    pub fn show(&self, now: &Snapshot) {
        self.users.store(now.users, Relaxed);
        self.in_flight.store(now.in_flight, Relaxed);
        self.requests.store(now.requests, Relaxed);
        self.errors.store(now.errors, Relaxed);
        self.seconds.store(now.seconds, Relaxed);
        self.last_requests.store(now.last_requests, Relaxed);
        self.last_p95_us.store(now.last_p95.as_micros(), Relaxed);
    }

    /// Reads the figures.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            users: self.users.load(Relaxed),
            in_flight: self.in_flight.load(Relaxed),
            requests: self.requests.load(Relaxed),
            errors: self.errors.load(Relaxed),
            seconds: self.seconds.load(Relaxed),
            last_requests: self.last_requests.load(Relaxed),
            last_p95: Span::from_micros(self.last_p95_us.load(Relaxed)),
        }
    }
}
