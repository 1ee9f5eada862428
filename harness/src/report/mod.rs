//! What a person reads: tables on the console and live progress. Both only read finished or shared
//! numbers; they decide nothing.

mod algorithms;
mod console;
mod plan;
mod progress;

pub use algorithms::render_algorithms;
pub use console::{render_summary, scenario_tables};
pub use plan::render_plan;
pub use progress::{Progress, Pulse};
