//! What is to be run, as data: a scenario with its contestants, and one trial of it.

use super::contestant::Contestant;
use lb_config::PlannedScenario;
use lb_core::workload::Schedule;
use lb_results::trial_stem;
use std::sync::Arc;

/// One scenario to be run.
pub(super) struct ScenarioRun<'a> {
    /// The position of the scenario in the plan.
    pub(super) number: usize,
    pub(super) scenario: &'a PlannedScenario,
    pub(super) contestants: Vec<Contestant>,
}

/// One trial to be run.
pub(super) struct TrialPlan<'a> {
    /// The position of the scenario in the plan.
    pub(super) scenario_number: usize,
    pub(super) scenario: &'a PlannedScenario,
    pub(super) contestant: &'a Contestant,
    pub(super) block: u32,
    /// The place of the trial within its block, from 0.
    pub(super) position: usize,
    /// 0, or 1 for the repetition of an invalid trial.
    pub(super) attempt: u32,
    pub(super) schedule: &'a Arc<Schedule>,
    /// The trial in words, such as `trial 3 of 10, least-connections`.
    pub(super) title: String,
}

impl TrialPlan<'_> {
    /// The part that the names of all files of this trial begin with.
    pub(super) fn stem(&self) -> String {
        let scenario = &self.scenario.scenario().name;
        trial_stem(scenario, &self.contestant.label, self.block, self.attempt)
    }
}
