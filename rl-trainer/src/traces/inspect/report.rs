//! The report of an inspection, as shown on the console and written by `--json`.

use super::super::clock::Clock;
use serde::Serialize;

/// Schema version, which changes when a field of the JSON is removed or changes its meaning.
pub const SCHEMA_VERSION: u32 = 1;

/// Contents of a trace, and whether a policy can be trained on it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Version of this schema.
    pub schema_version: u32,
    /// Path that was inspected.
    pub path: String,
    /// Format of the trace.
    pub format: Format,
    /// Number of files.
    pub files: usize,
    /// Number of experiences that could be read, including incomplete ones.
    pub experiences: u64,
    /// Lines that could not be read.
    pub malformed: Malformed,
    /// Completeness of the experiences.
    pub completeness: Completeness,
    /// Policies that made the decisions; empty if the trace does not record them.
    pub policies: Vec<Count>,
    /// Actions, the most frequent first, and how well the data support each.
    pub actions: Vec<Support>,
    /// Distribution of rewards; `None` if there are no rewards.
    pub rewards: Option<Rewards>,
    /// Feature sets; empty for JSON lines, whose metrics do not belong to a set.
    pub feature_sets: Vec<Count>,
    /// Features that policies saw.
    pub features: Vec<Coverage>,
    /// How requests ended: by status, or by kind of failure.
    pub outcomes: Vec<Count>,
    /// Number of experiences whose outcome is unknown.
    pub censored: u64,
    /// Share of decisions that were made at random to explore; `None` if the trace does not record it.
    pub exploration: Option<f64>,
    /// Problems with propensities; `None` if the trace has no propensities.
    pub propensities: Option<Propensities>,
    /// Whether the reward falls when requests become slower or fail, as it should; `None` if unknown.
    pub reward_sign: Option<RewardSign>,
    /// Jumps of the clock.
    pub clock: Clock,
    /// Warnings, the most severe first.
    pub warnings: Vec<Warning>,
    /// Whether a policy can be trained on the trace.
    pub fit_for_training: bool,
}

/// Format of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Parquet, as written by the reference load balancer.
    Parquet,
    /// One JSON object per line, as in `rl_experiences.jsonl`.
    JsonLines,
}

/// Lines that are not experiences.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Malformed {
    /// Number of malformed lines.
    pub lines: u64,
    /// The first malformed lines.
    pub first: Vec<MalformedLine>,
}

/// A line that is not an experience.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MalformedLine {
    /// Path of the file.
    pub file: String,
    /// Line number, from 1.
    pub line: u64,
    /// Description of the problem.
    pub problem: String,
}

/// Completeness of the experiences.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Completeness {
    /// Mean over all experiences of 20 points per required field, 0 to 100.
    pub score: f64,
    /// Verdict on the score.
    pub verdict: Verdict,
    /// The required fields.
    pub fields: Vec<Field>,
}

/// A required field.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Field {
    /// Name of the field in an experience.
    pub field: &'static str,
    /// Corresponding columns in Parquet; empty for JSON lines.
    pub columns: Vec<&'static str>,
    /// Number of experiences with a valid value.
    pub present: u64,
}

/// Verdict on a completeness score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// A score of at least 90.
    Excellent,
    /// A score of at least 70, but below 90.
    Good,
    /// A score above 0, but below 70.
    Poor,
    /// A score of 0.
    Critical,
}

impl Verdict {
    /// Returns the verdict on a score.
    pub fn of(score: f64) -> Self {
        match score {
            score if score >= 90.0 => Self::Excellent,
            score if score >= 70.0 => Self::Good,
            score if score > 0.0 => Self::Poor,
            _ => Self::Critical,
        }
    }

    /// Returns the name used in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Excellent => "EXCELLENT",
            Self::Good => "GOOD",
            Self::Poor => "POOR",
            Self::Critical => "CRITICAL",
        }
    }
}

/// Number of occurrences of a value.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Count {
    /// Name of what was counted.
    pub name: String,
    /// Number of occurrences.
    pub count: u64,
    /// Share of all experiences.
    pub share: f64,
}

/// An action, and how well the trace supports conclusions about it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Support {
    /// Id of the chosen backend.
    pub action: String,
    /// Number of times the action was chosen.
    pub count: u64,
    /// Share of all experiences that name an action.
    pub share: f64,
    /// Smallest propensity among these decisions.
    pub smallest_propensity: Option<f64>,
    /// Effective sample size with weights of one over the propensity (Kish, 1965).
    pub effective_sample_size: Option<f64>,
}

/// Distribution of rewards.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rewards {
    /// Number of experiences with a reward.
    pub count: u64,
    /// Minimum reward.
    pub min: f64,
    /// Maximum reward.
    pub max: f64,
    /// Mean reward.
    pub mean: f64,
    /// Number of rewards above zero.
    pub positive: u64,
    /// Number of rewards below zero.
    pub negative: u64,
    /// Number of rewards that are exactly zero.
    pub zero: u64,
    /// Quantiles of the rewards, each accurate to within 1 %.
    pub quantiles: Vec<Quantile>,
}

/// A quantile.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Quantile {
    /// Share of values below `value`, from 0 to 1.
    pub quantile: f64,
    /// Value of the quantile.
    pub value: f64,
}

/// Observed values of a feature.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Coverage {
    /// Name of the feature.
    pub feature: String,
    /// Number of values.
    pub count: u64,
    /// Minimum value.
    pub min: f64,
    /// Maximum value.
    pub max: f64,
    /// Share of values that were clipped; `None` if the values are not clipped.
    pub clamped: Option<f64>,
    /// Whether all values are the same.
    pub constant: bool,
}

/// Problems with propensities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Propensities {
    /// Number of experiences without a propensity.
    pub missing: u64,
    /// Number of propensities that are at most 0.
    pub not_positive: u64,
    /// Number of propensities above 1.
    pub above_one: u64,
}

/// Correlations of the reward with the latency and errors that it should penalise.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RewardSign {
    /// Correlation with the logarithm of the chosen backend's latency, from -1 to 1.
    pub latency: Option<f64>,
    /// Correlation with the chosen backend's errors, from -1 to 1.
    pub errors: Option<f64>,
    /// Whether the reward rises with latency or errors.
    pub inverted: bool,
}

/// A warning with advice.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Warning {
    /// Description of the problem.
    pub problem: String,
    /// Advice on how to fix the problem.
    pub advice: String,
    /// Whether the problem makes the trace unfit for training.
    pub unfit: bool,
}
