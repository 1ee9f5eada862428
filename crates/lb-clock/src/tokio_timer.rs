//! The alarm on systems without timerfd: tokio's timer, which counts whole milliseconds.

use crate::clock::Clock;
use lb_core::Time;
use std::cell::Cell;
use std::io;
use tokio::sync::Notify;

/// One alarm, set to a point in time; late by up to two milliseconds on this system.
#[derive(Debug)]
pub struct Alarm {
    clock: Clock,
    at: Cell<Time>,
    changed: Notify,
}

impl Alarm {
    /// Creates an alarm that is not set.
    ///
    /// # Errors
    /// Never fails on this platform.
    pub fn new(clock: Clock) -> io::Result<Self> {
        Ok(Self { clock, at: Cell::new(Time::MAX), changed: Notify::new() })
    }

    /// Sets the alarm, replacing its earlier time; a time in the past rings at once.
    ///
    /// # Errors
    /// Never fails on this platform.
    pub fn set(&self, at: Time) -> io::Result<()> {
        self.at.set(at);
        self.changed.notify_one();
        Ok(())
    }

    /// Waits until the alarm rings.
    ///
    /// # Errors
    /// Never fails on this platform.
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
