//! The algorithms of a scenario in report order: the best one first, then by the deciding metric.

use crate::spread::{Spreads, Whiskers, latency_of};
use lb_results::{AlgorithmSummary, Metric, OracleSummary, ScenarioSummary};

/// The standing of an algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Better than every other algorithm.
    Winner,
    /// Has the best value and is better than at least one other algorithm, but not than all.
    Best,
    /// Cannot be distinguished from the best.
    Tied,
    /// None of these, or nothing was decided.
    Other,
}

impl Standing {
    /// Returns the word that marks the algorithm; empty for none.
    pub(super) const fn badge(self) -> &'static str {
        match self {
            Self::Winner => "winner",
            Self::Best => "best",
            Self::Tied => "tied",
            Self::Other => "",
        }
    }

    /// Returns whether the algorithm leads alone or together with others.
    pub(super) const fn leads(self) -> bool {
        !matches!(self, Self::Other)
    }
}

/// The algorithms of a scenario, best first.
#[derive(Clone, Debug)]
pub(super) struct Ranking<'a> {
    /// The deciding metric.
    pub(super) metric: Metric,
    /// Algorithms that have results.
    pub(super) algorithms: Vec<&'a AlgorithmSummary>,
    scenario: &'a ScenarioSummary,
    spreads: Spreads,
}

impl<'a> Ranking<'a> {
    /// Orders the algorithms of a scenario.
    pub(super) fn of(scenario: &'a ScenarioSummary) -> Self {
        let answered = scenario.answer.as_ref().map(|answer| answer.metric);
        let judged = || scenario.comparison.as_ref()?.primary.first().copied();
        let metric = answered.or_else(judged).unwrap_or(Metric::P95);
        let mut ranking = Self {
            metric,
            algorithms: scenario.algorithms.iter().collect(),
            scenario,
            spreads: Spreads::of(scenario),
        };
        let mut placed: Vec<_> = scenario
            .algorithms
            .iter()
            .map(|algorithm| {
                let value = ranking.value(algorithm, metric).map_or(f64::INFINITY, |(value, _)| value);
                let cost = if metric.higher_is_better() { -value } else { value };
                let behind = !matches!(ranking.standing(&algorithm.name), Standing::Winner | Standing::Best);
                (behind, cost, algorithm)
            })
            .collect();
        placed.sort_by(|one, other| one.0.cmp(&other.0).then(one.1.total_cmp(&other.1)));
        ranking.algorithms = placed.into_iter().map(|(_, _, algorithm)| algorithm).collect();
        ranking
    }

    /// Returns the standing of an algorithm.
    pub(super) fn standing(&self, name: &str) -> Standing {
        match &self.scenario.answer {
            Some(answer) if answer.beaten.is_empty() => Standing::Other,
            Some(answer) if answer.leader == name && answer.tied.is_empty() => Standing::Winner,
            Some(answer) if answer.leader == name => Standing::Best,
            Some(answer) if answer.tied.iter().any(|tied| tied == name) => Standing::Tied,
            _ => Standing::Other,
        }
    }

    /// Returns the value of a metric with the ends of its whiskers: the estimate over trials if there is one,
    /// otherwise the value over all requests.
    pub(super) fn value(
        &self,
        algorithm: &AlgorithmSummary,
        metric: Metric,
    ) -> Option<(f64, Option<[f64; 2]>)> {
        let whole = |value: f64| Some((value, None));
        match metric {
            Metric::ErrorRate => whole(algorithm.error_rate),
            Metric::Goodput => whole(algorithm.goodput_rps),
            Metric::JainIndex => algorithm.jain_index.and_then(whole),
            latency => {
                let pooled = algorithm.latency_ms.as_ref().filter(|_| algorithm.estimates.is_empty());
                match pooled {
                    Some(pooled) => whole(latency_of(pooled, latency)),
                    None => self.spreads.spread(algorithm, latency),
                }
            }
        }
    }

    /// Returns what the whiskers of latency metrics are.
    pub(super) const fn whiskers(&self) -> Whiskers {
        self.spreads.whiskers()
    }

    /// Returns the latency metrics that are shown.
    pub(super) fn latencies(&self) -> &[Metric] {
        self.spreads.metrics()
    }

    /// Returns the bound with the best value of the deciding metric, or of p95 if that metric is not a
    /// latency.
    pub(super) fn bound(&self) -> Option<&'a OracleSummary> {
        let metric = if Metric::LATENCIES.contains(&self.metric) { self.metric } else { Metric::P95 };
        let reached = |oracle: &OracleSummary| {
            oracle.latency_ms.as_ref().map_or(f64::INFINITY, |latency| latency_of(latency, metric))
        };
        self.scenario.oracles.iter().min_by(|one, other| reached(one).total_cmp(&reached(other)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_results::{Answer, Latency, Lead, MetricEstimate};

    fn scenario(winner: Option<&str>) -> ScenarioSummary {
        let algorithm = |(name, estimate): (&str, f64)| AlgorithmSummary {
            name: name.to_owned(),
            estimates: vec![MetricEstimate {
                metric: Metric::P95,
                trials: 6,
                estimate,
                interval: Some([estimate - 1.0, estimate + 1.0]),
                range: [estimate - 2.0, estimate + 2.0],
            }],
            ..AlgorithmSummary::default()
        };
        let answer = |leader: &str| Answer {
            metric: Metric::P95,
            leader: leader.to_owned(),
            tied: vec!["p2c".to_owned()],
            beaten: vec![Lead { label: "random".to_owned(), effect: -0.5, interval: None }],
            blocks: 6,
            title: String::new(),
            sentences: Vec::new(),
        };
        ScenarioSummary {
            algorithms: [("random", 90.0), ("rr", 40.0), ("p2c", 39.5)].map(algorithm).into(),
            answer: winner.map(answer),
            ..ScenarioSummary::default()
        }
    }

    fn names<'a>(ranking: &Ranking<'a>) -> Vec<&'a str> {
        ranking.algorithms.iter().map(|algorithm| algorithm.name.as_str()).collect()
    }

    #[test]
    fn the_best_comes_first_and_others_follow_by_their_estimate() {
        let decided = scenario(Some("rr"));
        let ranking = Ranking::of(&decided);
        assert_eq!(names(&ranking), ["rr", "p2c", "random"]);
        let standings = ["rr", "p2c", "random"].map(|name| ranking.standing(name));
        assert_eq!(standings, [Standing::Best, Standing::Tied, Standing::Other]);
        assert_eq!(names(&Ranking::of(&scenario(None))), ["p2c", "rr", "random"]);
    }

    #[test]
    fn the_bound_is_the_lowest_in_the_metric_that_decides() {
        let oracle = |name: &str, p95| OracleSummary {
            name: name.to_owned(),
            knows: String::new(),
            latency_ms: Some(Latency {
                mean: 1.0,
                min: 1.0,
                p50: 1.0,
                p90: 1.0,
                p95,
                p99: 100.0 - p95,
                p999: 1.0,
                max: 1.0,
            }),
            error_rate: 0.0,
        };
        let mut scenario = scenario(Some("rr"));
        scenario.oracles = vec![oracle("one", 12.0), oracle("two", 11.0)];
        let bound = Ranking::of(&scenario).bound().expect("there are bounds");
        assert_eq!(bound.name, "two");
    }
}
