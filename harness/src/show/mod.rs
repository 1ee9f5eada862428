//! What a terminal shows, and what a file keeps: how a run goes, what a plan says, which algorithms there are.

mod algorithms;
mod event_file;
mod plan;
mod progress;

pub use algorithms::render_algorithms;
pub use event_file::{EventFile, EventFileError, replay};
pub use plan::render_plan;
pub use progress::Progress;
