//! What was promised, and whether it was kept.
//!
//! The targets were set before training began, from an experiment with a throw-away simulator: the situations
//! with 3 seeds of 60,000 requests, and 100 held-out random cases of 10,000. A learned policy reached there
//! 0.934 (mean) and 0.711 (p99) over the nine, and 0.766 and 0.559 held out; targets lie a little below, next
//! to what an oracle with true speeds reached (0.787 and 0.683; 0.698 and 0.529). All are ratios to
//! least-connections with ejection unless a goal says otherwise.

use super::standing::{CaseStanding, Estimate, Standing};
use serde::{Deserialize, Serialize};

/// Targets of one situation: mean and 99th percentile to the baseline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SituationTarget {
    /// The name of the case.
    pub case: &'static str,
    /// What it is about.
    pub about: &'static str,
    /// Of the mean.
    pub mean: f64,
    /// Of the 99th percentile.
    pub p99: f64,
}

const fn target(case: &'static str, about: &'static str, mean: f64, p99: f64) -> SituationTarget {
    SituationTarget { case, about, mean, p99 }
}

/// The nine situations.
pub const SITUATIONS: [SituationTarget; 9] = [
    target("situation-a", "equal backends at 90 %", 1.03, 1.03),
    target("situation-b", "speeds 1:2:4:8 at 80 %", 0.90, 0.58),
    target("situation-c", "one backend ten times slower at times", 1.00, 0.87),
    target("situation-d", "bursts on unequal backends", 1.00, 0.80),
    target("situation-e", "one backend fails fast at times", 0.98, 1.00),
    target("situation-f", "unequal, bursts, slow and failing", 0.92, 0.68),
    target("situation-g", "B behind four load balancers", 0.75, 0.50),
    target("situation-h", "B with shared processors, ten times slower at times", 0.75, 0.57),
    target("situation-i", "32 backends, speeds 1:2:4:8", 0.89, 0.55),
];

/// Geometric mean over the nine situations.
pub const ALL_SITUATIONS: [f64; 2] = [0.90, 0.69];

/// Held-out random cases: what must be reached.
pub const HELD_OUT: [f64; 2] = [0.77, 0.56];

/// Held-out random cases: what is aimed at.
pub const HELD_OUT_AIM: [f64; 2] = [0.75, 0.55];

/// Held-out random cases, to the best classical algorithm of each: what must be reached.
pub const HELD_OUT_TO_BEST: [f64; 2] = [0.95, 0.87];

/// Held-out random cases, to the best classical algorithm of each: what is aimed at.
pub const HELD_OUT_TO_BEST_AIM: [f64; 2] = [0.93, 0.85];

/// The worst situation, to its best classical algorithm.
pub const WORST_REGRET: [f64; 2] = [1.05, 1.03];

/// Nowhere may the mean be worse than this, to the baseline.
pub const MOST_MEAN: f64 = 1.10;

/// Failed requests beyond the baseline's, as a fraction of all.
pub const MOST_EXCESS_ERRORS: f64 = 0.002;

/// Failed requests where one backend fails fast.
pub const MOST_ERRORS_IN_OUTAGE: f64 = 0.001;

/// One goal, and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Goal {
    /// What it is about.
    pub goal: String,
    /// `mean`, `p99` or `errors`.
    pub metric: String,
    /// At most this.
    pub target: f64,
    /// What was measured; a ratio, or a fraction of requests.
    pub measured: Estimate,
    /// Whether it must be reached, or is aimed at.
    pub required: bool,
    /// Whether it was.
    pub met: bool,
}

impl Goal {
    fn new(goal: impl Into<String>, metric: &str, target: f64, measured: Estimate) -> Self {
        let met = measured.ratio <= target;
        Self { goal: goal.into(), metric: metric.to_owned(), target, measured, required: true, met }
    }

    fn pair(goal: &str, [mean, p99]: [f64; 2], measured: [Estimate; 2]) -> [Self; 2] {
        [Self::new(goal, "mean", mean, measured[0]), Self::new(goal, "p99", p99, measured[1])]
    }

    fn aim(self) -> Self {
        Self { required: false, ..self }
    }

    /// By how much the target was missed; 0 where it was met.
    pub fn short_by(&self) -> f64 {
        if self.met { 0.0 } else { self.measured.ratio - self.target }
    }

    /// Whether chance alone may have decided it: the target lies within the interval.
    pub fn is_close(&self) -> bool {
        self.measured.interval.is_some_and(|[low, high]| low <= self.target && self.target <= high)
    }
}

fn sure(ratio: f64) -> Estimate {
    Estimate { ratio, interval: None }
}

/// The goals of the situations. Situations that were not played have none.
pub fn of_situations(standing: &Standing) -> Vec<Goal> {
    let mut goals = Vec::new();
    let case = |name: &str| standing.cases.iter().find(|case| case.case == name);
    for target in &SITUATIONS {
        let Some(case) = case(target.case) else { continue };
        let name = format!("{}: {}", target.case, target.about);
        goals.extend(Goal::pair(&name, [target.mean, target.p99], [case.mean, case.p99]));
        if target.case == "situation-e" {
            goals.push(Goal::new(name, "errors", MOST_ERRORS_IN_OUTAGE, sure(case.error_rate)));
        }
    }
    if SITUATIONS.iter().all(|target| case(target.case).is_some()) {
        let name = "all nine situations, geometric mean";
        goals.extend(Goal::pair(name, ALL_SITUATIONS, [standing.mean, standing.p99]));
        let regrets: [fn(&CaseStanding) -> f64; 2] = [|case| case.mean_regret, |case| case.p99_regret];
        let worst = regrets.map(|regret| standing.worst(regret));
        for ((metric, target), (at, regret)) in ["mean", "p99"].iter().zip(WORST_REGRET).zip(worst) {
            let name = format!("worst situation to its best classical ({at})");
            goals.push(Goal::new(name, metric, target, sure(regret)));
        }
    }
    goals.extend(floors(standing, "situation"));
    goals
}

/// The goals of the held-out random cases.
pub fn of_test(standing: &Standing) -> Vec<Goal> {
    let (ratios, to_best) = ([standing.mean, standing.p99], [standing.mean_to_best, standing.p99_to_best]);
    let mut goals = Vec::new();
    goals.extend(Goal::pair("held-out cases", HELD_OUT, ratios));
    goals.extend(Goal::pair("held-out cases, to the best classical of each", HELD_OUT_TO_BEST, to_best));
    goals.extend(Goal::pair("held-out cases, aim", HELD_OUT_AIM, ratios).map(Goal::aim));
    let name = "held-out cases, to the best classical of each, aim";
    goals.extend(Goal::pair(name, HELD_OUT_TO_BEST_AIM, to_best).map(Goal::aim));
    goals.extend(floors(standing, "held-out case"));
    goals
}

/// What must hold in every case.
fn floors(standing: &Standing, one: &str) -> [Goal; 2] {
    let (at, mean) = standing.worst(|case| case.mean.ratio);
    let (failing, excess) = standing.worst(CaseStanding::excess_errors);
    [
        Goal::new(format!("worst {one} ({at})"), "mean", MOST_MEAN, sure(mean)),
        Goal::new(
            format!("errors beyond the baseline's, worst {one} ({failing})"),
            "errors",
            MOST_EXCESS_ERRORS,
            sure(excess),
        ),
    ]
}
