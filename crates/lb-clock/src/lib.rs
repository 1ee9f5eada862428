//! Real time for drivers: a monotonic [`Clock`], and an [`Alarm`] that rings within tens of
//! microseconds of the time it is set to.
//!
//! The rules in `lb-core` take time as a parameter and never read a clock. The programs that run
//! these rules against real sockets, the load generator and the mock backends, read it here, as
//! [`lb_core::Time`] since an epoch of their own.
//!
//! An alarm exists because tokio's timer counts whole milliseconds, which would distort a service
//! time of 2 ms by half and send 5,000 arrivals a second in bunches of five. A Linux timerfd rings
//! at the kernel's high-resolution timer and wakes the same poll that sockets wake; other systems
//! fall back on tokio's timer and its resolution.
//!
//! This crate may use `lb-core` for the types of time, `rustix` and `tokio`, but no other crate of this
//! workspace.
//!
//! ```
//! use lb_clock::{Alarm, Clock};
//! use lb_core::Span;
//!
//! # fn main() -> std::io::Result<()> {
//! let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! runtime.block_on(async {
//!     let clock = Clock::start();
//!     let alarm = Alarm::new(clock)?;
//!     let due = clock.now() + Span::from_micros(500);
//!     alarm.set(due)?;
//!     alarm.ring().await?;
//!     assert!(clock.now() >= due, "an alarm never rings early");
//!     Ok(())
//! })
//! # }
//! ```

mod clock;
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "tokio's timer learns no lead"))]
mod lead;
#[cfg(target_os = "linux")]
mod timerfd;
#[cfg(not(target_os = "linux"))]
mod tokio_timer;

pub use clock::{Clock, monotonic};
#[cfg(target_os = "linux")]
pub use timerfd::Alarm;
#[cfg(not(target_os = "linux"))]
pub use tokio_timer::Alarm;
