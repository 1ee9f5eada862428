//! What happens in a run, for every program that watches one: a terminal, a file, a page.
//!
//! An experiment reports to one [`Observe`]; it neither prints nor knows who watches. Each [`Event`] can be
//! written and read back with serde, tagged by `event` in snake case. `docs/events.md` lists all fields with their
//! units; a change that breaks a reader raises [`EVENTS_VERSION`].

use lb_record::Snapshot;
use lb_results::Engine;
use lb_results::{AlgorithmSummary, MaxRateSummary, RateProbe, ScenarioSummary, Summary};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The version of the event stream; raised with every change that breaks a reader.
pub const EVENTS_VERSION: u32 = 1;

/// How often a running phase is reported.
pub(super) const PULSE_PERIOD: Duration = Duration::from_millis(200);

/// Watches a run. The experiment calls it on its own thread and waits for it, so an observer must be quick.
pub trait Observe {
    /// Takes note of one event. Events arrive in the order in which they happen.
    fn observe(&self, event: &Event);
}

/// Watches nothing.
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
}

/// One thing that happened in a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The load balancer under test is known and the run begins: the first event, unless the run could not begin.
    RunStarted {
        /// The name of the run.
        run_id: String,
        /// The load balancer under test, in words.
        load_balancer: String,
        /// `live` or `sim`.
        engine: Engine,
        /// What the run is for: `compare`, `aa` or `max_rate`.
        mode: String,
        /// The results folder.
        results: String,
        /// The names of the scenarios, in the order in which they run.
        scenarios: Vec<String>,
    },
    /// Something to know about the plan, such as a setting that is not honoured.
    Note {
        /// The note as a sentence.
        text: String,
    },
    /// What a scenario needs is running, and its trials begin.
    ScenarioStarted {
        /// The name of the scenario.
        scenario: String,
        /// The labels of its contestants.
        contestants: Vec<String>,
    },
    /// A block begins: each contestant runs once, all on one schedule.
    BlockStarted {
        /// The name of the scenario.
        scenario: String,
        /// The number of the block, from 0.
        block: u32,
        /// The SHA-256 of the schedule, in hex.
        schedule_sha256: String,
        /// The labels of the contestants, in the order in which they run.
        order: Vec<String>,
    },
    /// A trial enters a phase.
    PhaseStarted {
        /// The trial in words, such as `trial 3 of 10, least-connections`.
        trial: String,
        /// The phase in words, such as `warming up`.
        phase: String,
    },
    /// The running figures of a phase, about five times a second.
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
    /// A trial ended and was judged.
    TrialFinished {
        /// The name of the scenario.
        scenario: String,
        /// The number of the block, from 0.
        block: u32,
        /// The place of the trial within its block, from 0.
        position: usize,
        /// 0, or 1 for the repetition of an invalid trial.
        attempt: u32,
        /// Whether the user interrupted the measured phase; such a trial is kept on disk and counts nowhere.
        interrupted: bool,
        /// The results of this trial alone.
        summary: Box<AlgorithmSummary>,
        /// Why the trial is invalid; empty for a valid one.
        problems: Vec<String>,
    },
    /// The beginning of all trials of a block is left out as warm-up.
    WarmUpCut {
        /// The name of the scenario.
        scenario: String,
        /// The number of the block, from 0.
        block: u32,
        /// The length of what is left out, in seconds.
        cut_s: f64,
    },
    /// All intervals are as narrow as the run was asked for, so no further block follows.
    PrecisionReached {
        /// The name of the scenario.
        scenario: String,
        /// The number of blocks that ran.
        blocks: u32,
        /// Half the width that every interval keeps, as a fraction (0.03 is ±3 %).
        precision: f64,
    },
    /// One rate was tried in the search for the highest rate.
    ProbeFinished {
        /// The name of the scenario.
        scenario: String,
        /// The label of the contestant.
        algorithm: String,
        /// The rate, and whether it keeps the objective.
        probe: RateProbe,
    },
    /// The search for the highest rate of one contestant ended.
    RateFound {
        /// The name of the scenario.
        scenario: String,
        /// The highest rate and the probes that led to it.
        max_rate: MaxRateSummary,
    },
    /// A scenario ended, and its trials were summed up and compared.
    ScenarioJudged {
        /// The results of the scenario.
        summary: Box<ScenarioSummary>,
    },
    /// The noise floor that an A/A comparison found was kept for later verdicts.
    NoiseFloorKept {
        /// The file of the noise floor.
        path: String,
    },
    /// The run ended; no trial follows.
    RunFinished {
        /// `complete`, `interrupted` or `failed`.
        ended: String,
        /// Why the run failed; null unless it did.
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
    /// The trial called `trial` enters the phase called `phase`.
    pub(super) fn phase(trial: &str, phase: &str) -> Self {
        Self::PhaseStarted { trial: trial.to_owned(), phase: phase.to_owned() }
    }

    /// The running figures of a phase that began `elapsed` ago.
    pub(super) fn pulse(trial: &str, phase: &str, elapsed: Duration, now: Snapshot) -> Self {
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
