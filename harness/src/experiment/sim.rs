//! One trial in virtual time: the same schedule, policies and backend model as live, the same
//! recorder, and so the same files.

use super::blocks::TrialPlan;
use super::run::Context;
use super::schedules::warm_up_seed;
use super::sim_watch::Watch;
use super::traces::{SimulatedTrace, TracePlan, lost};
use crate::exit::{ExitCode, Failure, OrExit};
use crate::show::{Progress, Pulse};
use anyhow::Context as _;
use lb_config::TrainedPolicy;
use lb_core::policy::{GuardCounts, Policy};
use lb_core::trace_summary::TraceSummary;
use lb_core::workload::{Scenario, Schedule};
use lb_core::{Algorithm, Seed, Time};
use lb_record::{Population, Recording, RecordingSpec, RequestSink, TrialRecord};
use lb_results::{BalancerCount, ListedBackend, MachineUse, ProcessTime, Trial};
use lb_results::{RequestsFile, TRACES};
use simulator::oracle::Oracle;
use simulator::{Options, Report, Simulation};
use std::sync::Arc;
use std::time::Instant;

/// Label of the stream that policies draw from.
const POLICY: u64 = 0x706f_6c69;

/// All that a simulated trial needs, owned, because it runs on a thread of its own.
struct Job {
    algorithm: Algorithm,
    trained: Option<TrainedPolicy>,
    trace: Option<TracePlan>,
    options: Options,
    play: Play,
}

/// What came out of it.
struct Simulated {
    record: TrialRecord,
    report: Report,
    guards: Option<GuardCounts>,
    trace: Option<TraceSummary>,
}

/// A schedule to be played, whoever decides.
struct Play {
    scenario: Arc<Scenario>,
    schedule: Arc<Schedule>,
    warm_up_seed: Seed,
    keep_actions: bool,
    requests: Option<RequestSink>,
    progress: Option<Arc<lb_record::Progress>>,
}

/// Runs one trial. None when the user interrupted it.
pub(super) async fn simulate(
    context: &Context<'_>,
    plan: &TrialPlan<'_>,
    progress: &mut Progress,
) -> Result<Option<Trial>, Failure> {
    progress.phase(&plan.progress, "simulating");
    let pulse = Arc::new(lb_record::Progress::default());
    let seed = context.plan.seed;
    let backends = ListedBackend::of_topology(&plan.scenario.scenario.topology);
    let requests = plan.requests_file(context, &backends)?;
    let job = Job {
        algorithm: plan.contestant.algorithm,
        trained: context.plan.policy.clone(),
        trace: context.traces.map(|exploration| TracePlan {
            path: context.folder.path().join(TRACES).join(format!("{}.parquet", plan.stem())),
            run_id: context.run_id.to_owned(),
            exploration,
        }),
        options: Options {
            seed: Seed(seed.key(&[POLICY, u64::from(plan.block)])),
            luck: context.luck ^ plan.contestant.luck,
            balancers: context.plan.balancers,
            ..Options::default()
        },
        play: Play {
            scenario: Arc::clone(&plan.scenario.scenario),
            schedule: Arc::clone(plan.schedule),
            warm_up_seed: warm_up_seed(seed, plan.block),
            keep_actions: context.record_actions,
            requests: requests.as_ref().map(RequestsFile::sink),
            progress: Some(Arc::clone(&pulse)),
        },
    };
    let started = jiff::Timestamp::now();
    let cpu = crate::testbed::cpu_seconds(std::process::id());
    let (send, mut receive) = tokio::sync::oneshot::channel();
    // A plain thread: after an interrupt nobody waits for it, and it ends with the process.
    std::thread::Builder::new()
        .name("simulation".to_owned())
        .spawn(move || drop(send.send(job.run())))
        .or_exit(ExitCode::Internal)?;
    let begun = Instant::now();
    let Simulated { record, report, guards, trace } = loop {
        tokio::select! {
            result = &mut receive => break result.context("failed to finish the simulation").or_exit(ExitCode::Internal)??,
            () = tokio::time::sleep(Pulse::PERIOD) => {
                if context.interrupt.is_set() {
                    return Ok(None);
                }
                progress.pulse(&plan.progress, "simulating", &Pulse::new(begun.elapsed(), pulse.snapshot()));
            }
        }
    };
    if let Some(requests) = requests {
        requests.finish().or_exit(ExitCode::Preflight)?;
    }
    let notes = trace.as_ref().and_then(lost).into_iter().collect();
    let cpu_s = crate::testbed::cpu_seconds(std::process::id()).zip(cpu).map(|(end, start)| end - start);
    Ok(Some(Trial {
        scenario: plan.scenario_number,
        algorithm: plan.contestant.algorithm,
        label: plan.contestant.label.clone(),
        attempt: plan.attempt,
        problems: Vec::new(),
        cut_s: 0.0,
        machine: MachineUse::default(),
        block: plan.block,
        position: plan.position,
        schedule_sha256: plan.schedule.sha256().to_owned(),
        started,
        record,
        backends,
        balancer: report
            .backends
            .into_iter()
            .map(|backend| BalancerCount {
                id: backend.id,
                requests: backend.requests,
                errors: None,
                peak_in_flight: Some(backend.peak_in_flight),
                up: None,
            })
            .collect(),
        guards,
        trace,
        counted_by: Some("simulator".to_owned()),
        steering: None,
        processes: cpu_s.map(|cpu_s| ProcessTime { name: "simulator", cpu_s }).into_iter().collect(),
        evidence: serde_json::json!({
            "algorithm": plan.contestant.label.clone(),
            "verdict": "confirmed",
            "detail": "simulated: the policy itself decides, there is no switch that could fail",
        }),
        notes,
    }))
}

impl Job {
    fn run(self) -> Result<Simulated, Failure> {
        let (algorithm, options) = (self.algorithm, self.options);
        let file = self.trained.as_ref().map(|trained| &trained.file);
        // Asked once beforehand, so that making policies on the way cannot fail.
        algorithm.policy_with(file).or_exit(ExitCode::Usage)?;
        let topology = &self.play.scenario.topology;
        let trace = self.trace.map(|plan| {
            SimulatedTrace::new(plan, algorithm, self.trained.as_ref(), topology, options.balancers)
        });
        let trace = trace.transpose().or_exit(ExitCode::Internal)?;
        let watch = Watch::default();
        let mut policy = || -> Box<dyn Policy> {
            let policy = watch.over(algorithm.policy_with(file).expect("it could be made before"));
            match &trace {
                Some(trace) => trace.over(policy),
                None => policy,
            }
        };
        let simulation =
            Simulation::new(&self.play.scenario, &mut policy, &options).or_exit(ExitCode::Usage)?;
        let (mut before, mut begun) = (None, Ok(()));
        let (record, report) = self.play.run(simulation, |now| {
            before = watch.counts();
            begun = trace.as_ref().map_or(Ok(()), |trace| trace.start(now));
        });
        begun.or_exit(ExitCode::Preflight)?;
        let trace = trace.map(|trace| trace.stop()).transpose().or_exit(ExitCode::Preflight)?;
        let guards = watch.counts().zip(before).map(|(after, before)| after.minus(before));
        Ok(Simulated { record, report, guards, trace })
    }
}

impl Play {
    /// Warm-up, then the measured phase; `begin` is called in between.
    fn run(self, mut simulation: Simulation, begin: impl FnOnce(Time)) -> (TrialRecord, Report) {
        let scenario = &self.scenario;
        if !scenario.warm_up.is_zero() {
            let workload = Arc::new(scenario.workload.warm_up(scenario.warm_up));
            simulation.warm_up(&Schedule::new(workload, self.warm_up_seed));
        }
        let spec = RecordingSpec {
            steps: scenario.workload.steps().len(),
            backends: scenario.topology.pools.iter().map(|pool| pool.backends.len()).sum(),
            population: Population::of(self.schedule.users()),
            open: !self.schedule.arrivals().is_empty(),
            keep_actions: self.keep_actions,
            requests: self.requests,
            progress: self.progress,
        };
        let (recording, mut recorders) = Recording::start(spec, 1);
        begin(simulation.now());
        let report = simulation.measure(&self.schedule, &mut recorders[0]);
        let mut record = recording.finish(recorders, scenario.duration);
        let simulator::ArrivalCounts { due, begun, dropped } = report.arrivals;
        record.arrivals = lb_record::ArrivalCounts { due, begun, dropped };
        (record, report)
    }
}

/// One block of a scenario as an oracle would play it.
pub(super) fn simulate_oracle(
    oracle: Oracle,
    scenario: &Arc<Scenario>,
    schedule: Arc<Schedule>,
    warm_up_seed: Seed,
) -> Result<TrialRecord, Failure> {
    let simulation =
        Simulation::with_oracle(scenario, oracle, &Options::default()).or_exit(ExitCode::Usage)?;
    let play = Play {
        scenario: Arc::clone(scenario),
        schedule,
        warm_up_seed,
        keep_actions: false,
        requests: None,
        progress: None,
    };
    Ok(play.run(simulation, |_| ()).0)
}
