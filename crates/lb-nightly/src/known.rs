//! What a history says, as `bench-history` prints it in JSON. Fields that nobody needs here are left out.

use jiff::Timestamp;
use lb_results::{Metric, MetricValue, Summary, TrialSummary};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A run of a history (`bench-history nights`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct KnownRun {
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
    /// Whether an algorithm was compared with itself.
    pub is_aa: bool,
    /// Whether a signal ended the run.
    pub interrupted: bool,
    /// Number of trials that count.
    pub valid_trials: i64,
    /// The results folder, on the machine that recorded the run.
    pub folder: String,
    /// What the numbers depend on besides algorithms, seed and repetitions.
    pub fingerprint: String,
    /// The seed of the schedules.
    pub seed: String,
    /// What a nightly job found; empty if nobody judged the run.
    pub verdict: String,
    /// What became worse: a JSON array of [`Place`]s.
    pub findings: String,
}

/// Where something became worse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Name of the scenario.
    pub scenario: String,
    /// Name of the algorithm.
    pub algorithm: String,
    /// The metric.
    pub metric: Metric,
}

impl KnownRun {
    /// Returns whether later runs may be compared with it.
    pub(crate) fn is_good(&self) -> bool {
        ["", "good", "accepted"].contains(&self.verdict.as_str())
            && !self.interrupted
            && self.valid_trials > 0
    }

    pub(crate) fn began(&self) -> Option<Timestamp> {
        self.started_at.parse().ok()
    }

    /// Returns whether it was found to be worse there.
    pub(crate) fn shows(&self, place: &Place) -> bool {
        // A later version may know other metrics.
        let all: Vec<serde_json::Value> = serde_json::from_str(&self.findings).unwrap_or_default();
        all.into_iter().any(|one| serde_json::from_value::<Place>(one).is_ok_and(|one| one == *place))
    }
}

/// The series that a run belongs to (`bench-history night RUN`).
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct KnownSeries {
    /// Number of series.
    pub series: usize,
    /// Number of those with enough runs for a change to be told.
    pub telling: usize,
    /// Number of runs in the longest of them.
    pub runs: usize,
    /// Their changes.
    pub changes: Vec<KnownChange>,
}

/// A change of a series.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct KnownChange {
    /// Name of the scenario.
    pub scenario: String,
    /// Name of the algorithm.
    pub algorithm: String,
    /// The metric.
    pub metric: Metric,
    /// The last run before the change.
    pub last: KnownPoint,
    /// The first run after it.
    pub first: KnownPoint,
    /// The last run of the series.
    pub latest: KnownPoint,
    /// Mean over the runs before.
    pub before: f64,
    /// Mean over the runs since.
    pub after: f64,
    /// 0.05 is 5 % more; for shares, the difference.
    pub effect: f64,
    /// The 95 % interval of the effect.
    pub interval: [f64; 2],
    /// The p value of the permutation test.
    pub split_p: f64,
    /// The p value of Welch's t test.
    pub step_p: f64,
    /// Whether it became worse.
    pub worse: Option<bool>,
    /// All of this as a sentence.
    pub sentence: String,
}

/// A run of a series.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct KnownPoint {
    /// Name of the run.
    pub run_id: String,
    /// Time at which it began (RFC 3339).
    pub started_at: String,
    /// What was tested; empty if nobody said.
    pub subject: String,
    /// The estimate of the metric.
    pub value: f64,
}

impl KnownChange {
    pub(crate) fn place(&self) -> Place {
        Place { scenario: self.scenario.clone(), algorithm: self.algorithm.clone(), metric: self.metric }
    }
}

/// The trials of a run (`bench-history show RUN --json`).
#[derive(Clone, Debug, Deserialize)]
pub struct KnownDetails {
    run: KnownRun,
    trials: Vec<KnownTrial>,
}

#[derive(Clone, Debug, Deserialize)]
struct KnownTrial {
    scenario: String,
    algorithm: String,
    block: u32,
    attempt: u32,
    problems: String,
    metrics: BTreeMap<String, f64>,
}

impl KnownDetails {
    /// Makes the summary of this run from that of another run of the same experiment with the same seed: what they have in
    /// common, with the trials of this one.
    pub fn summary(&self, same: &Summary) -> Summary {
        let mut summary = same.clone();
        summary.run_id.clone_from(&self.run.run_id);
        summary.started_at.clone_from(&self.run.started_at);
        summary.interrupted = self.run.interrupted;
        for scenario in &mut summary.scenarios {
            let here = self.trials.iter().filter(|trial| trial.scenario == scenario.name);
            scenario.trials = here.map(KnownTrial::summary).collect();
        }
        summary
    }
}

impl KnownTrial {
    fn summary(&self) -> TrialSummary {
        let metric = |metric: Metric| {
            let name = serde_json::to_value(metric).ok()?;
            Some(MetricValue { metric, value: self.metrics.get(name.as_str()?).copied() })
        };
        TrialSummary {
            label: self.algorithm.clone(),
            block: self.block,
            attempt: self.attempt,
            // A trial whose problems cannot be read does not count.
            problems: serde_json::from_str(&self.problems).unwrap_or_else(|_| vec![self.problems.clone()]),
            metrics: Metric::ALL.into_iter().filter_map(metric).collect(),
            ..TrialSummary::default()
        }
    }
}
