//! Compares two tests, or two folders of them: what changed, in numbers and in sentences.
//!
//! Each side is one run, so a difference is not yet evidence: it may be noise. `bench compare` judges repeated runs.

mod change;
mod document;
mod findings;
mod pair;
mod render;

pub use change::{Change, changes};
pub(crate) use change::{METRICS, joined};
pub use document::{ComparisonDocument, PairDocument};
pub(crate) use findings::of_test;
pub use pair::{Comparison, Pair, compare};
pub use render::render_comparison;
pub(crate) use render::{NAMES, change};
