//! A monotonic clock with an epoch chosen by the process.

use lb_core::Time;
use rustix::time::{ClockId, clock_gettime};

/// A monotonic clock that counts from an epoch chosen by the process.
///
/// Copies share the epoch, so their times can be compared.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Reading of the system's monotonic clock at the epoch, in nanoseconds.
    epoch: u64,
}

impl Clock {
    /// Creates a clock whose epoch is now.
    pub fn start() -> Self {
        Self { epoch: monotonic() }
    }

    /// Creates a clock whose epoch is a reading of the system's monotonic clock, which may lie ahead: until then, no time
    /// has passed.
    pub fn since(monotonic_ns: u64) -> Self {
        Self { epoch: monotonic_ns }
    }

    /// Reads the time since the epoch.
    #[inline]
    pub fn now(&self) -> Time {
        Time::from_nanos(monotonic().saturating_sub(self.epoch))
    }

    /// Returns the reading of the system's monotonic clock at `at`, in nanoseconds.
    #[cfg(target_os = "linux")]
    pub(crate) fn monotonic_nanos(&self, at: Time) -> u64 {
        self.epoch.saturating_add(at.as_nanos())
    }
}

/// Reads the system's monotonic clock, in nanoseconds. All processes of a machine read the same.
#[inline]
pub fn monotonic() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
