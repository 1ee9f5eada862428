//! Events of a run, for programs that watch it, such as a terminal or a file writer.
//!
//! An experiment reports to one [`Observe`]; it prints nothing and does not depend on its observers. Each
//! [`Event`] can be written and read back with serde, tagged by `event` in snake case. `docs/events.md` lists
//! all fields with their units; a change that breaks readers raises [`EVENTS_VERSION`].

use super::live_events::{Figures, Statistics, Steerable};
use lb_record::Snapshot;
use lb_results::Engine;
use lb_results::{AlgorithmSummary, MaxRateSummary, PilotSummary, RateProbe, ScenarioSummary, Summary};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The version of the event stream, raised with every change that breaks readers.
pub const EVENTS_VERSION: u32 = 1;

/// How often a running phase is reported.
pub(crate) const PULSE_PERIOD: Duration = Duration::from_millis(200);

/// Watches a run. The experiment calls it on its own thread and waits for it, so an observer must be quick.
pub trait Observe {
    /// Handles one event. Events arrive in order.
    fn observe(&self, event: &Event);

    /// Returns whether the figures and statistics of live load are wanted, which cost something to compute.
    fn wants_figures(&self) -> bool {
        false
    }
}

/// Ignores all events.
impl Observe for () {
    fn observe(&self, _event: &Event) {}
}

/// Passes each event to every observer, in order.
impl Observe for Vec<&dyn Observe> {
    fn observe(&self, event: &Event) {
        for observer in self {
            observer.observe(event);
        }
    }

    fn wants_figures(&self) -> bool {
        self.iter().any(|observer| observer.wants_figures())
    }
}

/// An event of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The load balancer under test is known and the run begins. This is the first event, unless the run
    /// could not begin.
    RunStarted {
        /// The name of the run.
        run_id: String,
        /// The load balancer under test, in words.
        load_balancer: String,
        /// The engine: `live` or `sim`.
        engine: Engine,
        /// What the run is for: `compare`, `aa` or `max_rate`.
        mode: String,
        /// The results folder.
        results: String,
        /// The names of the scenarios, in the order they run.
        scenarios: Vec<String>,
    },
    /// A note for the user, such as a setting that is ignored.
    Note {
        /// The text of the note, a sentence.
        text: String,
    },
    /// The processes of a scenario are running, and its trials begin.
    ScenarioStarted {
        /// The name of the scenario.
        scenario: String,
        /// The labels of the contestants.
        contestants: Vec<String>,
        /// The number of trials, not counting repetitions of invalid ones. Null if a precision or a search
        /// decides the number.
        trials: Option<u32>,
        /// Planned duration of one trial in seconds: warm-up, measured phase and cool-down.
        trial_s: f64,
    },
    /// A pilot was simulated to determine how many blocks the scenario needs.
    PilotPlayed {
        /// The name of the scenario.
        scenario: String,
        /// The result of the pilot.
        pilot: PilotSummary,
    },
    /// A block begins: each contestant runs once, all on one schedule.
    BlockStarted {
        /// The name of the scenario.
        scenario: String,
        /// The number of the block, from 0.
        block: u32,
        /// The SHA-256 of the schedule, in hex.
        schedule_sha256: String,
        /// The labels of the contestants, in the order they run.
        order: Vec<String>,
    },
    /// A trial enters a phase.
    PhaseStarted {
        /// The trial in words, such as `trial 3 of 10, least-connections`.
        trial: String,
        /// The phase in words, such as `warming up`.
        phase: String,
    },
    /// The current figures of a phase, reported about five times a second.
    Pulse {
        /// The trial in words.
        trial: String,
        /// The phase in words.
        phase: String,
        /// Seconds since the phase began.
        elapsed_s: f64,
        /// The users that are active now.
        users: u32,
        /// The requests that ended in the last complete second.
        requests_per_s: f64,
        /// The 95th percentile of latency in the last complete second, in milliseconds.
        p95_ms: f64,
        /// The requests that failed since the phase began.
        errors: u64,
    },
    /// Requests were slower than `--slow` allows since the last such event.
    SlowRequests {
        /// The trial in words.
        trial: String,
        /// A line for each of them, at most ten for each second of the load.
        lines: Vec<String>,
        /// The number of those without a line.
        left_out: u64,
    },
    /// A trial ended and was judged.
    TrialFinished {
        /// The name of the scenario.
        scenario: String,
        /// The number of the block, from 0.
        block: u32,
        /// The place of the trial within its block, from 0.
        position: usize,
        /// 0 for the first attempt, more for repetitions of an invalid trial.
        attempt: u32,
        /// Whether the measured phase ended early. Such a trial is kept on disk, but not counted.
        interrupted: bool,
        /// The results of this trial alone.
        summary: Box<AlgorithmSummary>,
        /// Why the trial is invalid; empty for a valid one.
        problems: Vec<String>,
    },
    /// The beginning of all trials of a block was cut off as warm-up.
    WarmUpCut {
        /// The name of the scenario.
        scenario: String,
        /// The number of the block, from 0.
        block: u32,
        /// The length of the part that was cut off, in seconds.
        cut_s: f64,
    },
    /// All confidence intervals are narrow enough, so no further block follows.
    PrecisionReached {
        /// The name of the scenario.
        scenario: String,
        /// The number of blocks that ran.
        blocks: u32,
        /// How far the interval of every ratio reaches to either side, as a fraction of the ratio (0.03 is ±3
        /// %).
        precision: f64,
    },
    /// One rate was tried in the search for the highest rate.
    ProbeFinished {
        /// The name of the scenario.
        scenario: String,
        /// The label of the contestant.
        algorithm: String,
        /// The rate, and whether it meets the objective.
        probe: RateProbe,
    },
    /// The search for the highest rate of one contestant ended.
    RateFound {
        /// The name of the scenario.
        scenario: String,
        /// The highest rate and the probes that led to it.
        max_rate: MaxRateSummary,
    },
    /// A scenario ended, and its trials were summarised and compared.
    ScenarioJudged {
        /// The results of the scenario.
        summary: Box<ScenarioSummary>,
    },
    /// The noise floor found by an A/A comparison was stored for later verdicts.
    NoiseFloorKept {
        /// Path of the file that holds the noise floor.
        path: String,
    },
    /// What the last complete second of a live phase brought.
    Figures(Box<Figures>),
    /// Everything that a live phase brought since it began.
    Statistics(Box<Statistics>),
    /// A fault of a scenario or of a command begins or ends.
    Fault {
        /// The id of the backend.
        backend: String,
        /// What happens, such as `3 times slower`, or `back to normal`.
        text: String,
        /// Whether the fault begins; otherwise it ends.
        begins: bool,
    },
    /// A mark was set on a load without end.
    Mark {
        /// The name of the mark.
        name: String,
        /// When, in seconds since the load began.
        at_s: f64,
    },
    /// The run waits before its next trial, because a command asked for it.
    Paused {},
    /// The run goes on after a pause.
    Resumed {},
    /// Which commands make sense for this run. Only with `--steer`.
    Steerable(Box<Steerable>),
    /// The answer to a command. Only with `--steer`.
    Answered {
        /// The id that the sender chose; null if the command has none that can be read.
        id: Option<u64>,
        /// Whether the command was obeyed.
        ok: bool,
        /// What happens now, or why the command is refused, in sentences.
        text: String,
    },
    /// The run ended; no more trials follow.
    RunFinished {
        /// How the run ended: `complete`, `interrupted` or `failed`.
        ended: String,
        /// Why the run failed; null if it did not fail.
        error: Option<String>,
        /// The results folder.
        results: String,
        /// The results; null when the run failed before anything was measured.
        summary: Option<Box<Summary>>,
    },
    /// A report of the finished run was written.
    ReportWritten {
        /// The file of the report.
        path: String,
    },
}

impl Event {
    /// Makes the answer to the command `id`: `Ok` says what happens now, `Err` why the command is refused.
    pub(crate) fn answered(id: Option<u64>, answer: Result<String, String>) -> Self {
        let ok = answer.is_ok();
        let (Ok(text) | Err(text)) = answer;
        Self::Answered { id, ok, text }
    }

    /// Makes the event that says that the trial `trial` enters the phase `phase`.
    pub(super) fn phase(trial: &str, phase: &str) -> Self {
        Self::PhaseStarted { trial: trial.to_owned(), phase: phase.to_owned() }
    }

    /// Makes the event with the current figures of a phase that began `elapsed` ago.
    pub(crate) fn pulse(trial: &str, phase: &str, elapsed: Duration, now: Snapshot) -> Self {
        Self::Pulse {
            trial: trial.to_owned(),
            phase: phase.to_owned(),
            elapsed_s: elapsed.as_secs_f64(),
            users: now.users,
            requests_per_s: now.last_requests as f64,
            p95_ms: now.last_p95.as_millis_f64(),
            errors: now.errors,
        }
    }
}
