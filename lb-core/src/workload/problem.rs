//! Collects all problems of journeys, classes and stages, each with its key path.

use super::journey::JourneyError;
use crate::suggest::did_you_mean;

/// The problems found so far.
#[derive(Debug, Default)]
pub(super) struct Problems(pub(super) Vec<JourneyError>);

impl Problems {
    /// Adds a problem unless it is there already, since the same weights may be checked for several
    /// stages.
    pub(super) fn report(&mut self, path: impl Into<String>, problem: impl Into<String>) {
        let problem = JourneyError { path: path.into(), problem: problem.into() };
        if !self.0.contains(&problem) {
            self.0.push(problem);
        }
    }

    /// Returns the position of `name` in `known`, or reports that it is missing.
    pub(super) fn position(&mut self, name: &str, known: &[&str], kind: &str, path: &str) -> Option<usize> {
        let found = known.iter().position(|candidate| *candidate == name);
        if found.is_none() {
            let hint = did_you_mean(name, known.iter().copied());
            let listed = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            self.report(path, format!("no {kind} is called `{name}`{hint}; known: {listed}"));
        }
        found
    }

    /// Reports a probability outside 0 to 1.
    pub(super) fn chance(&mut self, path: impl Into<String>, chance: f64) {
        if !(0.0..=1.0).contains(&chance) {
            self.report(path, format!("{chance} must lie between 0 and 1"));
        }
    }

    /// Reports an invalid range of seconds.
    pub(super) fn seconds(&mut self, path: impl Into<String>, [low, high]: [f64; 2]) {
        if !(low.is_finite() && high.is_finite() && 0.0 <= low && low <= high) {
            self.report(path, format!("[{low}, {high}] must be [min, max] in seconds with 0 <= min <= max"));
        }
    }

    /// Reports an invalid range of counts.
    pub(super) fn counts(&mut self, path: impl Into<String>, [low, high]: [u32; 2]) {
        if low > high {
            self.report(path, format!("[{low}, {high}] must be [min, max] with min at most max"));
        }
    }

    /// Reports a weight that is negative or not a number.
    pub(super) fn weight(&mut self, path: impl Into<String>, weight: f64) {
        if !weight.is_finite() || weight < 0.0 {
            self.report(path, format!("{weight} must not be negative"));
        }
    }
}
