//! The complete trials that an earlier process left of a run.

use super::contestant::Contestant;
use super::error::RunError;
use lb_results::Trial;
use std::cell::{Cell, RefCell};

/// The complete trials on disk that were not taken yet.
#[derive(Debug, Default)]
pub(super) struct RecordedTrials {
    trials: RefCell<Vec<Trial>>,
    /// Whether a requested trial was missing.
    missing: Cell<bool>,
}

impl RecordedTrials {
    pub(super) fn new(trials: Vec<Trial>) -> Self {
        Self { trials: RefCell::new(trials), missing: Cell::new(false) }
    }

    /// Returns the number of trials that have not been taken yet.
    pub(super) fn len(&self) -> usize {
        self.trials.borrow().len()
    }

    /// Takes all attempts of one trial, in order.
    ///
    /// # Errors
    /// The trials followed another schedule.
    pub(super) fn take(
        &self,
        scenario: usize,
        label: &str,
        block: u32,
        schedule_sha256: &str,
    ) -> Result<Vec<Trial>, RunError> {
        let wanted =
            |trial: &mut Trial| trial.scenario == scenario && trial.label == label && trial.block == block;
        let mut taken: Vec<Trial> = self.trials.borrow_mut().extract_if(.., wanted).collect();
        taken.sort_by_key(|trial| trial.attempt);
        match taken.iter().find(|trial| trial.schedule_sha256 != schedule_sha256) {
            Some(other) => Err(RunError::Plan(anyhow::anyhow!(
                "the trial of {label} in block {} on disk followed schedule {}, but this run has \
                {schedule_sha256}; \
                 start a new run in another folder",
                block + 1,
                other.schedule_sha256
            ))),
            None => Ok(taken),
        }
    }

    /// Returns whether each contestant has a trial that counts in each of the first `blocks` blocks.
    pub(super) fn hold_all(&self, scenario: usize, contestants: &[Contestant], blocks: u32) -> bool {
        let trials = self.trials.borrow();
        let counts = |label: &str, block: u32| {
            trials.iter().any(|trial| {
                trial.scenario == scenario
                    && trial.label == label
                    && trial.block == block
                    && trial.problems.is_empty()
            })
        };
        contestants.iter().all(|contestant| (0..blocks).all(|block| counts(&contestant.label, block)))
    }

    /// Returns whether a requested trial was missing.
    pub(super) fn are_missing_some(&self) -> bool {
        self.missing.get()
    }

    /// Records that a requested trial was missing.
    pub(super) fn miss(&self) {
        self.missing.set(true);
    }
}
