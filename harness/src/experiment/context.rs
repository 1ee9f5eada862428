//! The options of a run besides its plan, and the context that all of its trials share.

use super::error::RunError;
use super::events::Observe;
use super::fleet::Fleet;
use super::interrupt::Interrupt;
use super::recorded_trials::RecordedTrials;
use super::trial_plan::TrialPlan;
use crate::steer::Desk;
use lb_analysis::threshold::Threshold;
use lb_config::{Loaded, Plan};
use lb_core::Span;
use lb_results::{ListedBackend, RequestsFile, ResultsFolder};
use std::path::{Path, PathBuf};
use std::sync::Arc;

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
    /// The file for the access log of the load balancer; `None` keeps none. Several trials get a file each, beside it.
    pub access_log: Option<PathBuf>,
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
    /// Where commands to the run are found; `None` if it takes none.
    pub desk: Option<Desk>,
    /// The workers that play the load; `None` plays it in this process.
    pub fleet: Option<Arc<dyn Fleet>>,
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
    /// The file of `--access-log`.
    pub(super) access_log: Option<&'a Path>,
    pub(super) run_id: &'a str,
    pub(super) accept_invalid: bool,
    pub(super) mode: &'a Mode,
    /// Where commands to the run are found; `None` if it takes none.
    pub(super) desk: Option<&'a Desk>,
    /// The workers that play the load; `None` plays it in this process.
    pub(super) fleet: Option<&'a Arc<dyn Fleet>>,
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
            access_log: options.access_log.as_deref(),
            run_id: &options.run_id,
            accept_invalid: options.accept_invalid,
            mode: &options.mode,
            desk: options.desk.as_ref(),
            fleet: options.fleet.as_ref(),
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
            access_log: None,
            desk: None,
            recorded: RecordedTrials::new(Vec::new()),
            ..*self
        }
    }

    /// Returns the file for the access log of a trial: that of `--access-log` itself if there is only one trial.
    pub(super) fn access_log_of(&self, trial: &TrialPlan<'_>) -> Option<PathBuf> {
        let file = self.access_log?;
        let plan = self.plan;
        let is_only_one = *self.mode == Mode::Compare
            && plan.scenarios().len() == 1
            && trial.scenario.algorithms().len() == 1
            && plan.target().started().len() == 1
            && plan.repetitions() == 1
            && plan.precision().is_none()
            && plan.detect().is_none();
        Some(if is_only_one { file.to_owned() } else { beside(file, &trial.stem()) })
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

/// Returns the path of a file in the same folder, with a suffix before the extension.
fn beside(file: &Path, suffix: &str) -> PathBuf {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let extension = file.extension().map(|extension| format!(".{}", extension.to_string_lossy()));
    file.with_file_name(format!("{stem}-{suffix}{}", extension.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_several_trials_lie_beside_the_one_that_was_named() {
        for (file, expected) in [
            ("logs/access.log", "logs/access-steady-p2c-0.log"),
            ("access", "access-steady-p2c-0"),
            ("a.b.log", "a.b-steady-p2c-0.log"),
        ] {
            assert_eq!(beside(Path::new(file), "steady-p2c-0"), Path::new(expected));
        }
    }
}
