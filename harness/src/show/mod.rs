//! What a terminal shows: how a run goes, what a plan says, which algorithms there are.

mod algorithms;
mod plan;
mod progress;

pub use algorithms::render_algorithms;
pub use plan::render_plan;
pub use progress::Progress;
