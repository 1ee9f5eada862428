//! Least predicted work in the whole system: requests that tell their size, faults, and several load balancers.

mod common;

use common::Recorder;
use lb_core::{Seed, Span};
use simulator::{OpenLoad, Options, Telling, simulate_open};

const REQUESTS: u64 = 30_000;

/// Mean and p99 in milliseconds in a situation behind this many load balancers, at `load` of what fills its pool.
fn figures(situation: &str, algorithm: &str, load: f64, balancers: u16) -> (f64, f64) {
    let telling = Telling { share: 0.8, sigma: 1.0, noise: 2, word: None };
    let load = OpenLoad {
        telling: situation.ends_with("-sized").then_some(telling),
        ..OpenLoad::poisson(3_200.0 * load, REQUESTS, Span::from_secs(2), Seed(1))
    };
    let options = Options { balancers, ..Options::default() };
    let mut recorder = Recorder::default();
    let topology = common::topology(situation);
    simulate_open(&topology, &load, &mut common::policies(algorithm), &options, &mut recorder)
        .expect("a bundled topology can be simulated");
    recorder.mean_and_p99(2_000.0)
}

#[test]
fn listening_pays_on_unequal_backends_behind_one_load_balancer_or_four() {
    for (situation, balancers) in [("situation-b-sized", 1), ("situation-g-sized", 4)] {
        let (mean, p99) = figures(situation, "least-predicted-work", 0.8, balancers);
        for deaf in ["ewma-scan", "shortest-expected-delay", "least-connections", "prequal"] {
            let other = figures(situation, deaf, 0.8, balancers);
            assert!(
                mean < other.0 && p99 < 0.85 * other.1,
                "{situation}: {mean:.2}/{p99:.1} ms, {deaf} {:.2}/{:.1}",
                other.0,
                other.1
            );
        }
    }
}

#[test]
fn requests_that_say_nothing_are_placed_as_well_as_by_the_best_rule_of_latency() {
    for (situation, load, balancers) in
        [("situation-b", 0.8, 1), ("situation-c", 0.7, 1), ("situation-g", 0.8, 4), ("situation-h", 0.7, 1)]
    {
        let (mean, _) = figures(situation, "least-predicted-work", load, balancers);
        for other in ["ewma-scan", "shortest-expected-delay"] {
            let (rule, _) = figures(situation, other, load, balancers);
            assert!(mean < 1.03 * rule, "{situation}: {mean:.2} ms, {other} {rule:.2}");
        }
    }
}

#[test]
fn small_requests_do_not_fill_a_backend_that_fails_fast() {
    let (mean, _) = figures("situation-f-sized", "least-predicted-work", 0.6, 1);
    let (other, _) = figures("situation-f-sized", "ewma-scan", 0.6, 1);
    assert!(mean < 1.1 * other, "a failure counts two seconds: {mean:.2} ms, ewma-scan {other:.2}");
}
