//! Load of one phase: sent from threads of its own, reported while it runs.

use super::testbed::Testbed;
use crate::experiment::contestant::Way;
use crate::experiment::context::Context;
use crate::experiment::error::RunError;
use crate::experiment::events::{Event, PULSE_PERIOD};
use crate::experiment::trial_plan::TrialPlan;
use anyhow::Context as _;
use lb_core::workload::{Scenario, Schedule};
use lb_load::{Hooks, LoadPlan, Shard, Target};
use lb_record::{RequestSink, TrialRecord};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Instant;

/// The phase whose requests count.
pub(super) const MEASURE: &str = "measure";

/// One phase of load.
pub(super) struct Phase {
    /// The name of the phase: `rehearsal`, `warm-up` or [`MEASURE`].
    pub(super) name: &'static str,
    pub(super) scenario: Arc<Scenario>,
    pub(super) schedule: Arc<Schedule>,
    /// Takes every request, where requests are recorded.
    pub(super) requests: Option<RequestSink>,
}

/// Plays a scenario once without faults, with the algorithm that is active.
pub(super) async fn rehearse(
    context: &Context<'_>,
    testbed: &Testbed,
    scenario: Arc<Scenario>,
) -> Result<TrialRecord, RunError> {
    let schedule = Arc::new(Schedule::new(Arc::clone(&scenario.workload), context.plan.seed()));
    let phase = Phase { name: "rehearsal", scenario, schedule, requests: None };
    let (plan, hooks) = plan_load(context, testbed, Way::Through(0), phase, None)?;
    let record = tokio::task::spawn_blocking(move || lb_load::run(plan, hooks)).await;
    Ok(record.context("failed to run the rehearsal").map_err(RunError::Internal)??)
}

/// Sends the load of one phase, and reports how it goes.
pub(super) async fn send(
    context: &Context<'_>,
    testbed: &Testbed,
    plan: &TrialPlan<'_>,
    phase: Phase,
) -> Result<TrialRecord, RunError> {
    let progress = Arc::new(lb_record::Progress::default());
    let name = phase.name;
    let (load_plan, hooks) =
        plan_load(context, testbed, plan.contestant.way, phase, Some(Arc::clone(&progress)))?;
    let begun = Instant::now();
    let mut load = tokio::task::spawn_blocking(move || lb_load::run(load_plan, hooks));
    loop {
        tokio::select! {
            result = &mut load => {
                return Ok(result.context("failed to run the load").map_err(RunError::Internal)??);
            }
            () = tokio::time::sleep(PULSE_PERIOD) => {
                context.events.observe(&Event::pulse(&plan.title, name, begun.elapsed(), progress.snapshot()));
            }
        }
    }
}

/// Plans the load of one phase, and gathers what the generator needs of this process.
fn plan_load(
    context: &Context<'_>,
    testbed: &Testbed,
    way: Way,
    phase: Phase,
    progress: Option<Arc<lb_record::Progress>>,
) -> Result<(LoadPlan, Hooks), RunError> {
    let Phase { name, scenario, schedule, requests } = phase;
    let direct = testbed.direct.clone().filter(|_| way == Way::Direct);
    let (target, names) = match testbed.through(way) {
        Some(balancer) => (Target::parse(&balancer.base_url)?, balancer.names.clone()),
        None => {
            let first = direct.as_ref().and_then(|direct| direct.backends.first());
            let first = first.context("failed to find backends to connect to").map_err(RunError::Internal)?;
            (Target::at(*first), None)
        }
    };
    let plan = LoadPlan {
        phase: name.to_owned(),
        algorithm_names: names.filter(|_| name == MEASURE),
        target,
        direct: direct.as_deref().cloned(),
        schedule: Schedule::clone(&schedule),
        shard: Shard::WHOLE,
        duration: scenario.duration,
        request_timeout: scenario.request_timeout,
        drain_timeout: context.plan.drain_timeout(),
        max_in_flight: scenario.max_in_flight,
        workers: workers(),
        cores: Vec::new(),
        backends: testbed.backends.iter().map(|backend| backend.id.clone()).collect(),
        request_key: testbed.mocks.is_some(),
        forwarded_for: true,
        keep_actions: context.record_actions && name == MEASURE,
    };
    Ok((plan, Hooks { requests, progress, stop: context.interrupt.flag() }))
}

/// The number of generator threads: one for two cores, so that what is under test keeps at least as many.
fn workers() -> NonZeroUsize {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    NonZeroUsize::new(cores / 2).unwrap_or(NonZeroUsize::MIN)
}
