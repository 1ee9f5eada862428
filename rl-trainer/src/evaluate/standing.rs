//! Summaries: ratios to the baseline and to the best classical algorithm, with intervals.
//!
//! Averages are taken over logarithms of ratios, paired by case and replication, so that a ratio and its
//! reciprocal have equal weight and no slow case dominates. Several policies, such as one per training seed,
//! have equal weights, and intervals include the variation between them ([`super::crossed`]).

use super::contestants::{Contestant, Kind, LISTENING};
use super::interval::crossed;
use super::play::{CaseResult, Evaluation};
use crate::measure::Figures;
use lb_core::Seed;
use lb_core::rng::hash_name;
use serde::{Deserialize, Serialize};

/// A ratio and its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Geometric mean of the ratios.
    pub ratio: f64,
    /// 95 % interval; `None` if the spread is unknown.
    pub interval: Option<[f64; 2]>,
}

/// Results of a group of policies in one case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseStanding {
    /// Name of the case.
    pub case: String,
    /// Ratio of the mean latency to the baseline's; the interval is over replications and policies.
    pub mean: Estimate,
    /// Ratio of the 99th percentile to the baseline's.
    pub p99: Estimate,
    /// Ratio of the mean latency to that of the best classical algorithm of this case.
    pub mean_regret: f64,
    /// Ratio of the 99th percentile to that of the best classical algorithm of this case.
    pub p99_regret: f64,
    /// Classical algorithm with the lowest mean latency.
    pub best_mean: String,
    /// Classical algorithm with the lowest 99th percentile.
    pub best_p99: String,
    /// Ratio of the mean latency to the baseline's for the worst of the policies.
    pub worst_mean: f64,
    /// Share of requests that failed.
    pub error_rate: f64,
    /// Share of requests that failed under the baseline.
    pub baseline_error_rate: f64,
    /// Largest share of requests that one backend received, averaged over replications and policies.
    pub max_share: f64,
}

/// Results of a group of policies over a list of cases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// Names of the policies.
    pub policies: Vec<String>,
    /// Results by case.
    pub cases: Vec<CaseStanding>,
    /// Geometric mean of the ratios of mean latency to the baseline's, over cases and policies, with the
    /// interval over both.
    pub mean: Estimate,
    /// The same for the 99th percentile.
    pub p99: Estimate,
    /// Ratio of the mean latency to that of the best classical algorithm of each case.
    pub mean_to_best: Estimate,
    /// The same for the 99th percentile.
    pub p99_to_best: Estimate,
    /// Ratios of the mean and of the 99th percentile to those of the best content-blind classical algorithm of each
    /// case.
    #[serde(default)]
    pub to_blind: Option<[Estimate; 2]>,
    /// Ratios to least-predicted-work with ejection.
    #[serde(default)]
    pub to_listening: Option<[Estimate; 2]>,
    /// Ratios to the same policies without what requests say.
    #[serde(default)]
    pub to_unhinted: Option<[Estimate; 2]>,
    /// Share of cases in which the mean is below the baseline's.
    pub mean_wins: f64,
    /// Share of cases in which the 99th percentile is below the baseline's.
    pub p99_wins: f64,
}

/// Summary of one contestant over a whole list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Name of the contestant.
    pub name: String,
    /// Kind of the contestant.
    pub kind: Kind,
    /// Geometric mean of the ratios of mean latency to the baseline's.
    pub mean: f64,
    /// Geometric mean of the ratios of the 99th percentile to the baseline's.
    pub p99: f64,
    /// Highest ratio of the mean latency to that of the best classical algorithm of a case.
    pub mean_regret: f64,
    /// Highest ratio of the 99th percentile to that of the best classical algorithm of a case.
    pub p99_regret: f64,
    /// Share of requests that failed, averaged over cases.
    pub error_rate: f64,
}

pub(super) type Metric = fn(&Figures) -> f64;

pub(super) const MEAN: Metric = |figures| figures.mean_ms;
pub(super) const P99: Metric = |figures| figures.p99_ms;

/// Lower bound of latencies in milliseconds, which keeps logarithms finite.
const LEAST_MS: f64 = 1e-6;

/// Returns the logarithms of the ratios of two contestants, by replication.
pub(super) fn log_ratios(case: &CaseResult, one: usize, other: usize, metric: Metric) -> Vec<f64> {
    let pairs = case.figures[one].iter().zip(&case.figures[other]);
    pairs.map(|(one, other)| (metric(one).max(LEAST_MS) / metric(other).max(LEAST_MS)).ln()).collect()
}

pub(super) fn average(values: impl IntoIterator<Item = f64>) -> f64 {
    let (sum, count) = values.into_iter().fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / f64::max(count, 1.0)
}

/// Returns the contestant with the lowest geometric mean over replications, of those that `may` be it.
pub(super) fn best(
    evaluation: &Evaluation,
    case: &CaseResult,
    metric: Metric,
    may: fn(&Contestant) -> bool,
) -> Option<usize> {
    let of = |place: &usize| average(case.figures[*place].iter().map(|one| metric(one).max(LEAST_MS).ln()));
    let places = (0..evaluation.contestants.len()).filter(|place| may(&evaluation.contestants[*place]));
    places.min_by(|one, other| of(one).total_cmp(&of(other)))
}

pub(super) fn is_classical(contestant: &Contestant) -> bool {
    contestant.kind == Kind::Classical
}

/// Returns the ratios of the mean and of the 99th percentile of `policies` to the opponents that `opponents` names for
/// each case and metric (one per policy); `None` if there is none in a case.
fn against(
    evaluation: &Evaluation,
    policies: &[usize],
    opponents: impl Fn(&CaseResult, Metric) -> Option<Vec<usize>>,
) -> Option<[Estimate; 2]> {
    let of = |metric: Metric| -> Option<Estimate> {
        let mut rows = Vec::new();
        for case in &evaluation.cases {
            let pairs = policies.iter().zip(opponents(case, metric)?);
            rows.push(
                pairs
                    .map(|(policy, other)| average(log_ratios(case, *policy, other, metric)))
                    .collect::<Vec<f64>>(),
            );
        }
        Some(estimate(&rows, &evaluation.list))
    };
    Some([of(MEAN)?, of(P99)?])
}

/// Transposes a matrix.
pub(super) fn transposed(columns: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let rows = columns.first().map_or(0, Vec::len);
    (0..rows).map(|row| columns.iter().map(|column| column[row]).collect()).collect()
}

/// Returns the mean of logarithms as a ratio, with its interval over rows and columns.
pub(super) fn estimate(rows: &[Vec<f64>], name: &str) -> Estimate {
    let seed = Seed(hash_name(name.as_bytes()));
    Estimate {
        ratio: average(rows.iter().flatten().copied()).exp(),
        interval: crossed(rows, seed).map(|ends| ends.map(f64::exp)),
    }
}

/// Returns the ratios of the mean and of the 99th percentile between pairs of contestants, paired by
/// replication.
pub fn paired(case: &CaseResult, pairs: &[(usize, usize)]) -> [Estimate; 2] {
    [MEAN, P99].map(|metric| {
        let logs: Vec<Vec<f64>> =
            pairs.iter().map(|(one, other)| log_ratios(case, *one, *other, metric)).collect();
        estimate(&transposed(&logs), &case.name)
    })
}

impl Standing {
    /// Summarises the results of the contestants at the indices `policies`. Returns `None` if there are no
    /// cases or policies, or if the baseline did not take part.
    pub fn new(evaluation: &Evaluation, policies: &[usize]) -> Option<Self> {
        let baseline = evaluation.place(&evaluation.baseline)?;
        if policies.is_empty() || evaluation.cases.is_empty() {
            return None;
        }
        let mut cases = Vec::new();
        // By case, then by policy, averaged over replications.
        let mut logs: [Vec<Vec<f64>>; 4] = Default::default();
        for case in &evaluation.cases {
            let best_mean = best(evaluation, case, MEAN, is_classical)?;
            let best_p99 = best(evaluation, case, P99, is_classical)?;
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
        let to_blind = against(evaluation, policies, |case, metric| {
            let blind = best(evaluation, case, metric, Contestant::is_content_blind)?;
            Some(vec![blind; policies.len()])
        });
        let listening = evaluation.place(&format!("{LISTENING}+ejection"));
        let to_listening = against(evaluation, policies, |_, _| Some(vec![listening?; policies.len()]));
        let unhinted = |policy: &usize| {
            evaluation.place(&Contestant::unhinted_name(&evaluation.contestants[*policy].name))
        };
        let unhinted: Option<Vec<usize>> = policies.iter().map(unhinted).collect();
        let to_unhinted = against(evaluation, policies, |_, _| unhinted.clone());
        Some(Self {
            policies: policies.iter().map(|place| evaluation.contestants[*place].name.clone()).collect(),
            mean_wins: wins(|case| case.mean.ratio),
            p99_wins: wins(|case| case.p99.ratio),
            mean,
            p99,
            mean_to_best,
            p99_to_best,
            to_blind,
            to_listening,
            to_unhinted,
            cases,
        })
    }

    /// Returns the case with the largest value, and the value.
    pub fn worst(&self, of: impl Fn(&CaseStanding) -> f64) -> (&str, f64) {
        let worst = self.cases.iter().max_by(|one, other| of(one).total_cmp(&of(other)));
        worst.map_or(("", f64::NAN), |case| (&case.case, of(case)))
    }
}

impl CaseStanding {
    /// Returns the share of failed requests minus that of the baseline.
    pub fn excess_errors(&self) -> f64 {
        self.error_rate - self.baseline_error_rate
    }
}

/// Returns a summary of every contestant over the whole list, in the order of the evaluation.
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
