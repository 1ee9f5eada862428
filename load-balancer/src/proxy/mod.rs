//! THE HOT PATH: one request from a client to a backend and back.
//!
//! Its rules for each request: two clock reads; one lock for the pick and one for the reply, even while a
//! measurement is on; no timer, no task, no log above debug; no map of headers, since fields are copied from
//! one buffer to the other; header values, counters and connections are prepared in advance. Both locks are
//! those of the thread's view. Everything else that a request writes (counters, reference counts) belongs to
//! its data thread, so threads with private views never write to the same cache line.
//!
//! Our own reply to a request that no backend received may take further locks: it is rare, and its cost is
//! not measured.
//!
//! A request is sent a second time only if it cannot be served twice: nothing of it was written, or its
//! method is idempotent, it has no body, and no byte of a reply came back.
//!
//! What a client does wrong is its own: nothing is booked on a backend when a client is slow, goes away or sends a
//! malformed body.

mod bridge;
mod chunked;
mod client;
mod downstream;
mod exchange;
mod fields;
mod framing;
mod in_flight;
mod listen;
mod own;
mod relay;
mod reply;
mod request;
mod requester;
mod route;
mod target;
mod thread;
mod transport;
mod tunnel;
mod upstream;
pub mod whole;

pub(crate) use bridge::Bridge;
pub(crate) use client::{Client, Wait};
pub(crate) use downstream::{Downstream, Next};
pub(crate) use exchange::{Ending, forward, is_proxied};
pub(crate) use own::{Own, send};
pub(crate) use requester::{ClientError, Requester};
pub(crate) use thread::{SWEEP, Thread};
pub(crate) use transport::Transport;
