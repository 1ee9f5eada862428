//! THE HOT PATH: one request from a client to a backend and back.
//!
//! Its rules, per request: two clock reads; one lock for the pick and one for the reply, even while a
//! measurement is on; no timer, no task, no log above debug; headers are moved, not copied; all that can be
//! prepared (header values, counters, connections) is. Both locks are those of the view by which the thread
//! decides. Everything else that a request writes (counters, counts of references) belongs to its data thread,
//! so that threads with private views write no common cache line.
//!
//! A reply of our own to a request that no backend got may take further locks: it is rare, and its cost is not
//! measured.
//!
//! A request is sent a second time only if that cannot serve it twice: nothing of it was written, or
//! its method is idempotent, it has no body, and not a byte of a reply came back.

mod body;
mod chunked;
mod client;
mod exchange;
mod in_flight;
mod route;
mod target;
mod thread;
mod upstream;
mod wire;

pub(crate) use body::ReplyBody;
pub(crate) use client::Client;
pub(crate) use exchange::{forward, is_proxied, not_proxied};
pub(crate) use thread::{SWEEP, Thread};
