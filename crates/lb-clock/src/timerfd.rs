//! The alarm on Linux: a timerfd, set ahead of time by its usual lateness.
//!
//! The woken thread runs some time after the kernel's timer fires: on a virtual machine, 50 microseconds or
//! more. An alarm therefore learns how late it usually is, sets the kernel's timer that much ahead and spins
//! for the rest.

use crate::clock::Clock;
use crate::lead::Lead;
use lb_core::Time;
use rustix::fd::OwnedFd;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use std::cell::Cell;
use std::io;
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
    /// Creates an alarm that is not set.
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

    /// Sets the alarm, replacing its earlier time; a time in the past rings at once.
    ///
    /// # Errors
    /// When the system call fails, which never happens for a valid time.
    #[inline]
    pub fn set(&self, at: Time) -> io::Result<()> {
        self.at.set(at);
        let at = self.lead.get().before(at);
        // A value of zero would switch the timer off; an absolute time is never that small.
        let nanos = self.clock.monotonic_nanos(at).max(1);
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
    /// When reading the timer fails.
    pub async fn ring(&self) -> io::Result<()> {
        loop {
            let mut ready = self.timer.readable().await?;
            let mut expirations = [0; 8];
            let read =
                ready.try_io(|timer| rustix::io::read(timer.get_ref(), &mut expirations).map_err(Into::into));
            if let Ok(result) = read {
                result?;
                self.wait_out();
                return Ok(());
            }
        }
    }

    /// Spins until the intended time, for at most the lead.
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
