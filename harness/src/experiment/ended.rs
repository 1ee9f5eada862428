//! The result of a run: its summary, and how it ended.

use super::error::RunError;
use lb_results::Summary;

/// The result of a run that could begin.
#[derive(Debug)]
pub struct Run {
    /// The results, as far as the run got.
    pub summary: Summary,
    /// How the run ended.
    pub ended: Ended,
}

/// How a run ended.
#[derive(Debug)]
pub enum Ended {
    /// The run is complete.
    Complete,
    /// The user interrupted the run; complete trials are kept.
    Interrupted,
    /// An error ended the run; complete trials are kept.
    Failed(RunError),
}

impl Ended {
    /// The name in events: `complete`, `interrupted` or `failed`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Interrupted => "interrupted",
            Self::Failed(_) => "failed",
        }
    }
}
