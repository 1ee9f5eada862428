//! The load engine: THE HOT PATH. Virtual users over real sockets, in real time.
//!
//! Rules of this folder, per request:
//! - no lock: everything that users touch belongs to their worker's thread;
//! - no allocation: buffers are reused, requests that never change are laid out once;
//! - no formatting, and no log above trace;
//! - the clock is read twice: right before the request is written, right after the last byte of the
//!   reply. Latency lies between the two and nothing else does;
//! - no timer, unless the user thinks: one sweep a worker finds requests that are too old;
//! - no choice of a backend: where there is no load balancer they take turns ([`Direct`]);
//! - no task: arrivals reuse the seats, and with them the connections, of sessions that have ended.
//!
//! A worker is a thread with a runtime of its own, and users never move. A user is one task that
//! drives its own connection, so a reply wakes exactly one task, which records it and sends the next
//! request before it returns. All users of a worker read into one buffer, because none of them keeps
//! anything there while another one runs.
//!
//! Requests and replies go through a codec of our own (`http1`, over `httparse`), not through
//! hyper's client connection, which hands each of them through channels and builds header maps. On
//! the same sockets (32 connections, one core, three interleaved rounds against nginx) hyper took
//! 1.4 to 1.8 us of user time a request and the codec 0.4 to 0.5, with nothing recorded; in all, 1.12
//! to 1.23 and 0.91 to 0.95 times the CPU of wrk. At most 1.15 is wanted with everything recorded.
//!
//! Two models, side by side in one schedule:
//! - *closed* (`user`): a user waits for its reply before it goes on, so latency is done - sent;
//! - *open* (`pacer`, `seat`): arrivals begin at the times of the schedule, whatever becomes of those
//!   before them, and latency is done - intended, so that whoever stalls, target or generator, is
//!   charged with all that had to wait. The first request of an arrival is intended for its arrival,
//!   a later one for the planned end of the thinking before it, or else for the end of the reply before
//!   it. At the limit of sessions in flight, arrivals are dropped and counted, never delayed.
//!
//! Lateness (timer and scheduling, until the request could be written; not making the connection, which
//! is in the latency) is recorded apart, and so is how long a worker's thread waited for a CPU. Users of
//! closed stages wake by tokio's timer, which counts whole milliseconds; arrivals, and sessions that
//! think, by an alarm that is late by some tens of microseconds.

mod backends;
mod client;
mod cpu_wait;
mod deadlines;
mod engine;
mod error;
mod hooks;
mod http1;
mod limits;
mod pace;
mod pacer;
mod plan;
mod seat;
mod shard;
mod shared;
mod target;
mod transport;
mod user;
mod worker;

pub use engine::run;
pub use error::LoadError;
pub use hooks::Hooks;
pub use plan::LoadPlan;
pub use shard::Shard;
pub use target::{Direct, Target};
