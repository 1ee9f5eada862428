//! Recording: what became of every request of a trial, kept small and exact.
//!
//! Both drivers (live and simulated) hand each finished request to a [`Recorder`], one per worker
//! thread. A recorder belongs to its thread alone: it takes no lock, formats nothing, and allocates
//! only when a value is seen for the first time. Once a second it swaps a slice of counters for
//! an emptied one and sends the full one to the collector's thread, which merges the workers,
//! summarises the second and keeps its histograms packed. [`Recording::finish`] merges everything
//! into one [`TrialRecord`], from which results, reports and logs are derived by pure functions.
//!
//! In the open model a request is *intended* for a time, *sent* at another and *done* at a third. Its
//! latency is done - intended, so that a target, or a generator, that stalls is charged with all the
//! requests that had to wait; done - sent is kept beside it as the service time. In the closed model
//! intended and sent are the same by definition, and there is one cell less to fill.
//!
//! Latencies go to HdrHistograms (Tene) in microseconds with three significant digits: a quantile is
//! at most 0.1 % off, never bucketed more coarsely as it grows. Means, minima and maxima are kept
//! exactly, in nanoseconds, beside them.

mod cell;
mod collector;
mod combine;
mod histogram;
mod hlog;
mod population;
mod progress;
mod recorder;
mod requests;
mod sendings;
mod series;
mod slice;
mod spec;
mod trial;

pub use cell::Cell;
pub use collector::Recording;
pub use histogram::new_histogram as latency_histogram;
pub use hlog::{HlogError, HlogTrial, write_hlog};
pub use population::Population;
pub use progress::{Progress, Snapshot};
pub use recorder::Recorder;
pub use requests::RequestSink;
pub use series::{Interval, IntervalClass, SecondLatency, SecondRecord};
pub use spec::RecordingSpec;
pub use trial::{ArrivalCounts, BackendRecord, NamedAlgorithm, StepRecord, TrialRecord, UserRecord};

#[cfg(test)]
mod tests;
