//! Oracles against what they bound.

mod common;

use common::{Recorder, arrivals, open, singles, stage, topology};
use lb_core::fault::{Fault, FaultKind};
use lb_core::workload::{ArrivalStart, Schedule, Spacing};
use lb_core::{Outcome, Seed, Span};
use simulator::oracle::Oracle;
use simulator::{OpenLoad, Options, Report, Simulation, simulate_open_with_oracle};
use std::sync::Arc;

const FAILED_MS: f64 = 2_000.0;

/// As `common::open`, with an oracle in place of the algorithm.
fn foreseen(name: &str, oracle: Oracle, load: f64, requests: u64, seed: u64) -> (Recorder, Report) {
    let load = OpenLoad::poisson(3_200.0 * load, requests, Span::from_secs(2), Seed(seed));
    let mut recorder = Recorder::default();
    let report =
        simulate_open_with_oracle(&topology(name), &load, oracle, &Options::default(), &mut recorder)
            .expect("a bundled topology can be simulated");
    (recorder, report)
}

#[test]
fn oracles_bound_least_connections_where_backends_differ() {
    // An independent simulation of the same situation: least-connections 12.9/104, SED 13.7/55, FPI
    // 9.7/64, LWL 10.7/41 (mean and p99 in ms).
    let figures = |oracle| foreseen("situation-b", oracle, 0.8, 100_000, 1).0.mean_and_p99(FAILED_MS);
    let (least, least_p99) =
        open("situation-b", "least-connections", 0.8, 100_000, 1).0.mean_and_p99(FAILED_MS);
    let (greedy, _) = figures(Oracle::ShortestExpectedDelay);
    let (social, _) = figures(Oracle::FirstPolicyImprovement);
    let (work, work_p99) = figures(Oracle::LeastWorkLeft);
    assert!(social < 0.92 * least, "FPI's mean {social} must stand out from {least}");
    assert!(social < 0.9 * greedy, "what is best for each, {greedy}, is not best for all, {social}");
    assert!(greedy > 0.95 * least, "SED drives fast backends to saturation: {greedy} against {least}");
    assert!(work_p99 < 0.6 * least_p99, "LWL's p99 {work_p99} must stand out from {least_p99}");
    assert!(work < 0.95 * least, "and its mean {work} from {least}");
    for (seen, known) in [(greedy, 13.7), (social, 9.7), (work, 10.7)] {
        assert!((seen / known - 1.0).abs() < 0.15, "mean {seen}, known {known}");
    }
}

#[test]
fn an_oracle_never_picks_a_backend_that_is_down_and_avoids_one_that_stands_still_or_fails() {
    let kinds = [
        (FaultKind::Crash { slow_start_s: 0.0 }, 0),
        (FaultKind::Freeze {}, 0),
        (FaultKind::FastFail { rate: 0.9 }, 0),
    ];
    for (kind, most) in kinds {
        for oracle in Oracle::ALL {
            let mut topology = topology("situation-a");
            let (services, backends) = (vec![], vec!["b1".to_owned()]);
            topology.faults =
                vec![Fault { kind, services, backends, start_s: 0.0, duration_s: None, every_s: None }];
            let open = stage(
                0,
                Some(arrivals(1_500.0, Spacing::Poisson, ArrivalStart::Action)),
                Span::from_secs(10),
            );
            let scenario = singles(topology, vec![open]);
            let schedule = Schedule::new(Arc::clone(&scenario.workload), Seed(3));
            let mut recorder = Recorder::default();
            let mut simulation = Simulation::with_oracle(&scenario, oracle, &Options::default())
                .expect("a scenario that can be simulated");
            let report = simulation.measure(&schedule, &mut recorder);
            let name = oracle.name();
            assert_eq!(report.backends[0].requests, most, "{name} knows of {kind:?}");
            assert_eq!(recorder.count(Outcome::Ok), recorder.samples.len(), "{name}: so nothing fails");
        }
    }
}

#[test]
fn without_any_backend_an_oracle_has_nobody_to_pick() {
    let mut topology = topology("situation-a");
    let kind = FaultKind::Crash { slow_start_s: 0.0 };
    topology.faults = vec![Fault {
        kind,
        services: vec![],
        backends: vec![],
        start_s: 0.0,
        duration_s: None,
        every_s: None,
    }];
    let open = stage(0, Some(arrivals(10.0, Spacing::Even, ArrivalStart::Action)), Span::from_secs(1));
    let scenario = singles(topology, vec![open]);
    let schedule = Schedule::new(Arc::clone(&scenario.workload), Seed(3));
    let mut recorder = Recorder::default();
    Simulation::with_oracle(&scenario, Oracle::LeastWorkLeft, &Options::default())
        .expect("a scenario that can be simulated")
        .measure(&schedule, &mut recorder);
    assert_eq!(recorder.count(Outcome::BalancerError), 10, "the load balancer says so itself");
}

#[test]
fn on_equal_idle_backends_knowing_sizes_makes_no_difference() {
    // So few requests that each meets an idle pool.
    let choices = |oracle| -> Vec<Option<u16>> {
        let (recorder, _) = foreseen("situation-a", oracle, 0.000_001, 200, 4);
        recorder.samples.iter().map(|sample| sample.backend).collect()
    };
    let greedy = choices(Oracle::ShortestExpectedDelay);
    assert_eq!(greedy, choices(Oracle::LeastWorkLeft));
    assert_eq!(greedy, vec![Some(0); 200], "among equals the first");
}

#[test]
fn a_degraded_speed_counts() {
    // Situation C slows one backend ten times, for a third of the time.
    let mean = |oracle| foreseen("situation-c", oracle, 0.7, 60_000, 2).0.mean_and_p99(FAILED_MS).0;
    let least = open("situation-c", "least-connections", 0.7, 60_000, 2).0.mean_and_p99(FAILED_MS).0;
    for oracle in Oracle::ALL {
        let (name, mean) = (oracle.name(), mean(oracle));
        assert!(mean < 0.97 * least, "{name} sees the slow-down at once: {mean} against {least}");
    }
}

#[test]
fn oracles_follow_processor_sharing_too() {
    let figures = |oracle| foreseen("situation-h", oracle, 0.7, 60_000, 2).0.mean_and_p99(FAILED_MS);
    let (least, least_p99) =
        open("situation-h", "least-connections", 0.7, 60_000, 2).0.mean_and_p99(FAILED_MS);
    for oracle in Oracle::ALL {
        let (name, (mean, p99)) = (oracle.name(), figures(oracle));
        assert!(p99 < 0.8 * least_p99, "{name}: p99 {p99} against {least_p99}");
        // Who takes the shortest way for himself slows all others that share the workers.
        let greedy = oracle == Oracle::LeastWorkLeft;
        assert!(greedy || mean < 0.9 * least, "{name}: mean {mean} against {least}");
    }
}
