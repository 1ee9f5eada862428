//! What a run found out about a recorded pool, and what a policy gained from it: the data of reports.

use crate::evaluate::{Estimate, Evaluation, GENERAL, Kind, SPECIALISED, crossed};
use crate::measure::Figures;
use lb_core::Seed;
use lb_core::profile::PoolProfile;
use lb_core::rng::hash_name;
use serde::Serialize;

/// A recorded pool, its fit, and the policy that was specialised on it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TwinReport {
    /// Name of the scenario, or of the folder of traces.
    pub name: String,
    /// What was recorded.
    pub recorded: RecordedReport,
    /// The fit; `None` if nothing could be fitted.
    pub fit: Option<FitReport>,
    /// Predictions of what was held back from the fit.
    pub checks: Vec<CheckReport>,
    /// Why the fit was refused, one sentence each; empty if it was not.
    pub refusals: Vec<String>,
    /// What to record instead, one sentence each.
    pub advice: Vec<String>,
    /// Parts of the recording, and what each is for.
    pub slices: Vec<SliceReport>,
    /// Whether the slices of the test were used for nothing else.
    pub unseen_slices: bool,
    /// What policies were specialised for.
    pub objective: String,
    /// Where the objective comes from: the flag, a threshold of the config, or the default.
    pub objective_from: String,
    /// Policies among which one was chosen, on cases that training did not see.
    pub candidates: Vec<CandidateReport>,
    /// Comparisons on draws and slices that neither training nor the choice saw.
    pub ratios: Vec<RatioReport>,
    /// The test in full.
    pub evaluation: Option<Evaluation>,
    /// Paths of what was exported: the policy and its profile.
    pub exported: Vec<String>,
}

/// What was recorded.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RecordedReport {
    /// The folder or file.
    pub path: String,
    /// `traces` or `access log`.
    pub kind: String,
    /// Policies with the number of requests that each routed. An access log has one without a name.
    pub policies: Vec<(String, u64)>,
    /// Length in seconds of the longest episode.
    pub length_s: f64,
    /// What is odd about it, one sentence each, with what to do.
    pub notes: Vec<String>,
}

/// A fit.
#[derive(Clone, Debug, Serialize)]
pub struct FitReport {
    /// What was learnt about backends and routes, as policies get it.
    pub profile: PoolProfile,
    /// The evidence for it, in the order of the profile.
    pub evidence: Vec<EvidenceReport>,
    /// Time in microseconds that requests spend beside their backends.
    pub overhead_us: u64,
    /// Number of faults.
    pub faults: usize,
    /// Requests per second.
    pub rate: f64,
    /// Requests per second that the pool can serve.
    pub capacity: f64,
    /// Number of load balancers.
    pub balancers: u16,
    /// Share of the variance of log service times within a route that requests tell; `None` if it is little.
    pub told: Option<f64>,
}

/// The evidence for the fit of one backend.
#[derive(Clone, Debug, Serialize)]
pub struct EvidenceReport {
    /// Requests whose service could be timed.
    pub timed: usize,
    /// Highest number of requests in flight.
    pub most_in_flight: u32,
    /// Requests that may wait; `None` if the queue was never full.
    pub queue_cap: Option<u32>,
    /// F ratio of the dependence of service times on the queue; about 1 if the fit is good. `None` if unknown.
    pub f_ratio: Option<f64>,
}

/// Logged and predicted figures of something that was held back.
#[derive(Clone, Debug, Serialize)]
pub struct CheckReport {
    /// The policy, or the part of the log.
    pub what: String,
    /// Number of logged requests.
    pub requests: u64,
    /// Mean latency in milliseconds: logged and predicted.
    pub mean_ms: [f64; 2],
    /// 99th percentile in milliseconds: logged and predicted.
    pub p99_ms: [f64; 2],
    /// Share of requests that failed: logged and predicted.
    pub failed: [f64; 2],
    /// Largest relative errors of mean and 99th percentile that are allowed; `None` if the row decides nothing.
    pub limits: Option<[f64; 2]>,
    /// Predictions outside the limits, one sentence each.
    pub misses: Vec<String>,
}

/// A part of a recording.
#[derive(Clone, Debug, Serialize)]
pub struct SliceReport {
    /// Number of the part.
    pub number: usize,
    /// Beginning and end in seconds.
    pub seconds: [f64; 2],
    /// Requests per second.
    pub rate: f64,
    /// What it is for.
    pub purpose: String,
}

/// A policy that could have been chosen.
#[derive(Clone, Debug, Serialize)]
pub struct CandidateReport {
    /// What it is.
    pub name: String,
    /// Cost under the objective, minus that of the baseline; the lowest is chosen.
    pub loss: f64,
    /// Ratio of mean latency to the baseline's.
    pub mean: f64,
    /// Ratio of the 99th percentile to the baseline's.
    pub p99: f64,
    /// Whether it was chosen.
    pub chosen: bool,
}

/// Ratios of one contestant to another.
#[derive(Clone, Debug, Serialize)]
pub struct RatioReport {
    /// The one.
    pub of: String,
    /// The other.
    pub to: String,
    /// Ratio of mean latencies.
    pub mean: Estimate,
    /// Ratio of 99th percentiles.
    pub p99: Estimate,
}

type Metric = fn(&Figures) -> f64;
const METRICS: [Metric; 2] = [|figures| figures.mean_ms, |figures| figures.p99_ms];

/// Lower bound of latencies in milliseconds, which keeps logarithms finite.
const LEAST_MS: f64 = 1e-6;

/// Compares the specialised policy with the general one, with the best classical algorithm, and with the oracles, which
/// know what no policy can: what is left to gain. The best classical algorithm is that of all cases together, chosen in
/// hindsight for each metric.
pub fn ratios(evaluation: &Evaluation) -> Vec<RatioReport> {
    let mut all = Vec::new();
    let mut add = |of: &str, to: &str, others: [Option<usize>; 2]| {
        if let (Some(one), [Some(by_mean), Some(by_p99)]) = (evaluation.place(of), others) {
            let [mean, p99] = [(by_mean, METRICS[0]), (by_p99, METRICS[1])]
                .map(|(other, metric)| ratio(evaluation, one, other, metric));
            all.push(RatioReport { of: of.to_owned(), to: to.to_owned(), mean, p99 });
        }
    };
    add(SPECIALISED, GENERAL, [evaluation.place(GENERAL); 2]);
    let best = METRICS.map(|metric| best_classical(evaluation, metric));
    let name =
        |place: Option<usize>| place.map_or("none", |place| evaluation.contestants[place].name.as_str());
    let best_name = format!("best classical ({} / {})", name(best[0]), name(best[1]));
    for of in [SPECIALISED, GENERAL] {
        add(of, &best_name, best);
    }
    for of in [SPECIALISED, GENERAL] {
        for place in evaluation.of_kind(Kind::Oracle) {
            let oracle = evaluation.contestants[place].name.as_str();
            if oracle.contains("fpi") {
                add(of, oracle, [Some(place); 2]);
            }
        }
    }
    all
}

/// Returns the classical algorithm with the lowest geometric mean over all cases and draws.
fn best_classical(evaluation: &Evaluation, metric: Metric) -> Option<usize> {
    let sum = |place: &usize| -> f64 {
        let figures = evaluation.cases.iter().flat_map(|case| &case.figures[*place]);
        figures.map(|figures| metric(figures).max(LEAST_MS).ln()).sum()
    };
    let classical = evaluation.of_kind(Kind::Classical).into_iter();
    classical.min_by(|one, other| sum(one).total_cmp(&sum(other)))
}

/// Returns the geometric mean of ratios over cases and draws, paired by both, with its interval.
fn ratio(evaluation: &Evaluation, one: usize, other: usize, metric: Metric) -> Estimate {
    let of_case = |figures: &Vec<Vec<Figures>>| -> Vec<f64> {
        let pairs = figures[one].iter().zip(&figures[other]);
        pairs.map(|(one, other)| (metric(one).max(LEAST_MS) / metric(other).max(LEAST_MS)).ln()).collect()
    };
    let rows: Vec<Vec<f64>> = evaluation.cases.iter().map(|case| of_case(&case.figures)).collect();
    let count = rows.iter().map(Vec::len).sum::<usize>().max(1);
    let mean = rows.iter().flatten().sum::<f64>() / count as f64;
    let seed = Seed(hash_name(evaluation.list.as_bytes()));
    Estimate { ratio: mean.exp(), interval: crossed(&rows, seed).map(|ends| ends.map(f64::exp)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::{CaseResult, Contestant, SCHEMA_VERSION};
    use lb_core::policy::GuardCounts;

    fn figures(mean_ms: f64, p99_ms: f64) -> Figures {
        Figures { mean_ms, p50_ms: mean_ms, p99_ms, p999_ms: p99_ms, error_rate: 0.0, max_share: 0.5 }
    }

    fn evaluation() -> Evaluation {
        let contestant =
            |(name, kind): (&str, Kind)| Contestant { name: name.to_owned(), kind, seed: None, sha256: None };
        let contestants = [
            (GENERAL, Kind::Trained),
            (SPECIALISED, Kind::Trained),
            ("quick-mean", Kind::Classical),
            ("quick-tail", Kind::Classical),
            ("oracle-fpi", Kind::Oracle),
            ("oracle-lwl", Kind::Oracle),
        ];
        let case = |scale: f64| CaseResult {
            name: format!("case-{scale}"),
            requests: 100,
            figures: [(10.0, 40.0), (9.0, 30.0), (10.0, 60.0), (12.0, 40.0), (8.0, 24.0), (7.0, 20.0)]
                .map(|(mean, p99)| vec![figures(mean * scale, p99 * scale); 2])
                .into(),
            guards: GuardCounts::default(),
        };
        Evaluation {
            schema_version: SCHEMA_VERSION,
            list: "twin".to_owned(),
            list_sha256: String::new(),
            planned_cases: 2,
            full_requests: true,
            lucks: 2,
            baseline: "quick-mean".to_owned(),
            contestants: contestants.map(contestant).into(),
            cases: vec![case(1.0), case(50.0)],
        }
    }

    #[test]
    fn the_specialised_policy_is_compared_with_all_that_matters() {
        let all = ratios(&evaluation());
        let of = |of: &str, to: &str| {
            let found = all.iter().find(|ratio| ratio.of == of && ratio.to.starts_with(to));
            found.unwrap_or_else(|| panic!("{of} is compared with {to}: {all:?}"))
        };
        let near = |estimate: Estimate, expected: f64| (estimate.ratio - expected).abs() < 1e-9;
        let gained = of(SPECIALISED, GENERAL);
        assert!(near(gained.mean, 0.9) && near(gained.p99, 0.75), "{gained:?}");
        assert!(gained.mean.interval.is_some(), "there are several cases");
        let best = of(SPECIALISED, "best classical (quick-mean / quick-tail)");
        assert!(near(best.mean, 0.9) && near(best.p99, 0.75), "the best by each metric: {best:?}");
        let left = of(SPECIALISED, "oracle-fpi");
        assert!(near(left.mean, 9.0 / 8.0) && near(left.p99, 30.0 / 24.0), "{left:?}");
        assert!(!all.iter().any(|ratio| ratio.to == "oracle-lwl"), "a greedy oracle is no bound");
    }

    #[test]
    fn without_a_specialised_policy_the_general_one_is_compared() {
        let mut evaluation = evaluation();
        evaluation.contestants[1].name = "another".to_owned();
        let all = ratios(&evaluation);
        assert!(!all.is_empty() && all.iter().all(|ratio| ratio.of == GENERAL), "{all:?}");
    }
}
