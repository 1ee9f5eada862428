//! Load without end: [`run`] sends it until it is stopped, records windows, serves live metrics and takes marks.
//!
//! Three things happen at once. The load engine hands over what its workers recorded, second by second; a thread
//! (`collect`) adds that up and writes windows to files (`files`). Another thread (`listener`) answers Prometheus, and
//! whoever sets a mark. The caller's task watches over both, exports to OpenTelemetry (`export`) and passes news on
//! to the observer, as well as what was slow (`slow`), and obeys commands (`obey`), such as for other `users`. They share
//! one state (`shared`); what it means is computed by `lb-continuous`.

mod client;
mod collect;
mod compare;
mod export;
mod files;
mod listener;
mod load;
mod obey;
mod options;
mod page;
mod read;
mod report;
mod run;
mod shared;
mod slow;
mod users;

pub use client::{MarkFailure, listening_address, set_mark};
pub use compare::{compare_folders, is_load, render_comparison};
pub use options::{DEFAULT_LISTEN, Finished, LONGEST_WINDOW_S, LiveOptions, Options};
pub use page::render_page;
pub use read::read_document;
pub use report::{render_console, render_markdown};
pub use run::run;

/// The file in the results folder that says where the running process listens.
pub const LISTENER_FILE: &str = "listener.json";

/// The file of the results folder with everything that is known at the end.
pub const DOCUMENT_FILE: &str = "continuous.json";
