//! One trial over real sockets: health, drain, switch, verify, warm-up, reset, measure, drain,
//! collect, cool-down. Every algorithm meets the same backends in the same state, with the same
//! faults at the same offsets.

mod connect;
mod driven;
mod steer;

use super::blocks::TrialPlan;
use super::contestant::Way;
use super::run::Context;
use super::schedules::warm_up_seed;
use crate::exit::{ExitCode, Failure, OrExit};
use crate::show::{Progress, Pulse};
use crate::testbed::{Backends, MachineCpu, cpu_seconds};
use anyhow::Context as _;
use driven::{Counted, Driven};
use lb_core::workload::{Scenario, Schedule};
use lb_load::{Direct, Hooks, LoadPlan, Shard, Target};
use lb_record::{RequestSink, TrialRecord};
use lb_results::RequestsFile;
use lb_results::{ListedBackend, MachineUse, ProcessTime, Trial};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Instant;
use steer::Agent;

/// The phase whose requests count.
const MEASURE: &str = "measure";

/// One phase of load.
struct Phase {
    name: &'static str,
    scenario: Arc<Scenario>,
    schedule: Arc<Schedule>,
    requests: Option<RequestSink>,
}

/// What the trials of one scenario drive.
pub(super) struct LiveTrials {
    /// The backends, where `bench` started them.
    mocks: Option<Backends>,
    /// The load balancers before them: one, or those that are compared.
    driven: Vec<Driven>,
    /// The way past them.
    direct: Option<Arc<Direct>>,
    /// The backends as far as they are known: of the topology, or as the load balancer lists them.
    backends: Vec<ListedBackend>,
}

impl LiveTrials {
    /// Plays a scenario once without faults, whatever algorithm is active.
    pub(super) async fn rehearse(
        &self,
        context: &Context<'_>,
        scenario: Arc<Scenario>,
    ) -> Result<TrialRecord, Failure> {
        let schedule = Arc::new(Schedule::new(Arc::clone(&scenario.workload), context.plan.seed));
        let phase = Phase { name: "rehearsal", scenario, schedule, requests: None };
        let (plan, hooks) = self.plan_load(context, Way::Through(0), phase, None)?;
        let record = tokio::task::spawn_blocking(move || lb_load::run(plan, hooks)).await;
        record.context("failed to run the rehearsal")?.or_exit(ExitCode::Preflight)
    }

    /// Runs one trial. None when the user interrupted it before anything was measured; what an
    /// interrupted measured phase recorded is given back as far as it got.
    pub(super) async fn trial(
        &mut self,
        context: &Context<'_>,
        plan: &TrialPlan<'_>,
        progress: &mut Progress,
    ) -> Result<Option<Trial>, Failure> {
        let inner = &plan.scenario.scenario;
        let way = plan.contestant.way;
        let mut notes = Vec::new();
        progress.phase(&plan.progress, "setting up");
        self.set_up(context, plan).await?;
        let evidence = match self.through(way) {
            Some(driven) => Some(driven.verify(&plan.contestant.algorithm).await?),
            None => None,
        };

        let agent = self.agent(context, plan).await?;

        progress.phase(&plan.progress, "warming up");
        if !inner.warm_up.is_zero() {
            let warm_up = Arc::new(inner.workload.warm_up(inner.warm_up));
            let seed = warm_up_seed(context.plan.seed, plan.block);
            let schedule = Arc::new(Schedule::new(Arc::clone(&warm_up), seed));
            let scenario = Scenario { workload: warm_up, duration: inner.warm_up, ..Scenario::clone(inner) };
            let phase = Phase { name: "warm-up", scenario: Arc::new(scenario), schedule, requests: None };
            self.load(context, plan, phase, progress).await?;
        }
        if context.interrupt.is_set() {
            return Ok(None);
        }
        self.between_phases(context, way).await?;
        let before = match self.through(way) {
            Some(driven) => driven.begin_window(&mut notes).await?,
            None => None,
        };

        if let Some(mocks) = &self.mocks {
            mocks.mocks.start_faults().await.or_exit(ExitCode::Preflight)?;
        }
        if let Some(driven) = self.through(way) {
            driven.start_trace(context, plan).await?;
        }
        let measured = Instant::now();
        let cpu = self.cpu_seconds(way);
        let machine = MachineCpu::now();
        let started = jiff::Timestamp::now();
        let requests = plan.requests_file(context, &self.backends)?;
        let phase = Phase {
            name: MEASURE,
            scenario: Arc::clone(inner),
            schedule: Arc::clone(plan.schedule),
            requests: requests.as_ref().map(RequestsFile::sink),
        };
        let record = self.load(context, plan, phase, progress).await?;
        let processes = self.processes(way, &cpu);
        let busy_share = machine.and_then(|before| MachineCpu::now()?.busy_share_since(&before));
        if let Some(requests) = requests {
            requests.finish().or_exit(ExitCode::Preflight)?;
        }
        self.check(ExitCode::InvalidTrials)?;
        let steering = match agent {
            Some(agent) => Some(agent.stop(measured).await?),
            None => None,
        };
        notes.extend(steering.as_ref().and_then(steer::failed));

        let mut counted = Counted::default();
        if !record.interrupted {
            progress.phase(&plan.progress, "draining");
            if let Some(driven) = self.through(way) {
                if let Err(error) = driven.drain(context).await {
                    notes.push(format!("after the measured phase: {error}"));
                }
                counted = driven.counted(before, &mut notes).await;
            }
            if let Some(mocks) = &self.mocks {
                mocks.mocks.stop_faults().await.or_exit(ExitCode::Preflight)?;
            }
        }
        // After the drain, so that all outcomes are there.
        let trace = match self.through(way) {
            Some(driven) => driven.stop_trace(context, &mut notes).await?,
            None => None,
        };
        progress.phase(&plan.progress, "cooling down");
        if !record.interrupted {
            tokio::time::sleep(context.plan.cool_down.into()).await;
        }

        let Counted { balancer, guards } = counted;
        let counted_by = self.through(way).filter(|_| !balancer.is_empty()).map(|driven| driven.name.clone());
        Ok(Some(Trial {
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
            backends: self.backends.clone(),
            balancer,
            guards: guards.filter(|guards| guards.picks > 0),
            trace,
            counted_by,
            steering,
            processes,
            evidence: serde_json::to_value(&evidence).context("failed to write down the evidence")?,
            notes,
        }))
    }

    /// Whoever sets weights in this trial.
    async fn agent(&self, context: &Context<'_>, plan: &TrialPlan<'_>) -> Result<Option<Agent>, Failure> {
        let (Some(driven), Some(steering)) = (self.through(plan.contestant.way), plan.contestant.steering)
        else {
            return Ok(None);
        };
        let policy = context.plan.policy.as_ref();
        Agent::start(driven, steering, policy, context.plan.steering_period).await.map(Some)
    }

    /// The load balancer on this way.
    fn through(&self, way: Way) -> Option<&Driven> {
        match way {
            Way::Through(number) => self.driven.get(number),
            Way::Direct => None,
        }
    }

    /// An error if anything that was started has ended.
    fn check(&mut self, code: ExitCode) -> Result<(), Failure> {
        for process in self.driven.iter_mut().filter_map(|driven| driven.process.as_mut()) {
            process.check().or_exit(code)?;
        }
        self.mocks.as_mut().map_or(Ok(()), |mocks| mocks.check().or_exit(code))
    }

    /// Health, drain, clean backends, switch.
    async fn set_up(&mut self, context: &Context<'_>, plan: &TrialPlan<'_>) -> Result<(), Failure> {
        self.check(ExitCode::Preflight)?;
        self.between_phases(context, plan.contestant.way).await?;
        if let Some(mocks) = &self.mocks {
            let faults = &plan.scenario.scenario.topology.faults;
            mocks.mocks.set_faults(faults).await.or_exit(ExitCode::Preflight)?;
        }
        match plan.contestant.way {
            Way::Through(number) => self.driven[number].switch(&plan.contestant.algorithm).await,
            Way::Direct => Ok(()),
        }
    }

    /// Nothing in flight, and backends that remember nothing.
    async fn between_phases(&self, context: &Context<'_>, way: Way) -> Result<(), Failure> {
        if let Some(driven) = self.through(way) {
            driven.drain(context).await.or_exit(ExitCode::Preflight)?;
        }
        match &self.mocks {
            Some(mocks) => mocks.mocks.reset().await.or_exit(ExitCode::Preflight),
            None => Ok(()),
        }
    }

    /// Sends the load of one phase from threads of its own, and shows how it goes meanwhile.
    async fn load(
        &self,
        context: &Context<'_>,
        plan: &TrialPlan<'_>,
        phase: Phase,
        progress: &mut Progress,
    ) -> Result<TrialRecord, Failure> {
        let pulse = Arc::new(lb_record::Progress::default());
        let name = phase.name;
        let (load_plan, hooks) =
            self.plan_load(context, plan.contestant.way, phase, Some(Arc::clone(&pulse)))?;
        let begun = Instant::now();
        let mut load = tokio::task::spawn_blocking(move || lb_load::run(load_plan, hooks));
        loop {
            tokio::select! {
                result = &mut load => {
                    let record = result.context("failed to run the load")?.or_exit(ExitCode::Preflight)?;
                    return Ok(record);
                }
                () = tokio::time::sleep(Pulse::PERIOD) => {
                    progress.pulse(&plan.progress, name, &Pulse::new(begun.elapsed(), pulse.snapshot()));
                }
            }
        }
    }

    fn plan_load(
        &self,
        context: &Context<'_>,
        way: Way,
        phase: Phase,
        progress: Option<Arc<lb_record::Progress>>,
    ) -> Result<(LoadPlan, Hooks), Failure> {
        let Phase { name, scenario, schedule, requests } = phase;
        let direct = self.direct.clone().filter(|_| way == Way::Direct);
        let (target, names) = match self.through(way) {
            Some(driven) => {
                (Target::parse(&driven.base_url).or_exit(ExitCode::Preflight)?, driven.names.clone())
            }
            None => {
                let first = direct.as_ref().and_then(|direct| direct.backends.first());
                let first =
                    first.context("failed to find backends to connect to").or_exit(ExitCode::Internal)?;
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
            drain_timeout: context.plan.drain_timeout,
            max_in_flight: scenario.max_in_flight,
            workers: workers(),
            cores: Vec::new(),
            backends: self.backends.iter().map(|backend| backend.id.clone()).collect(),
            request_key: self.mocks.is_some(),
            forwarded_for: true,
            keep_actions: context.record_actions && name == MEASURE,
        };
        Ok((plan, Hooks { requests, progress, stop: context.interrupt.flag() }))
    }

    fn cpu_seconds(&self, way: Way) -> Vec<(&'static str, f64)> {
        let balancer = self.through(way).and_then(|driven| driven.process.as_ref()?.cpu_seconds());
        let times = [
            ("generator", cpu_seconds(std::process::id())),
            ("load-balancer", balancer),
            ("mock-backends", self.mocks.as_ref().and_then(Backends::cpu_seconds)),
        ];
        times.into_iter().filter_map(|(name, time)| Some((name, time?))).collect()
    }

    fn processes(&self, way: Way, before: &[(&'static str, f64)]) -> Vec<ProcessTime> {
        let after = self.cpu_seconds(way);
        before
            .iter()
            .filter_map(|(name, start)| {
                let (_, end) = after.iter().find(|(other, _)| other == name)?;
                Some(ProcessTime { name, cpu_s: end - start })
            })
            .collect()
    }
}

/// Threads of the generator: one for two cores, so that what is under test keeps at least as much.
fn workers() -> NonZeroUsize {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    NonZeroUsize::new(cores / 2).unwrap_or(NonZeroUsize::MIN)
}
