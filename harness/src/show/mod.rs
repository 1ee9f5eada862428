//! Output for terminals and files: the progress and the events of a run, plans, and the table of algorithms.

mod algorithms;
mod costs;
mod event_file;
mod grades;
mod packs;
mod plan;
mod progress;
mod what_if;

pub use algorithms::render_algorithms;
pub use costs::render_costs;
pub use event_file::{EventFile, EventFileError, EventLines, replay};
pub use grades::render_grades;
pub use packs::render_packs;
pub use plan::render_plan;
pub use progress::Progress;
pub use what_if::{WhatIfDocument, render_fit, render_prediction};
