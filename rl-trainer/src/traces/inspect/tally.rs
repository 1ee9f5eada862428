//! Statistics that are accumulated over the rows of a trace in constant memory.

use super::super::clock::Clocks;
use super::report::{Count, Coverage, Propensities, Quantile, RewardSign, Rewards, Support};
use sketches_ddsketch::{Config, DDSketch};
use std::collections::BTreeMap;

/// Quantiles in a report.
const QUANTILES: [f64; 7] = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99];

/// All statistics of a trace.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) experiences: u64,
    /// Number of experiences that have each required field.
    pub(super) present: [u64; 5],
    pub(super) policies: Names,
    pub(super) actions: BTreeMap<String, Choices>,
    pub(super) rewards: Values,
    pub(super) feature_sets: Names,
    pub(super) features: Vec<(String, Range)>,
    pub(super) outcomes: Names,
    pub(super) censored: u64,
    pub(super) explored: u64,
    pub(super) propensities: Propensities,
    pub(super) latency: Correlation,
    pub(super) errors: Correlation,
    pub(super) clocks: Clocks,
}

/// Number of occurrences of each name.
#[derive(Default)]
pub(super) struct Names(BTreeMap<String, u64>);

impl Names {
    pub(super) fn take(&mut self, name: &str) {
        match self.0.get_mut(name) {
            Some(count) => *count += 1,
            None => drop(self.0.insert(name.to_owned(), 1)),
        }
    }

    /// Returns the counts, the most frequent first.
    pub(super) fn counts(&self, all: u64) -> Vec<Count> {
        let share = |count: u64| count as f64 / all.max(1) as f64;
        let count = |(name, count): (&String, &u64)| Count {
            name: name.clone(),
            count: *count,
            share: share(*count),
        };
        let mut counts: Vec<Count> = self.0.iter().map(count).collect();
        counts.sort_by_key(|count| std::cmp::Reverse(count.count));
        counts
    }
}

/// How often an action was chosen, and its propensities.
#[derive(Default)]
pub(super) struct Choices {
    count: u64,
    smallest: Option<f64>,
    /// Sum of 1 over the propensity.
    weights: f64,
    /// Sum of the squares of 1 over the propensity.
    squares: f64,
}

impl Choices {
    pub(super) fn take(&mut self, propensity: Option<f64>) {
        self.count += 1;
        if let Some(propensity) = propensity.filter(|propensity| *propensity > 0.0) {
            let weight = 1.0 / propensity;
            self.smallest = Some(self.smallest.map_or(propensity, |smallest| smallest.min(propensity)));
            self.weights += weight;
            self.squares += weight * weight;
        }
    }
}

/// A distribution of values.
pub(super) struct Values {
    sketch: DDSketch,
    pub(super) count: u64,
    sum: f64,
    min: f64,
    max: f64,
    positive: u64,
    negative: u64,
}

impl Default for Values {
    fn default() -> Self {
        Self {
            // Quantiles within 1 % of their value (Masson, Rim and Lee, VLDB 2019).
            sketch: DDSketch::new(Config::defaults()),
            count: 0,
            sum: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            positive: 0,
            negative: 0,
        }
    }
}

impl Values {
    pub(super) fn take(&mut self, value: f64) {
        self.sketch.add(value);
        self.count += 1;
        self.sum += value;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.positive += u64::from(value > 0.0);
        self.negative += u64::from(value < 0.0);
    }

    pub(super) fn is_constant(&self) -> bool {
        self.count > 1 && self.min == self.max
    }

    fn report(&self) -> Option<Rewards> {
        let quantile = |quantile| {
            let value = self.sketch.quantile(quantile).ok().flatten()?;
            Some(Quantile { quantile, value: value.clamp(self.min, self.max) })
        };
        (self.count > 0).then(|| Rewards {
            count: self.count,
            min: self.min,
            max: self.max,
            mean: self.sum / self.count as f64,
            positive: self.positive,
            negative: self.negative,
            zero: self.count - self.positive - self.negative,
            quantiles: QUANTILES.into_iter().filter_map(quantile).collect(),
        })
    }
}

/// The range of a feature.
#[derive(Clone, Copy)]
pub(super) struct Range {
    count: u64,
    min: f64,
    max: f64,
    clamped: u64,
    clamp: Option<f64>,
}

impl Range {
    pub(super) fn new(clamp: Option<f64>) -> Self {
        Self { count: 0, min: f64::INFINITY, max: f64::NEG_INFINITY, clamped: 0, clamp }
    }

    pub(super) fn take(&mut self, value: f64) {
        if value.is_finite() {
            self.count += 1;
            self.min = self.min.min(value);
            self.max = self.max.max(value);
            self.clamped += u64::from(self.clamp.is_some_and(|clamp| value.abs() >= clamp));
        }
    }
}

/// The correlation of two numbers (Pearson), in one pass (Welford, 1962).
#[derive(Default)]
pub(super) struct Correlation {
    count: f64,
    mean: [f64; 2],
    squares: [f64; 2],
    product: f64,
}

/// Minimum number of pairs for a correlation.
const ENOUGH_PAIRS: f64 = 30.0;
/// Correlation above which the sign of the reward counts as inverted, if it is also statistically
/// significant.
const RISES: f64 = 0.1;
/// Number of standard errors beyond which a correlation is significant.
const DEVIATIONS: f64 = 4.0;

impl Correlation {
    pub(super) fn take(&mut self, x: f64, y: f64) {
        self.count += 1.0;
        let before = [x - self.mean[0], y - self.mean[1]];
        self.mean = [self.mean[0] + before[0] / self.count, self.mean[1] + before[1] / self.count];
        let after = [x - self.mean[0], y - self.mean[1]];
        self.squares = [self.squares[0] + before[0] * after[0], self.squares[1] + before[1] * after[1]];
        self.product += before[0] * after[1];
    }

    fn value(&self) -> Option<f64> {
        let spread = (self.squares[0] * self.squares[1]).sqrt();
        (self.count >= ENOUGH_PAIRS && spread > 0.0).then(|| (self.product / spread).clamp(-1.0, 1.0))
    }

    fn rises(&self) -> bool {
        self.value().is_some_and(|value| value > RISES.max(DEVIATIONS / self.count.sqrt()))
    }
}

impl Tally {
    pub(super) fn rewards(&self) -> Option<Rewards> {
        self.rewards.report()
    }

    /// Returns the counts, the most frequent first.
    pub(super) fn supports(&self) -> Vec<Support> {
        let all: u64 = self.actions.values().map(|choices| choices.count).sum();
        let support = |(action, choices): (&String, &Choices)| Support {
            action: action.clone(),
            count: choices.count,
            share: choices.count as f64 / all.max(1) as f64,
            smallest_propensity: choices.smallest,
            effective_sample_size: (choices.squares > 0.0)
                .then(|| choices.weights * choices.weights / choices.squares),
        };
        let mut supports: Vec<Support> = self.actions.iter().map(support).collect();
        supports.sort_by_key(|support| std::cmp::Reverse(support.count));
        supports
    }

    pub(super) fn coverage(&self) -> Vec<Coverage> {
        let seen = self.features.iter().filter(|(_, range)| range.count > 0);
        seen.map(|(feature, range)| Coverage {
            feature: feature.clone(),
            count: range.count,
            min: range.min,
            max: range.max,
            clamped: range.clamp.map(|_| range.clamped as f64 / range.count as f64),
            constant: range.min == range.max,
        })
        .collect()
    }

    pub(super) fn reward_sign(&self) -> Option<RewardSign> {
        let (latency, errors) = (self.latency.value(), self.errors.value());
        (latency.is_some() || errors.is_some()).then(|| RewardSign {
            latency,
            errors,
            inverted: self.latency.rises() || self.errors.rises(),
        })
    }
}
