//! A load without end while it is sent: what it consists of, the watch over it, and the report at its end.

use super::collect;
use super::export::Exporter;
use super::files::WindowFiles;
use super::listener::{Bound, Listening};
use super::options::{Finished, Options};
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
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What events call the load, and its only phase.
const TRIAL: &str = "load";
const PHASE: &str = "running";

/// How often the document of a running load is written, so that a process that is killed loses little.
const WRITE_PERIOD: Duration = Duration::from_secs(60);

/// A load that is being sent.
pub(super) struct Load {
    pub(super) shared: Arc<Shared>,
    workload: Arc<Workload>,
    /// The number of users, which can be changed; `None` if it cannot.
    pub(super) users: Option<Users>,
    /// Tells figures; `None` if no observer wants them.
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
    /// Plans the load and begins to send it.
    pub(super) fn start(
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
        tell_news(&self.shared, events);
        self.slow.tell(events);
        events.observe(&Event::pulse(TRIAL, PHASE, elapsed, self.progress.snapshot()));
        self.faults.tell(events, elapsed.as_secs_f64());
        let aim = self.aim();
        if let Some(watching) = &mut self.watching {
            watching.tell(events, aim);
        }
    }

    /// Watches over the load until it ends, and writes the results.
    pub(super) async fn watch(
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
        tell_news(&self.shared, events);
        let ending = if failure.is_some() { Ending::Failed } else { Ending::Stopped };
        let document = ContinuousDocument { observed, ..self.shared.document(ending, seconds) };
        let failure = failure.or(write(run, &document).map_err(RunError::Results).err());
        let _ = std::fs::remove_file(run.folder.path().join(LISTENER_FILE));
        Ok(Finished { document, ended: failure.map_or(Ended::Complete, Ended::Failed) })
    }
}

/// Tells notes and marks.
fn tell_news(shared: &Shared, events: &dyn Observe) {
    for text in shared.take_news() {
        events.observe(&Event::Note { text });
    }
    for (name, at_s) in shared.take_new_marks() {
        events.observe(&Event::Mark { name, at_s });
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

/// Describes the load as the phase that is watched.
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
        events.observe(&Event::answered(command.id, Err(text)));
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
