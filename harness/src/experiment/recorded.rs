//! A driver that only has the trials that an earlier process completed.

use super::contestant::Contestant;
use super::context::Mode;
use super::driver::Driver;
use super::error::RunError;
use super::run_file::BegunScenario;
use super::trial_plan::TrialPlan;
use lb_core::Algorithm;
use lb_results::Trial;

/// A driver that runs nothing: only the trials on disk exist.
pub(super) struct Recorded<'a> {
    pub(super) begun: &'a BegunScenario,
}

impl Driver for Recorded<'_> {
    fn offered(&self) -> Option<Vec<Algorithm>> {
        None
    }

    fn contestants(&self, _algorithms: &[Algorithm], _mode: &Mode) -> Vec<Contestant> {
        self.begun.contestants.clone()
    }

    fn attempts(&self) -> u32 {
        0
    }

    async fn run(&mut self, _trial: &TrialPlan<'_>) -> Result<Option<Trial>, RunError> {
        Ok(None)
    }

    async fn end(self) -> Vec<String> {
        Vec::new()
    }
}
