//! The board: everything that a page shows of a run, made from the events of the run.
//!
//! Each change has a moment, a number that counts up. A page that has seen the board at one moment is told what came after it,
//! computed when its connection has room: nothing waits in a queue for a slow page, and one that was away for a minute
//! gets one change with everything. What cannot be told as a change, such as points that were merged, begins a new
//! *edition* of the board, which is told as a whole.

mod apply;
mod endpoints;
mod log;
mod run;
mod series;
mod statistics;

pub(crate) use run::{Run, State};

use crate::child::Exit;
use endpoints::Endpoints;
use jiff::Timestamp;
use log::Log;
use run::Progress;
use serde_json::{Map, Value, json};
use series::{Merge, Series};
use statistics::Table;

/// The names of the values of a point.
const COLUMNS: [&str; 10] =
    ["t", "users", "aim", "in_flight", "requests", "failures", "p50", "p95", "p99", "trial"];

/// How two points become one, by column.
const RULES: &[Merge] = &[
    Merge::Later,
    Merge::Later,
    Merge::Later,
    Merge::Later,
    Merge::Mean,
    Merge::Mean,
    Merge::Greater,
    Merge::Greater,
    Merge::Greater,
    Merge::Equal,
];

/// Replies of backends: the time, then one value for each.
const BACKEND_RULES: &[Merge] = &[Merge::Later, Merge::Mean];

/// What a page has seen of a board.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    edition: u64,
    clock: u64,
}

/// What is told to a page.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum News {
    /// The whole board.
    Board(Value),
    /// What is new.
    Change(Value),
}

/// A value with the moment at which it changed.
#[derive(Clone, Debug, Default)]
struct Told<T> {
    clock: u64,
    value: T,
}

/// Everything that a page shows of a run.
#[derive(Clone, Debug)]
pub(crate) struct Board {
    edition: u64,
    clock: u64,
    /// When the run began, by its own events.
    began: Option<Timestamp>,
    /// Seconds since then, by the newest event.
    now_s: f64,
    run: Told<Option<Run>>,
    steerable: Told<Value>,
    progress: Told<Progress>,
    series: Series,
    trials_seen: Log<Value>,
    backend_ids: Vec<String>,
    backends: Series,
    endpoints: Endpoints,
    statistics: Table,
    trials: Log<Value>,
    marks: Log<Value>,
    warnings: Log<String>,
    slow: Log<String>,
    log: Log<String>,
    answers: Log<Value>,
    /// The last error that the program printed.
    complaint: Option<String>,
    /// Lines of the event stream that were no events.
    garbage: u64,
}

impl Default for Board {
    /// Makes the board of no run.
    fn default() -> Self {
        Self {
            edition: 1,
            clock: 1,
            began: None,
            now_s: 0.0,
            run: Told::default(),
            steerable: Told::default(),
            progress: Told::default(),
            series: Series::new(RULES),
            trials_seen: Log::new(2000),
            backend_ids: Vec::new(),
            backends: Series::new(BACKEND_RULES),
            endpoints: Endpoints::default(),
            statistics: Table::default(),
            trials: Log::new(2000),
            marks: Log::new(500),
            warnings: Log::new(200),
            slow: Log::new(200),
            log: Log::new(500),
            answers: Log::new(20),
            complaint: None,
            garbage: 0,
        }
    }
}

impl Board {
    /// Begins the board of a run. What was known of the run before is gone.
    pub(crate) fn begin(&mut self, run: Run) {
        let (edition, clock) = (self.edition + 1, self.clock + 1);
        *self = Self { edition, clock, run: Told { clock, value: Some(run) }, ..Self::default() };
    }

    /// Returns the run.
    pub(crate) fn run(&self) -> Option<&Run> {
        self.run.value.as_ref()
    }

    /// Changes the run, if there is one.
    pub(crate) fn change_run(&mut self, change: impl FnOnce(&mut Run)) {
        self.clock += 1;
        if let Some(run) = &mut self.run.value {
            change(run);
            self.run.clock = self.clock;
        }
    }

    /// Notes that the program has ended.
    pub(crate) fn end(&mut self, exit: Exit) {
        let complaint = self.complaint.take();
        self.change_run(|run| run.end(exit, complaint));
        self.steerable = Told { clock: self.clock, value: Value::Null };
    }

    /// Returns what came after what was seen, and what has been seen then; `None` if nothing came.
    pub(crate) fn since(&self, seen: Seen) -> Option<(News, Seen)> {
        let now = Seen { edition: self.edition, clock: self.clock };
        if seen.edition != self.edition {
            return Some((News::Board(self.whole()), now));
        }
        if seen.clock == self.clock {
            return None;
        }
        let change = self.told(seen.clock, false);
        (!change.is_empty()).then(|| (News::Change(Value::Object(change)), now))
    }

    /// Returns the whole board.
    pub(crate) fn whole(&self) -> Value {
        Value::Object(self.told(0, true))
    }

    fn told(&self, seen: u64, whole: bool) -> Map<String, Value> {
        let mut told = Map::new();
        let mut tell = |key: &str, is_new: bool, value: &dyn Fn() -> Value| {
            if whole || is_new {
                told.insert(key.to_owned(), value());
            }
        };
        tell("run", self.run.clock > seen, &|| json!(self.run.value));
        tell("steerable", self.steerable.clock > seen, &|| self.steerable.value.clone());
        tell("progress", self.progress.clock > seen, &|| self.progress.value.json());
        let points = self.series.since(seen);
        tell("series", !points.is_empty(), &|| json!({ "columns": COLUMNS, "points": points }));
        let points = self.backends.since(seen);
        tell("backends", !points.is_empty(), &|| json!({ "ids": self.backend_ids, "points": points }));
        let endpoints = self.endpoints.since(seen);
        tell("endpoint_series", !endpoints.is_empty(), &|| json!(endpoints));
        let statistics = self.statistics.since(seen, whole);
        tell("statistics", !statistics.is_empty(), &|| json!(statistics));
        for (key, entries) in [
            ("trials_seen", &self.trials_seen),
            ("trials", &self.trials),
            ("marks", &self.marks),
            ("answers", &self.answers),
        ] {
            let new: Vec<&Value> = entries.since(seen).collect();
            tell(key, !new.is_empty(), &|| json!(new));
        }
        for (key, lines) in [("warnings", &self.warnings), ("slow", &self.slow), ("log", &self.log)] {
            let new: Vec<&String> = lines.since(seen).collect();
            tell(key, !new.is_empty(), &|| json!(new));
        }
        told
    }
}

#[cfg(test)]
mod tests;
