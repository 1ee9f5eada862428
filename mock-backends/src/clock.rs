//! The clock of the process, and an alarm that rings within tens of microseconds.
//!
//! Tokio's timer counts whole milliseconds, which would falsify a service time of 2 ms by half. A
//! Linux timerfd rings at the kernel's high-resolution timer and wakes the same poll that sockets
//! wake; other systems fall back on tokio's timer and its coarseness.

use lb_core::Time;
use rustix::time::{ClockId, clock_gettime};
use std::io;

/// Monotonic time since an epoch of the process.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    epoch: u64,
}

impl Clock {
    /// A clock whose epoch is now.
    pub fn start() -> Self {
        Self { epoch: monotonic() }
    }

    /// The time since the epoch.
    pub fn now(&self) -> Time {
        Time::from_nanos(monotonic().saturating_sub(self.epoch))
    }
}

fn monotonic() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

pub use alarm::Alarm;

#[cfg(target_os = "linux")]
mod alarm {
    use super::{Clock, Time, io};
    use rustix::fd::OwnedFd;
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    use tokio::io::{Interest, unix::AsyncFd};

    /// One alarm, set to a point in time.
    #[derive(Debug)]
    pub struct Alarm {
        clock: Clock,
        timer: AsyncFd<OwnedFd>,
    }

    impl Alarm {
        /// An alarm that is not set.
        ///
        /// # Errors
        /// When the system has no file descriptor left. Must be called within a tokio runtime.
        #[allow(
            deprecated,
            reason = "its replacement is unsafe, for types that may change their \
                                      descriptor; an OwnedFd owns its one until it is dropped"
        )]
        pub fn new(clock: Clock) -> io::Result<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            let timer = AsyncFd::with_interest(timer, Interest::READABLE)?;
            Ok(Self { clock, timer })
        }

        /// Sets the alarm, in place of what it was set to; a point in the past rings at once.
        ///
        /// # Errors
        /// Those of the system call, which takes every valid time.
        pub fn set(&self, at: Time) -> io::Result<()> {
            // All zeroes would switch the timer off; an absolute time is never that small.
            let nanos = self.clock.epoch.saturating_add(at.as_nanos()).max(1);
            let zero = Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            };
            let value = Timespec {
                tv_sec: (nanos / 1_000_000_000) as i64,
                tv_nsec: (nanos % 1_000_000_000) as _,
            };
            let spec = Itimerspec {
                it_interval: zero,
                it_value: value,
            };
            timerfd_settime(self.timer.get_ref(), TimerfdTimerFlags::ABSTIME, &spec)?;
            Ok(())
        }

        /// Waits until the alarm rings.
        ///
        /// # Errors
        /// Those of reading the timer.
        pub async fn ring(&self) -> io::Result<()> {
            loop {
                let mut ready = self.timer.readable().await?;
                let mut expirations = [0; 8];
                let read = ready.try_io(|timer| {
                    rustix::io::read(timer.get_ref(), &mut expirations).map_err(Into::into)
                });
                if let Ok(result) = read {
                    return result.map(drop);
                }
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod alarm {
    use super::{Clock, Time, io};
    use std::cell::Cell;
    use tokio::sync::Notify;

    /// One alarm, set to a point in time; late by up to two milliseconds on this system.
    #[derive(Debug)]
    pub struct Alarm {
        clock: Clock,
        at: Cell<Time>,
        changed: Notify,
    }

    impl Alarm {
        /// An alarm that is not set.
        ///
        /// # Errors
        /// None on this system.
        pub fn new(clock: Clock) -> io::Result<Self> {
            Ok(Self {
                clock,
                at: Cell::new(Time::MAX),
                changed: Notify::new(),
            })
        }

        /// Sets the alarm, in place of what it was set to; a point in the past rings at once.
        ///
        /// # Errors
        /// None on this system.
        pub fn set(&self, at: Time) -> io::Result<()> {
            self.at.set(at);
            self.changed.notify_one();
            Ok(())
        }

        /// Waits until the alarm rings.
        ///
        /// # Errors
        /// None on this system.
        pub async fn ring(&self) -> io::Result<()> {
            loop {
                let at = self.at.get();
                if at == Time::MAX {
                    self.changed.notified().await;
                    continue;
                }
                tokio::select! {
                    () = tokio::time::sleep(at.since(self.clock.now()).into()) => {
                        self.at.set(Time::MAX);
                        return Ok(());
                    }
                    () = self.changed.notified() => {}
                }
            }
        }
    }
}
