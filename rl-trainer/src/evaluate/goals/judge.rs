//! Compares measured values with goals.

use super::super::standing::{CaseStanding, Estimate, Standing};
use super::file::{Goals, HeldOutGoals, Pair, SituationGoals, SizedGoals};
use crate::scenarios::{about_situation, situations, sized_situations};
use serde::{Deserialize, Serialize};

/// A goal and whether it was reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Goal {
    /// Description of the cases that the goal applies to.
    pub goal: String,
    /// `mean`, `p99` or `errors`.
    pub metric: String,
    /// The upper limit: a ratio, or a fraction of requests for `errors`.
    pub target: f64,
    /// The measured value: a ratio, or a fraction of requests for `errors`.
    pub measured: Estimate,
    /// Whether the goal is required; otherwise it is an aim.
    pub required: bool,
    /// Whether the measured value is at most the target.
    pub met: bool,
}

impl Goal {
    fn new(goal: impl Into<String>, metric: &str, target: f64, measured: Estimate) -> Self {
        let met = measured.ratio <= target;
        Self { goal: goal.into(), metric: metric.to_owned(), target, measured, required: true, met }
    }

    fn pair(goal: &str, limits: Option<Pair>, measured: [Estimate; 2]) -> impl Iterator<Item = Self> {
        let of = |Pair { mean, p99 }: Pair| {
            [Self::new(goal, "mean", mean, measured[0]), Self::new(goal, "p99", p99, measured[1])]
        };
        limits.map(of).into_iter().flatten()
    }

    fn aim(self) -> Self {
        Self { required: false, ..self }
    }

    /// Returns by how much the target was missed; 0 if it was met.
    pub fn short_by(&self) -> f64 {
        if self.met { 0.0 } else { self.measured.ratio - self.target }
    }

    /// Returns whether the target lies within the interval, so that the outcome may be due to chance.
    pub fn is_close(&self) -> bool {
        self.measured.interval.is_some_and(|[low, high]| low <= self.target && self.target <= high)
    }
}

fn sure(ratio: f64) -> Estimate {
    Estimate { ratio, interval: None }
}

impl Goals {
    /// Judges the situations. Situations that were not played are not judged.
    pub fn judge_situations(&self, standing: &Standing) -> Vec<Goal> {
        let Some(goals) = &self.situations else { return Vec::new() };
        let mut judged = Vec::new();
        let played = |name: &str| standing.cases.iter().find(|case| case.case == name);
        for (name, limits) in &goals.cases {
            let Some(case) = played(name) else { continue };
            let title =
                about_situation(name).map_or_else(|| name.clone(), |about| format!("{name}: {about}"));
            let pair = Pair { mean: limits.mean, p99: limits.p99 };
            judged.extend(Goal::pair(&title, Some(pair), [case.mean, case.p99]));
            if let Some(errors) = limits.errors {
                judged.push(Goal::new(title, "errors", errors, sure(case.error_rate)));
            }
        }
        if situations().iter().all(|case| played(&case.name).is_some()) {
            over_all_situations(goals, standing, &mut judged);
        }
        judged.extend(worst_case(standing, "situation", goals.worst_mean, goals.excess_errors));
        judged
    }

    /// Judges the situations whose requests tell most of their size. If not all were played, nothing is judged.
    pub fn judge_sized(&self, standing: &Standing) -> Vec<Goal> {
        let Some(SizedGoals { to_blind, to_listening }) = self.sized else { return Vec::new() };
        if !sized_situations().iter().all(|case| standing.cases.iter().any(|played| played.case == case.name))
        {
            return Vec::new();
        }
        let name = "telling requests, relative to the best content-blind classical of each";
        let blind = standing.to_blind.map(|measured| Goal::pair(name, to_blind, measured));
        let name = "telling requests, relative to least-predicted-work+ejection";
        let listening = standing.to_listening.map(|measured| Goal::pair(name, to_listening, measured));
        blind.into_iter().flatten().chain(listening.into_iter().flatten()).collect()
    }

    /// Judges the held-out random cases.
    pub fn judge_held_out(&self, standing: &Standing) -> Vec<Goal> {
        let Some(goals) = &self.held_out else { return Vec::new() };
        let HeldOutGoals { all, to_best, aim, aim_to_best, worst_mean, excess_errors } = *goals;
        let ratios = [standing.mean, standing.p99];
        let ratios_to_best = [standing.mean_to_best, standing.p99_to_best];
        let mut judged = Vec::new();
        judged.extend(Goal::pair("held-out cases", all, ratios));
        let name = "held-out cases, relative to the best classical of each";
        judged.extend(Goal::pair(name, to_best, ratios_to_best));
        judged.extend(Goal::pair("held-out cases, aim", aim, ratios).map(Goal::aim));
        let name = "held-out cases, relative to the best classical of each, aim";
        judged.extend(Goal::pair(name, aim_to_best, ratios_to_best).map(Goal::aim));
        judged.extend(worst_case(standing, "held-out case", worst_mean, excess_errors));
        judged
    }
}

fn over_all_situations(goals: &SituationGoals, standing: &Standing, judged: &mut Vec<Goal>) {
    let name = "all nine situations, geometric mean";
    judged.extend(Goal::pair(name, goals.all, [standing.mean, standing.p99]));
    let name = "all nine situations, relative to the same policies without what requests say";
    judged.extend(
        standing.to_unhinted.into_iter().flat_map(|ratios| Goal::pair(name, goals.to_unhinted, ratios)),
    );
    let Some(Pair { mean, p99 }) = goals.worst_to_best else { return };
    let worst_mean = standing.worst(|case| case.mean_regret);
    let worst_p99 = standing.worst(|case| case.p99_regret);
    for (metric, target, (at, worst)) in [("mean", mean, worst_mean), ("p99", p99, worst_p99)] {
        let name = format!("worst situation relative to its best classical ({at})");
        judged.push(Goal::new(name, metric, target, sure(worst)));
    }
}

/// Judges limits that apply to every case, using the worst case.
fn worst_case(
    standing: &Standing,
    one: &str,
    mean: Option<f64>,
    excess_errors: Option<f64>,
) -> impl Iterator<Item = Goal> {
    let mean = mean.map(|limit| {
        let (at, worst) = standing.worst(|case| case.mean.ratio);
        Goal::new(format!("worst {one} ({at})"), "mean", limit, sure(worst))
    });
    let errors = excess_errors.map(|limit| {
        let (at, worst) = standing.worst(CaseStanding::excess_errors);
        let name = format!("errors beyond the baseline's, worst {one} ({at})");
        Goal::new(name, "errors", limit, sure(worst))
    });
    mean.into_iter().chain(errors)
}
