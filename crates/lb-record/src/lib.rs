//! Records the outcome of every request of a trial, in little memory and with exact counts.
//!
//! Both drivers (live and simulated) hand each finished request to a [`Recorder`], one per worker thread. A
//! recorder belongs to one thread: it takes no lock, formats nothing, and allocates only when a value is seen
//! for the first time. Once a second it swaps a slice of counters for an empty one and sends the full one to
//! the collector's thread, which merges the workers, summarises the second and keeps its histograms packed.
//! [`Recording::finish`] merges everything into one [`TrialRecord`], from which results, reports and logs are
//! derived by pure functions.
//!
//! In the open model a request is *intended* for a time, *sent* at another and *done* at a third. Its
//! latency is done - intended, so that a target or a generator that stalls is charged with every request
//! that had to wait; done - sent is kept beside it as the service time. In the closed model intended and
//! sent are the same by definition, and there is no separate service time.
//!
//! Records of one phase that ran in parts on several machines become one with [`TrialRecord::absorb`],
//! records of consecutive phases with [`TrialRecord::append`]. Records are plain data that serde can write
//! and read.
//!
//! Latencies are kept in HdrHistograms (Tene) in microseconds with three significant digits: a quantile is at
//! most 0.1 % off, however large it is. Means, minima and maxima are kept exactly, in nanoseconds.
//!
//! The crate uses `lb-core` for samples and times, and does not use sockets or clocks.
//!
//! ```
//! use lb_core::workload::{ActionIndex, Observer, Sample, StepIndex, UserId};
//! use lb_core::{Outcome, Span, Time};
//! use lb_record::{Recording, RecordingSpec};
//!
//! let spec = RecordingSpec { steps: 1, backends: 1, ..RecordingSpec::default() };
//! let (recording, mut recorders) = Recording::start(spec, 1);
//! // A hundred requests, the n-th of which takes n milliseconds.
//! for n in 1..=100 {
//!     let sent = Time::from_nanos(n * 5_000_000);
//!     recorders[0].sample(&Sample {
//!         user: UserId(0),
//!         action: ActionIndex(0),
//!         step: StepIndex(0),
//!         intended: sent,
//!         sent,
//!         done: sent + Span::from_millis(n),
//!         outcome: Outcome::Ok,
//!         status: 200,
//!         backend: Some(0),
//!         bytes: 512,
//!     });
//! }
//! let record = recording.finish(recorders, Span::from_secs(1));
//!
//! let latency = record.total();
//! assert_eq!((record.requests(), record.errors()), (100, 0));
//! assert_eq!(latency.max(), Some(Span::from_millis(100)));
//! let p95 = latency.quantile(0.95).expect("there were requests").as_millis_f64();
//! assert!((p95 - 95.0).abs() < 0.1, "within 0.1 %: {p95} ms");
//! ```

mod cell;
mod collector;
mod combine;
mod connections;
mod failures;
mod histogram;
mod hlog;
mod observed;
mod packed;
mod packed_sum;
mod pieces;
mod population;
mod progress;
mod recorder;
mod requests;
mod sendings;
mod series;
mod slice;
mod slow;
mod spec;
mod trial;
mod watched;

pub use cell::Cell;
pub use collector::Recording;
pub use connections::ConnectionTimes;
pub use failures::{FailureRecord, merge as merge_failures};
pub use histogram::new_histogram as latency_histogram;
pub use hlog::{HlogError, HlogTrial, read_hlog, write_hlog};
pub use observed::{
    Batch, Course, FIRST_VALUE, FURTHER, MOST_VALUES, Observed, ObservedReplies, ValueNumber, WITHOUT,
};
pub use packed::PackedCell;
pub use pieces::{Piece, PieceSink};
pub use population::Population;
pub use progress::{Progress, Snapshot};
pub use recorder::Recorder;
pub use requests::RequestSink;
pub use series::{Interval, IntervalClass, SecondLatency, SecondRecord};
pub use slow::{SlowRequest, SlowSink};
pub use spec::RecordingSpec;
pub use trial::{ArrivalCounts, BackendRecord, NamedAlgorithm, StepRecord, TrialRecord, UserRecord};
pub use watched::{StepSecond, WatchSink, WatchedSecond};

#[cfg(test)]
mod tests;
