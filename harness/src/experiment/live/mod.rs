//! Runs trials over real sockets. Every algorithm gets the same backends in the same state, with the same
//! faults at the same offsets: [`LiveTrials::run`](Driver::run) takes each trial through the phases listed in
//! `docs/anatomy.md`, each of which is a function in `phases`.

mod alive;
mod balancer;
mod before;
mod connect;
mod endless;
mod load;
mod phases;
mod request_log;
mod sample;
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

pub use endless::Stand;

/// Runs the trials of one scenario against real processes.
pub(super) struct LiveTrials<'a> {
    context: &'a Context<'a>,
    testbed: Testbed,
}

impl<'a> LiveTrials<'a> {
    /// Starts the processes that a scenario needs, or connects to a load balancer that is already running.
    pub(super) async fn start(
        context: &'a Context<'a>,
        number: usize,
        choice: &Choice,
    ) -> Result<Self, RunError> {
        let testbed = connect::start(context, number, choice).await?;
        sample::check(context, &testbed).await?;
        Ok(Self { context, testbed })
    }

    /// Plays a scenario once without faults, with the active algorithm.
    pub(super) async fn rehearse(&self, scenario: Arc<Scenario>) -> Result<TrialRecord, RunError> {
        load::rehearse(self.context, &self.testbed, scenario).await
    }

    /// Returns the algorithms that the load balancers can switch to.
    pub(super) fn algorithms(&self) -> Vec<Algorithm> {
        self.testbed.algorithms()
    }
}

impl Driver for LiveTrials<'_> {
    fn offered(&self) -> Option<Vec<Algorithm>> {
        Some(self.algorithms())
    }

    fn contestants(&self, algorithms: &[Algorithm], mode: &Mode) -> Vec<Contestant> {
        match mode {
            Mode::Aa => {
                let twice =
                    |algorithm: &Algorithm| Contestant::twice(*algorithm, self.testbed.steers(*algorithm));
                algorithms.iter().flat_map(twice).collect()
            }
            _ => {
                let direct = self.testbed.direct.is_some().then(Contestant::direct);
                direct.into_iter().chain(Contestant::of(&self.testbed.entrants(algorithms))).collect()
            }
        }
    }

    async fn run(&mut self, trial: &TrialPlan<'_>) -> Result<Option<Trial>, RunError> {
        phases::run(self.context, &mut self.testbed, trial).await
    }

    fn take_failure(&mut self) -> Option<RunError> {
        self.testbed.lost.take()
    }

    async fn end(self) -> Vec<String> {
        self.testbed.stop().await
    }
}
