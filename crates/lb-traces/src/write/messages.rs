//! Messages between policies, the caller and the writing thread.

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

/// How long the writer sleeps when there is nothing to write, and a simulation when the channel is full. They
/// poll instead of waiting to be woken, because waking a thread costs the waker a system call.
pub(super) const NAP: Duration = Duration::from_millis(2);

/// How to handle an event that does not fit into the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// The event is dropped and counted: requests must not wait.
    Drop,
    /// The policy waits until it fits; virtual time does not advance meanwhile.
    Wait,
}

/// The options of a recording.
#[derive(Clone, Debug)]
pub struct Recording {
    /// The file to write, `NAME.parquet`. Its folder is created if it is missing.
    pub path: PathBuf,
    /// The value of the column `run_id`.
    pub run_id: String,
    /// Probability (0 to 1) of an exploratory pick. It is only written to the file's metadata.
    pub exploration: f64,
    /// When the recording begins, by the clock of the policies; times of rows count from here.
    pub origin: Time,
    /// The same moment in wall-clock time (RFC 3339); `None` in virtual time.
    pub started_at: Option<String>,
}

/// Names for the numbers in decisions, requested by the writing thread.
pub trait Names: Send + Sync {
    /// Returns the ids of all backends of the pool, by index.
    fn backends(&self) -> Vec<String>;

    /// Returns the name of a route class.
    fn route(&self, class: u16) -> String;

    /// Returns the name of the hint with this hash, such as `query.limit`; `None` if its text is not known, so that the
    /// trace has the hash in its place.
    fn hint(&self, _hash: u32) -> Option<String> {
        None
    }
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

/// An event that goes through the channel.
pub(super) enum Event {
    Decision(Decided),
    Ending { log: u32, ending: Ending },
    Control(Control),
}

/// Control messages to the writing thread, besides decisions and endings.
pub(super) enum Control {
    Opened { log: u32, policy: TracedPolicy },
    Closed { log: u32 },
    Start { recording: Box<Recording>, reply: SyncSender<Result<(), TraceError>> },
    Stop { reply: SyncSender<Result<TraceSummary, TraceError>> },
}

/// State that the ends of the channel share.
#[derive(Debug, Default)]
pub(super) struct Gate {
    pub(super) open: AtomicBool,
    pub(super) dropped_decisions: AtomicU64,
    pub(super) dropped_endings: AtomicU64,
}

/// Reasons why a trace cannot be recorded.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The file cannot be created.
    #[error("failed to create the trace `{}`: {source}; use another path or free disk space", path.display())]
    Create {
        /// The final name of the file.
        path: PathBuf,
        /// The I/O error.
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
        /// The error of the encoder or the operating system.
        source: ParquetError,
    },
    /// A recording is already in progress; only one is possible at a time.
    #[error("a trace is already being recorded; stop it first")]
    Recording,
    /// There is no recording to stop.
    #[error("no trace is being recorded; start one first")]
    NotRecording,
    /// The writing thread has ended.
    #[error("the trace writer thread has ended; restart this process to record again")]
    Gone,
}
