//! Estimates what a plan takes: the number of trials and their duration.

use super::contestant::{Contestant, Entrant};
use lb_config::{LoadBalancer, Plan, PlannedScenario, lacks};
use std::time::Duration;

/// The time of a live trial outside its phases: to drain, to switch, to verify the switch, and to write
/// files.
pub const BETWEEN: Duration = Duration::from_secs(1);

/// The least that a plan takes. Repetitions of invalid trials, and blocks that a precision adds, come on top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Number of trials.
    pub trials: u32,
    /// The time that they take live; simulated trials take less.
    pub length: Duration,
}

/// Estimates the least that a plan takes.
pub fn expect(plan: &Plan) -> Expected {
    let mut expected = Expected { trials: 0, length: Duration::ZERO };
    for planned in plan.scenarios() {
        let trials = contestants(plan, planned) * plan.repetitions();
        let inner = planned.scenario();
        let phases = inner.warm_up + inner.duration + plan.cool_down();
        expected.trials += trials;
        expected.length += (Duration::from(phases) + BETWEEN) * trials;
    }
    expected
}

/// Returns the number of trials in a block.
fn contestants(plan: &Plan, planned: &PlannedScenario) -> u32 {
    let started = plan.target().started();
    let several = started.len() > 1;
    let entrant = |one: &LoadBalancer| {
        let runs = |algorithm: &&lb_core::Algorithm| lacks(*one, **algorithm, plan.policy()).is_none();
        Entrant {
            name: several.then(|| one.to_string()),
            algorithms: planned.algorithms().iter().filter(runs).copied().collect(),
            steered: *one != LoadBalancer::Reference,
        }
    };
    let entrants: Vec<Entrant> = started.iter().map(entrant).collect();
    let all = match entrants.as_slice() {
        [] => planned.algorithms().len(),
        entrants => Contestant::of(entrants).len() + usize::from(several),
    };
    u32::try_from(all).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_config::{Overrides, from_text, plan};

    const CONFIG: &str = r#"{
        "scenarios": [{"name": "s", "duration_minutes": 0.5, "concurrent_users": 2}],
        "bench": {"warm_up_s": 3, "cool_down_s": 1, "algorithms": ["round-robin", "least-connections"]}
    }"#;

    fn expected(overrides: &Overrides) -> Expected {
        let loaded = from_text("c.json", CONFIG).expect("a config");
        expect(&plan(&loaded, overrides).expect("a plan"))
    }

    #[test]
    fn every_algorithm_runs_once_in_each_repetition() {
        let once = expected(&Overrides::default());
        assert_eq!(once, Expected { trials: 2, length: Duration::from_secs(2 * (3 + 30 + 1 + 1)) });
        let six = expected(&Overrides { repetitions: Some(6), ..Overrides::default() });
        assert_eq!(six, Expected { trials: 12, length: once.length * 6 });
    }

    #[test]
    fn compared_load_balancers_run_all_that_they_offer_and_direct_connections_come_on_top() {
        let names = ["reference", "haproxy"].map(str::to_owned).to_vec();
        let both = expected(&Overrides { compare_load_balancers: Some(names), ..Overrides::default() });
        assert_eq!(both.trials, 2 + 2 + 1);
    }
}
