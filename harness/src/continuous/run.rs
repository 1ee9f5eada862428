//! Runs a load without end: starts what it needs, watches over it until it is to stop, and writes the report.

use super::collect;
use super::export::Exporter;
use super::files::WindowFiles;
use super::listener::{Bound, Listening};
use super::shared::{About, Shared};
use super::slow::SlowLog;
use super::users::Users;
use super::{DOCUMENT_FILE, LISTENER_FILE};
use crate::experiment::{
    Ended, Event, FaultTimes, Interrupt, Observe, PULSE_PERIOD, RunError, RunOptions, Stand, WatchedPhase,
    Watching,
};
use crate::steer::{Desk, Now};
use anyhow::{Context as _, anyhow};
use lb_config::Plan;
use lb_continuous::{ContinuousDocument, Ending, Marks, SLOW, StepName, Windows};
use lb_core::Span;
use lb_core::workload::{Scenario, Schedule, Workload};
use lb_record::{PieceSink, Progress, TrialRecord};
use serde_json::json;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Where live metrics are served and marks are taken if no flag says so. If it is taken, any free port is used.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9646);

/// The longest window in seconds.
pub const LONGEST_WINDOW_S: u32 = 60;

/// What events call the load, and its only phase.
const TRIAL: &str = "load";
const PHASE: &str = "running";

/// How often the document of a running load is written, so that a process that is killed loses little.
const WRITE_PERIOD: Duration = Duration::from_secs(60);

/// How a load without end is watched.
#[derive(Clone, Debug)]
pub struct LiveOptions {
    /// Where live metrics are served and marks are taken; `None` for [`DEFAULT_LISTEN`] or a free port.
    pub listen: Option<SocketAddr>,
    /// Names under which the listener may be called, besides addresses of this machine.
    pub hosts: Vec<String>,
    /// The address of an OpenTelemetry collector; `None` exports nothing.
    pub otlp: Option<String>,
    /// The length of a window in seconds, from 1 to [`LONGEST_WINDOW_S`].
    pub window_s: u32,
    /// The time after which the load stops by itself; `None` for never.
    pub limit: Option<Duration>,
}

impl Default for LiveOptions {
    fn default() -> Self {
        Self { listen: None, hosts: Vec::new(), otlp: None, window_s: 10, limit: None }
    }
}

/// The options of a load without end.
#[derive(Debug)]
pub struct Options<'a> {
    /// The options that it has in common with an experiment.
    pub run: RunOptions<'a>,
    /// How it is watched.
    pub live: LiveOptions,
}

/// A load that has ended.
#[derive(Debug)]
pub struct Finished {
    /// What it did, as written into the results folder.
    pub document: ContinuousDocument,
    /// How it ended: complete if it was stopped.
    pub ended: Ended,
}

/// Sends the load of a plan until `interrupt` is set or the time in the options is up, which is its ordinary end.
///
/// # Errors
/// The load could not begin. Later errors are in [`Finished::ended`], together with the results so far.
pub async fn run(
    plan: &Plan,
    options: Options<'_>,
    interrupt: &Interrupt,
    events: &dyn Observe,
) -> Result<Finished, RunError> {
    let Options { run, live } = &options;
    let exporter = live.otlp.as_deref().map(Exporter::new).transpose().map_err(RunError::Plan)?;
    let (bound, note) = bind(live).map_err(RunError::testbed)?;
    let mut stand = Stand::start(plan, run, interrupt, events).await?;
    let result = match Load::start(plan, &options, &stand, bound, exporter, events) {
        Ok(mut load) => {
            if let Some(text) = note {
                load.shared.note(text);
            }
            if let Some(desk) = &run.desk {
                desk.begin(Now::Load);
                desk.set_mocks(stand.mocks());
                let current = stand.current().await.map(|algorithm| algorithm.to_string());
                events.observe(&load.steerable(&stand, current.clone()));
                if let (Some(watching), Some(algorithm)) = (&mut load.watching, current) {
                    watching.set_algorithm(algorithm);
                }
            }
            load.watch(&mut stand, &options, interrupt, events).await
        }
        Err(error) => Err(error),
    };
    for text in stand.stop().await {
        events.observe(&Event::Note { text });
    }
    let (ended, error) = match &result {
        Ok(Finished { ended: Ended::Failed(error), .. }) | Err(error) => ("failed", Some(error.chain())),
        Ok(_) => ("complete", None),
    };
    events.observe(&Event::RunFinished {
        ended: ended.to_owned(),
        error,
        results: run.folder.path().display().to_string(),
        summary: None,
    });
    result
}

/// Binds the listener, with a note if it is not the usual address.
fn bind(live: &LiveOptions) -> anyhow::Result<(Bound, Option<String>)> {
    if let Some(address) = live.listen {
        return Ok((Bound::bind(address, &live.hosts)?, None));
    }
    match Bound::bind(DEFAULT_LISTEN, &live.hosts) {
        Ok(bound) => Ok((bound, None)),
        Err(_) => {
            let bound = Bound::bind(SocketAddr::new(DEFAULT_LISTEN.ip(), 0), &live.hosts)?;
            let note =
                format!("{DEFAULT_LISTEN} is taken, so metrics and marks are at http://{}", bound.address());
            Ok((bound, Some(note)))
        }
    }
}

/// A load that is being sent.
pub(super) struct Load {
    pub(super) shared: Arc<Shared>,
    workload: Arc<Workload>,
    /// The number of users, which can be changed; `None` if it cannot.
    pub(super) users: Option<Users>,
    /// Tells figures; `None` if nobody wants them.
    pub(super) watching: Option<Watching>,
    /// When the faults of mock backends begin and end.
    faults: FaultTimes,
    stop: Arc<AtomicBool>,
    engine: tokio::task::JoinHandle<Result<TrialRecord, lb_load::LoadError>>,
    collector: std::thread::JoinHandle<WindowFiles>,
    progress: Arc<Progress>,
    exporter: Option<Exporter>,
    slow: SlowLog,
    _listening: Listening,
}

impl Load {
    fn start(
        plan: &Plan,
        options: &Options<'_>,
        stand: &Stand<'_>,
        bound: Bound,
        exporter: Option<Exporter>,
        events: &dyn Observe,
    ) -> Result<Self, RunError> {
        let Options { run, live } = options;
        let planned =
            plan.scenarios().first().context("failed to find a scenario").map_err(RunError::Internal)?;
        let inner = planned.scenario();
        let workload = Arc::new(inner.workload.endless(inner.max_in_flight));
        let users = run.desk.as_ref().and_then(|_| Users::of(&workload, plan.connections()));
        let schedule = Arc::new(match &users {
            Some(users) => Schedule::with_room(Arc::clone(&workload), plan.seed(), users.most()),
            None => Schedule::new(Arc::clone(&workload), plan.seed()),
        });
        let scenario = Scenario {
            workload: Arc::clone(&workload),
            duration: Span::MAX,
            warm_up: Span::ZERO,
            ..Scenario::clone(inner)
        };
        let (progress, stop) = (Arc::new(Progress::default()), Arc::new(AtomicBool::new(false)));
        let (load_plan, hooks) =
            stand.load(Arc::new(scenario), schedule, Arc::clone(&progress), Arc::clone(&stop))?;

        let about = About {
            run_id: run.run_id.clone(),
            command: run.command.clone(),
            config: plan.name().to_owned(),
            scenario: inner.name.clone(),
            target: stand.target().to_owned(),
            algorithm: stand.algorithm().map(|algorithm| algorithm.to_string()),
            steps: steps(&workload),
            backends: stand.backends(),
            slow: plan.slow().unwrap_or(SLOW),
        };
        let windows = Windows::new(live.window_s, load_plan.threads());
        let marks = Marks::new(live.window_s, plan.margin(), ramp_up_s(&workload));
        let shared = Arc::new(Shared::new(about, windows, marks, Arc::clone(&progress)));
        let internal = RunError::Internal;
        let address = bound.address();
        let listening = listen(bound, &shared, run)?;

        let (sink, pieces) = PieceSink::new();
        let slow = SlowLog::start(&run.folder, &workload, &shared, shared.slow()).map_err(internal)?;
        let (watching, watch) =
            Watching::start(watched(stand, &shared, &workload, load_plan.threads(), &progress), events)
                .unzip();
        let hooks = lb_load::Hooks {
            pieces: Some(sink),
            watch,
            headcount: users.as_ref().map(Users::headcount),
            unlisted: shared.unlisted(),
            slow: Some(slow.sink()),
            ..hooks
        };
        let files = WindowFiles::new(run.folder.path(), live.window_s);
        let collector = collect::start(pieces, Arc::clone(&shared), files);
        let collector = collector.context("failed to start a thread").map_err(internal)?;
        let engine = tokio::task::spawn_blocking(move || lb_load::run(load_plan, hooks));
        shared.tell(format!(
            "live metrics: http://{address}/metrics; set a mark with `bench mark NAME --at http://{address}`"
        ));
        let faults = FaultTimes::new(stand.faults(), &stand.backends(), f64::INFINITY);
        Ok(Self {
            shared,
            workload,
            users,
            watching,
            faults,
            stop,
            engine,
            collector,
            progress,
            exporter,
            slow,
            _listening: listening,
        })
    }

    /// Tells what happened since the last call, `elapsed` after the load began.
    fn tell(&mut self, events: &dyn Observe, elapsed: Duration) {
        for text in self.shared.take_news() {
            events.observe(&Event::Note { text });
        }
        for (name, at_s) in self.shared.take_new_marks() {
            events.observe(&Event::Mark { name, at_s });
        }
        self.slow.tell(events);
        events.observe(&Event::pulse(TRIAL, PHASE, elapsed, self.progress.snapshot()));
        self.faults.tell(events, elapsed.as_secs_f64());
        let aim = self.aim();
        if let Some(watching) = &mut self.watching {
            watching.tell(events, aim);
        }
    }

    /// Watches over the load until it ends, and writes the results.
    async fn watch(
        mut self,
        stand: &mut Stand<'_>,
        options: &Options<'_>,
        interrupt: &Interrupt,
        events: &dyn Observe,
    ) -> Result<Finished, RunError> {
        let Options { run, live } = options;
        let period = Duration::from_secs(u64::from(live.window_s));
        let exports = self
            .exporter
            .clone()
            .map(|exporter| tokio::spawn(exporter.serve(Arc::clone(&self.shared), period)));
        let begun = Instant::now();
        let mut written = Instant::now();
        let mut lost = None;
        let ended = loop {
            tokio::select! {
                ended = &mut self.engine => break ended,
                () = tokio::time::sleep(PULSE_PERIOD) => {
                    if lost.is_none() {
                        lost = stand.check().err();
                    }
                    let is_over = live.limit.is_some_and(|limit| begun.elapsed() >= limit);
                    if interrupt.is_set() || is_over || lost.is_some() {
                        self.stop.store(true, Ordering::Relaxed);
                    }
                    self.tell(events, begun.elapsed());
                    if let Some(desk) = &run.desk {
                        self.obey_all(desk, stand, events).await;
                    }
                    if written.elapsed() >= WRITE_PERIOD {
                        written = Instant::now();
                        let document = self.shared.document(Ending::Running, self.shared.seconds());
                        if let Err(error) = write(run, &document) {
                            tracing::warn!("{error:#}");
                        }
                    }
                }
            }
        };
        if let Some(exports) = exports {
            exports.abort();
        }
        let sent = ended.context("failed to run the load").map_err(RunError::Internal)?;
        // The engine has handed over everything, so the collector is about to end.
        let mut files =
            self.collector.join().map_err(|_| RunError::Internal(anyhow!("the collector panicked")))?;
        let (seconds, failure, observed) = match sent {
            Ok(record) => {
                (record.wall.as_secs_f64(), lost, lb_analysis::observed(&[&record], &self.workload))
            }
            Err(error) => (self.shared.seconds(), lost.or(Some(error.into())), None),
        };
        self.faults.end(events);
        if let Some(watching) = self.watching.take() {
            watching.finish(events, self.users.as_ref().map(Users::aim), seconds);
        }
        if let Some(desk) = &run.desk {
            refuse_late(desk, events);
        }
        collect::write(&mut files, &self.shared.finish(seconds), &self.shared);
        match self.slow.finish(events) {
            Ok(text) => text.into_iter().for_each(|text| self.shared.note(text)),
            Err(error) => tracing::warn!("{error:#}"),
        }
        if let Some(exporter) = &self.exporter {
            exporter.finish(&self.shared).await;
        }
        for text in self.shared.take_news() {
            events.observe(&Event::Note { text });
        }
        let ending = if failure.is_some() { Ending::Failed } else { Ending::Stopped };
        let document = ContinuousDocument { observed, ..self.shared.document(ending, seconds) };
        let failure = failure.or(write(run, &document).map_err(RunError::Results).err());
        let _ = std::fs::remove_file(run.folder.path().join(LISTENER_FILE));
        Ok(Finished { document, ended: failure.map_or(Ended::Complete, Ended::Failed) })
    }
}

/// Starts to serve live metrics, and says in the results folder where.
fn listen(bound: Bound, shared: &Arc<Shared>, run: &RunOptions<'_>) -> Result<Listening, RunError> {
    let url = format!("http://{}", bound.address());
    let listening = bound.start(Arc::clone(shared)).map_err(RunError::Internal)?;
    let text = json!({ "url": url, "pid": std::process::id() }).to_string();
    run.folder.write(LISTENER_FILE, text.as_bytes()).map_err(RunError::Results)?;
    Ok(listening)
}

/// Describes the load for whoever watches it.
fn watched(
    stand: &Stand<'_>,
    shared: &Shared,
    workload: &Arc<Workload>,
    workers: usize,
    progress: &Arc<Progress>,
) -> WatchedPhase {
    WatchedPhase {
        trial: TRIAL.to_owned(),
        algorithm: stand.algorithm().map(|algorithm| algorithm.to_string()),
        phase: PHASE,
        workload: Arc::clone(workload),
        backends: stand.backends(),
        unlisted: shared.unlisted(),
        workers,
        progress: Arc::clone(progress),
    }
}

/// Answers commands that came too late for the load.
fn refuse_late(desk: &Desk, events: &dyn Observe) {
    while let Some(command) = desk.take() {
        let text = "the load is over, so nothing can be changed any more".to_owned();
        events.observe(&Event::Answered { id: command.id, ok: false, text });
    }
    desk.begin(Now::Nothing);
}

/// Writes the document into the results folder.
fn write(run: &RunOptions<'_>, document: &ContinuousDocument) -> anyhow::Result<()> {
    let text = serde_json::to_vec_pretty(document).context("failed to write the results as JSON")?;
    run.folder.write(DOCUMENT_FILE, &text)
}

/// Returns the names of the requests of a workload, by number.
fn steps(workload: &Workload) -> Vec<StepName> {
    let name =
        |step: &lb_core::workload::Step| StepName { name: step.name.clone(), method: step.method.clone() };
    workload.steps().iter().map(name).collect()
}

/// Returns the seconds until all users of a workload are there.
fn ramp_up_s(workload: &Workload) -> f64 {
    let played = workload.stages().iter().filter(|stage| stage.duration == Span::MAX);
    played.map(|stage| stage.ramp_up.as_secs_f64()).fold(0.0, f64::max)
}
