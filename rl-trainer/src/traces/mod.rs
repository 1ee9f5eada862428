//! Traces: what load balancers logged of their decisions. Reading them, and saying what is in them.
//!
//! [`inspect`] judges whether a policy can be trained on a trace; [`Traces::read`] loads what calibration
//! ([`crate::calibrate`]) needs of it.

mod columns;
mod error;
mod exchange;
pub mod inspect;
mod original;
mod parquet;
mod pools;
mod read;
mod source;

pub use error::TraceError;
pub use exchange::{End, Episode, Exchange, Traces};
pub use inspect::inspect;
