//! Runs one trial over real sockets, phase by phase, in the order of the table in `docs/anatomy.md`: health,
//! drain, switch, verify, warm-up, reset, measure, drain, collect, cool-down.

use super::balancer::{Counted, WindowStart};
use super::load::{MEASURE, Phase, Sent, backend_from, prepare, send};
use super::sample;
use super::steer::{Agent, failed};
use super::testbed::Testbed;
use crate::experiment::contestant::Way;
use crate::experiment::context::Context;
use crate::experiment::error::RunError;
use crate::experiment::events::Event;
use crate::experiment::schedules::warm_up_seed;
use crate::experiment::slow::SlowLog;
use crate::experiment::trial_plan::TrialPlan;
use crate::steer::Desk;
use crate::testbed::MachineCpu;
use anyhow::Context as _;
use lb_admin_client::Evidence;
use lb_core::trace_summary::TraceSummary;
use lb_core::workload::{Scenario, Schedule};
use lb_record::TrialRecord;
use lb_results::{MachineUse, ProcessTime, RequestsFile, ResourceRecord, SteeringRecord, Trial, WorkerShare};
use std::sync::Arc;
use std::time::Instant;

/// Runs one trial. Returns `None` if the user interrupted it before anything was measured. If the measured
/// phase was interrupted, returns what was recorded so far.
pub(super) async fn run(
    context: &Context<'_>,
    testbed: &mut Testbed,
    plan: &TrialPlan<'_>,
) -> Result<Option<Trial>, RunError> {
    let enter = |name: &str| context.events.observe(&Event::phase(&plan.title, name));
    let way = plan.contestant.way;
    let mut notes = Vec::new();

    enter("setting up");
    if let Some(desk) = context.desk {
        desk.set_mocks(testbed.reachable_mocks());
    }
    check_health(testbed)?;
    drain_before(context, testbed, way).await?;
    switch(testbed, plan).await?;
    let evidence = verify(testbed, plan).await?;
    let agent = steer(context, testbed, plan).await?;
    enter("warming up");
    let lost = warm_up(context, testbed, plan).await?;
    if context.interrupt.is_set() || testbed.lost.is_some() {
        if let Some(agent) = agent {
            agent.stop(Instant::now()).await?;
        }
        return Ok(None);
    }
    let before = reset(context, testbed, way, &mut notes).await?;
    let logged = match testbed.through(way) {
        Some(balancer) => balancer.log_length().await?,
        None => 0,
    };
    let Some(mut measured) = measure(context, testbed, plan, agent, &mut notes).await? else {
        return Ok(None);
    };
    measured.problems.splice(0..0, lost);
    let mut counted = Counted::default();
    if !measured.record.interrupted {
        enter("draining");
        drain_after(context, testbed, way, &mut notes).await;
        counted = collect(testbed, way, before, &mut notes).await?;
        notes.extend(unnamed(context, testbed, way, &measured.record, !counted.balancer.is_empty()));
    }
    // After the drain, so that the outcome of every request and of every decision is known.
    if testbed.lost.is_none()
        && let Some(balancer) = testbed.through(way)
    {
        balancer.copy_log(context, plan, logged).await?;
    }
    let trace = match testbed.lost {
        Some(_) => None,
        None => stop_trace(context, testbed, way, &mut notes).await?,
    };
    enter("cooling down");
    if !measured.record.interrupted {
        tokio::time::sleep(context.plan.cool_down().into()).await;
    }
    let evidence = serde_json::to_value(&evidence).context("failed to write the evidence as JSON");
    let evidence = evidence.map_err(RunError::Internal)?;
    Ok(Some(measured.into_trial(testbed, plan, counted, trace, evidence, notes)))
}

/// The results of the measured phase.
struct Measured {
    record: TrialRecord,
    /// What each worker did; empty if this process sent the load.
    shares: Vec<WorkerShare>,
    /// What makes the record invalid, whatever else is accepted.
    problems: Vec<String>,
    /// When the phase began.
    started: jiff::Timestamp,
    /// What scraped targets said; `None` if nothing was scraped.
    resources: Option<ResourceRecord>,
    processes: Vec<ProcessTime>,
    /// The share of the machine's CPU time that was in use, from 0 to 1; `None` if the system does not report
    /// it.
    busy_share: Option<f64>,
    /// The record of the agent that set weights; `None` if there was no agent.
    steering: Option<SteeringRecord>,
}

/// Health: checks that everything that was started is still running.
fn check_health(testbed: &mut Testbed) -> Result<(), RunError> {
    testbed.check(RunError::Testbed)
}

/// Drain: waits until nothing is in flight, and resets the backends.
async fn drain_before(context: &Context<'_>, testbed: &Testbed, way: Way) -> Result<(), RunError> {
    if let Some(balancer) = testbed.through(way) {
        balancer.drain(context).await?;
    }
    match &testbed.mocks {
        Some(mocks) => mocks.mocks.reset().await.map_err(RunError::testbed),
        None => Ok(()),
    }
}

/// Switch: sets the faults of the scenario in the backends, and the algorithm in the load balancer.
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

/// Verify: collects the evidence of the switch; `None` if nothing was switched.
async fn verify(testbed: &Testbed, plan: &TrialPlan<'_>) -> Result<Option<Evidence>, RunError> {
    match testbed.through(plan.contestant.way) {
        Some(balancer) => balancer.verify(&plan.contestant.algorithm).await,
        None => Ok(None),
    }
}

/// Starts the agent that sets weights in this trial. Returns `None` if weights are not set.
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

/// Warm-up: sends the load of the busiest moment of the scenario, with different users.
async fn warm_up(
    context: &Context<'_>,
    testbed: &mut Testbed,
    plan: &TrialPlan<'_>,
) -> Result<Vec<String>, RunError> {
    let inner = &plan.scenario.scenario();
    if inner.warm_up.is_zero() {
        return Ok(Vec::new());
    }
    let workload = Arc::new(inner.workload.warm_up(inner.warm_up));
    let seed = warm_up_seed(context.plan.seed(), plan.block);
    let schedule = Arc::new(Schedule::new(Arc::clone(&workload), seed));
    let scenario = Scenario { workload, duration: inner.warm_up, ..Scenario::clone(inner) };
    let phase = Phase { name: "warm-up", scenario: Arc::new(scenario), schedule, requests: None, slow: None };
    let Some(ready) = prepare(context, testbed, plan, phase).await? else { return Ok(Vec::new()) };
    ready.begin().await;
    let sent = send(context, testbed, plan, ready).await?;
    Ok(sent.problems.into_iter().map(|problem| format!("in the warm-up, {problem}")).collect())
}

/// Reset: drains again, and resets the backends and the counters. Returns the counters at the beginning of
/// the measured phase.
async fn reset(
    context: &Context<'_>,
    testbed: &Testbed,
    way: Way,
    notes: &mut Vec<String>,
) -> Result<WindowStart, RunError> {
    drain_before(context, testbed, way).await?;
    match testbed.through(way) {
        Some(balancer) => balancer.begin_window(notes).await,
        None => Ok(WindowStart::default()),
    }
}

/// Measure: runs the schedule, and starts faults and traces with it. `None` if the user interrupts the run before it
/// begins.
async fn measure(
    context: &Context<'_>,
    testbed: &mut Testbed,
    plan: &TrialPlan<'_>,
    agent: Option<Agent>,
    notes: &mut Vec<String>,
) -> Result<Option<Measured>, RunError> {
    let way = plan.contestant.way;
    let requests = context.requests_file(plan, &testbed.backends)?;
    let slow = SlowLog::create(context, plan, &testbed.backends)?;
    let phase = Phase {
        name: MEASURE,
        scenario: Arc::clone(plan.scenario.scenario()),
        schedule: Arc::clone(plan.schedule),
        requests: requests.as_ref().map(RequestsFile::sink),
        slow: slow.as_ref().map(SlowLog::parts),
    };
    // Before workers are told when to begin.
    if let Some(balancer) = testbed.through(way) {
        balancer.start_trace(context, plan).await?;
    }
    let Some(ready) = prepare(context, testbed, plan, phase).await? else {
        stop_trace(context, testbed, way, notes).await?;
        if let Some(agent) = agent {
            agent.stop(Instant::now()).await?;
        }
        return Ok(None);
    };
    ready.begin().await;
    if let Some(mocks) = &testbed.mocks {
        mocks.mocks.start_faults().await.map_err(RunError::testbed)?;
    }
    let begun = Instant::now();
    let cpu = testbed.cpu_seconds(way);
    let machine = MachineCpu::now();
    let started = jiff::Timestamp::now();
    let sampler = sample::start(context, testbed, plan, begun);
    let Sent { mut record, shares, problems } = send(context, testbed, plan, ready).await?;
    // A trial that a command ended is invalid, but the run goes on.
    let goes_on = !context.interrupt.is_set() && testbed.lost.is_none();
    if goes_on && context.desk.is_some_and(Desk::ends_trial) {
        record.interrupted = false;
    }
    let resources = match sampler {
        Some(sampler) => Some(sampler.stop().await),
        None => None,
    };
    let mut processes = testbed.processes(way, &cpu);
    book_workers(&mut processes, &shares);
    let busy_share = machine.and_then(|before| MachineCpu::now()?.busy_share_since(&before));
    if let Some(requests) = requests {
        requests.finish().map_err(RunError::Results)?;
    }
    if let Some(slow) = slow {
        notes.extend(slow.finish(context.events)?);
    }
    if testbed.lost.is_none() {
        testbed.check(RunError::ProcessEnded)?;
    }
    let steering = match agent {
        Some(agent) => Some(agent.stop(begun).await?),
        None => None,
    };
    notes.extend(steering.as_ref().and_then(failed));
    Ok(Some(Measured { record, shares, problems, started, resources, processes, busy_share, steering }))
}

/// Books the CPU time of workers as the generator's, in place of that of this process, which only led them.
fn book_workers(processes: &mut [ProcessTime], shares: &[WorkerShare]) {
    let generator = processes.iter_mut().find(|process| process.name == "generator");
    if let Some(generator) = generator.filter(|_| !shares.is_empty()) {
        generator.cpu_s = shares.iter().filter_map(|share| share.cpu_s).sum();
    }
}

/// Drain: waits for requests in flight, and adds a note if some do not end.
async fn drain_after(context: &Context<'_>, testbed: &Testbed, way: Way, notes: &mut Vec<String>) {
    if let Some(balancer) = testbed.through(way)
        && let Err(error) = balancer.drain(context).await
    {
        notes.push(format!("after the measured phase: {error}"));
    }
}

/// Collect: reads what the load balancer counted since `before`, and ends the faults.
async fn collect(
    testbed: &Testbed,
    way: Way,
    before: WindowStart,
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

/// Warns if no reply names its backend although the user says where. `counted` says whether the load balancer itself
/// counts by backend.
fn unnamed(
    context: &Context<'_>,
    testbed: &Testbed,
    way: Way,
    record: &TrialRecord,
    counted: bool,
) -> Option<String> {
    let target = context.plan.target();
    let is_told = target.backend_from().is_some() || !target.backends().is_empty();
    let named = record.backends.iter().any(|backend| backend.requests() > 0);
    if testbed.mocks.is_some() || !is_told || named || record.successes().count() == 0 {
        return None;
    }
    let from = backend_from(context, testbed, way);
    let missing = match counted {
        true => "latencies by backend are missing",
        false => "results by backend are left out",
    };
    let place =
        if target.declared().is_some() { "`backend_from`" } else { "--backend-from or `bench.backend_from`" };
    Some(format!(
        "no reply names its backend in {from}, so {missing}; `bench doctor` shows what replies hold, and {place} says \
         where the name is"
    ))
}

/// Stops the trace of decisions, and returns its summary; `None` if no trace was recorded.
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
    /// Makes the trial from the measurements and what was collected afterwards.
    fn into_trial(
        self,
        testbed: &Testbed,
        plan: &TrialPlan<'_>,
        counted: Counted,
        trace: Option<TraceSummary>,
        evidence: serde_json::Value,
        notes: Vec<String>,
    ) -> Trial {
        let Self { record, shares, problems, started, resources, processes, busy_share, steering } = self;
        let Counted { balancer, guards, retries } = counted;
        let counted_by = testbed.through(plan.contestant.way).filter(|_| !balancer.is_empty());
        Trial {
            scenario: plan.scenario_number,
            algorithm: plan.contestant.algorithm,
            label: plan.contestant.label.clone(),
            attempt: plan.attempt,
            problems,
            accepted: Vec::new(),
            cut_s: 0.0,
            machine: MachineUse { cpu_wait_share: record.cpu_wait_share, busy_share },
            block: plan.block,
            position: plan.position,
            schedule_sha256: plan.schedule.sha256().to_owned(),
            started,
            record,
            backends: testbed.backends.clone(),
            balancer,
            retries,
            guards: guards.filter(|guards| guards.picks > 0),
            trace,
            counted_by: counted_by.map(|balancer| balancer.name.clone()),
            steering,
            resources,
            processes,
            workers: shares,
            evidence,
            notes,
        }
    }
}
