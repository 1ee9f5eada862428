//! One trial over real sockets: health, drain, switch, verify, warm-up, reset, measure, drain,
//! collect, cool-down. Every algorithm meets the same backends in the same state, with the same
//! faults at the same offsets.

mod connect;

use super::blocks::TrialPlan;
use super::run::Context;
use super::schedules::warm_up_seed;
use super::traces::{lost, of_record};
use super::trial::{BalancerCount, ListedBackend, MachineUse, ProcessTime, Trial};
use crate::exit::{ExitCode, Failure, OrExit};
use crate::load::{self, LoadSpec, Target};
use crate::record::{self, RequestSink, TrialRecord};
use crate::report::{Progress, Pulse};
use crate::results::{RequestsFile, TraceFile};
use crate::target::{Embedded, MachineCpu, cpu_seconds};
use anyhow::{Context as _, anyhow};
use lb_admin_client::{AdminError, Evidence, LoadBalancerAdmin, ResetKind, Snapshot, Verdict, VerifyOptions};
use lb_core::policy::GuardCounts;
use lb_core::workload::{Scenario, Schedule};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Instant;

/// The phase whose requests count.
const MEASURE: &str = "measure";

/// One phase of load.
struct Phase {
    name: &'static str,
    scenario: Arc<Scenario>,
    schedule: Arc<Schedule>,
    requests: Option<RequestSink>,
}

/// What the load balancer counted in the measured phase.
#[derive(Default)]
struct Counted {
    balancer: Vec<BalancerCount>,
    guards: Option<GuardCounts>,
}

/// What the trials of one scenario drive.
pub(super) struct LiveTrials {
    admin: Box<dyn LoadBalancerAdmin>,
    base_url: String,
    embedded: Option<Embedded>,
    /// The backends as far as they are known: of the topology, or as the load balancer lists them.
    backends: Vec<ListedBackend>,
    /// How switches are verified; kept over trials, so that its old connection is older than each
    /// switch.
    verification: VerifyOptions,
    /// The names of the algorithm that it was switched to last: the load balancer's own and ours.
    names: Option<[String; 2]>,
    /// Whether the load balancer was told to count.
    measuring: bool,
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
        let spec = self.spec(context, phase, None)?;
        let record = tokio::task::spawn_blocking(move || load::run(spec)).await;
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
        let mut notes = Vec::new();
        progress.phase(&plan.progress, "setting up");
        self.set_up(context, plan).await?;
        let evidence = self.verify(plan).await?;

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
        self.between_phases(context).await?;
        if self.admin.capabilities().reset != ResetKind::None {
            self.admin.reset().await.or_exit(ExitCode::Preflight)?;
        }
        let before = self.snapshot(&mut notes).await;

        if let Some(embedded) = &self.embedded {
            embedded.mocks.start_faults().await.or_exit(ExitCode::Preflight)?;
        }
        self.start_trace(context, plan).await?;
        let cpu = self.cpu_seconds();
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
        let processes = self.processes(&cpu);
        let busy_share = machine.and_then(|before| MachineCpu::now()?.busy_share_since(&before));
        if let Some(requests) = requests {
            requests.finish().or_exit(ExitCode::Preflight)?;
        }
        if let Some(embedded) = &mut self.embedded {
            embedded.check().or_exit(ExitCode::InvalidTrials)?;
        }

        let Counted { balancer, guards } = match record.interrupted {
            true => Counted::default(),
            false => self.wind_up(context, plan, before, &mut notes, progress).await?,
        };
        let trace = self.stop_trace(context).await?;
        notes.extend(trace.as_ref().and_then(lost));
        progress.phase(&plan.progress, "cooling down");
        if !record.interrupted {
            tokio::time::sleep(context.plan.cool_down.into()).await;
        }

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
            processes,
            evidence: serde_json::to_value(&evidence).context("failed to write down the evidence")?,
            notes,
        }))
    }

    /// Drain, and collect what the load balancer counted since `before`.
    async fn wind_up(
        &self,
        context: &Context<'_>,
        plan: &TrialPlan<'_>,
        before: Option<Snapshot>,
        notes: &mut Vec<String>,
        progress: &mut Progress,
    ) -> Result<Counted, Failure> {
        progress.phase(&plan.progress, "draining");
        if let Err(error) = self.drain(context).await {
            notes.push(format!("after the measured phase: {error}"));
        }
        let counted = self.collect(before, notes).await;
        if let Some(embedded) = &self.embedded {
            embedded.mocks.stop_faults().await.or_exit(ExitCode::Preflight)?;
        }
        Ok(counted)
    }

    /// Begins to record decisions, where that is asked for. With the measured phase: exploration would spoil
    /// the verification of the switch.
    async fn start_trace(&self, context: &Context<'_>, plan: &TrialPlan<'_>) -> Result<(), Failure> {
        if context.traces.is_none() {
            return Ok(());
        }
        let name = plan.stem();
        self.admin.start_trace(&name, context.run_id).await.or_exit(ExitCode::Preflight)
    }

    /// Ends that. After the drain, so that all outcomes are there.
    async fn stop_trace(&self, context: &Context<'_>) -> Result<Option<TraceFile>, Failure> {
        if context.traces.is_none() {
            return Ok(None);
        }
        let record = self.admin.stop_trace().await.or_exit(ExitCode::Preflight)?;
        Ok(Some(of_record(record)))
    }

    /// Health, drain, clean backends, switch.
    async fn set_up(&mut self, context: &Context<'_>, plan: &TrialPlan<'_>) -> Result<(), Failure> {
        if let Some(embedded) = &mut self.embedded {
            embedded.check().or_exit(ExitCode::Preflight)?;
        }
        self.between_phases(context).await?;
        if let Some(embedded) = &self.embedded {
            let faults = &plan.scenario.scenario.topology.faults;
            embedded.mocks.set_faults(faults).await.or_exit(ExitCode::Preflight)?;
        }
        // Once for all algorithms: starting again would be refused, and it does not route.
        if !self.measuring {
            self.admin.start(&plan.contestant.algorithm).await.or_exit(ExitCode::Preflight)?;
            self.measuring = true;
        }
        let native = self
            .admin
            .switch(&plan.contestant.algorithm)
            .await
            .with_context(|| format!("failed to switch the load balancer to `{}`", plan.contestant.algorithm))
            .or_exit(ExitCode::SwitchNotVerified)?;
        self.names = Some([native, plan.contestant.algorithm.to_string()]);
        Ok(())
    }

    /// Nothing in flight, and backends that remember nothing.
    async fn between_phases(&self, context: &Context<'_>) -> Result<(), Failure> {
        self.drain(context).await.or_exit(ExitCode::Preflight)?;
        if let Some(embedded) = &self.embedded {
            embedded.mocks.reset().await.or_exit(ExitCode::Preflight)?;
        }
        Ok(())
    }

    /// Waits until nothing is in flight, where the load balancer tells. Where it does not, the generator
    /// has at least waited for every reply of its own.
    async fn drain(&self, context: &Context<'_>) -> Result<(), AdminError> {
        if !self.admin.capabilities().in_flight {
            return Ok(());
        }
        self.admin.drain(context.plan.drain_timeout.into()).await
    }

    async fn verify(&self, plan: &TrialPlan<'_>) -> Result<Evidence, Failure> {
        let evidence = self
            .admin
            .verify(&plan.contestant.algorithm, &self.verification)
            .await
            .or_exit(ExitCode::Preflight)?;
        if evidence.verdict() == Verdict::Contradicted {
            let why = evidence.contradiction().unwrap_or_default();
            return Err(Failure {
                code: ExitCode::SwitchNotVerified,
                error: anyhow!(
                    "the load balancer claims to run `{}` but does not ({why}); nothing was measured under that name",
                    plan.contestant.algorithm
                ),
            });
        }
        tracing::info!(algorithm = %plan.contestant.algorithm, verdict = ?evidence.verdict(), "switch verified");
        Ok(evidence)
    }

    /// Sends the load of one phase from threads of its own, and shows how it goes meanwhile.
    async fn load(
        &self,
        context: &Context<'_>,
        plan: &TrialPlan<'_>,
        phase: Phase,
        progress: &mut Progress,
    ) -> Result<TrialRecord, Failure> {
        let pulse = Arc::new(record::Progress::default());
        let name = phase.name;
        let spec = self.spec(context, phase, Some(Arc::clone(&pulse)))?;
        let begun = Instant::now();
        let mut load = tokio::task::spawn_blocking(move || load::run(spec));
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

    fn spec(
        &self,
        context: &Context<'_>,
        phase: Phase,
        progress: Option<Arc<record::Progress>>,
    ) -> Result<LoadSpec, Failure> {
        let Phase { name, scenario, schedule, requests } = phase;
        Ok(LoadSpec {
            phase: name,
            algorithm_names: self.names.clone().filter(|_| name == MEASURE),
            target: Target::parse(&self.base_url).or_exit(ExitCode::Preflight)?,
            duration: scenario.duration,
            scenario,
            schedule,
            drain_timeout: context.plan.drain_timeout,
            workers: workers(),
            cores: Vec::new(),
            backends: self.backends.iter().map(|backend| backend.id.clone()).collect(),
            request_key: self.embedded.is_some(),
            forwarded_for: true,
            keep_actions: context.record_actions && name == MEASURE,
            requests,
            progress,
            stop: context.interrupt.flag(),
        })
    }

    async fn snapshot(&self, notes: &mut Vec<String>) -> Option<Snapshot> {
        if !self.admin.capabilities().per_backend {
            return None;
        }
        match self.admin.snapshot().await {
            Ok(snapshot) => Some(snapshot),
            Err(error) => {
                notes.push(format!("no counters from the load balancer: {error}"));
                None
            }
        }
    }

    /// What the load balancer counted since `before`.
    async fn collect(&self, before: Option<Snapshot>, notes: &mut Vec<String>) -> Counted {
        let Some(before) = before else { return Counted::default() };
        let Some(after) = self.snapshot(notes).await else { return Counted::default() };
        match after.since(&before) {
            Ok(window) => Counted {
                guards: window.guards,
                balancer: window
                    .backends
                    .into_iter()
                    .map(|backend| BalancerCount {
                        id: backend.id,
                        requests: backend.requests,
                        errors: Some(backend.errors),
                        peak_in_flight: Some(backend.peak_in_flight),
                        up: Some(backend.healthy),
                    })
                    .collect(),
            },
            Err(error) => {
                notes.push(format!("no counters from the load balancer: {error}"));
                Counted::default()
            }
        }
    }

    fn cpu_seconds(&self) -> Vec<(&'static str, f64)> {
        let mut times: Vec<_> =
            cpu_seconds(std::process::id()).map(|time| ("generator", time)).into_iter().collect();
        times.extend(self.embedded.iter().flat_map(Embedded::cpu_seconds));
        times
    }

    fn processes(&self, before: &[(&'static str, f64)]) -> Vec<ProcessTime> {
        let after = self.cpu_seconds();
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
