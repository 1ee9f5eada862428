//! What policies, the caller and the writing thread say to each other.

use super::row::Decided;
use lb_core::Time;
use lb_core::policy::Ending;
use lb_core::trace_summary::TraceSummary;
use parquet::errors::ParquetError;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::mpsc::SyncSender;
use std::time::Duration;

/// How long the writer sleeps when there is nothing to write, and a simulation when there is no room. They poll
/// instead of waiting to be woken, because to wake a thread costs the one that does it a system call.
pub(super) const NAP: Duration = Duration::from_millis(2);

/// What happens to an event that does not fit into the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// The event is dropped and counted: requests must not wait.
    Drop,
    /// The policy waits until it fits; virtual time does not advance meanwhile.
    Wait,
}

/// What to record, and where.
#[derive(Clone, Debug)]
pub struct Recording {
    /// The file to write, `NAME.parquet`. Its folder is created if it is missing.
    pub path: PathBuf,
    /// The value of the column `run_id`.
    pub run_id: String,
    /// Probability (0 to 1) of an exploratory pick. Only written to the file's metadata, for readers.
    pub exploration: f64,
    /// When the recording begins, by the clock of the policies: times of rows count from here.
    pub origin: Time,
    /// The same moment in wall-clock time (RFC 3339); `None` in virtual time.
    pub started_at: Option<String>,
}

/// Names for the numbers in decisions. The writing thread asks for them.
pub trait Names: Send + Sync {
    /// The ids of all backends of the pool, by position.
    fn backends(&self) -> Vec<String>;

    /// The name of a class of route.
    fn route(&self, class: u16) -> String;
}

/// A policy whose decisions are logged, and the load balancer that it decides for.
#[derive(Clone)]
pub struct TracedPolicy {
    /// Number of the load balancer: one for each view of each pool.
    pub lb_id: u16,
    /// The value of the column `policy_id`, such as `least-connections` or `rl:1f00c3a4b5d6`.
    pub policy_id: String,
    /// Names for the numbers in its decisions.
    pub names: Arc<dyn Names>,
}

/// What goes through the channel.
pub(super) enum Event {
    Decision(Decided),
    Ending { log: u32, ending: Ending },
    Control(Control),
}

/// What the writing thread is told beside decisions and endings.
pub(super) enum Control {
    Opened { log: u32, policy: TracedPolicy },
    Closed { log: u32 },
    Start { recording: Box<Recording>, reply: SyncSender<Result<(), TraceError>> },
    Stop { reply: SyncSender<Result<TraceSummary, TraceError>> },
}

/// What the ends of the channel share beside it.
#[derive(Debug, Default)]
pub(super) struct Gate {
    pub(super) open: AtomicBool,
    pub(super) dropped_decisions: AtomicU64,
    pub(super) dropped_endings: AtomicU64,
}

/// Why a trace cannot be recorded.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The file cannot be created.
    #[error("failed to create the trace `{}`: {source}; use another path or free disk space", path.display())]
    Create {
        /// The final name of the file.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// A group of rows cannot be written.
    #[error(
        "failed to write the trace `{}`: {source}; rows flushed earlier are beside it in `.partial-` files",
        path.display()
    )]
    Write {
        /// The final name of the file.
        path: PathBuf,
        /// The error of the file's encoder or of the system.
        source: ParquetError,
    },
    /// There is a recording already, and there can be only one at a time.
    #[error("a trace is being recorded already; stop it first")]
    Recording,
    /// There is no recording to stop.
    #[error("no trace is being recorded; start one first")]
    NotRecording,
    /// The writing thread has ended.
    #[error("the trace writer thread has ended; restart this process to record again")]
    Gone,
}
