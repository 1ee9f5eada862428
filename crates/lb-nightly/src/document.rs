//! What a night found, as a document: `nightly.json`, and the body of a webhook.

use lb_results::Metric;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of the document.
pub const NIGHT_VERSION: u32 = 1;

/// What a night found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Night {
    /// Version of this schema: 1.
    pub schema_version: u32,
    /// Tonight's run.
    pub run: NightRun,
    /// The verdict.
    pub verdict: NightVerdict,
    /// The exit code of `bench nightly`.
    pub exit_code: u8,
    /// The verdict in a sentence.
    pub sentence: String,
    /// The run that tonight's was compared with. Null if there is none.
    pub baseline: Option<NightRun>,
    /// The repetition of tonight's run. Null if there was none.
    pub repetition: Option<NightRun>,
    /// What became worse, or looked worse.
    pub findings: Vec<NightFinding>,
    /// The series in which changes were looked for. Null if the history could not be asked.
    pub series: Option<SeriesCheck>,
    /// The last A/A run. Null if there is none.
    pub aa: Option<AaCheck>,
    /// Why something was not judged.
    pub reasons: Vec<String>,
    /// What a reader should know.
    pub notes: Vec<String>,
    /// Whether the history took the run.
    pub recorded: bool,
    /// The history, without passwords.
    pub history: String,
}

/// A run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NightRun {
    /// Name of the run.
    pub run_id: String,
    /// Time at which it began (RFC 3339).
    pub started_at: String,
    /// What was tested; empty if nobody said.
    pub subject: String,
    /// The machine.
    pub host: String,
    /// Name of the config.
    pub config: String,
    /// The results folder, on the machine that recorded the run.
    pub folder: String,
}

/// The verdict on a night.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NightVerdict {
    /// Nothing became worse, as far as this could be told.
    Good,
    /// Something became worse, and more than one run shows it.
    Worse,
    /// Something looked worse in one run, which no other one confirms.
    Unconfirmed,
    /// Nothing could be judged.
    NotJudged,
}

/// Something that became worse, or looked worse.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NightFinding {
    /// How it was found.
    pub source: FindingSource,
    /// Name of the scenario.
    pub scenario: String,
    /// Name of the algorithm.
    pub algorithm: String,
    /// The metric.
    pub metric: Metric,
    /// By how much: 0.05 is 5 % more; for error rates, the difference.
    pub effect: f64,
    /// The 95 % interval of the effect. Null with too few blocks.
    pub interval: Option<[f64; 2]>,
    /// The p value, corrected over all metrics of a comparison; of a change of a series, the larger one of its two tests.
    pub p_value: Option<f64>,
    /// Since when.
    pub since: Since,
    /// What confirms it.
    pub confirmation: Confirmation,
    /// All of this as a sentence.
    pub sentence: String,
}

/// How something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FindingSource {
    /// By the comparison of tonight's run with the baseline.
    Comparison,
    /// By a change of the series of all runs.
    Series,
}

/// Since when something is worse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Since {
    /// Date of the first run that shows it (UTC).
    pub date: String,
    /// The last run before.
    pub last_run_id: String,
    /// What was tested in it; empty if nobody said.
    pub last_subject: String,
    /// The first run that shows it.
    pub first_run_id: String,
    /// What was tested in it; empty if nobody said.
    pub first_subject: String,
}

/// What confirms that something became worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Confirmation {
    /// A repetition of tonight's run shows it as well.
    Repetition,
    /// The run of an earlier night since the baseline shows it as well.
    EarlierNight,
    /// Many runs show it.
    Series,
    /// Nothing yet: one run shows it, and no other one was made.
    Pending,
    /// Nothing: a repetition of tonight's run does not show it.
    Refuted,
}

impl Confirmation {
    /// Returns whether the finding counts.
    pub const fn counts(self) -> bool {
        matches!(self, Self::Repetition | Self::EarlierNight | Self::Series)
    }

    /// Returns what it is in a word or two.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Repetition | Self::EarlierNight | Self::Series => "confirmed",
            Self::Pending => "not confirmed yet",
            Self::Refuted => "not confirmed",
        }
    }
}

/// The series in which changes were looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SeriesCheck {
    /// Number of series of this experiment on this machine.
    pub series: usize,
    /// Number of those with enough runs for a change to be told (14).
    pub telling: usize,
    /// Number of runs in the longest of them.
    pub runs: usize,
}

/// The last A/A run: what differs when nothing differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AaCheck {
    /// Name of the run.
    pub run_id: String,
    /// Time at which it began (RFC 3339).
    pub started_at: String,
    /// Whether it was made tonight.
    pub is_new: bool,
    /// Number of metrics that it would have called different, although nothing was. Null if it was not made tonight.
    pub false_alarms: Option<usize>,
}
