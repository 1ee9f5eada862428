//! Output for terminals and files: the progress and the events of a run, plans, and the table of algorithms.

mod algorithms;
mod event_file;
mod plan;
mod progress;

pub use algorithms::render_algorithms;
pub use event_file::{EventFile, EventFileError, replay};
pub use plan::render_plan;
pub use progress::Progress;
