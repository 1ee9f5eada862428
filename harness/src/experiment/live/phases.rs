//! One trial over real sockets, phase by phase, in the order of the table in `docs/anatomy.md`: health, drain, switch,
//! verify, warm-up, reset, measure, drain, collect, cool-down.

use super::balancer::Counted;
use super::load::{MEASURE, Phase, send};
use super::steer::{Agent, failed};
use super::testbed::Testbed;
use crate::experiment::contestant::Way;
use crate::experiment::context::Context;
use crate::experiment::error::RunError;
use crate::experiment::events::Event;
use crate::experiment::schedules::warm_up_seed;
use crate::experiment::trial_plan::TrialPlan;
use crate::testbed::MachineCpu;
use anyhow::Context as _;
use lb_admin_client::{Evidence, Snapshot};
use lb_core::trace_summary::TraceSummary;
use lb_core::workload::{Scenario, Schedule};
use lb_record::TrialRecord;
use lb_results::{MachineUse, ProcessTime, RequestsFile, SteeringRecord, Trial};
use std::sync::Arc;
use std::time::Instant;

/// Runs one trial. Returns `None` when the user interrupted it before anything was measured; what an interrupted
/// measured phase recorded is returned as far as it got.
pub(super) async fn run(
    context: &Context<'_>,
    testbed: &mut Testbed,
    plan: &TrialPlan<'_>,
) -> Result<Option<Trial>, RunError> {
    let enter = |name: &str| context.events.observe(&Event::phase(&plan.title, name));
    let way = plan.contestant.way;
    let mut notes = Vec::new();

    enter("setting up");
    check_health(testbed)?;
    drain_before(context, testbed, way).await?;
    switch(testbed, plan).await?;
    let evidence = verify(testbed, plan).await?;
    let agent = steer(context, testbed, plan).await?;
    enter("warming up");
    warm_up(context, testbed, plan).await?;
    if context.interrupt.is_set() {
        return Ok(None);
    }
    let before = reset(context, testbed, way, &mut notes).await?;
    let measured = measure(context, testbed, plan, agent, &mut notes).await?;
    let mut counted = Counted::default();
    if !measured.record.interrupted {
        enter("draining");
        drain_after(context, testbed, way, &mut notes).await;
        counted = collect(testbed, way, before, &mut notes).await?;
    }
    // After the drain, so that the outcome of every decision is known.
    let trace = stop_trace(context, testbed, way, &mut notes).await?;
    enter("cooling down");
    if !measured.record.interrupted {
        tokio::time::sleep(context.plan.cool_down().into()).await;
    }
    let evidence = serde_json::to_value(&evidence).context("failed to write down the evidence");
    let evidence = evidence.map_err(RunError::Internal)?;
    Ok(Some(measured.into_trial(testbed, plan, counted, trace, evidence, notes)))
}

/// What came out of the measured phase.
struct Measured {
    record: TrialRecord,
    /// When the phase began.
    started: jiff::Timestamp,
    processes: Vec<ProcessTime>,
    /// The share of the machine's CPUs that was in use; `None` where the system does not tell.
    busy_share: Option<f64>,
    /// What the agent that sets weights did; `None` without one.
    steering: Option<SteeringRecord>,
}

/// Health: everything that was started still runs.
fn check_health(testbed: &mut Testbed) -> Result<(), RunError> {
    testbed.check(RunError::Testbed)
}

/// Drain: nothing is in flight, and the backends forget what happened before.
async fn drain_before(context: &Context<'_>, testbed: &Testbed, way: Way) -> Result<(), RunError> {
    if let Some(balancer) = testbed.through(way) {
        balancer.drain(context).await?;
    }
    match &testbed.mocks {
        Some(mocks) => mocks.mocks.reset().await.map_err(RunError::testbed),
        None => Ok(()),
    }
}

/// Switch: the backends learn the faults of the scenario, the load balancer the algorithm.
async fn switch(testbed: &mut Testbed, plan: &TrialPlan<'_>) -> Result<(), RunError> {
    if let Some(mocks) = &testbed.mocks {
        let faults = &plan.scenario.scenario().topology.faults;
        mocks.mocks.set_faults(faults).await.map_err(RunError::testbed)?;
    }
    match plan.contestant.way {
        Way::Through(number) => testbed.balancers[number].switch(&plan.contestant.algorithm).await,
        Way::Direct => Ok(()),
    }
}

/// Verify: collects the evidence of the switch; `None` where there is no load balancer.
async fn verify(testbed: &Testbed, plan: &TrialPlan<'_>) -> Result<Option<Evidence>, RunError> {
    match testbed.through(plan.contestant.way) {
        Some(balancer) => balancer.verify(&plan.contestant.algorithm).await.map(Some),
        None => Ok(None),
    }
}

/// Starts the agent that sets weights in this trial; `None` where weights are not set.
async fn steer(
    context: &Context<'_>,
    testbed: &Testbed,
    plan: &TrialPlan<'_>,
) -> Result<Option<Agent>, RunError> {
    let (Some(balancer), Some(steering)) = (testbed.through(plan.contestant.way), plan.contestant.steering)
    else {
        return Ok(None);
    };
    let policy = context.plan.policy();
    Agent::start(balancer, steering, policy, context.plan.steering_period()).await.map(Some)
}

/// Warm-up: the busiest moment of the scenario, with other users.
async fn warm_up(context: &Context<'_>, testbed: &Testbed, plan: &TrialPlan<'_>) -> Result<(), RunError> {
    let inner = &plan.scenario.scenario();
    if inner.warm_up.is_zero() {
        return Ok(());
    }
    let workload = Arc::new(inner.workload.warm_up(inner.warm_up));
    let seed = warm_up_seed(context.plan.seed(), plan.block);
    let schedule = Arc::new(Schedule::new(Arc::clone(&workload), seed));
    let scenario = Scenario { workload, duration: inner.warm_up, ..Scenario::clone(inner) };
    let phase = Phase { name: "warm-up", scenario: Arc::new(scenario), schedule, requests: None };
    send(context, testbed, plan, phase).await.map(drop)
}

/// Reset: nothing in flight, counters at zero, and backends that forget again. Returns the counters from which the
/// measured phase counts; `None` where the load balancer does not tell.
async fn reset(
    context: &Context<'_>,
    testbed: &Testbed,
    way: Way,
    notes: &mut Vec<String>,
) -> Result<Option<Snapshot>, RunError> {
    drain_before(context, testbed, way).await?;
    match testbed.through(way) {
        Some(balancer) => balancer.begin_window(notes).await,
        None => Ok(None),
    }
}

/// Measure: the schedule runs; faults and traces begin with it.
async fn measure(
    context: &Context<'_>,
    testbed: &mut Testbed,
    plan: &TrialPlan<'_>,
    agent: Option<Agent>,
    notes: &mut Vec<String>,
) -> Result<Measured, RunError> {
    let way = plan.contestant.way;
    if let Some(mocks) = &testbed.mocks {
        mocks.mocks.start_faults().await.map_err(RunError::testbed)?;
    }
    if let Some(balancer) = testbed.through(way) {
        balancer.start_trace(context, plan).await?;
    }
    let begun = Instant::now();
    let cpu = testbed.cpu_seconds(way);
    let machine = MachineCpu::now();
    let started = jiff::Timestamp::now();
    let requests = context.requests_file(plan, &testbed.backends)?;
    let phase = Phase {
        name: MEASURE,
        scenario: Arc::clone(plan.scenario.scenario()),
        schedule: Arc::clone(plan.schedule),
        requests: requests.as_ref().map(RequestsFile::sink),
    };
    let record = send(context, testbed, plan, phase).await?;
    let processes = testbed.processes(way, &cpu);
    let busy_share = machine.and_then(|before| MachineCpu::now()?.busy_share_since(&before));
    if let Some(requests) = requests {
        requests.finish().map_err(RunError::Results)?;
    }
    testbed.check(RunError::ProcessEnded)?;
    let steering = match agent {
        Some(agent) => Some(agent.stop(begun).await?),
        None => None,
    };
    notes.extend(steering.as_ref().and_then(failed));
    Ok(Measured { record, started, processes, busy_share, steering })
}

/// Drain: requests in flight may end; one that does not is noted.
async fn drain_after(context: &Context<'_>, testbed: &Testbed, way: Way, notes: &mut Vec<String>) {
    if let Some(balancer) = testbed.through(way)
        && let Err(error) = balancer.drain(context).await
    {
        notes.push(format!("after the measured phase: {error}"));
    }
}

/// Collect: what the load balancer counted since `before`; faults end.
async fn collect(
    testbed: &Testbed,
    way: Way,
    before: Option<Snapshot>,
    notes: &mut Vec<String>,
) -> Result<Counted, RunError> {
    let counted = match testbed.through(way) {
        Some(balancer) => balancer.counted(before, notes).await,
        None => Counted::default(),
    };
    if let Some(mocks) = &testbed.mocks {
        mocks.mocks.stop_faults().await.map_err(RunError::testbed)?;
    }
    Ok(counted)
}

/// Stops the trace of decisions; `None` where none was recorded.
async fn stop_trace(
    context: &Context<'_>,
    testbed: &Testbed,
    way: Way,
    notes: &mut Vec<String>,
) -> Result<Option<TraceSummary>, RunError> {
    match testbed.through(way) {
        Some(balancer) => balancer.stop_trace(context, notes).await,
        None => Ok(None),
    }
}

impl Measured {
    /// The trial that this was, with what was collected afterwards.
    fn into_trial(
        self,
        testbed: &Testbed,
        plan: &TrialPlan<'_>,
        counted: Counted,
        trace: Option<TraceSummary>,
        evidence: serde_json::Value,
        notes: Vec<String>,
    ) -> Trial {
        let Self { record, started, processes, busy_share, steering } = self;
        let Counted { balancer, guards } = counted;
        let counted_by = testbed.through(plan.contestant.way).filter(|_| !balancer.is_empty());
        Trial {
            scenario: plan.scenario_number,
            algorithm: plan.contestant.algorithm,
            label: plan.contestant.label.clone(),
            attempt: plan.attempt,
            problems: Vec::new(),
            cut_s: 0.0,
            machine: MachineUse { cpu_wait_share: record.cpu_wait_share, busy_share },
            block: plan.block,
            position: plan.position,
            schedule_sha256: plan.schedule.sha256().to_owned(),
            started,
            record,
            backends: testbed.backends.clone(),
            balancer,
            guards: guards.filter(|guards| guards.picks > 0),
            trace,
            counted_by: counted_by.map(|balancer| balancer.name.clone()),
            steering,
            processes,
            evidence,
            notes,
        }
    }
}
