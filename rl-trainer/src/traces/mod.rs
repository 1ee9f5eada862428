//! Traces: decisions that load balancers logged.
//!
//! [`inspect`] judges whether a policy can be trained on a trace; [`Traces::read`] loads the data that
//! calibration ([`lb_calibration`]) needs; [`mod@clock`] finds out whether their times can be trusted.

pub mod clock;
pub mod inspect;
mod original;

pub use lb_traces::read::{End, Episode, Exchange, TraceError, Traces};
