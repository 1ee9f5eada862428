//! What a history says about one run.

use crate::error::{HistoryError, Trouble};
use crate::history::{History, RunRow};
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use serde::Serialize;
use std::collections::BTreeMap;

/// Everything that is recorded of one run.
#[derive(Clone, Debug, Serialize)]
pub struct RunDetails {
    /// The run.
    pub run: RunRow,
    /// Each algorithm in each scenario.
    pub algorithms: Vec<AlgorithmRow>,
    /// The trials, by scenario, algorithm, block and attempt.
    pub trials: Vec<TrialRow>,
    /// The verdicts on pairs of algorithms.
    pub verdicts: Vec<VerdictRow>,
    /// The thresholds.
    pub thresholds: Vec<ThresholdRow>,
}

/// One algorithm in one scenario of a run.
#[derive(Clone, Debug, Serialize)]
pub struct AlgorithmRow {
    /// Name of the scenario.
    pub scenario: String,
    /// Name of the algorithm.
    pub algorithm: String,
    /// Each metric by its name: the estimate over trials, with its interval.
    pub metrics: BTreeMap<String, MetricRow>,
    /// The latencies of all requests pooled, by class: `ok` and `error`. Empty if the histograms were removed.
    pub histograms: BTreeMap<String, HistogramRow>,
}

/// One metric of an algorithm.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct MetricRow {
    /// Number of valid trials.
    pub trials: i64,
    /// The estimate, in the metric's own unit.
    pub estimate: f64,
    /// Its 95 % interval. Null with fewer than 5 trials.
    pub interval: Option<[f64; 2]>,
}

/// One trial.
#[derive(Clone, Debug, Serialize)]
pub struct TrialRow {
    /// Name of the scenario.
    pub scenario: String,
    /// Name of the algorithm.
    pub algorithm: String,
    /// Number of the block, from 0.
    pub block: i64,
    /// 0 for a first attempt, one more for each repetition of an invalid trial.
    pub attempt: i64,
    /// Whether the trial counts.
    pub valid: bool,
    /// Why it is invalid, as a JSON array of sentences.
    pub problems: String,
    /// Each metric by its name, in its own unit.
    pub metrics: BTreeMap<String, f64>,
}

/// Percentiles of a stored histogram, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct HistogramRow {
    /// Number of requests.
    pub requests: u64,
    /// The median.
    pub p50_ms: f64,
    /// The 99th percentile.
    pub p99_ms: f64,
    /// The 99.9th percentile.
    pub p999_ms: f64,
    /// The maximum.
    pub max_ms: f64,
}

/// The verdict on a pair of algorithms.
#[derive(Clone, Debug, Serialize)]
pub struct VerdictRow {
    /// Name of the scenario.
    pub scenario: String,
    /// The algorithm that was compared with.
    pub baseline: String,
    /// The algorithm that was compared.
    pub candidate: String,
    /// The verdict, as in `summary.json`.
    pub verdict: String,
    /// The verdict as a sentence.
    pub sentence: String,
}

/// A threshold and whether it held.
#[derive(Clone, Debug, Serialize)]
pub struct ThresholdRow {
    /// Name of the scenario.
    pub scenario: String,
    /// Name of the algorithm.
    pub algorithm: String,
    /// The threshold as written.
    pub threshold: String,
    /// The observed value. Null when there was nothing to measure.
    pub observed: Option<f64>,
    /// Whether it held.
    pub held: bool,
}

impl History {
    /// Reads everything about a run.
    ///
    /// # Errors
    /// There is no such run, or the database cannot be read.
    pub fn details(&mut self, run_id: &str) -> Result<RunDetails, HistoryError> {
        let missing = HistoryError::NoRun { history: self.name().to_owned(), run_id: run_id.to_owned() };
        let run = self.run(run_id)?.ok_or(missing)?;
        let id = [run_id.into()];
        let verdicts = self.read(
            "SELECT scenario, baseline, candidate, verdict, sentence FROM bench_verdicts WHERE run_id = $1 \
             ORDER BY scenario, baseline, candidate",
            &id,
            |row| {
                Ok(VerdictRow {
                    scenario: row.text()?,
                    baseline: row.text()?,
                    candidate: row.text()?,
                    verdict: row.text()?,
                    sentence: row.text()?,
                })
            },
        )?;
        let thresholds = self.read(
            "SELECT scenario, algorithm, threshold, observed, held FROM bench_thresholds WHERE run_id = $1 \
             ORDER BY number",
            &id,
            |row| {
                Ok(ThresholdRow {
                    scenario: row.text()?,
                    algorithm: row.text()?,
                    threshold: row.text()?,
                    observed: row.optional_real()?,
                    held: row.boolean()?,
                })
            },
        )?;
        let (algorithms, trials) = (self.algorithms(run_id)?, self.trials(run_id)?);
        Ok(RunDetails { run, algorithms, trials, verdicts, thresholds })
    }

    fn trials(&mut self, run_id: &str) -> Result<Vec<TrialRow>, HistoryError> {
        let mut trials = self.read(
            "SELECT scenario, algorithm, block, attempt, valid, problems FROM bench_trials WHERE run_id = $1 \
             ORDER BY scenario, algorithm, block, attempt",
            &[run_id.into()],
            |row| {
                Ok(TrialRow {
                    scenario: row.text()?,
                    algorithm: row.text()?,
                    block: row.integer()?,
                    attempt: row.integer()?,
                    valid: row.boolean()?,
                    problems: row.text()?,
                    metrics: BTreeMap::new(),
                })
            },
        )?;
        let metrics = self.read(
            "SELECT scenario, algorithm, block, attempt, metric, value FROM bench_trial_metrics WHERE run_id = $1",
            &[run_id.into()],
            |row| {
                let key = (row.text()?, row.text()?, row.integer()?, row.integer()?);
                Ok((key, row.text()?, row.real()?))
            },
        )?;
        let mut by_trial: BTreeMap<_, BTreeMap<String, f64>> = BTreeMap::new();
        for (key, metric, value) in metrics {
            by_trial.entry(key).or_default().insert(metric, value);
        }
        for trial in &mut trials {
            let key = (trial.scenario.clone(), trial.algorithm.clone(), trial.block, trial.attempt);
            trial.metrics = by_trial.remove(&key).unwrap_or_default();
        }
        Ok(trials)
    }

    fn algorithms(&mut self, run_id: &str) -> Result<Vec<AlgorithmRow>, HistoryError> {
        let mut found: BTreeMap<(String, String), AlgorithmRow> = BTreeMap::new();
        let estimates = self.read(
            "SELECT scenario, algorithm, metric, trials, estimate, low, high FROM bench_estimates WHERE run_id = $1",
            &[run_id.into()],
            |row| {
                let names = (row.text()?, row.text()?, row.text()?);
                let (trials, estimate) = (row.integer()?, row.real()?);
                let interval = row.optional_real()?.zip(row.optional_real()?).map(|(low, high)| [low, high]);
                Ok((names, MetricRow { trials, estimate, interval }))
            },
        )?;
        for ((scenario, algorithm, metric), row) in estimates {
            entry(&mut found, scenario, algorithm).metrics.insert(metric, row);
        }
        let histograms = self.read(
            "SELECT scenario, algorithm, class, data FROM bench_histograms WHERE run_id = $1",
            &[run_id.into()],
            |row| Ok(((row.text()?, row.text()?, row.text()?), histogram(&row.blob()?)?)),
        )?;
        for ((scenario, algorithm, class), row) in histograms {
            entry(&mut found, scenario, algorithm).histograms.insert(class, row);
        }
        Ok(found.into_values().collect())
    }
}

fn entry(
    found: &mut BTreeMap<(String, String), AlgorithmRow>,
    scenario: String,
    algorithm: String,
) -> &mut AlgorithmRow {
    let row = |(scenario, algorithm): (String, String)| AlgorithmRow {
        scenario,
        algorithm,
        metrics: BTreeMap::new(),
        histograms: BTreeMap::new(),
    };
    let key = (scenario, algorithm);
    found.entry(key.clone()).or_insert_with(|| row(key))
}

fn histogram(data: &[u8]) -> Result<HistogramRow, Trouble> {
    let read: Result<Histogram<u64>, _> = Deserializer::new().deserialize(&mut &data[..]);
    let histogram = read.map_err(|error| Trouble::Other(format!("a histogram is broken: {error}")))?;
    let millis = |micros: u64| micros as f64 / 1_000.0;
    let at = |quantile: f64| millis(histogram.value_at_quantile(quantile));
    Ok(HistogramRow {
        requests: histogram.len(),
        p50_ms: at(0.5),
        p99_ms: at(0.99),
        p999_ms: at(0.999),
        max_ms: millis(histogram.max()),
    })
}
