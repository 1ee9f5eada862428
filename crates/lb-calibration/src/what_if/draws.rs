//! From simulated runs to estimates with intervals, and to ratios with intervals that hold for all algorithms at
//! once.

use super::tally::Figures;
use crate::stats;
use serde::Serialize;
use statrs::distribution::{ContinuousCDF, StudentsT};

/// A figure that is predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Mean latency.
    Mean,
    /// Median latency.
    P50,
    /// 95th percentile of the latency.
    P95,
    /// 99th percentile of the latency.
    P99,
}

impl Metric {
    /// All metrics, in the order in which results list them.
    pub const ALL: [Self; 4] = [Self::Mean, Self::P50, Self::P95, Self::P99];

    fn of(self, figures: &Figures) -> f64 {
        match self {
            Self::Mean => figures.mean_ms,
            Self::P50 => figures.p50_ms,
            Self::P95 => figures.p95_ms,
            Self::P99 => figures.p99_ms,
        }
    }
}

/// An estimate with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// The estimate.
    pub estimate: f64,
    /// The ends of the interval.
    pub interval: [f64; 2],
}

/// A metric of an algorithm relative to what was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Ratio {
    /// The metric.
    pub metric: Metric,
    /// The ratio: below 1 if the algorithm is faster.
    pub estimate: f64,
    /// The ends of the interval. All intervals of one metric hold together in 95 of 100 cases.
    pub interval: [f64; 2],
}

/// What is predicted for one algorithm.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Predicted {
    /// Name of the algorithm, or `as logged`.
    pub name: String,
    /// Mean latency in milliseconds.
    pub mean_ms: Figure,
    /// Median latency in milliseconds.
    pub p50_ms: Figure,
    /// 95th percentile of the latency in milliseconds.
    pub p95_ms: Figure,
    /// 99th percentile of the latency in milliseconds.
    pub p99_ms: Figure,
    /// Share of requests that fail.
    pub failed: Figure,
    /// Share of requests of each backend, in the order of the log's backends.
    pub shares: Vec<f64>,
    /// Ratios to what was recorded; empty for what was recorded.
    pub ratios: Vec<Ratio>,
    /// Ratio of the primary metric to that of the best algorithm; `None` for the best.
    pub to_best: Option<Ratio>,
}

impl Predicted {
    /// Returns a metric.
    pub const fn figure(&self, metric: Metric) -> Figure {
        match metric {
            Metric::Mean => self.mean_ms,
            Metric::P50 => self.p50_ms,
            Metric::P95 => self.p95_ms,
            Metric::P99 => self.p99_ms,
        }
    }

    /// Returns the ratio of a metric to that of what was recorded.
    pub fn ratio(&self, metric: Metric) -> Option<&Ratio> {
        self.ratios.iter().find(|ratio| ratio.metric == metric)
    }
}

/// An algorithm that fails this much more often than another does not lead.
const MORE_FAILURES: f64 = 0.005;

/// The results of one algorithm in all runs.
#[derive(Clone, Debug, Default)]
pub(super) struct Draws {
    pub(super) name: String,
    /// Figures of runs under the fit itself.
    pub(super) central: Vec<Figures>,
    pub(super) shares: Vec<Vec<f64>>,
    /// Figures of runs under variations of the fit, for several draws of periods each.
    pub(super) varied: Vec<Vec<Figures>>,
}

impl Draws {
    pub(super) fn new(name: String) -> Self {
        Self { name, ..Self::default() }
    }
}

/// Turns the results of all algorithms into predictions. Returns them with the position of the one that is best
/// by the primary metric.
pub(super) fn predicted(all: &[Draws], baseline: usize, primary: Metric) -> (Vec<Predicted>, usize) {
    let mut predictions: Vec<Predicted> = all.iter().map(alone).collect();
    for metric in Metric::ALL {
        for (prediction, ratio) in predictions.iter_mut().zip(ratios(all, baseline, metric)) {
            prediction.ratios.extend(ratio);
        }
    }
    let best = best(&predictions, primary);
    for (prediction, ratio) in predictions.iter_mut().zip(ratios(all, best, primary)) {
        prediction.to_best = ratio;
    }
    (predictions, best)
}

/// Returns the position of the best algorithm among those that fail least.
fn best(predictions: &[Predicted], primary: Metric) -> usize {
    let fewest = predictions.iter().map(|one| one.failed.estimate).fold(f64::MAX, f64::min);
    let leads = |place: &usize| predictions[*place].failed.estimate <= fewest + MORE_FAILURES;
    let by_metric = |one: &usize, other: &usize| {
        let [one, other] = [one, other].map(|place| predictions[*place].figure(primary).estimate);
        // NaN, where none was served, comes last.
        one.total_cmp(&other)
    };
    (0..predictions.len()).filter(leads).min_by(by_metric).unwrap_or(0)
}

/// Returns the ratio of each algorithm to the one at `base`, which has none itself.
fn ratios(all: &[Draws], base: usize, metric: Metric) -> Vec<Option<Ratio>> {
    let differences: Vec<Series> =
        all.iter().map(|one| Series::difference(one, &all[base], metric)).collect();
    let reach = reach(&differences, base);
    let ratio = |(place, series): (usize, &Series)| {
        let half = reach * series.deviation();
        let [estimate, low, high] = [0.0, -half, half].map(|off| (series.estimate + off).exp());
        (place != base).then_some(Ratio { metric, estimate, interval: [low, high] })
    };
    differences.iter().enumerate().map(ratio).collect()
}

fn alone(draws: &Draws) -> Predicted {
    let latency = |metric: Metric| {
        let series = Series::new(draws, |figures| metric.of(figures).ln());
        let half = series.quantile_of_t() * series.deviation();
        let [estimate, low, high] = [0.0, -half, half].map(|off| (series.estimate + off).exp());
        Figure { estimate, interval: [low, high] }
    };
    let failed = Series::new(draws, |figures| figures.failed);
    let half = failed.quantile_of_t() * failed.deviation();
    let [low, high] = [-half, half].map(|off| (failed.estimate + off).clamp(0.0, 1.0));
    let backends = draws.shares.first().map_or(0, Vec::len);
    let share = |backend: usize| {
        stats::mean(&draws.shares.iter().map(|shares| shares[backend]).collect::<Vec<f64>>())
    };
    Predicted {
        name: draws.name.clone(),
        mean_ms: latency(Metric::Mean),
        p50_ms: latency(Metric::P50),
        p95_ms: latency(Metric::P95),
        p99_ms: latency(Metric::P99),
        failed: Figure { estimate: failed.estimate, interval: [low, high] },
        shares: (0..backends).map(share).collect(),
        ratios: Vec::new(),
        to_best: None,
    }
}

/// One number in all runs.
struct Series {
    /// The mean over the runs under the fit itself.
    estimate: f64,
    /// Variance of that mean.
    estimate_variance: f64,
    /// The values of the draws, run by run.
    varied: Vec<f64>,
    runs: usize,
}

impl Series {
    fn new(draws: &Draws, value: impl Fn(&Figures) -> f64) -> Self {
        let central: Vec<f64> = draws.central.iter().map(&value).collect();
        let varied = draws.varied.iter().flatten().map(value).collect();
        Self::of(&central, varied, draws.varied.len())
    }

    /// Returns the differences of the logarithms of a metric.
    fn difference(one: &Draws, other: &Draws, metric: Metric) -> Self {
        let log = |pair: (&Figures, &Figures)| (metric.of(pair.0) / metric.of(pair.1)).ln();
        let central: Vec<f64> = one.central.iter().zip(&other.central).map(log).collect();
        let pairs = one.varied.iter().flatten().zip(other.varied.iter().flatten());
        Self::of(&central, pairs.map(log).collect(), one.varied.len())
    }

    fn of(central: &[f64], varied: Vec<f64>, runs: usize) -> Self {
        let estimate = stats::mean(central);
        let deviation = stats::deviation(central, estimate);
        let estimate_variance = deviation * deviation / central.len().saturating_sub(1).max(1) as f64;
        Self { estimate, estimate_variance, varied, runs }
    }

    /// Returns the standard deviation of a single run under an uncertain fit and load, and of the estimate.
    fn deviation(&self) -> f64 {
        let mean = stats::mean(&self.varied);
        let spread = stats::deviation(&self.varied, mean);
        (spread * spread + self.estimate_variance).sqrt()
    }

    /// Returns the number of deviations of a 95 % interval; there are as many independent fits as runs.
    fn quantile_of_t(&self) -> f64 {
        quantile_of_t(self.runs)
    }
}

fn quantile_of_t(runs: usize) -> f64 {
    let freedom = runs.saturating_sub(1).max(1) as f64;
    StudentsT::new(0.0, 1.0, freedom).map_or(f64::NAN, |t| t.inverse_cdf(0.975))
}

/// Returns the number of deviations within which all differences lie in 95 of 100 draws.
fn reach(differences: &[Series], baseline: usize) -> f64 {
    let others =
        || differences.iter().enumerate().filter(|(place, _)| *place != baseline).map(|(_, one)| one);
    let Some(first) = others().next() else { return 0.0 };
    let scaled: Vec<(f64, f64)> =
        others().map(|one| (stats::mean(&one.varied), one.deviation().max(f64::MIN_POSITIVE))).collect();
    let largest = |draw: usize| {
        let each =
            others().zip(&scaled).map(|(one, (mean, deviation))| (one.varied[draw] - mean).abs() / deviation);
        each.filter(|value| value.is_finite()).fold(0.0, f64::max)
    };
    let mut all: Vec<f64> = (0..first.varied.len()).map(largest).collect();
    all.sort_unstable_by(f64::total_cmp);
    let within = stats::quantile(&all, 0.95).unwrap_or(0.0);
    /// Deviations of a 95 % interval of a normal distribution.
    const NORMAL: f64 = 1.96;
    let t = quantile_of_t(first.runs);
    // Few runs make deviations uncertain, for all of them alike.
    (within * t / NORMAL).max(t)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(ms: f64) -> Figures {
        Figures { mean_ms: ms, p50_ms: ms, p95_ms: ms, p99_ms: ms, failed: 0.0 }
    }

    fn draws(name: &str, central: &[f64], varied: &[[f64; 2]]) -> Draws {
        Draws {
            name: name.to_owned(),
            central: central.iter().copied().map(figures).collect(),
            shares: vec![vec![0.5, 0.5]],
            varied: varied.iter().map(|run| run.iter().copied().map(figures).collect()).collect(),
        }
    }

    #[test]
    fn what_algorithms_share_does_not_blur_their_ratio() {
        // Fits and loads differ by a factor of four, but the second is always twice as fast.
        let slow = draws("slow", &[40.0, 40.0], &[[20.0, 40.0], [40.0, 80.0], [20.0, 80.0]]);
        let fast = draws("fast", &[20.0, 20.0], &[[10.0, 20.0], [20.0, 40.0], [10.0, 40.0]]);
        let (found, best) = predicted(&[slow, fast], 0, Metric::P99);
        assert_eq!((best, found[1].to_best), (1, None));
        let [low, high] = found[1].mean_ms.interval;
        assert!(low < 10.0 && high > 40.0, "either is uncertain by itself: {low}, {high}");
        let ratio = found[1].ratios[0];
        assert!((ratio.estimate - 0.5).abs() < 1e-9, "{ratio:?}");
        assert!((ratio.interval[1] - 0.5).abs() < 1e-6, "the ratio is certain: {ratio:?}");
        assert_eq!(found[0].ratios, [], "what was recorded is not compared with itself");
    }

    #[test]
    fn few_runs_widen_intervals() {
        assert!((quantile_of_t(16) - 2.131).abs() < 0.001);
        assert!((quantile_of_t(8) - 2.365).abs() < 0.001);
    }
}
