//! The folder of a suite: an index as JSON and Markdown beside the results folders of its runs.
//!
//! The index is written whenever a run begins or ends, so that a suite that is killed leaves what it has done.

mod index;
mod render;

pub use index::{Ending, Index};
pub use render::{render_markdown, render_outcome};
