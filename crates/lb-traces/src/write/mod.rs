//! Writing traces.
//!
//! [`lb_core::policy::Logged`] wraps a policy; its log ([`TraceLog`]) puts decisions and endings into a
//! bounded channel. One thread takes them out, joins them, and writes the rows in groups. The hot path never
//! waits: when the channel is full, what does not fit is dropped and counted. A simulation, which has time,
//! waits instead ([`Overflow`]).
//!
//! Nothing is written or explored except between [`Tracer::start`] and [`Tracer::stop`].

mod file;
mod join;
mod log;
mod messages;
mod row;
mod table;
mod tracer;

pub use log::TraceLog;
pub use messages::{Names, Overflow, Recording, TraceError, TracedPolicy};
pub use tracer::Tracer;
