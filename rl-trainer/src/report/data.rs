//! The data of a complete or interrupted run of the executor.

use super::twin::TwinReport;
use crate::curves::Update;
use crate::evaluate::Evaluation;
use crate::evaluate::goals::{Goal, Goals};
use crate::train::Score;
use lb_results::{GuardSummary, Host};
use serde::Serialize;

/// A run of the executor.
#[derive(Clone, Debug, Serialize)]
pub struct RunReport {
    /// Schema version, which changes when a field is removed or changes its meaning.
    pub schema_version: u32,
    /// Name of the run and of its folder.
    pub run_id: String,
    /// Mode of the run: `validation`, `comprehensive` or `custom`.
    pub mode: String,
    /// How scenarios were played: `sim` or `live`.
    pub traffic: String,
    /// Start time (RFC 3339).
    pub started_at: String,
    /// Duration in seconds.
    pub seconds: f64,
    /// The command as typed.
    pub command: Vec<String>,
    /// Version of `rl-train`.
    pub version: String,
    /// Commit that `rl-train` was built from.
    pub commit: String,
    /// Version of the libtorch that was used.
    pub libtorch: String,
    /// The machine that the run was executed on.
    pub host: Host,
    /// Whether the run was interrupted.
    pub interrupted: bool,
    /// Steps of the run, in order.
    pub steps: Vec<StepReport>,
    /// Scenarios that were played.
    pub scenarios: Vec<TrafficReport>,
    /// Contents of the traces, by scenario.
    pub traces: Vec<TraceReport>,
    /// Recorded pools, their fits, and what was specialised on them.
    pub twins: Vec<TwinReport>,
    /// Training runs: general ones, one per seed, and those that specialise a policy on a pool.
    pub trainings: Vec<TrainingReport>,
    /// The policy that is exported; `None` if there is none.
    pub exported: Option<ExportReport>,
    /// Evaluations on lists of cases.
    pub evaluations: Vec<Evaluation>,
    /// The goals that were given; `None` to judge nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub targets: Option<Goals>,
    /// Each goal that could be judged; empty without `targets`.
    pub goals: Vec<Goal>,
}

impl RunReport {
    /// Current value of [`Self::schema_version`].
    pub const SCHEMA_VERSION: u32 = 1;
}

/// The policy that is exported.
#[derive(Clone, Debug, Serialize)]
pub struct ExportReport {
    /// What it is.
    pub name: String,
    /// SHA-256 of the weights.
    pub sha256: String,
    /// Whether the profile of a pool is inside it.
    pub profile: bool,
    /// Its name in the evaluations on lists of cases; empty if it does not take part.
    pub proved: String,
}

/// A step of a run.
#[derive(Clone, Debug, Serialize)]
pub struct StepReport {
    /// Name of the step.
    pub name: String,
    /// Whether the step succeeded.
    pub success: bool,
    /// Duration in seconds.
    pub seconds: f64,
    /// Result of the step, or why it failed.
    pub detail: String,
}

/// A scenario that was played.
#[derive(Clone, Debug, Serialize)]
pub struct TrafficReport {
    /// Name of the scenario.
    pub name: String,
    /// Short description of the purpose.
    pub purpose: String,
    /// Engine that played the scenario: `sim` or `live`.
    pub engine: String,
    /// Seconds of the measured phase.
    pub duration_s: f64,
    /// Results of the algorithms.
    pub algorithms: Vec<AlgorithmReport>,
}

/// An algorithm in a scenario that was played.
#[derive(Clone, Debug, Serialize)]
pub struct AlgorithmReport {
    /// Name of the algorithm.
    pub name: String,
    /// Number of requests that ended.
    pub requests: u64,
    /// Mean latency of all requests, failures included, in milliseconds.
    pub mean_ms: Option<f64>,
    /// 99th percentile of the latency of all requests, failures included, in milliseconds.
    pub p99_ms: Option<f64>,
    /// Share of requests that failed.
    pub error_rate: f64,
    /// How often guards overruled a learned policy.
    pub guards: Option<GuardSummary>,
}

/// Contents of the traces of a scenario.
#[derive(Clone, Debug, Serialize)]
pub struct TraceReport {
    /// Path of the traces.
    pub path: String,
    /// Number of decisions.
    pub experiences: u64,
    /// Completeness score, from 0 to 100.
    pub completeness: f64,
    /// Verdict on the completeness.
    pub verdict: String,
    /// Actions and how often they were chosen.
    pub actions: Vec<(String, u64)>,
    /// Number of decisions whose outcome is unknown.
    pub censored: u64,
    /// Share of decisions that were made at random.
    pub exploration: Option<f64>,
    /// Warnings, each with a problem and advice.
    pub warnings: Vec<String>,
    /// Whether a policy can be trained on the traces.
    pub fit_for_training: bool,
}

/// Results of one training run.
#[derive(Clone, Debug, Serialize)]
pub struct TrainingReport {
    /// What was trained: `general`, or the pool on which a policy was specialised.
    pub of: String,
    /// Seed of the training run.
    pub seed: u64,
    /// Score on the validation set.
    pub validation: Score,
    /// Number of decisions that PPO learnt from.
    pub env_steps: u64,
    /// Decisions per second of PPO, including all overhead.
    pub steps_per_second: f64,
    /// Duration in seconds.
    pub seconds: f64,
    /// SHA-256 of the weights.
    pub sha256: String,
    /// Whether this policy was chosen, because it is the best on the validation set or in the selection.
    pub chosen: bool,
    /// Progress of the training run, one entry per update.
    #[serde(skip)]
    pub curve: Vec<Update>,
}
