//! Writes traces.
//!
//! [`lb_core::policy::Logged`] wraps a policy; its log ([`TraceLog`]) sends decisions and endings through a
//! bounded channel. One thread receives them, joins them, and writes the rows in groups. The hot path never
//! waits: when the channel is full, events that do not fit are dropped and counted. A simulation waits
//! instead ([`Overflow`]).
//!
//! Decisions are recorded, and exploration happens, only between [`Tracer::start`] and [`Tracer::stop`].

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
