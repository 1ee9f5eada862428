//! What an inspection says, as data: the console shows it, `--json` writes it.

use serde::Serialize;

/// Changes when a field of the JSON changes its meaning or goes.
pub const SCHEMA_VERSION: u32 = 1;

/// What is in a trace, and whether a policy can be trained on it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Version of this schema.
    pub schema_version: u32,
    /// What was inspected.
    pub path: String,
    /// Format of the trace.
    pub format: Format,
    /// Number of files.
    pub files: usize,
    /// Experiences that could be read, complete or not.
    pub experiences: u64,
    /// Lines that could not be read.
    pub malformed: Malformed,
    /// How much of what an experience needs is there.
    pub completeness: Completeness,
    /// The policies that decided; empty where the trace does not tell.
    pub policies: Vec<Count>,
    /// The choices, and how well each is supported; the most frequent first.
    pub actions: Vec<Support>,
    /// What decisions earned; none when no reward is there.
    pub rewards: Option<Rewards>,
    /// The sets that features belong to; empty in JSON lines, whose metrics have no set.
    pub feature_sets: Vec<Count>,
    /// The numbers that policies saw.
    pub features: Vec<Coverage>,
    /// How requests ended: by status, or by kind of failure.
    pub outcomes: Vec<Count>,
    /// Experiences whose outcome is not known.
    pub censored: u64,
    /// Share of decisions that were made at random to explore; none if the trace does not record it.
    pub exploration: Option<f64>,
    /// Whether probabilities of choices can be used; none where the trace has none.
    pub propensities: Option<Propensities>,
    /// Whether the reward falls when requests get slower and fail, as it should; none where it cannot be told.
    pub reward_sign: Option<RewardSign>,
    /// What is wrong, the worst first.
    pub warnings: Vec<Warning>,
    /// Whether a policy can be trained on it.
    pub fit_for_training: bool,
}

/// How a trace is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Columns, as this load balancer writes them.
    Parquet,
    /// One JSON object per line, as in `rl_experiences.jsonl`.
    JsonLines,
}

/// Lines that are not experiences.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Malformed {
    /// How many.
    pub lines: u64,
    /// The first of them.
    pub first: Vec<MalformedLine>,
}

/// A line that is not an experience.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MalformedLine {
    /// The file.
    pub file: String,
    /// Its number, from 1.
    pub line: u64,
    /// What is wrong.
    pub problem: String,
}

/// How much of what an experience needs is there.
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
    /// Its name in an experience.
    pub field: &'static str,
    /// The columns that stand for it; empty in JSON lines, which name it so themselves.
    pub columns: Vec<&'static str>,
    /// Experiences that have it, valid.
    pub present: u64,
}

/// The word for a completeness score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// At least 90.
    Excellent,
    /// At least 70.
    Good,
    /// Above 0.
    Poor,
    /// 0.
    Critical,
}

impl Verdict {
    /// The word for a score.
    pub fn of(score: f64) -> Self {
        match score {
            score if score >= 90.0 => Self::Excellent,
            score if score >= 70.0 => Self::Good,
            score if score > 0.0 => Self::Poor,
            _ => Self::Critical,
        }
    }

    /// As reports write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Excellent => "EXCELLENT",
            Self::Good => "GOOD",
            Self::Poor => "POOR",
            Self::Critical => "CRITICAL",
        }
    }
}

/// How often something is there.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Count {
    /// Name of what was counted.
    pub name: String,
    /// How often.
    pub count: u64,
    /// Share of all experiences.
    pub share: f64,
}

/// A choice, and how well the trace supports saying something of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Support {
    /// The backend.
    pub action: String,
    /// How often it was chosen.
    pub count: u64,
    /// Of all experiences that name a choice.
    pub share: f64,
    /// The least probable of these choices.
    pub smallest_propensity: Option<f64>,
    /// How many evenly weighted experiences these are worth, weighted by one over their probability
    /// (Kish, 1965).
    pub effective_sample_size: Option<f64>,
}

/// What decisions earned.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rewards {
    /// Experiences with a reward.
    pub count: u64,
    /// The least.
    pub min: f64,
    /// The most.
    pub max: f64,
    /// The mean.
    pub mean: f64,
    /// Above zero.
    pub positive: u64,
    /// Below zero.
    pub negative: u64,
    /// Exactly zero.
    pub zero: u64,
    /// By quantile, each within 1 % of its value.
    pub quantiles: Vec<Quantile>,
}

/// A quantile.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Quantile {
    /// The share of values below `value`.
    pub quantile: f64,
    /// Its value.
    pub value: f64,
}

/// What was seen of a number.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Coverage {
    /// Its name.
    pub feature: String,
    /// Values seen.
    pub count: u64,
    /// The least.
    pub min: f64,
    /// The most.
    pub max: f64,
    /// Share that lies where numbers are cut off; none where they are not.
    pub clamped: Option<f64>,
    /// Whether all values are the same.
    pub constant: bool,
}

/// Whether probabilities of choices can be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Propensities {
    /// Experiences without one.
    pub missing: u64,
    /// At most 0.
    pub not_positive: u64,
    /// Above 1.
    pub above_one: u64,
}

/// Correlations of the reward with what it should punish.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RewardSign {
    /// With the logarithm of the chosen backend's latency, -1 to 1.
    pub latency: Option<f64>,
    /// With the chosen backend's errors.
    pub errors: Option<f64>,
    /// Whether the reward rises with one of them.
    pub inverted: bool,
}

/// What is wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Warning {
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub advice: String,
    /// Whether nothing can be trained on the trace while it is so.
    pub unfit: bool,
}
