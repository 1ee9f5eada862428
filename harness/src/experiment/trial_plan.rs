//! What to run: a scenario with its contestants, and one of its trials.

use super::contestant::Contestant;
use lb_config::PlannedScenario;
use lb_core::workload::Schedule;
use lb_results::trial_stem;
use std::sync::Arc;

/// A scenario to run.
pub(super) struct ScenarioRun<'a> {
    /// The position of the scenario in the plan.
    pub(super) number: usize,
    pub(super) scenario: &'a PlannedScenario,
    pub(super) contestants: Vec<Contestant>,
    /// The number of blocks, unless a precision adds more.
    pub(super) blocks: u32,
}

/// A trial to run.
pub(super) struct TrialPlan<'a> {
    /// The position of the scenario in the plan.
    pub(super) scenario_number: usize,
    pub(super) scenario: &'a PlannedScenario,
    pub(super) contestant: &'a Contestant,
    pub(super) block: u32,
    /// The place of the trial within its block, from 0.
    pub(super) position: usize,
    /// 0 for the first attempt, more for repetitions of an invalid trial.
    pub(super) attempt: u32,
    pub(super) schedule: &'a Arc<Schedule>,
    /// The trial in words, such as `trial 3 of 10, least-connections`.
    pub(super) title: String,
}

impl TrialPlan<'_> {
    /// Returns the prefix of the names of all files of this trial.
    pub(super) fn stem(&self) -> String {
        trial_stem(self.scenario.slug(), &self.contestant.label, self.block, self.attempt)
    }
}
