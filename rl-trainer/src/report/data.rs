//! What a run of the executor knows when it is over, or interrupted.

use crate::curves::Update;
use crate::evaluate::Evaluation;
use crate::evaluate::goals::{Goal, Goals};
use crate::train::Score;
use lb_results::{GuardSummary, Host};
use serde::Serialize;

/// A run of the executor.
#[derive(Clone, Debug, Serialize)]
pub struct RunReport {
    /// Changes when a field changes its meaning or goes.
    pub schema_version: u32,
    /// Name of the run and of its folder.
    pub run_id: String,
    /// `validation`, `comprehensive` or `custom`.
    pub mode: String,
    /// `sim` or `live`.
    pub traffic: String,
    /// When it began (RFC 3339).
    pub started_at: String,
    /// How long it took.
    pub seconds: f64,
    /// The command as typed.
    pub command: Vec<String>,
    /// Version of `rl-train`.
    pub version: String,
    /// Commit that it was built from.
    pub commit: String,
    /// The libtorch that it ran with.
    pub libtorch: String,
    /// The machine.
    pub host: Host,
    /// Whether it was interrupted.
    pub interrupted: bool,
    /// What was done, in order.
    pub steps: Vec<StepReport>,
    /// Scenarios that were played.
    pub scenarios: Vec<TrafficReport>,
    /// What is in the traces, by scenario.
    pub traces: Vec<TraceReport>,
    /// Trainings, one per seed.
    pub trainings: Vec<TrainingReport>,
    /// Evaluations on lists of cases.
    pub evaluations: Vec<Evaluation>,
    /// The goals that were given; `None` where nothing is to be judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub targets: Option<Goals>,
    /// Each goal that could be judged; empty without `targets`.
    pub goals: Vec<Goal>,
}

impl RunReport {
    /// The present value of [`Self::schema_version`].
    pub const SCHEMA_VERSION: u32 = 1;

    /// The training whose policy is exported.
    pub fn chosen(&self) -> Option<&TrainingReport> {
        self.trainings.iter().find(|training| training.chosen)
    }
}

/// Something that was done.
#[derive(Clone, Debug, Serialize)]
pub struct StepReport {
    /// Name of the step.
    pub name: String,
    /// Whether the step succeeded.
    pub success: bool,
    /// How long it took.
    pub seconds: f64,
    /// Result of the step, or why it failed.
    pub detail: String,
}

/// A scenario that was played.
#[derive(Clone, Debug, Serialize)]
pub struct TrafficReport {
    /// Its name.
    pub name: String,
    /// What it was played for, in a few words.
    pub purpose: String,
    /// `sim` or `live`.
    pub engine: String,
    /// Seconds of the measured phase.
    pub duration_s: f64,
    /// How the algorithms did.
    pub algorithms: Vec<AlgorithmReport>,
}

/// An algorithm in a scenario that was played.
#[derive(Clone, Debug, Serialize)]
pub struct AlgorithmReport {
    /// Its name.
    pub name: String,
    /// Requests that ended.
    pub requests: u64,
    /// Mean latency of all requests, failures included, in milliseconds.
    pub mean_ms: Option<f64>,
    /// 99th percentile of the same latencies, in milliseconds.
    pub p99_ms: Option<f64>,
    /// Share of requests that failed.
    pub error_rate: f64,
    /// How often guards overruled a learned policy.
    pub guards: Option<GuardSummary>,
}

/// What is in the traces.
#[derive(Clone, Debug, Serialize)]
pub struct TraceReport {
    /// Where they are.
    pub path: String,
    /// Number of decisions.
    pub experiences: u64,
    /// Completeness, 0 to 100.
    pub completeness: f64,
    /// Verdict on the completeness.
    pub verdict: String,
    /// Choices and how often they were made.
    pub actions: Vec<(String, u64)>,
    /// Decisions whose outcome is not known.
    pub censored: u64,
    /// Share of decisions that were made at random.
    pub exploration: Option<f64>,
    /// What is wrong, and what to do.
    pub warnings: Vec<String>,
    /// Whether a policy can be trained on them.
    pub fit_for_training: bool,
}

/// One training.
#[derive(Clone, Debug, Serialize)]
pub struct TrainingReport {
    /// Its seed.
    pub seed: u64,
    /// Score on the validation set.
    pub validation: Score,
    /// Decisions that PPO learnt from.
    pub env_steps: u64,
    /// Decisions per second of PPO, all in.
    pub steps_per_second: f64,
    /// How long it took.
    pub seconds: f64,
    /// SHA-256 of the weights.
    pub sha256: String,
    /// Whether it is the one that is exported: the best on validation.
    pub chosen: bool,
    /// Progress of the training, one entry per update.
    #[serde(skip)]
    pub curve: Vec<Update>,
}
