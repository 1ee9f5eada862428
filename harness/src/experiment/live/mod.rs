//! Trials over real sockets. Every algorithm meets the same backends in the same state, with the same faults at the
//! same offsets: [`LiveTrials::run`](Driver::run) takes each trial through the phases of the table in
//! `docs/anatomy.md`, one function of `phases` each.

mod balancer;
mod connect;
mod load;
mod phases;
mod steer;
mod testbed;

use super::contestant::Contestant;
use super::context::{Context, Mode};
use super::driver::Driver;
use super::error::RunError;
use super::trial_plan::TrialPlan;
use crate::testbed::Choice;
use lb_core::Algorithm;
use lb_core::workload::Scenario;
use lb_record::TrialRecord;
use lb_results::Trial;
use std::sync::Arc;
use testbed::Testbed;

/// Runs the trials of one scenario against real processes.
pub(super) struct LiveTrials<'a> {
    context: &'a Context<'a>,
    testbed: Testbed,
}

impl<'a> LiveTrials<'a> {
    /// Starts what a scenario needs, or connects to a load balancer that runs already.
    pub(super) async fn start(
        context: &'a Context<'a>,
        number: usize,
        choice: &Choice,
    ) -> Result<Self, RunError> {
        Ok(Self { context, testbed: connect::start(context, number, choice).await? })
    }

    /// Plays a scenario once without faults, with the algorithm that is active.
    pub(super) async fn rehearse(&self, scenario: Arc<Scenario>) -> Result<TrialRecord, RunError> {
        load::rehearse(self.context, &self.testbed, scenario).await
    }

    /// The algorithms that the load balancers can switch to.
    pub(super) fn algorithms(&self) -> Vec<Algorithm> {
        self.testbed.algorithms()
    }
}

impl Driver for LiveTrials<'_> {
    fn offered(&self) -> Option<Vec<Algorithm>> {
        Some(self.algorithms())
    }

    fn contestants(&self, algorithms: &[Algorithm], mode: &Mode) -> Vec<Contestant> {
        match (mode, algorithms.first()) {
            (Mode::Aa, Some(algorithm)) => Contestant::twice(*algorithm, self.testbed.steers(*algorithm)),
            _ => {
                let direct = self.testbed.direct.is_some().then(Contestant::direct);
                direct.into_iter().chain(Contestant::of(&self.testbed.entrants(algorithms))).collect()
            }
        }
    }

    async fn run(&mut self, trial: &TrialPlan<'_>) -> Result<Option<Trial>, RunError> {
        phases::run(self.context, &mut self.testbed, trial).await
    }

    async fn end(self) {
        self.testbed.stop().await;
    }
}
