//! Runs trials in virtual time, with the same schedules, policies, backend model and recorder as live trials,
//! and so with the same files.

mod trace;
mod watch;

use super::contestant::Contestant;
use super::context::{Context, Mode};
use super::driver::Driver;
use super::error::RunError;
use super::events::{Event, PULSE_PERIOD};
use super::schedules::warm_up_seed;
use super::slow::SlowLog;
use super::traces::lost;
use super::trial_plan::TrialPlan;
use anyhow::Context as _;
use lb_config::{LoadReports, TrainedPolicy};
use lb_core::policy::{GuardCounts, Policy};
use lb_core::reports::PROBES_PER_REQUEST;
use lb_core::trace_summary::TraceSummary;
use lb_core::workload::{Observer, Sample, Scenario, Schedule};
use lb_core::{Algorithm, Seed, Time};
use lb_record::{Population, Recorder, Recording, RecordingSpec, RequestSink, SlowSink, TrialRecord};
use lb_results::{BalancerCount, ListedBackend, MachineUse, ProcessTime, Trial};
use lb_results::{RequestsFile, TRACES};
use simulator::oracle::Oracle;
use simulator::{BackendReport, Options, Report, Reports, Simulation};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::oneshot;
use trace::{SimulatedTrace, TracePlan};
use watch::Watch;

/// The label of the random stream that policies draw from.
const POLICY: u64 = 0x706f_6c69;

/// The name of the only phase of a simulated trial.
const SIMULATING: &str = "simulating";

/// Everything that a simulated trial needs. The data is owned because the trial runs on its own thread.
struct Job {
    algorithm: Algorithm,
    trained: Option<TrainedPolicy>,
    trace: Option<TracePlan>,
    options: Options,
    play: Play,
}

/// The results of a simulation.
struct Simulated {
    record: TrialRecord,
    report: Report,
    guards: Option<GuardCounts>,
    trace: Option<TraceSummary>,
    notes: Vec<String>,
}

/// A schedule to simulate, with a policy or an oracle that places its requests.
struct Play {
    scenario: Arc<Scenario>,
    schedule: Arc<Schedule>,
    warm_up_seed: Seed,
    keep_actions: bool,
    requests: Option<RequestSink>,
    slow: Option<SlowSink>,
    progress: Option<Arc<lb_record::Progress>>,
}

/// Plays the trials of one scenario in virtual time.
pub(super) struct SimulatedTrials<'a> {
    context: &'a Context<'a>,
}

impl<'a> SimulatedTrials<'a> {
    /// Makes the driver. A simulation starts no processes.
    pub(super) fn new(context: &'a Context<'a>) -> Self {
        Self { context }
    }

    /// Collects what the simulation of a trial needs.
    fn job(
        &self,
        plan: &TrialPlan<'_>,
        requests: Option<RequestSink>,
        slow: Option<SlowSink>,
        progress: Arc<lb_record::Progress>,
    ) -> Job {
        let context = self.context;
        let seed = context.plan.seed();
        Job {
            algorithm: plan.contestant.algorithm,
            trained: context.plan.policy().cloned(),
            trace: context.traces.map(|exploration| TracePlan {
                path: context.folder.path().join(TRACES).join(format!("{}.parquet", plan.stem())),
                run_id: context.run_id.to_owned(),
                exploration,
            }),
            options: Options {
                seed: Seed(seed.key(&[POLICY, u64::from(plan.block)])),
                luck: context.replication ^ plan.contestant.replication,
                balancers: context.plan.balancers(),
                reports: match context.plan.load_reports() {
                    None => Reports::None,
                    Some(LoadReports::Orca) => Reports::Orca,
                    Some(LoadReports::Probes) => Reports::Probes { per_request: PROBES_PER_REQUEST },
                },
                ..Options::default()
            },
            play: Play {
                scenario: Arc::clone(plan.scenario.scenario()),
                schedule: Arc::clone(plan.schedule),
                warm_up_seed: warm_up_seed(seed, plan.block),
                keep_actions: context.record_actions,
                requests,
                slow,
                progress: Some(progress),
            },
        }
    }

    /// Waits for the simulation, and reports progress. Returns `None` if the user interrupted it.
    async fn watch(
        &self,
        plan: &TrialPlan<'_>,
        mut simulated: oneshot::Receiver<Result<Simulated, RunError>>,
        progress: &lb_record::Progress,
        slow: Option<&SlowLog>,
    ) -> Result<Option<Simulated>, RunError> {
        let begun = Instant::now();
        let slow = slow.map(SlowLog::watch);
        loop {
            tokio::select! {
                result = &mut simulated => {
                    let result = result.context("failed to finish the simulation");
                    return result.map_err(RunError::Internal)?.map(Some);
                }
                () = tokio::time::sleep(PULSE_PERIOD) => {
                    if self.context.interrupt.is_set() {
                        return Ok(None);
                    }
                    let event = Event::pulse(&plan.title, SIMULATING, begun.elapsed(), progress.snapshot());
                    self.context.events.observe(&event);
                    if let Some(slow) = &slow {
                        slow.tell(self.context.events);
                    }
                }
            }
        }
    }
}

impl Driver for SimulatedTrials<'_> {
    fn offered(&self) -> Option<Vec<Algorithm>> {
        None
    }

    fn contestants(&self, algorithms: &[Algorithm], mode: &Mode) -> Vec<Contestant> {
        match mode {
            Mode::Aa => {
                algorithms.iter().flat_map(|algorithm| Contestant::twice(*algorithm, false)).collect()
            }
            _ => Contestant::each(algorithms),
        }
    }

    async fn run(&mut self, plan: &TrialPlan<'_>) -> Result<Option<Trial>, RunError> {
        self.context.events.observe(&Event::phase(&plan.title, SIMULATING));
        let progress = Arc::new(lb_record::Progress::default());
        let backends = ListedBackend::of_topology(&plan.scenario.scenario().topology);
        let requests = self.context.requests_file(plan, &backends)?;
        let slow = SlowLog::create(self.context, plan, &backends)?;
        let sinks = (requests.as_ref().map(RequestsFile::sink), slow.as_ref().map(SlowLog::sink));
        let job = self.job(plan, sinks.0, sinks.1, Arc::clone(&progress));
        let started = jiff::Timestamp::now();
        let cpu = crate::testbed::cpu_seconds(std::process::id());
        let (send, simulated) = oneshot::channel();
        // A plain thread: after an interrupt nothing waits for it, and it ends with the process.
        std::thread::Builder::new()
            .name("simulation".to_owned())
            .spawn(move || drop(send.send(job.run())))
            .map_err(RunError::internal)?;
        let Some(mut simulated) = self.watch(plan, simulated, &progress, slow.as_ref()).await? else {
            return Ok(None);
        };
        if let Some(requests) = requests {
            requests.finish().map_err(RunError::Results)?;
        }
        if let Some(slow) = slow {
            simulated.notes.extend(slow.finish(self.context.events)?);
        }
        let cpu_s = crate::testbed::cpu_seconds(std::process::id()).zip(cpu).map(|(end, start)| end - start);
        Ok(Some(simulated.into_trial(plan, backends, started, cpu_s)))
    }

    async fn end(self) -> Vec<String> {
        Vec::new()
    }
}

impl Simulated {
    /// Makes a trial from the results; `cpu_s` is the CPU time of the process during the simulation, in
    /// seconds.
    fn into_trial(
        self,
        plan: &TrialPlan<'_>,
        backends: Vec<ListedBackend>,
        started: jiff::Timestamp,
        cpu_s: Option<f64>,
    ) -> Trial {
        let Self { record, report, guards, trace, mut notes } = self;
        notes.extend(trace.as_ref().and_then(lost));
        let count = |backend: BackendReport| BalancerCount {
            id: backend.id,
            requests: backend.requests,
            errors: None,
            retries: None,
            peak_in_flight: Some(backend.peak_in_flight),
            up: None,
        };
        Trial {
            scenario: plan.scenario_number,
            algorithm: plan.contestant.algorithm,
            label: plan.contestant.label.clone(),
            attempt: plan.attempt,
            problems: Vec::new(),
            accepted: Vec::new(),
            cut_s: 0.0,
            machine: MachineUse::default(),
            block: plan.block,
            position: plan.position,
            schedule_sha256: plan.schedule.sha256().to_owned(),
            started,
            record,
            backends,
            balancer: report.backends.into_iter().map(count).collect(),
            retries: None,
            guards,
            notes,
            trace,
            counted_by: Some("simulator".to_owned()),
            steering: None,
            resources: None,
            workers: Vec::new(),
            processes: cpu_s
                .map(|cpu_s| ProcessTime { name: "simulator".to_owned(), cpu_s })
                .into_iter()
                .collect(),
            evidence: serde_json::json!({
                "algorithm": plan.contestant.label.clone(),
                "verdict": "confirmed",
                "detail": "simulated: the policy decides directly, so there is no switch that could fail",
            }),
        }
    }
}

impl Job {
    fn run(self) -> Result<Simulated, RunError> {
        let (algorithm, options) = (self.algorithm, self.options);
        let file = self.trained.as_ref().map(|trained| &trained.file);
        // Making one policy beforehand shows that making policies later cannot fail.
        algorithm.policy_with(file)?;
        let scenario = &self.play.scenario;
        let trace = self.trace.map(|plan| {
            SimulatedTrace::new(plan, algorithm, self.trained.as_ref(), scenario, options.balancers)
        });
        let trace = trace.transpose().map_err(RunError::internal)?;
        let watch = Watch::default();
        let mut policy = || -> Box<dyn Policy> {
            let policy = watch.over(algorithm.policy_with(file).expect("it could be made before"));
            match &trace {
                Some(trace) => trace.over(policy),
                None => policy,
            }
        };
        let simulation = Simulation::new(&self.play.scenario, &mut policy, &options)?;
        let (mut before, mut begun) = (None, Ok(()));
        let (record, report) = self.play.run(simulation, |now| {
            before = watch.counts();
            begun = trace.as_ref().map_or(Ok(()), |trace| trace.start(now));
        });
        begun.map_err(RunError::Results)?;
        let trace = trace.map(|trace| trace.stop()).transpose().map_err(RunError::Results)?;
        let guards = watch.counts().zip(before).map(|(after, before)| after.minus(before));
        Ok(Simulated { record, report, guards, trace, notes: Vec::new() })
    }
}

impl Play {
    /// Runs the warm-up and the measured phase; `begin` is called in between.
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
            // Replies have no headers in virtual time.
            observe: None,
            requests: self.requests,
            pieces: None,
            watch: None,
            progress: self.progress,
        };
        let (recording, mut recorders) = Recording::start(spec, 1);
        begin(simulation.now());
        let mut watched = Watched { recorder: &mut recorders[0], slow: self.slow };
        let report = simulation.measure(&self.schedule, &mut watched);
        drop(watched);
        let mut record = recording.finish(recorders, scenario.duration);
        let simulator::ArrivalCounts { due, begun, dropped } = report.arrivals;
        record.arrivals = lb_record::ArrivalCounts { due, begun, dropped };
        (record, report)
    }
}

/// A recorder that also hands over slow requests.
struct Watched<'a> {
    recorder: &'a mut Recorder,
    slow: Option<SlowSink>,
}

impl Observer for Watched<'_> {
    fn sample(&mut self, sample: &Sample) {
        self.recorder.sample(sample);
        if let Some(slow) = &self.slow {
            slow.offer_and_wait(sample);
        }
    }
}

/// Simulates one block of a scenario with an oracle that places the requests.
pub(super) fn simulate_oracle(
    oracle: Oracle,
    scenario: &Arc<Scenario>,
    schedule: Arc<Schedule>,
    warm_up_seed: Seed,
) -> Result<TrialRecord, RunError> {
    let simulation = Simulation::with_oracle(scenario, oracle, &Options::default())?;
    let play = Play {
        scenario: Arc::clone(scenario),
        schedule,
        warm_up_seed,
        keep_actions: false,
        requests: None,
        slow: None,
        progress: None,
    };
    Ok(play.run(simulation, |_| ()).0)
}
