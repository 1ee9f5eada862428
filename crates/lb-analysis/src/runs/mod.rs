//! Compares two runs: did a change make anything worse?
//!
//! Both runs played the same schedules, as their hashes show, so each algorithm is compared with itself,
//! block by block, by the same statistics as algorithms within a run. Runs of different experiments are
//! refused, with the differences and what to do: a number from another experiment is not a baseline.
//!
//! The runs took place at different times. Blocks show the noise within a run, but not what else changed on
//! the machine between the two; the result says so.

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
    /// One of the runs cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A noise floor kept beside the new run cannot be read.
    #[error("{0}")]
    Noise(String),
    /// The runs are not the same experiment.
    #[error("runs `{base}` and `{new}` cannot be compared:\n{}", bullets(.problems))]
    NotComparable {
        /// Name of the baseline run.
        base: String,
        /// Name of the run that was to be judged.
        new: String,
        /// What differs or is missing, each with a remedy.
        problems: Vec<String>,
    },
}

fn bullets(problems: &[String]) -> String {
    problems.iter().map(|problem| format!("- {problem}")).collect::<Vec<_>>().join("\n")
}

/// The comparison of two runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FolderComparison {
    /// The baseline run.
    pub base: RunName,
    /// The run that is judged.
    pub new: RunName,
    /// Family-wise error rate over all scenarios; each scenario gets an equal part.
    pub alpha: f64,
    /// Verdict over all scenarios.
    pub verdict: FolderVerdict,
    /// The comparison of each scenario that both runs have.
    pub scenarios: Vec<ScenarioComparison>,
    /// Differences between the runs that a reader should know.
    pub notes: Vec<String>,
}

/// The identity of a run: its name, time, version and machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunName {
    /// Name of the run.
    pub run_id: String,
    /// Time at which the run began (RFC 3339).
    pub started_at: String,
    /// Version of `bench` that made the run.
    pub version: String,
    /// Commit that `bench` was built from.
    pub commit: String,
    /// Description of the machine.
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

/// What follows the name of an algorithm in the base run, and in the new one.
const BASE: &str = " (base)";
const NEW: &str = " (new)";

/// The verdict on the candidate run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FolderVerdict {
    /// At least one algorithm is worse in at least one metric, beyond noise and not provably by less than the
    /// margin.
    Regression,
    /// The data show no algorithm that is worse in any metric by more than the margin.
    NoRegression,
    /// No metric of any algorithm has a verdict, so a regression would not have been found.
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
            .map_err(|error| CompareError::Noise(lb_core::with_causes(error.as_ref())))?
    } else {
        None
    };
    compare_summaries(&before, &after, floors.as_ref(), options)
}

/// Compares two runs that have been read, with the noise floors that an A/A run measured, if any.
///
/// # Errors
/// The runs are not the same experiment.
pub fn compare_summaries(
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
            let noise = floors.map(|floors| by_run(&floors.of(&after.name))).unwrap_or_default();
            let noise_source = floors.filter(|_| !noise.is_empty()).map(|floors| floors.run_id.clone());
            // A regression in any metric counts, so all of them share the error rate.
            let primary = Metric::ALL.to_vec();
            let options = CompareOptions { alpha, primary, noise, noise_source, ..options.clone() };
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

/// A metric of an algorithm that became worse, perhaps by more than the margin.
#[derive(Clone, Copy, Debug)]
pub struct Regression<'a> {
    /// Name of the scenario.
    pub scenario: &'a str,
    /// Name of the algorithm, as the new run has it.
    pub algorithm: &'a str,
    /// Number of blocks that both runs have.
    pub blocks: usize,
    /// The metric, with its effect, interval and p values.
    pub judged: &'a MetricComparison,
}

impl FolderComparison {
    /// Returns everything that became worse.
    pub fn regressions(&self) -> impl Iterator<Item = Regression<'_>> {
        let pairs = self
            .scenarios
            .iter()
            .flat_map(|scenario| scenario.comparison.pairs.iter().map(move |pair| (scenario, pair)));
        pairs.flat_map(|(scenario, pair)| {
            let worse = pair.metrics.iter().filter(|judged| is_regression(judged));
            worse.map(move |judged| Regression {
                scenario: &scenario.name,
                algorithm: pair.candidate.strip_suffix(NEW).unwrap_or(&pair.candidate),
                blocks: pair.blocks,
                judged,
            })
        })
    }
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

/// Returns the scenarios that both runs have, in the order of the baseline.
fn common_scenarios<'a>(
    base: &'a Summary,
    new: &'a Summary,
) -> Vec<(&'a ScenarioSummary, &'a ScenarioSummary)> {
    let same = |before: &'a ScenarioSummary| {
        let after = new.scenarios.iter().find(|after| after.name == before.name)?;
        (!compared_labels(before, after).is_empty()).then_some((before, after))
    };
    base.scenarios.iter().filter_map(same).collect()
}

/// Returns the algorithms that are compared, by their labels in the two runs: those that both have, in the order
/// of their first trials in the baseline. What was measured as it is has the user's label, so it is compared even if
/// the labels differ.
fn compared_labels<'a>(before: &'a ScenarioSummary, after: &'a ScenarioSummary) -> Vec<[&'a str; 2]> {
    let [old, new] = [before, after].map(labels);
    match (old.as_slice(), new.as_slice()) {
        ([one], [other]) if before.as_is && after.as_is => vec![[one, other]],
        _ => old.into_iter().filter(|label| new.contains(label)).map(|label| [label, label]).collect(),
    }
}

/// Returns the labels of a scenario in the order of their first trials.
fn labels(scenario: &ScenarioSummary) -> Vec<&str> {
    let mut labels: Vec<&str> = Vec::new();
    for trial in &scenario.trials {
        if !labels.contains(&trial.label.as_str()) {
            labels.push(&trial.label);
        }
    }
    labels
}

/// Returns the noise floors of algorithms under the labels that they have in the comparison of two runs.
fn by_run(floors: &BTreeMap<String, BTreeMap<Metric, f64>>) -> BTreeMap<String, BTreeMap<Metric, f64>> {
    let labels = |label: &str| [BASE, NEW].map(|run| format!("{label}{run}"));
    floors.iter().flat_map(|(label, floors)| labels(label).map(|label| (label, floors.clone()))).collect()
}

/// Pairs each algorithm of one run with its counterpart in the other.
fn pairs<'a>(before: &'a ScenarioSummary, after: &'a ScenarioSummary) -> Vec<Pair<'a>> {
    compared_labels(before, after)
        .into_iter()
        .map(|[base, new]| {
            let old = valid_trials(&before.trials, base);
            Pair::new(format!("{base}{BASE}"), format!("{new}{NEW}"), &old, &valid_trials(&after.trials, new))
        })
        .collect()
}

/// Returns whether a metric is worse, perhaps by more than the margin. With many blocks even 0.1 % is
/// significant, and runs at different times differ by that much; a gate that failed for it would soon be
/// ignored.
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
