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

/// How long the writer sleeps when there is nothing to write, and a simulation when there is no room. They
/// look again and again instead of waiting to be woken, because waking somebody costs whoever does it a system
/// call.
pub(super) const NAP: Duration = Duration::from_millis(2);

/// What becomes of an event that does not fit into the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// It is dropped and counted: requests must not wait.
    Drop,
    /// Whoever has it waits: in a simulation time stands still.
    Wait,
}

/// One recording.
#[derive(Clone, Debug)]
pub struct Recording {
    /// The file, `NAME.parquet`. Its folder is made if need be.
    pub path: PathBuf,
    /// What the rows say in `run_id`.
    pub run_id: String,
    /// Probability with which exploration picks, as readers are told.
    pub exploration: f64,
    /// When it begins, by the clock of the policies: times of rows count from here.
    pub origin: Time,
    /// The same moment as a clock on the wall says it (RFC 3339); none in virtual time.
    pub started_at: Option<String>,
}

/// What the numbers of a decision stand for. Asked by the writing thread.
pub trait Names: Send + Sync {
    /// The ids of all backends of the pool, by position.
    fn backends(&self) -> Vec<String>;

    /// The name of a class of route.
    fn route(&self, class: u16) -> String;
}

/// The policy whose decisions are logged, and where.
#[derive(Clone)]
pub struct TracedPolicy {
    /// Number of the load balancer: one for each view of each pool.
    pub lb_id: u16,
    /// What decides, such as `least-connections` or `rl:1f00c3a4b5d6`.
    pub policy_id: String,
    /// What its numbers stand for.
    pub names: Arc<dyn Names>,
}

/// What goes through the channel.
pub(super) enum Event {
    Decision(Decided),
    Ending { log: u32, ending: Ending },
    Control(Control),
}

/// What is said to the writing thread beside decisions and endings.
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

/// Why there is no trace.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The file cannot be made.
    #[error("failed to begin the trace `{}`: {source}; name another one, or make room for it", path.display())]
    Create {
        /// Its final name.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A group of rows cannot be written.
    #[error(
        "failed to write the trace `{}`: {source}; what was flushed before lies beside it as `partial`",
        path.display()
    )]
    Write {
        /// Its final name.
        path: PathBuf,
        /// What went wrong.
        source: ParquetError,
    },
    /// One recording at a time.
    #[error("a trace is being recorded already; stop it first")]
    Recording,
    /// Nothing to stop.
    #[error("no trace is being recorded; start one first")]
    NotRecording,
    /// The writing thread is gone.
    #[error("the thread that writes traces is gone")]
    Gone,
}
