//! Traces: the decisions that load balancers logged, and what they can be used for.
//!
//! [`inspect`] judges whether a policy can be trained on a trace; [`Traces::read`] loads what calibration
//! ([`crate::calibrate`]) needs of it.

pub mod inspect;
mod original;

pub use lb_traces::read::{End, Episode, Exchange, TraceError, Traces};
