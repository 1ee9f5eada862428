//! The options of a run besides its plan, and the context that all of its trials share.

use super::error::RunError;
use super::events::Observe;
use super::interrupt::Interrupt;
use super::recorded_trials::RecordedTrials;
use super::trial_plan::TrialPlan;
use lb_analysis::threshold::Threshold;
use lb_config::{Loaded, Plan};
use lb_core::Span;
use lb_results::{ListedBackend, RequestsFile, ResultsFolder};

/// What a run is for.
#[derive(Clone, Debug, PartialEq)]
pub enum Mode {
    /// Compares algorithms with each other.
    Compare,
    /// Compares the first algorithm with itself, which shows how large a difference noise alone makes.
    Aa,
    /// Searches for the highest arrival rate at which each algorithm meets these thresholds.
    MaxRate(Vec<Threshold>),
}

impl Mode {
    /// The name of the mode in events: `compare`, `aa` or `max_rate`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Compare => "compare",
            Self::Aa => "aa",
            Self::MaxRate(_) => "max_rate",
        }
    }
}

/// The options of a run besides its plan.
#[derive(Debug)]
pub struct RunOptions<'a> {
    /// The config that the plan was made from.
    pub loaded: &'a Loaded,
    /// The command line, as recorded in the results.
    pub command: Vec<String>,
    /// The name of the run.
    pub run_id: String,
    /// The folder that results are written to.
    pub folder: ResultsFolder,
    /// Whether to write each user's sequence of requests for each trial.
    pub record_actions: bool,
    /// Whether to write every request with its times for each trial.
    pub record_requests: bool,
    /// The probability of a random decision while every decision is recorded; `None` records no decisions.
    pub traces: Option<f64>,
    /// Whether invalid trials count, with a note.
    pub accept_invalid: bool,
    /// Whether to simulate bounds after each scenario.
    pub oracles: bool,
    /// The replication of a simulated run: another number gives the same users different service times. 0
    /// uses the service times that the schedule implies.
    pub replication: u64,
    /// What the run is for.
    pub mode: Mode,
    /// Whether to resume the run in the folder instead of starting a new one.
    pub resume: bool,
}

/// The context that all trials of a run share.
pub(super) struct Context<'a> {
    pub(super) plan: &'a Plan,
    pub(super) folder: &'a ResultsFolder,
    pub(super) interrupt: &'a Interrupt,
    /// The observer that is notified of the events of the run.
    pub(super) events: &'a dyn Observe,
    pub(super) record_actions: bool,
    pub(super) replication: u64,
    pub(super) record_requests: bool,
    /// How long a slow request takes at least; `None` looks for none.
    pub(super) slow: Option<Span>,
    /// The probability of a random decision while decisions are recorded; `None` when they are not.
    pub(super) traces: Option<f64>,
    pub(super) run_id: &'a str,
    pub(super) accept_invalid: bool,
    pub(super) mode: &'a Mode,
    /// The trials of this run that an earlier process completed.
    pub(super) recorded: RecordedTrials,
}

impl<'a> Context<'a> {
    /// Makes the context from a plan and its options.
    pub(super) fn new(
        plan: &'a Plan,
        options: &'a RunOptions<'_>,
        interrupt: &'a Interrupt,
        events: &'a dyn Observe,
        recorded: RecordedTrials,
    ) -> Self {
        Self {
            plan,
            folder: &options.folder,
            interrupt,
            events,
            record_actions: options.record_actions,
            replication: options.replication,
            record_requests: options.record_requests,
            slow: plan.slow(),
            traces: options.traces,
            run_id: &options.run_id,
            accept_invalid: options.accept_invalid,
            mode: &options.mode,
            recorded,
        }
    }

    /// Returns a context for trials that write no files and send no events.
    pub(super) fn without_traces_and_events(&self) -> Self {
        Self {
            events: &(),
            record_actions: false,
            record_requests: false,
            slow: None,
            traces: None,
            recorded: RecordedTrials::new(Vec::new()),
            ..*self
        }
    }

    /// Creates the file that records every request of a trial. Returns `None` unless requests are recorded.
    pub(super) fn requests_file(
        &self,
        trial: &TrialPlan<'_>,
        backends: &[ListedBackend],
    ) -> Result<Option<RequestsFile>, RunError> {
        if !self.record_requests {
            return Ok(None);
        }
        let name = format!("trials/{}-requests.parquet", trial.stem());
        let ids: Vec<String> = backends.iter().map(|backend| backend.id.clone()).collect();
        let workload = &trial.scenario.scenario().workload;
        RequestsFile::create(self.folder, &name, workload, &ids).map(Some).map_err(RunError::Results)
    }
}
