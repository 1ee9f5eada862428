//! Traces: every decision with how it ended, as Parquet, for training and for looking into what happened.
//! What the columns mean is told in `docs/traces.md`.
//!
//! A policy wears [`lb_core::policy::Logged`], whose log ([`TraceLog`]) puts decisions and endings into a
//! bounded channel. One thread takes them out, joins them (`join`), and writes the rows in groups (`table`,
//! `file`). The hot path never waits: when the channel is full, what does not fit is dropped and counted. A
//! simulation, which has time, waits instead ([`Overflow`]).
//!
//! Nothing is written, and nothing explored, but between [`Tracer::start`] and [`Tracer::stop`].

mod file;
mod join;
mod log;
mod table;
mod tracer;

pub use log::{Names, TraceLog, TracedPolicy};
pub use tracer::{Overflow, Recording, TraceError, TraceSummary, Tracer};
