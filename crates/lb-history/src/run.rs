//! What is recorded of a run, read from its results folder.

use crate::error::HistoryError;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};
use jiff::Timestamp;
use lb_analysis::estimates_of;
use lb_core::{Seed, hex};
use lb_record::IntervalClass;
use lb_results::{Metric, MetricEstimate, ScenarioSummary, Summary, read_histograms, read_summary};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::path::Path;

/// A run as its results folder tells it.
#[derive(Debug)]
pub struct Run {
    pub(crate) summary: Summary,
    /// The hash of the summary, by which the same results are known again.
    pub(crate) digest: String,
    pub(crate) started: Timestamp,
    pub(crate) folder: String,
    pub(crate) config_sha256: String,
    pub(crate) estimates: Vec<Estimate>,
    pub(crate) histograms: Vec<Latencies>,
}

/// A metric of an algorithm over its valid trials.
#[derive(Debug)]
pub(crate) struct Estimate {
    pub(crate) scenario: String,
    pub(crate) algorithm: String,
    pub(crate) estimate: MetricEstimate,
}

/// The latencies of an algorithm over its valid trials.
#[derive(Debug)]
pub(crate) struct Latencies {
    pub(crate) scenario: String,
    pub(crate) algorithm: String,
    pub(crate) class: IntervalClass,
    pub(crate) requests: u64,
    /// The histogram in HdrHistogram's compressed V2 encoding.
    pub(crate) data: Vec<u8>,
}

impl Run {
    /// Reads a run from its results folder.
    ///
    /// # Errors
    /// The folder holds no finished run, another version wrote it, or a file of it is broken.
    pub fn read(folder: &Path) -> Result<Self, HistoryError> {
        let summary = read_summary(folder)?;
        let unusable = |problem: String| HistoryError::Unusable {
            problem: format!("the run in `{}` {problem}", folder.display()),
        };
        let started = summary.started_at.parse().map_err(|_| {
            unusable(format!("says that it began at `{}`, which is no time", summary.started_at))
        })?;
        let hash = |value: &serde_json::Value| hex::encode(Sha256::digest(value.to_string()));
        let whole =
            serde_json::to_value(&summary).map_err(|error| unusable(format!("is broken: {error}")))?;
        let mut run = Self {
            digest: hash(&whole),
            config_sha256: hash(&summary.config.content),
            started,
            folder: std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()).display().to_string(),
            estimates: Vec::new(),
            histograms: Vec::new(),
            summary,
        };
        for scenario in &run.summary.scenarios {
            for algorithm in labels(scenario) {
                run.estimates.extend(estimate(scenario, algorithm, Seed(run.summary.seed)));
                for (class, histogram) in read_histograms(folder, scenario, algorithm)? {
                    let mut data = Vec::new();
                    V2DeflateSerializer::new().serialize(&histogram, &mut data).map_err(|error| {
                        unusable(format!("has a histogram that cannot be stored: {error}"))
                    })?;
                    run.histograms.push(Latencies {
                        scenario: scenario.name.clone(),
                        algorithm: algorithm.to_owned(),
                        class,
                        requests: histogram.len(),
                        data,
                    });
                }
            }
        }
        Ok(run)
    }

    /// Returns the name of the run.
    pub fn id(&self) -> &str {
        &self.summary.run_id
    }

    /// Returns whether an algorithm was compared with itself.
    pub(crate) fn is_aa(&self) -> bool {
        self.summary.scenarios.iter().any(|scenario| !scenario.noise.is_empty())
    }
}

/// Returns the labels of a scenario that have trials.
fn labels(scenario: &ScenarioSummary) -> BTreeSet<&str> {
    scenario.trials.iter().map(|trial| trial.label.as_str()).collect()
}

/// Estimates all metrics of an algorithm; those of latencies are the ones in the summary.
fn estimate(scenario: &ScenarioSummary, algorithm: &str, seed: Seed) -> Vec<Estimate> {
    let found = estimates_of(&Metric::ALL, &scenario.trials, algorithm, seed);
    let estimate =
        |estimate| Estimate { scenario: scenario.name.clone(), algorithm: algorithm.to_owned(), estimate };
    found.into_iter().map(estimate).collect()
}
