//! Sends the load of one phase from separate threads, and reports progress while it runs.

use super::alive::watch;
use super::testbed::Testbed;
use crate::experiment::blocks::demands;
use crate::experiment::contestant::Way;
use crate::experiment::context::Context;
use crate::experiment::error::RunError;
use crate::experiment::events::{Event, PULSE_PERIOD};
use crate::experiment::fault_times::FaultTimes;
use crate::experiment::figures::{WatchedPhase, Watching};
use crate::experiment::fleet::{DealtPhase, FleetError, Played};
use crate::experiment::preflight::tls_options;
use crate::experiment::slow::{SlowParts, SlowWatch};
use crate::experiment::trial_plan::TrialPlan;
use crate::steer::Desk;
use anyhow::Context as _;
use lb_admin_client::Origin;
use lb_analysis::{Demands, generator_problems};
use lb_core::BackendFrom;
use lb_core::workload::{Scenario, Schedule};
use lb_load::{Hooks, LoadPlan, Shard, Target};
use lb_record::{Population, Progress, RequestSink, TrialRecord};
use lb_results::WorkerShare;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The name of the measured phase, the only one whose requests count.
pub(super) const MEASURE: &str = "measure";
/// The name of the only phase of a load without end.
pub(super) const ENDLESS: &str = "load";

/// One phase of load.
pub(super) struct Phase {
    /// The name of the phase: `rehearsal`, `warm-up`, [`MEASURE`] or [`ENDLESS`].
    pub(super) name: &'static str,
    pub(super) scenario: Arc<Scenario>,
    pub(super) schedule: Arc<Schedule>,
    /// Receives every request if requests are recorded.
    pub(super) requests: Option<RequestSink>,
    /// Receives slow requests, and tells of them, if they are looked for.
    pub(super) slow: Option<SlowParts>,
}

/// Plays a scenario once without faults, with the active algorithm.
pub(super) async fn rehearse(
    context: &Context<'_>,
    testbed: &Testbed,
    scenario: Arc<Scenario>,
) -> Result<TrialRecord, RunError> {
    let schedule = Arc::new(Schedule::new(Arc::clone(&scenario.workload), context.plan.seed()));
    let phase = Phase { name: "rehearsal", scenario, schedule, requests: None, slow: None };
    let (plan, hooks) = plan_load(context, testbed, Way::Through(0), phase, None, context.interrupt.flag())?;
    let record = tokio::task::spawn_blocking(move || lb_load::run(plan, hooks)).await;
    Ok(record.context("failed to run the rehearsal").map_err(RunError::Internal)??)
}

/// A phase that is ready to be sent.
pub(super) struct Ready {
    name: &'static str,
    faults: FaultTimes,
    slow: Option<SlowWatch>,
    plan: LoadPlan,
    hooks: Hooks,
    progress: Arc<Progress>,
    /// The phase as it was dealt out to workers; `None` if this process sends it.
    dealt: Option<Box<dyn DealtPhase>>,
}

/// What was sent: the record, and who sent it if this process did not.
#[derive(Default)]
pub(super) struct Sent {
    pub(super) record: TrialRecord,
    pub(super) shares: Vec<WorkerShare>,
    /// What makes the record invalid, whatever else is accepted.
    pub(super) problems: Vec<String>,
}

/// Plans a phase, and deals it out if workers send it. `None` if the user interrupts the run meanwhile.
pub(super) async fn prepare(
    context: &Context<'_>,
    testbed: &Testbed,
    plan: &TrialPlan<'_>,
    phase: Phase,
) -> Result<Option<Ready>, RunError> {
    let progress = Arc::new(Progress::default());
    let name = phase.name;
    let faults = fault_times(testbed, &phase);
    let slow = phase.slow.as_ref().map(|slow| slow.watch.clone());
    let stop = Arc::new(AtomicBool::new(false));
    let way = plan.contestant.way;
    let (load_plan, hooks) = plan_load(context, testbed, way, phase, Some(Arc::clone(&progress)), stop)?;
    let dealt = match context.fleet {
        None => None,
        Some(fleet) => {
            let (fleet, load, interrupt) = (Arc::clone(fleet), load_plan.clone(), context.interrupt.flag());
            let dealing = tokio::task::spawn_blocking(move || fleet.prepare(&load, &interrupt)).await;
            match dealing.context("failed to deal the load out").map_err(RunError::Internal)? {
                Ok(dealt) => Some(dealt),
                Err(FleetError::Stopped) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
    };
    Ok(Some(Ready { name, faults, slow, plan: load_plan, hooks, progress, dealt }))
}

impl Ready {
    /// Waits until the phase begins: at once, unless workers begin it together.
    pub(super) async fn begin(&self) {
        if let Some(dealt) = &self.dealt {
            tokio::time::sleep(dealt.begins_in()).await;
        }
    }

    /// Plays the phase to its end. Blocks.
    fn play(
        plan: LoadPlan,
        hooks: Hooks,
        dealt: Option<Box<dyn DealtPhase>>,
        demands: Demands,
    ) -> Result<Sent, RunError> {
        let Some(dealt) = dealt else {
            return Ok(Sent { record: lb_load::run(plan, hooks)?, ..Sent::default() });
        };
        let judge = move |record: &TrialRecord| generator_problems(record, demands);
        let Played { record, shares, problems } = dealt.play(hooks, &judge)?;
        Ok(Sent { record, shares, problems })
    }
}

/// Sends the load of one phase and reports its progress. Stops when the user interrupts it, and immediately
/// when the system under test is lost; `testbed` then holds the error.
pub(super) async fn send(
    context: &Context<'_>,
    testbed: &mut Testbed,
    plan: &TrialPlan<'_>,
    ready: Ready,
) -> Result<Sent, RunError> {
    let Ready { name, mut faults, slow, plan: load_plan, mut hooks, progress, dealt } = ready;
    let workload = Arc::clone(load_plan.schedule.workload());
    // Workers do not hand over their figures second by second.
    let wants_figures = context.events.wants_figures() && dealt.is_none();
    let has_aim = wants_figures && !load_plan.schedule.is_open();
    let population = has_aim.then(|| Population::of(load_plan.schedule.users()));
    let aim = |elapsed: Duration| Some(population.as_ref()?.active(elapsed.as_secs() as u32));
    let way = plan.contestant.way;
    let stop = Arc::clone(&hooks.stop);
    let about = WatchedPhase {
        trial: plan.title.clone(),
        algorithm: Some(plan.contestant.label.clone()),
        phase: name,
        workload,
        backends: load_plan.backends.clone(),
        unlisted: Arc::clone(&hooks.unlisted),
        workers: load_plan.threads(),
        progress: Arc::clone(&progress),
    };
    let started = if wants_figures { Watching::start(about, context.events) } else { None };
    let (mut watching, sink) = started.unzip();
    hooks.watch = sink;
    let watch = attached(testbed, way);
    tokio::pin!(watch);
    let begun = Instant::now();
    let demands = demands(context, plan.scenario);
    let mut load = tokio::task::spawn_blocking(move || Ready::play(load_plan, hooks, dealt, demands));
    loop {
        tokio::select! {
            result = &mut load => {
                let sent = result.context("failed to run the load").map_err(RunError::Internal)??;
                faults.end(context.events);
                if let Some(watching) = watching {
                    watching.finish(context.events, aim(begun.elapsed()), sent.record.wall.as_secs_f64());
                }
                return Ok(sent);
            }
            why = &mut watch, if testbed.lost.is_none() => {
                stop.store(true, Ordering::Relaxed);
                let balancer = testbed.through(way).map_or_else(String::new, |one| one.name.clone());
                testbed.lost = Some(RunError::BalancerLost { balancer, why });
            }
            () = tokio::time::sleep(PULSE_PERIOD) => {
                if testbed.lost.is_none() {
                    testbed.lost = testbed.check(RunError::ProcessEnded).err();
                }
                let is_spoiled = context.desk.is_some_and(Desk::ends_trial);
                if context.interrupt.is_set() || testbed.lost.is_some() || is_spoiled {
                    stop.store(true, Ordering::Relaxed);
                }
                faults.tell(context.events, begun.elapsed().as_secs_f64());
                if let Some(watching) = &mut watching {
                    watching.tell(context.events, aim(begun.elapsed()));
                }
                context.events.observe(&Event::pulse(&plan.title, name, begun.elapsed(), progress.snapshot()));
                if let Some(slow) = &slow {
                    slow.tell(context.events);
                }
            }
        }
    }
}

/// Returns when the faults of a measured phase begin and end; none if there are no mock backends.
fn fault_times(testbed: &Testbed, phase: &Phase) -> FaultTimes {
    let planned = testbed.mocks.is_some() && phase.name == MEASURE;
    let faults = if planned { &phase.scenario.topology.faults[..] } else { &[] };
    let ids: Vec<String> = testbed.backends.iter().map(|backend| backend.id.clone()).collect();
    FaultTimes::new(faults, &ids, phase.scenario.duration.as_secs_f64())
}

/// Watches a load balancer that was already running, and returns how it was lost. Never completes for one
/// that `bench` started, whose process is watched instead.
fn attached(testbed: &Testbed, way: Way) -> impl Future<Output = String> + use<> {
    let running = testbed.through(way).filter(|balancer| balancer.process.is_none());
    let watched = running.map(|one| (Arc::clone(&one.admin), Origin::parse(one.base_url.reveal()).ok()));
    async move {
        match watched {
            Some((admin, origin)) => watch(admin, origin).await,
            None => std::future::pending().await,
        }
    }
}

/// Plans the load of one phase, and sets up the hooks of the generator.
pub(super) fn plan_load(
    context: &Context<'_>,
    testbed: &Testbed,
    way: Way,
    phase: Phase,
    progress: Option<Arc<lb_record::Progress>>,
    stop: Arc<AtomicBool>,
) -> Result<(LoadPlan, Hooks), RunError> {
    let Phase { name, scenario, schedule, requests, slow } = phase;
    let direct = testbed.direct.clone().filter(|_| way == Way::Direct);
    let (target, names) = match testbed.through(way) {
        Some(balancer) => (Target::parse(balancer.base_url.reveal())?, balancer.names.clone()),
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
        tls: tls_options(context.plan),
        direct: direct.as_deref().cloned(),
        schedule: Schedule::clone(&schedule),
        shard: Shard::WHOLE,
        duration: scenario.duration,
        request_timeout: scenario.request_timeout,
        http: context.plan.http(),
        connections: context.plan.connections(),
        connect_timeout: context.plan.connect_timeout(),
        resolve_every: context.plan.resolve_every(),
        drain_timeout: context.plan.drain_timeout(),
        max_in_flight: scenario.max_in_flight,
        workers: workers(),
        cores: Vec::new(),
        backends: testbed.backends.iter().map(|backend| backend.id.clone()).collect(),
        backend_from: backend_from(context, testbed, way),
        names_backends: testbed.names_backends(way),
        request_key: testbed.mocks.is_some(),
        forwarded_for: true,
        observe: context.plan.observe().filter(|_| [MEASURE, ENDLESS].contains(&name)).cloned(),
        keep_actions: context.record_actions && name == MEASURE,
    };
    let (slow, unlisted) = slow.map(|parts| (parts.sink, parts.unlisted)).unzip();
    let unlisted = unlisted.unwrap_or_default();
    Ok((plan, Hooks { requests, progress, slow, stop, unlisted, ..Hooks::default() }))
}

/// Returns where replies name their backend along this way: what the user says of a load balancer that is already
/// running, or else what the load balancer does.
pub(super) fn backend_from(context: &Context<'_>, testbed: &Testbed, way: Way) -> BackendFrom {
    let said = context.plan.target().backend_from().filter(|_| testbed.mocks.is_none());
    let own = || testbed.through(way).map(|balancer| balancer.admin.backend_from());
    said.or_else(own).unwrap_or_default()
}

/// Returns the number of generator threads: one for every two cores, so that the system under test has at
/// least as many cores.
fn workers() -> NonZeroUsize {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    NonZeroUsize::new(cores / 2).unwrap_or(NonZeroUsize::MIN)
}
