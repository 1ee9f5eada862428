//! The state that the threads of a load without end share: what was recorded so far, and who it belongs to.

use crate::COMMIT;
use jiff::Timestamp;
use lb_continuous::{
    BackendTotals, ChangeKind, ChangeMade, Closed, ContinuousDocument, Ending, FailureTotals, MarkError,
    MarkRequest, MarkSummary, Marks, Reading, RequestTotals, Resource, SCHEMA_VERSION, StepName, Times,
    Totals, Windows, export_request, families, render_exposition,
};
use lb_core::Span;
use lb_load::Unlisted;
use lb_record::{Piece, Progress};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The version of this program.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The most notes that are kept for the results: what recurs for weeks must not fill the memory.
const MOST_NOTES: usize = 50;

/// The most changes by commands that are kept for the results.
const MOST_CHANGES: usize = 500;

/// What does not change while the load runs.
#[derive(Clone, Debug)]
pub(super) struct About {
    pub(super) run_id: String,
    /// The command line, with secrets masked.
    pub(super) command: Vec<String>,
    pub(super) config: String,
    pub(super) scenario: String,
    /// The load balancer in words.
    pub(super) target: String,
    /// The algorithm that the load balancer was switched to; `None` if it was left as it was.
    pub(super) algorithm: Option<String>,
    pub(super) steps: Vec<StepName>,
    /// The backends that are known beforehand.
    pub(super) backends: Vec<String>,
    /// How long a slow request takes at least.
    pub(super) slow: Span,
}

/// The state that the threads of a load without end share.
#[derive(Debug)]
pub(super) struct Shared {
    about: About,
    started: Timestamp,
    begun: Instant,
    progress: Arc<Progress>,
    unlisted: Arc<Unlisted>,
    live: Mutex<Live>,
}

/// What changes.
#[derive(Debug)]
struct Live {
    windows: Windows,
    marks: Marks,
    /// What the user should be told now.
    news: Vec<String>,
    /// What belongs into the results.
    notes: Vec<String>,
    /// What commands changed.
    changes: Vec<ChangeMade>,
    /// The marks that were set since they were last taken, each with its time in seconds since the load began.
    new_marks: Vec<(String, f64)>,
}

impl Shared {
    /// Makes the state of a load that begins now.
    pub(super) fn new(about: About, windows: Windows, marks: Marks, progress: Arc<Progress>) -> Self {
        Self {
            about,
            started: Timestamp::now(),
            begun: Instant::now(),
            progress,
            unlisted: Arc::default(),
            live: Mutex::new(Live {
                windows,
                marks,
                news: Vec::new(),
                notes: Vec::new(),
                changes: Vec::new(),
                new_marks: Vec::new(),
            }),
        }
    }

    /// Returns the list of backends that only replies name.
    pub(super) fn unlisted(&self) -> Arc<Unlisted> {
        Arc::clone(&self.unlisted)
    }

    /// Returns how long a slow request takes at least.
    pub(super) fn slow(&self) -> Span {
        self.about.slow
    }

    /// Returns the name of a backend, by its number; empty if it is not known.
    pub(super) fn backend(&self, number: usize) -> String {
        self.backends().get(number).cloned().unwrap_or_default()
    }

    /// Returns the seconds since the load began.
    pub(super) fn seconds(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }

    /// Adds what a worker recorded. Returns the windows that became complete.
    pub(super) fn add(&self, piece: Piece) -> Vec<Closed> {
        let mut live = self.lock();
        let closed = live.windows.add(piece);
        if !closed.is_empty() {
            let Live { windows, marks, news, .. } = &mut *live;
            news.extend(marks.update(windows.recent()).into_iter().map(|mark| mark.sentence));
        }
        closed
    }

    /// Closes the last window and forms the last verdicts, after a load of `seconds` seconds.
    pub(super) fn finish(&self, seconds: f64) -> Vec<Closed> {
        let mut live = self.lock();
        let closed = live.windows.finish(seconds);
        let Live { windows, marks, .. } = &mut *live;
        marks.finish(windows.recent());
        closed
    }

    /// Sets a mark now.
    ///
    /// # Errors
    /// When the request is not sound.
    pub(super) fn mark(&self, request: &MarkRequest) -> Result<MarkSummary, MarkError> {
        let (seconds, now) = (self.seconds(), Timestamp::now().to_string());
        let mut live = self.lock();
        let mark = live.marks.set(request, seconds, now)?.clone();
        live.news.push(format!("mark `{}` after {:.0} s", mark.name, mark.at_s));
        live.new_marks.push((mark.name.clone(), mark.at_s));
        Ok(mark)
    }

    /// Takes the marks that were set since the last call, each with its time in seconds since the load began.
    pub(super) fn take_new_marks(&self) -> Vec<(String, f64)> {
        std::mem::take(&mut self.lock().new_marks)
    }

    /// Keeps what a command changed. The oldest change makes room.
    pub(super) fn change(&self, what: ChangeKind, text: &str) {
        let (at, at_s) = (Timestamp::now().to_string(), self.seconds());
        let mut live = self.lock();
        if live.changes.len() == MOST_CHANGES {
            live.changes.remove(0);
        }
        live.changes.push(ChangeMade { at, at_s, what, text: text.to_owned() });
    }

    /// Returns the marks with their verdicts.
    pub(super) fn marks(&self) -> Vec<MarkSummary> {
        self.lock().marks.list().to_vec()
    }

    /// Returns the windows that are kept one by one, as JSON.
    pub(super) fn recent(&self) -> serde_json::Value {
        let live = self.lock();
        serde_json::Value::Array(
            live.windows.recent().filter_map(|window| serde_json::to_value(&window.figures).ok()).collect(),
        )
    }

    /// Tells the user something.
    pub(super) fn tell(&self, text: String) {
        self.lock().news.push(text);
    }

    /// Tells the user something, and keeps it for the results.
    pub(super) fn note(&self, text: String) {
        let mut live = self.lock();
        if live.notes.len() < MOST_NOTES && !live.notes.contains(&text) {
            live.notes.push(text.clone());
        }
        live.news.push(text);
    }

    /// Takes what the user should be told.
    pub(super) fn take_news(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().news)
    }

    /// Writes the live metrics for Prometheus.
    pub(super) fn exposition(&self) -> String {
        self.read(|reading| render_exposition(&families(reading)))
    }

    /// Writes the live metrics for OpenTelemetry.
    pub(super) fn export(&self) -> Vec<u8> {
        let nanos = |time: Timestamp| u64::try_from(time.as_nanosecond()).unwrap_or(0);
        let times = Times { start: nanos(self.started), now: nanos(Timestamp::now()) };
        let resource = Resource { version: VERSION, instance: &self.about.run_id };
        self.read(|reading| export_request(&families(reading), resource, times))
    }

    /// Writes down everything that is known.
    pub(super) fn document(&self, ending: Ending, seconds: f64) -> ContinuousDocument {
        let live = self.lock();
        let record = live.windows.totals();
        let about = self.about.clone();
        ContinuousDocument {
            schema_version: SCHEMA_VERSION,
            run_id: about.run_id,
            command: about.command,
            version: VERSION.to_owned(),
            commit: COMMIT.to_owned(),
            config: about.config,
            scenario: about.scenario,
            target: about.target,
            algorithm: about.algorithm,
            started_at: self.started.to_string(),
            ending,
            written_at: Timestamp::now().to_string(),
            seconds,
            window_s: live.windows.window_s(),
            totals: Totals::of(record, seconds),
            requests: RequestTotals::of(record, &self.about.steps, seconds),
            backends: BackendTotals::of(record, &self.backends()),
            failures: FailureTotals::of(record, &self.about.steps),
            marks: live.marks.list().to_vec(),
            changes: live.changes.clone(),
            observed: None,
            recent: live.windows.recent().map(|window| window.figures.clone()).collect(),
            hours: live.windows.hours().map(|window| window.figures.clone()).collect(),
            notes: live.notes.clone(),
        }
    }

    fn read<T>(&self, of: impl FnOnce(&Reading<'_>) -> T) -> T {
        let About { run_id, config, scenario, target, algorithm, steps, .. } = &self.about;
        let mut run = vec![
            ("run", run_id.clone()),
            ("config", config.clone()),
            ("scenario", scenario.clone()),
            ("target", target.clone()),
        ];
        run.extend(algorithm.clone().map(|name| ("algorithm", name)));
        let backends = self.backends();
        let live = self.lock();
        of(&Reading {
            run: &run,
            build: [VERSION, COMMIT],
            started_s: self.started.as_microsecond() as f64 / 1e6,
            totals: live.windows.totals(),
            steps,
            backends: &backends,
            last: live.windows.recent().next_back(),
            now: self.progress.snapshot(),
            marks: &live.marks,
            slow_s: self.about.slow.as_secs_f64(),
        })
    }

    /// Returns the names of all backends by number.
    fn backends(&self) -> Vec<String> {
        self.about.backends.iter().cloned().chain(self.unlisted.names()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
