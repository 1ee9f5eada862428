//! Sums of what the workers of a phase hand over.

use lb_core::Span;
use lb_record::{FailureRecord, StepSecond, WatchedSecond, merge_failures};

/// What was added up.
#[derive(Default)]
pub(super) struct Sums {
    /// Requests by step.
    pub(super) steps: Vec<StepSecond>,
    /// Replies and unexpected ones, by backend.
    pub(super) backends: Vec<[u64; 2]>,
    /// Failed requests by kind.
    pub(super) failures: Vec<FailureRecord>,
}

impl Sums {
    /// Adds what a worker handed over.
    pub(super) fn add(&mut self, second: WatchedSecond) {
        self.merge(Self { steps: second.steps, backends: second.backends, failures: second.failures });
    }

    /// Adds other sums.
    pub(super) fn merge(&mut self, other: Self) {
        if self.steps.len() < other.steps.len() {
            self.steps.resize_with(other.steps.len(), StepSecond::default);
        }
        self.steps.iter_mut().zip(&other.steps).for_each(|(mine, theirs)| mine.merge(theirs));
        if self.backends.len() < other.backends.len() {
            self.backends.resize(other.backends.len(), [0; 2]);
        }
        for (mine, theirs) in self.backends.iter_mut().zip(&other.backends) {
            mine[0] += theirs[0];
            mine[1] += theirs[1];
        }
        if !other.failures.is_empty() {
            self.failures = merge_failures(std::mem::take(&mut self.failures), other.failures, Span::ZERO);
        }
    }

    /// Adds up all steps.
    pub(super) fn all(&self) -> StepSecond {
        let mut all = StepSecond::default();
        self.steps.iter().for_each(|step| all.merge(step));
        all
    }
}
