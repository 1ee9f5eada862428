//! Traces: decisions that load balancers logged.
//!
//! [`inspect`] judges whether a policy can be trained on a trace; [`Traces::read`] loads the data that
//! calibration ([`lb_calibration`]) needs.

pub mod inspect;
mod original;

pub use lb_traces::read::{End, Episode, Exchange, TraceError, Traces};
