//! Traces: what load balancers logged of their decisions, and what it is good for.
//!
//! [`inspect`] judges whether a policy can be trained on a trace; [`Traces::read`] loads what calibration
//! ([`crate::calibrate`]) needs of it.

pub mod inspect;
mod original;

pub use lb_traces::read::{End, Episode, Exchange, TraceError, Traces};
