//! Two runs against each other: did a change make anything worse?
//!
//! Both runs sent the same users (the same schedules, by their hashes), so each algorithm is compared
//! with itself, block by block, by the same statistics as algorithms within a run. Runs of
//! different experiments are refused, with the difference and what to do: a number from another experiment
//! is not a baseline.
//!
//! The runs lie apart in time. Blocks show the noise within a run, but not what else changed on the
//! machine between the two; the result says so.

mod check;
mod keys;
mod render;
#[cfg(test)]
mod tests;

pub use render::render;

use crate::compare::CompareOptions;
use crate::compare::judge::compare_pairs;
use crate::compare::pairs::{Pair, valid_trials};
use lb_results::{
    Comparison, Metric, MetricComparison, NoiseFloors, ReadError, ScenarioSummary, Summary, Verdict, machine,
    read_summary,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Why two runs were not compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// One of them cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The noise floor beside them cannot be read.
    #[error("{0}")]
    Noise(String),
    /// They are not the same experiment.
    #[error("runs `{base}` and `{new}` cannot be compared:\n{}", bullets(.problems))]
    NotComparable {
        /// Run of the baseline.
        base: String,
        /// Run that was to be judged.
        new: String,
        /// What differs or is missing, each with the way out.
        problems: Vec<String>,
    },
}

fn bullets(problems: &[String]) -> String {
    problems.iter().map(|problem| format!("- {problem}")).collect::<Vec<_>>().join("\n")
}

/// The comparison of two runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FolderComparison {
    /// The run that is the baseline.
    pub base: RunName,
    /// The run that is judged.
    pub new: RunName,
    /// Family-wise error rate over everything here; each scenario gets an equal part.
    pub alpha: f64,
    /// Verdict over all scenarios.
    pub verdict: FolderVerdict,
    /// The comparison of each scenario that both runs have.
    pub scenarios: Vec<ScenarioComparison>,
    /// Differences between the runs that a reader should know.
    pub notes: Vec<String>,
}

/// A run, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunName {
    /// Name of the run.
    pub run_id: String,
    /// Time at which the run began (RFC 3339).
    pub started_at: String,
    /// Version of `bench` that ran.
    pub version: String,
    /// Commit that `bench` was built from.
    pub commit: String,
    /// The machine, in words.
    pub host: String,
}

/// One scenario of both runs; each pair is an algorithm against itself, the earlier run as baseline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScenarioComparison {
    /// Name of the scenario.
    pub name: String,
    /// The algorithms that both runs have.
    pub comparison: Comparison,
}

/// The verdict on the candidate run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FolderVerdict {
    /// Some algorithm is worse in some metric, beyond noise and not provably by less than the margin.
    Regression,
    /// No metric of any algorithm has got worse by more than the margin, as far as the data show.
    NoRegression,
    /// No metric of any algorithm got a verdict; a regression would not have been found.
    NotEnoughData,
}

/// Compares the run in folder `new` with the one in folder `base`. Noise floors come from A/A runs kept
/// beside `new`; those in the options are ignored.
///
/// # Errors
/// A folder cannot be read, or the runs are not the same experiment.
pub fn compare_folders(
    base: &Path,
    new: &Path,
    options: &CompareOptions,
) -> Result<FolderComparison, CompareError> {
    let (before, after) = (read_summary(base)?, read_summary(new)?);
    let same_machine = machine(&before.host) == machine(&after.host);
    let floors = if same_machine {
        NoiseFloors::load(new, &after.fingerprint, &after.host)
            .map_err(|error| CompareError::Noise(format!("{error:#}")))?
    } else {
        None
    };
    compare_summaries(&before, &after, floors.as_ref(), options)
}

/// Compares two runs that were read.
fn compare_summaries(
    base: &Summary,
    new: &Summary,
    floors: Option<&NoiseFloors>,
    options: &CompareOptions,
) -> Result<FolderComparison, CompareError> {
    let problems = check::problems(base, new);
    if !problems.is_empty() {
        let [base, new] = [base, new].map(|run| run.run_id.clone());
        return Err(CompareError::NotComparable { base, new, problems });
    }
    let common = common_scenarios(base, new);
    let alpha = options.alpha / common.len().max(1) as f64;
    let scenarios: Vec<ScenarioComparison> = common
        .into_iter()
        .map(|(before, after)| {
            let noise: BTreeMap<Metric, f64> =
                floors.map(|floors| floors.of(&after.name)).unwrap_or_default();
            let noise_source = floors.filter(|_| !noise.is_empty()).map(|floors| floors.run_id.clone());
            let options = CompareOptions { alpha, noise, noise_source, ..options.clone() };
            let comparison = compare_pairs(&pairs(before, after), &options);
            ScenarioComparison { name: after.name.clone(), comparison }
        })
        .collect();
    Ok(FolderComparison {
        base: RunName::of(base),
        new: RunName::of(new),
        alpha: options.alpha,
        verdict: verdict(&scenarios),
        notes: check::notes(base, new),
        scenarios,
    })
}

impl RunName {
    fn of(run: &Summary) -> Self {
        Self {
            run_id: run.run_id.clone(),
            started_at: run.started_at.clone(),
            version: run.version.clone(),
            commit: run.commit.clone(),
            host: machine(&run.host),
        }
    }
}

/// Scenarios that both runs have, in the order of the baseline.
fn common_scenarios<'a>(
    base: &'a Summary,
    new: &'a Summary,
) -> Vec<(&'a ScenarioSummary, &'a ScenarioSummary)> {
    let same = |before: &'a ScenarioSummary| {
        let after = new.scenarios.iter().find(|after| after.name == before.name)?;
        (!common_labels(before, after).is_empty()).then_some((before, after))
    };
    base.scenarios.iter().filter_map(same).collect()
}

/// Algorithms with trials in both, in the order in which the baseline first ran them.
fn common_labels<'a>(before: &'a ScenarioSummary, after: &ScenarioSummary) -> Vec<&'a str> {
    let mut labels: Vec<&str> = Vec::new();
    for trial in &before.trials {
        let known = labels.contains(&trial.label.as_str());
        if !known && after.trials.iter().any(|other| other.label == trial.label) {
            labels.push(&trial.label);
        }
    }
    labels
}

/// Each common algorithm against itself.
fn pairs<'a>(before: &'a ScenarioSummary, after: &'a ScenarioSummary) -> Vec<Pair<'a>> {
    common_labels(before, after)
        .into_iter()
        .map(|label| {
            let [old, new] = [before, after].map(|run| valid_trials(&run.trials, label));
            Pair::new(format!("{label} (base)"), format!("{label} (new)"), &old, &new)
        })
        .collect()
}

/// Worse, and perhaps by more than the margin. With many blocks even a tenth of a percent is certain, and
/// runs at different times differ by that much; a gate that fails for it would soon be ignored.
fn is_regression(judged: &MetricComparison) -> bool {
    judged.verdict == Verdict::Worse && !judged.equivalent
}

fn verdict(scenarios: &[ScenarioComparison]) -> FolderVerdict {
    let judged = || {
        let pairs = scenarios.iter().flat_map(|scenario| &scenario.comparison.pairs);
        pairs.flat_map(|pair| &pair.metrics)
    };
    if judged().any(is_regression) {
        FolderVerdict::Regression
    } else if judged().all(|judged| judged.verdict == Verdict::NotEnoughData) {
        FolderVerdict::NotEnoughData
    } else {
        FolderVerdict::NoRegression
    }
}
