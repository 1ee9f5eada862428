//! The clock of the process, and an alarm that rings within tens of microseconds.
//!
//! Tokio's timer counts whole milliseconds, which would falsify a service time of 2 ms by half. A
//! Linux timerfd rings at the kernel's high-resolution timer and wakes the same poll that sockets
//! wake; other systems fall back on tokio's timer and its coarseness.
//!
//! From the kernel's timer to the woken thread it still takes some time, on a virtual machine 50
//! microseconds and more. An alarm therefore learns how late it usually is and sets the kernel's
//! timer that much ahead.

use lb_core::{Span, Time};
use rustix::time::{ClockId, clock_gettime};
use std::io;

/// How far ahead of its time an alarm sets the kernel's timer: a low quantile of its lateness so
/// far, tracked by stochastic approximation (Robbins and Monro, 1951). Each alarm that comes too
/// early takes [`Lead::DOWN`] away, each that comes late adds [`Lead::UP`], so it settles where
/// `UP / (UP + DOWN)`, a tenth, come early. Those few spin for the rest, mostly some microseconds.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
struct Lead(Span);

impl Lead {
    const UP: Span = Span::from_nanos(200);
    const DOWN: Span = Span::from_nanos(1_800);
    /// A busy process is late by more than this, but must not spin for longer.
    const MOST: Span = Span::from_micros(100);

    /// When to set the kernel's timer for an alarm at `at`.
    fn before(self, at: Time) -> Time {
        Time::ZERO + at.since(Time::ZERO).saturating_sub(self.0)
    }

    /// Learns from an alarm that was meant for `at` and came at `came`.
    fn learn(&mut self, at: Time, came: Time) {
        self.0 =
            if came < at { self.0.saturating_sub(Self::DOWN) } else { (self.0 + Self::UP).min(Self::MOST) };
    }
}

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
    use super::{Clock, Lead, Time, io};
    use rustix::fd::OwnedFd;
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    use std::cell::Cell;
    use tokio::io::{Interest, unix::AsyncFd};

    /// One alarm, set to a point in time.
    #[derive(Debug)]
    pub struct Alarm {
        clock: Clock,
        timer: AsyncFd<OwnedFd>,
        at: Cell<Time>,
        lead: Cell<Lead>,
    }

    impl Alarm {
        /// An alarm that is not set.
        ///
        /// # Errors
        /// When the system has no file descriptor left. Must be called within a tokio runtime.
        #[allow(
            deprecated,
            reason = "the replacement is unsafe, for types that may change their descriptor; \
                      an OwnedFd keeps its one until it is dropped"
        )]
        pub fn new(clock: Clock) -> io::Result<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            let timer = AsyncFd::with_interest(timer, Interest::READABLE)?;
            let (at, lead) = (Cell::new(Time::MAX), Cell::default());
            Ok(Self { clock, timer, at, lead })
        }

        /// Sets the alarm, in place of what it was set to; a point in the past rings at once.
        ///
        /// # Errors
        /// Those of the system call, which takes every valid time.
        pub fn set(&self, at: Time) -> io::Result<()> {
            self.at.set(at);
            let at = self.lead.get().before(at);
            // All zeroes would switch the timer off; an absolute time is never that small.
            let nanos = self.clock.epoch.saturating_add(at.as_nanos()).max(1);
            let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
            let value =
                Timespec { tv_sec: (nanos / 1_000_000_000) as i64, tv_nsec: (nanos % 1_000_000_000) as _ };
            let spec = Itimerspec { it_interval: zero, it_value: value };
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
                let read = ready
                    .try_io(|timer| rustix::io::read(timer.get_ref(), &mut expirations).map_err(Into::into));
                if let Ok(result) = read {
                    result?;
                    self.wait_out();
                    return Ok(());
                }
            }
        }

        /// Spins until the time that was meant, no longer than the lead.
        fn wait_out(&self) {
            let (at, mut now) = (self.at.get(), self.clock.now());
            let mut lead = self.lead.get();
            lead.learn(at, now);
            self.lead.set(lead);
            while now < at && at.since(now) <= Lead::MOST {
                std::hint::spin_loop();
                now = self.clock.now();
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
            Ok(Self { clock, at: Cell::new(Time::MAX), changed: Notify::new() })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lead_settles_at_the_tenth_percentile_of_the_lateness() {
        let mut lead = Lead::default();
        let at = Time::ZERO + Span::from_secs(1);
        // The kernel is late by 40, 41, ... 59 microseconds, over and over.
        for round in 0..20_000 {
            let late = Span::from_micros(40 + round % 20);
            lead.learn(at, lead.before(at) + late);
        }
        let settled = lead.0.as_micros();
        assert!((39..=45).contains(&settled), "{settled} must be near the lowest lateness");
    }

    #[test]
    fn the_lead_is_bounded_when_the_process_is_busy() {
        let mut lead = Lead::default();
        let at = Time::ZERO + Span::from_secs(1);
        for _ in 0..20_000 {
            lead.learn(at, at + Span::from_millis(5));
        }
        assert_eq!(lead.0, Lead::MOST);
        assert_eq!(lead.before(Time::ZERO), Time::ZERO, "no time lies before the epoch");
    }
}
