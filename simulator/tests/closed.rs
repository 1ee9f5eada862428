//! The closed model: virtual users of the built-in shop.

mod common;

use common::{Recorder, policies, shop, topology};
use lb_core::fault::{Fault, FaultKind};
use lb_core::workload::{Sample, Scenario, Schedule, StepIndex, UserId};
use lb_core::{Outcome, Seed, Span, Time};
use simulator::{Options, Report, Simulation, SimulationError};
use std::collections::BTreeMap;
use std::sync::Arc;

fn minutes(n: u64) -> Span {
    Span::from_secs(60 * n)
}

fn run(scenario: &Scenario, algorithm: &str, seed: u64) -> (Recorder, Report) {
    let schedule = Schedule::new(Arc::clone(&scenario.workload), Seed(seed));
    let mut recorder = Recorder::default();
    let mut policy = policies(algorithm);
    let report = Simulation::run(scenario, &schedule, &mut policy, &Options::default(), &mut recorder)
        .expect("a scenario that can be simulated");
    (recorder, report)
}

fn by_user(samples: &[Sample]) -> BTreeMap<UserId, Vec<&Sample>> {
    let mut users: BTreeMap<UserId, Vec<&Sample>> = BTreeMap::new();
    for sample in samples {
        users.entry(sample.user).or_default().push(sample);
    }
    users
}

#[test]
fn the_same_seed_gives_the_same_samples() {
    let scenario = shop(topology("default"), 50, minutes(2));
    let print = |seed| format!("{:?}", run(&scenario, "p2c", seed).0.samples);
    assert!(print(1) == print(1), "one seed, one run");
    assert!(print(1) != print(2), "another seed, another run");
}

#[test]
fn every_algorithm_gets_the_same_users_and_actions() {
    let scenario = shop(topology("default"), 40, minutes(3));
    let steps = |algorithm| -> BTreeMap<UserId, Vec<(StepIndex, bool)>> {
        let (recorder, _) = run(&scenario, algorithm, 1);
        let users = by_user(&recorder.samples);
        let print = |s: &&Sample| (s.step, s.outcome == Outcome::ExpectedError);
        users.iter().map(|(id, all)| (*id, all.iter().map(print).collect())).collect()
    };
    let reference = steps("round-robin");
    assert_eq!(reference.len(), 40, "every user sends requests");
    for algorithm in ["least-connections", "random", "prequal"] {
        for (id, other) in steps(algorithm) {
            let common = other.len().min(reference[&id].len());
            assert!(common > 30, "{id:?} sends {common} requests");
            assert_eq!(other[..common], reference[&id][..common], "{algorithm}: {id:?} does the same");
        }
    }
}

#[test]
fn a_user_sends_one_request_at_a_time_and_stops_at_the_end() {
    let scenario = shop(topology("default"), 60, minutes(2));
    let (recorder, report) = run(&scenario, "random", 3);
    for (id, samples) in by_user(&recorder.samples) {
        for pair in samples.windows(2) {
            assert!(pair[1].sent >= pair[0].done, "{id:?} must wait for each reply");
        }
    }
    assert!(recorder.samples.is_sorted_by_key(|sample| sample.done), "samples come by done");
    let last = recorder.samples.iter().map(|sample| sample.sent).max().expect("some samples");
    assert!(last < Time::ZERO + minutes(2), "nothing is sent after the end, but {last:?}");
    let placed: u64 = report.backends.iter().map(|backend| backend.requests).sum();
    assert_eq!(placed as usize, recorder.samples.len(), "each request is placed and sampled once");
    assert!(report.events > 6 * placed, "a request is six events, and users wake besides");
}

#[test]
fn wrong_requests_on_purpose_get_their_expected_refusal() {
    let scenario = shop(topology("default"), 100, minutes(3));
    let (recorder, _) = run(&scenario, "least-connections", 4);
    let refused = recorder.count(Outcome::ExpectedError);
    assert!(refused > 10, "some of the requests are wrong on purpose, {refused} seen");
    assert_eq!(refused + recorder.count(Outcome::Ok), recorder.samples.len(), "all others are well");
    for sample in recorder.samples.iter().filter(|s| s.outcome == Outcome::ExpectedError) {
        assert!((400..500).contains(&sample.status), "a refusal is a 4xx, not {}", sample.status);
    }
}

#[test]
fn service_times_follow_the_routes() {
    let scenario = shop(topology("default"), 20, minutes(20));
    let (recorder, _) = run(&scenario, "least-connections", 5);
    let mean = |name: &str| {
        let step = scenario.workload.steps().iter().position(|step| step.name == name).expect(name);
        let times: Vec<f64> = recorder
            .samples
            .iter()
            .filter(|sample| usize::from(sample.step.0) == step && sample.backend == Some(0))
            .map(|sample| sample.done.since(sample.sent).as_millis_f64())
            .collect();
        assert!(times.len() > 100, "{name} is seen {} times on the first backend", times.len());
        times.iter().sum::<f64>() / times.len() as f64
    };
    // Nearly no queueing with 20 users: the route's mean, and 0.4 ms on the wires.
    for (step, expected) in [("browse_product", 16.4), ("list_category", 24.4)] {
        let seen = mean(step);
        assert!((seen / expected - 1.0).abs() < 0.1, "{step}: {seen} ms, its route says {expected}");
    }
}

#[test]
fn a_warm_up_is_not_observed_and_faults_count_from_the_measured_phase() {
    let mut topology = topology("default");
    topology.faults = vec![Fault {
        kind: FaultKind::ErrorRate { rate: 1.0 },
        services: vec![],
        backends: vec![],
        start_s: 30.0,
        duration_s: Some(10.0),
        every_s: None,
    }];
    let scenario = shop(topology, 50, minutes(1));
    let schedule = |seed| Schedule::new(Arc::clone(&scenario.workload), Seed(seed));
    let mut policy = policies("peak-ewma");
    let mut simulation =
        Simulation::new(&scenario, &mut policy, &Options::default()).expect("a valid scenario");
    simulation.warm_up(&schedule(99));
    let mut recorder = Recorder::default();
    let report = simulation.measure(&schedule(1), &mut recorder);
    let first = recorder.samples.iter().map(|sample| sample.sent).min().expect("some samples");
    assert!(first < Time::ZERO + Span::from_secs(5), "times begin at zero, not at {first:?}");
    let placed: u64 = report.backends.iter().map(|backend| backend.requests).sum();
    assert_eq!(placed as usize, recorder.samples.len(), "the warm-up is not counted");
    let failed: Vec<f64> = recorder
        .samples
        .iter()
        .filter(|sample| sample.outcome == Outcome::BackendError)
        .map(|sample| sample.done.as_secs_f64())
        .collect();
    assert!(failed.len() > 50, "all requests of ten seconds fail, {} seen", failed.len());
    assert!(
        failed.iter().all(|done| (30.0..41.0).contains(done)),
        "faults happen at their offset from the measured phase"
    );
}

#[test]
fn the_old_machine_of_the_default_topology_sets_algorithms_apart() {
    let scenario = shop(topology("default"), 300, minutes(3));
    let p99 = |algorithm| {
        let (recorder, report) = run(&scenario, algorithm, 6);
        let rate = recorder.samples.len() as f64 / report.ended_at.as_secs_f64();
        assert!(rate > 100.0, "{algorithm}: 300 users make {rate} requests/s");
        recorder.mean_and_p99(10_000.0).1
    };
    let (least, round) = (p99("least-connections"), p99("round-robin"));
    assert!(round > 1.5 * least, "round-robin's p99 {round} must stand out from {least}");
}

#[test]
fn a_service_without_a_pool_is_refused_with_what_to_do() {
    let mut topology = topology("default");
    topology.pools[0].services.retain(|service| service != "user-service");
    topology.routes.clear();
    let scenario = shop(topology, 5, minutes(1));
    let error = Simulation::new(&scenario, &mut policies("random"), &Options::default())
        .err()
        .expect("must be refused");
    assert!(matches!(error, SimulationError::NoPool { .. }), "{error}");
    let message = error.to_string();
    assert!(message.contains("`user-service`") && message.contains("pools[].services"), "{message}");
}
