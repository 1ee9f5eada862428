//! Load without end: what is kept of it, what is compared, and what is shown while it runs.
//!
//! A load generator that runs for weeks hands over what it recorded second by second
//! ([`Piece`](lb_record::Piece)). [`Windows`] adds the pieces up to windows of a few seconds and to hours, keeps a
//! bounded number of them, and keeps the totals. [`Marks`] compares the windows before and after a mark, which
//! somebody sets when a new version is deployed. [`families`] lists what a monitoring system reads while the load
//! runs; [`render_exposition`] and [`export_request`] write it for Prometheus and for OpenTelemetry. At the end, a
//! [`ContinuousDocument`] says what happened.
//!
//! Everything here is pure: no clock, no sockets, no files.
//!
//! ```
//! use lb_continuous::Windows;
//! use lb_core::workload::{ActionIndex, Observer, Sample, StepIndex, UserId};
//! use lb_core::{Outcome, Span, Time};
//! use lb_record::{PieceSink, Recording, RecordingSpec};
//!
//! // One request every 100 ms for a minute, each of which takes 20 ms.
//! let (sink, pieces) = PieceSink::new();
//! let spec = RecordingSpec { steps: 1, pieces: Some(sink), ..RecordingSpec::default() };
//! let (recording, mut recorders) = Recording::start(spec, 1);
//! for n in 0..600_u64 {
//!     let sent = Time::ZERO + Span::from_millis(100 * n);
//!     recorders[0].sample(&Sample {
//!         sent,
//!         intended: sent,
//!         done: sent + Span::from_millis(20),
//!         outcome: Outcome::Ok,
//!         # user: UserId(0), action: ActionIndex(0), step: StepIndex(0), status: 200, backend: None, bytes: 0,
//!         // ...
//!     });
//! }
//! recording.finish(recorders, Span::from_secs(60));
//!
//! let mut windows = Windows::new(10, 1);
//! for piece in pieces {
//!     windows.add(piece);
//! }
//! let first = &windows.recent().next().expect("a window is complete").figures;
//! assert_eq!((first.requests, first.requests_per_s), (100, 10.0));
//! assert_eq!(windows.totals().requests(), 600);
//! ```

mod compare;
mod document;
mod exposition;
mod families;
mod loads;
mod marks;
mod otlp;
mod window;
mod windows;

pub use compare::{Change, FEWEST_WINDOWS, Finding, Measure};
pub use document::{
    BackendTotals, ChangeKind, ChangeMade, ContinuousDocument, Ending, FailureTotals, RequestTotals,
    SCHEMA_VERSION, Totals,
};
pub use exposition::{MEDIA_TYPE, render_exposition};
pub use families::{Family, Kind, Point, Reading, SLOW, StepName, Value, families};
pub use loads::{Load, LoadComparison, LoadName, compare_loads};
pub use marks::{LONGEST_NAME, LONGEST_SETTLE_S, MarkError, MarkRequest, MarkState, MarkSummary, Marks};
pub use otlp::{Resource, Times, export_request};
pub use window::{Window, WindowFigures};
pub use windows::{Closed, HOURS_KEPT, RECENT_KEPT_S, Windows};
