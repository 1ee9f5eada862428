//! What comes out of a run: its summary, and how it ended.

use super::error::RunError;
use lb_results::Summary;

/// A run that measured something, or tried to.
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
    /// Everything that was asked for was done.
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
