//! Sums up: ratios to the baseline and to the best classical algorithm, with intervals.
//!
//! All averages are of logarithms of ratios, paired by case and replication: a ratio and its reciprocal then weigh
//! the same, and no slow case dominates. Where several policies are summed up, as one per training seed,
//! they count alike, and intervals are over them as well ([`super::crossed`]).

use super::contestants::Kind;
use super::interval::crossed;
use super::play::{CaseResult, Evaluation};
use crate::measure::Figures;
use lb_core::Seed;
use lb_core::rng::hash_name;
use serde::{Deserialize, Serialize};

/// A ratio, and its interval where there is one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Geometric mean of ratios.
    pub ratio: f64,
    /// 95 % interval.
    pub interval: Option<[f64; 2]>,
}

/// How some policies did in one case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseStanding {
    /// The case.
    pub case: String,
    /// Mean latency to the baseline's; the interval is over replications and policies.
    pub mean: Estimate,
    /// 99th percentile to the baseline's.
    pub p99: Estimate,
    /// Mean latency to that of the classical algorithm which was best at it here.
    pub mean_regret: f64,
    /// 99th percentile to that of the classical algorithm which was best at it here.
    pub p99_regret: f64,
    /// The classical algorithm with the least mean latency.
    pub best_mean: String,
    /// The classical algorithm with the least 99th percentile.
    pub best_p99: String,
    /// The worst of the policies: mean latency to the baseline's.
    pub worst_mean: f64,
    /// Share of requests that failed.
    pub error_rate: f64,
    /// Share of requests that failed under the baseline.
    pub baseline_error_rate: f64,
    /// The largest share of requests that one backend got, on average.
    pub max_share: f64,
}

/// How a group of policies did over a list of cases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// Names of the policies.
    pub policies: Vec<String>,
    /// By case.
    pub cases: Vec<CaseStanding>,
    /// Geometric mean over cases and policies, to the baseline; the interval is over both.
    pub mean: Estimate,
    /// The same of the 99th percentile.
    pub p99: Estimate,
    /// To the best classical of each case.
    pub mean_to_best: Estimate,
    /// The same of the 99th percentile.
    pub p99_to_best: Estimate,
    /// Share of cases in which the mean is below the baseline's.
    pub mean_wins: f64,
    /// Share of cases in which the 99th percentile is below the baseline's.
    pub p99_wins: f64,
}

/// One contestant over a whole list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Name of the contestant.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Geometric mean of means to the baseline's.
    pub mean: f64,
    /// Geometric mean of 99th percentiles to the baseline's.
    pub p99: f64,
    /// The worst case: mean to that of the best classical.
    pub mean_regret: f64,
    /// The worst case: 99th percentile to that of the best classical.
    pub p99_regret: f64,
    /// Share of requests that failed, averaged over cases.
    pub error_rate: f64,
}

type Metric = fn(&Figures) -> f64;

const MEAN: Metric = |figures| figures.mean_ms;
const P99: Metric = |figures| figures.p99_ms;

/// Latencies below this are as good as none: a logarithm must stay finite.
const LEAST_MS: f64 = 1e-6;

/// Logarithms of the ratios of two contestants, by replication.
fn log_ratios(case: &CaseResult, one: usize, other: usize, metric: Metric) -> Vec<f64> {
    let pairs = case.figures[one].iter().zip(&case.figures[other]);
    pairs.map(|(one, other)| (metric(one).max(LEAST_MS) / metric(other).max(LEAST_MS)).ln()).collect()
}

fn average(values: impl IntoIterator<Item = f64>) -> f64 {
    let (sum, count) = values.into_iter().fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / f64::max(count, 1.0)
}

/// The classical algorithm with the least geometric mean over replications.
fn best(evaluation: &Evaluation, case: &CaseResult, metric: Metric) -> Option<usize> {
    let of = |place: &usize| average(case.figures[*place].iter().map(|one| metric(one).max(LEAST_MS).ln()));
    let classical = evaluation.of_kind(Kind::Classical);
    classical.into_iter().min_by(|one, other| of(one).total_cmp(&of(other)))
}

/// Columns become rows.
fn transposed(columns: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let rows = columns.first().map_or(0, Vec::len);
    (0..rows).map(|row| columns.iter().map(|column| column[row]).collect()).collect()
}

/// The mean of logarithms by row and column, as a ratio.
fn estimate(rows: &[Vec<f64>], name: &str) -> Estimate {
    let seed = Seed(hash_name(name.as_bytes()));
    Estimate {
        ratio: average(rows.iter().flatten().copied()).exp(),
        interval: crossed(rows, seed).map(|ends| ends.map(f64::exp)),
    }
}

/// Mean and 99th percentile of some contestants to those of others, pair by pair and replication by replication.
pub fn paired(case: &CaseResult, pairs: &[(usize, usize)]) -> [Estimate; 2] {
    [MEAN, P99].map(|metric| {
        let logs: Vec<Vec<f64>> =
            pairs.iter().map(|(one, other)| log_ratios(case, *one, *other, metric)).collect();
        estimate(&transposed(&logs), &case.name)
    })
}

impl Standing {
    /// Sums up what the contestants at `policies` did. None without cases or policies, or where the baseline
    /// did not take part.
    pub fn new(evaluation: &Evaluation, policies: &[usize]) -> Option<Self> {
        let baseline = evaluation.place(&evaluation.baseline)?;
        if policies.is_empty() || evaluation.cases.is_empty() {
            return None;
        }
        let mut cases = Vec::new();
        // By case, then by policy, averaged over lucks.
        let mut logs: [Vec<Vec<f64>>; 4] = Default::default();
        for case in &evaluation.cases {
            let (best_mean, best_p99) = (best(evaluation, case, MEAN)?, best(evaluation, case, P99)?);
            let to = |other: usize, metric: Metric| -> Vec<Vec<f64>> {
                policies.iter().map(|policy| log_ratios(case, *policy, other, metric)).collect()
            };
            let by_policy =
                |logs: &[Vec<f64>]| logs.iter().map(|one| average(one.iter().copied())).collect::<Vec<f64>>();
            let [mean, p99] = [to(baseline, MEAN), to(baseline, P99)];
            let [mean_to_best, p99_to_best] = [to(best_mean, MEAN), to(best_p99, P99)];
            let rates = |place: usize| average(case.figures[place].iter().map(|one| one.error_rate));
            let name = |place: usize| evaluation.contestants[place].name.clone();
            let shares = policies.iter().flat_map(|place| case.figures[*place].iter());
            cases.push(CaseStanding {
                case: case.name.clone(),
                mean: estimate(&transposed(&mean), &case.name),
                p99: estimate(&transposed(&p99), &case.name),
                mean_regret: average(by_policy(&mean_to_best)).exp(),
                p99_regret: average(by_policy(&p99_to_best)).exp(),
                best_mean: name(best_mean),
                best_p99: name(best_p99),
                worst_mean: by_policy(&mean).into_iter().fold(f64::NEG_INFINITY, f64::max).exp(),
                error_rate: average(policies.iter().map(|place| rates(*place))),
                baseline_error_rate: rates(baseline),
                max_share: average(shares.map(|one| one.max_share)),
            });
            for (all, one) in logs.iter_mut().zip([mean, p99, mean_to_best, p99_to_best]) {
                all.push(by_policy(&one));
            }
        }
        let wins = |of: fn(&CaseStanding) -> f64| average(cases.iter().map(|case| f64::from(of(case) < 1.0)));
        let [mean, p99, mean_to_best, p99_to_best] = logs.map(|rows| estimate(&rows, &evaluation.list));
        Some(Self {
            policies: policies.iter().map(|place| evaluation.contestants[*place].name.clone()).collect(),
            mean_wins: wins(|case| case.mean.ratio),
            p99_wins: wins(|case| case.p99.ratio),
            mean,
            p99,
            mean_to_best,
            p99_to_best,
            cases,
        })
    }

    /// The case whose value is the largest, with that value.
    pub fn worst(&self, of: impl Fn(&CaseStanding) -> f64) -> (&str, f64) {
        let worst = self.cases.iter().max_by(|one, other| of(one).total_cmp(&of(other)));
        worst.map_or(("", f64::NAN), |case| (&case.case, of(case)))
    }
}

impl CaseStanding {
    /// How many more requests failed than under the baseline, as a fraction of all.
    pub fn excess_errors(&self) -> f64 {
        self.error_rate - self.baseline_error_rate
    }
}

/// Every contestant over the whole list, in the order of the evaluation.
pub fn league(evaluation: &Evaluation) -> Vec<Line> {
    let line = |(place, contestant): (usize, &super::Contestant)| {
        let standing = Standing::new(evaluation, &[place])?;
        Some(Line {
            name: contestant.name.clone(),
            kind: contestant.kind,
            mean: standing.mean.ratio,
            p99: standing.p99.ratio,
            mean_regret: standing.worst(|case| case.mean_regret).1,
            p99_regret: standing.worst(|case| case.p99_regret).1,
            error_rate: average(standing.cases.iter().map(|case| case.error_rate)),
        })
    };
    evaluation.contestants.iter().enumerate().filter_map(line).collect()
}
