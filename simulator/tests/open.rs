//! The open model: physics of the bundled situations, and what a failing backend costs.

mod common;

use common::{Recorder, open, policies, topology};
use lb_core::fault::{Fault, FaultKind};
use lb_core::{Outcome, Seed, Span, Time};
use simulator::{OpenLoad, Options, SimulationError, simulate_open};

const FAILED_MS: f64 = 2_000.0;

/// Situation A with one fault of its first backend, at half load.
fn with_fault(
    kind: FaultKind,
    algorithm: &str,
    start_s: f64,
    duration_s: f64,
) -> (Recorder, simulator::Report) {
    let mut topology = topology("situation-a");
    topology.faults = vec![Fault {
        kind,
        services: vec![],
        backends: vec!["b1".to_owned()],
        start_s,
        duration_s: Some(duration_s),
        every_s: None,
    }];
    let load = OpenLoad::poisson(1_600.0, 32_000, Span::from_secs(2), Seed(5));
    let mut recorder = Recorder::default();
    let report =
        simulate_open(&topology, &load, &mut policies(algorithm), &Options::default(), &mut recorder)
            .expect("a valid topology");
    (recorder, report)
}

fn seconds(time: Time) -> f64 {
    time.as_secs_f64()
}

#[test]
fn the_same_seed_gives_the_same_samples() {
    for algorithm in ["p2c", "prequal", "least-connections+ejection"] {
        let run = || format!("{:?}", open("situation-b", algorithm, 0.7, 5_000, 3).0.samples);
        assert!(run() == run(), "{algorithm}: one seed, one run");
    }
    let other = |seed| format!("{:?}", open("situation-b", "p2c", 0.7, 1_000, seed).0.samples);
    assert!(other(3) != other(4), "another seed, another run");
}

#[test]
fn equal_backends_under_high_load_have_the_means_that_are_known() {
    // From an independent simulation of the same situation: round-robin 27.3 ms, least-connections
    // 12.6 ms and a p99 of 66 ms; its network was as far away.
    let (recorder, _) = open("situation-a", "least-connections", 0.9, 100_000, 1);
    let (mean, p99) = recorder.mean_and_p99(FAILED_MS);
    assert!((mean / 12.6 - 1.0).abs() < 0.06, "least-connections: mean {mean}, known 12.6");
    assert!((p99 / 66.0 - 1.0).abs() < 0.06, "least-connections: p99 {p99}, known 66");
    let (recorder, _) = open("situation-a", "round-robin", 0.9, 100_000, 1);
    let (mean, _) = recorder.mean_and_p99(FAILED_MS);
    assert!((mean / 27.3 - 1.0).abs() < 0.15, "round-robin: mean {mean}, known 27.3");
}

#[test]
fn least_connections_beats_round_robin_where_backends_differ() {
    for (situation, load) in [("situation-b", 0.8), ("situation-c", 0.7)] {
        let p99 = |algorithm| open(situation, algorithm, load, 60_000, 2).0.mean_and_p99(FAILED_MS).1;
        let (least, round) = (p99("least-connections"), p99("round-robin"));
        assert!(round >= 2.0 * least, "{situation}: p99 {round} against {least} must differ twofold");
    }
}

#[test]
fn equal_backends_at_low_load_make_no_difference() {
    let mean = |algorithm| open("situation-a", algorithm, 0.15, 40_000, 4).0.mean_and_p99(FAILED_MS).0;
    let reference = mean("round-robin");
    for algorithm in ["random", "least-connections", "p2c", "ewma-scan", "prequal"] {
        let other = mean(algorithm);
        assert!(
            (other / reference - 1.0).abs() < 0.04,
            "{algorithm}: {other} ms against round-robin's {reference} ms where nobody waits"
        );
    }
}

#[test]
fn a_backend_is_as_busy_as_its_share_of_the_work_makes_it() {
    let (recorder, report) = open("situation-a", "round-robin", 0.6, 60_000, 6);
    assert_eq!(recorder.count(Outcome::Ok), 60_000, "nothing fails at this load");
    for backend in &report.backends {
        let utilisation = backend.busy.as_secs_f64() / (seconds(report.ended_at) * 4.0);
        assert!((utilisation / 0.6 - 1.0).abs() < 0.05, "{backend:?} is busy {utilisation}");
        assert_eq!(backend.requests, 7_500, "round-robin deals out evenly");
    }
}

#[test]
fn every_request_gets_exactly_one_sample_in_the_order_of_done() {
    // Overload: time-outs, full queues, fast failures and slow service at once.
    for situation in ["situation-b", "situation-e", "situation-f", "situation-h"] {
        let (recorder, report) = open(situation, "random", 1.1, 40_000, 7);
        assert_eq!(recorder.samples.len(), 40_000, "{situation}: one sample for each request");
        assert!(recorder.samples.is_sorted_by_key(|sample| sample.done), "{situation}: by done");
        let placed: u64 = report.backends.iter().map(|backend| backend.requests).sum();
        assert_eq!(placed, 40_000, "{situation}: each was placed once");
        let answered = recorder.samples.iter().filter(|sample| sample.backend.is_some()).count();
        let timeouts = recorder.count(Outcome::Timeout);
        assert_eq!(answered + timeouts, 40_000, "{situation}: answered by a backend, or timed out");
        let failures = 40_000 - recorder.count(Outcome::Ok);
        assert!(failures > 0, "{situation}: an overload of this length must fail some");
    }
}

#[test]
fn a_time_out_takes_exactly_as_long_as_it_is_set_to() {
    let (recorder, _) = open("situation-b", "round-robin", 0.8, 20_000, 8);
    let timeouts: Vec<_> =
        recorder.samples.iter().filter(|sample| sample.outcome == Outcome::Timeout).collect();
    assert!(!timeouts.is_empty(), "round-robin overloads the slow backends of situation B");
    for sample in timeouts {
        assert_eq!(sample.done.since(sample.sent), Span::from_secs(2));
        assert_eq!((sample.status, sample.backend), (0, None), "nobody answered");
    }
}

#[test]
fn killing_a_backend_costs_what_is_in_flight_on_it_and_what_is_sent_before_it_is_noticed() {
    let crash = FaultKind::Crash { slow_start_s: 0.0 };
    for algorithm in ["round-robin", "least-connections", "p2c"] {
        let (recorder, report) = with_fault(crash, algorithm, 5.25, 6.0);
        let failed: Vec<_> = recorder.samples.iter().filter(|sample| sample.outcome != Outcome::Ok).collect();
        assert!(failed.iter().all(|sample| sample.outcome == Outcome::BalancerError && sample.status == 502));
        let before = failed.iter().filter(|sample| seconds(sample.sent) < 5.25).count();
        assert!(
            (1..=report.backends[0].peak_in_flight as usize).contains(&before),
            "{algorithm}: {before} broken requests, at most {} were in flight",
            report.backends[0].peak_in_flight
        );
        // Checks at 6 and 7 s fail; from 7 s on nothing is sent there.
        let last = failed.iter().map(|sample| sample.sent).max().expect("some failed");
        assert!(seconds(last) < 7.0, "{algorithm}: the last failure was sent at {last:?}");
        let back = |from: f64, to: f64| {
            recorder
                .samples
                .iter()
                .filter(|s| s.backend == Some(0) && seconds(s.sent) >= from && seconds(s.sent) < to)
                .count()
        };
        assert_eq!(back(5.25, 13.0), 0, "{algorithm}: it answers nothing while it is out");
        assert!(back(13.1, 20.0) > 100, "{algorithm}: it serves again after two good checks");
    }
}

#[test]
fn ejection_notices_a_dead_backend_before_health_checks_do() {
    let crash = FaultKind::Crash { slow_start_s: 0.0 };
    let failures = |algorithm| {
        let (recorder, _) = with_fault(crash, algorithm, 5.25, 6.0);
        recorder.samples.len() - recorder.count(Outcome::Ok)
    };
    let (without, with) = (failures("round-robin"), failures("round-robin+ejection"));
    assert!(with * 4 < without, "ejection must save most of {without} failures, {with} remain");
}

#[test]
fn faults_have_the_outcomes_that_a_client_sees() {
    let cases = [
        (FaultKind::ErrorRate { rate: 1.0 }, Outcome::BackendError, 500, Some(0)),
        (FaultKind::FastFail { rate: 1.0 }, Outcome::BackendError, 503, Some(0)),
        (FaultKind::TimeoutRate { rate: 1.0 }, Outcome::Timeout, 0, None),
    ];
    for (kind, outcome, status, backend) in cases {
        let (recorder, _) = with_fault(kind, "round-robin", 2.0, 5.0);
        let failed: Vec<_> = recorder.samples.iter().filter(|sample| sample.outcome != Outcome::Ok).collect();
        let share = failed.len() as f64 / (1_600.0 * 5.0);
        assert!((share / 0.125 - 1.0).abs() < 0.03, "{kind:?}: an eighth of five seconds fails, not {share}");
        for sample in failed {
            assert_eq!(
                (sample.outcome, sample.status, sample.backend),
                (outcome, status, backend),
                "{kind:?}"
            );
        }
    }
}

#[test]
fn nobody_answers_when_every_backend_is_known_to_be_down() {
    let mut topology = topology("situation-a");
    topology.faults = vec![Fault {
        kind: FaultKind::Crash { slow_start_s: 0.0 },
        services: vec![],
        backends: vec![],
        start_s: 1.0,
        duration_s: None,
        every_s: None,
    }];
    let load = OpenLoad::poisson(100.0, 1_000, Span::from_secs(2), Seed(5));
    let mut recorder = Recorder::default();
    simulate_open(&topology, &load, &mut policies("p2c"), &Options::default(), &mut recorder)
        .expect("a valid topology");
    let late: Vec<_> = recorder.samples.iter().filter(|sample| seconds(sample.sent) > 3.0).collect();
    assert!(late.len() > 500, "requests go on arriving");
    for sample in late {
        assert_eq!((sample.outcome, sample.status, sample.backend), (Outcome::BalancerError, 503, None));
    }
}

#[test]
fn private_views_cost_least_connections_its_tail() {
    let p99 = |balancers| {
        let load = OpenLoad::poisson(2_560.0, 60_000, Span::from_secs(2), Seed(9));
        let options = Options { balancers, ..Options::default() };
        let mut recorder = Recorder::default();
        let mut policy = policies("least-connections");
        simulate_open(&topology("situation-g"), &load, &mut policy, &options, &mut recorder)
            .expect("a valid topology");
        recorder.mean_and_p99(FAILED_MS).1
    };
    let (one, four) = (p99(1), p99(4));
    assert!(four > 1.1 * one, "four balancers that see a quarter each: p99 {four} against {one}");
}

#[test]
fn what_cannot_be_simulated_is_refused() {
    let load = OpenLoad::poisson(1.0, 1, Span::from_secs(1), Seed(0));
    let mut broken = topology("situation-a");
    broken.pools[0].backends[0].workers = 0;
    let run = |topology, load: OpenLoad, options: Options| {
        simulate_open(topology, &load, &mut policies("p2c"), &options, &mut Recorder::default())
            .expect_err("must be refused")
            .to_string()
    };
    let good = topology("situation-a");
    assert_eq!(
        run(&broken, load.clone(), Options::default()),
        "topology `situation-a` cannot be simulated: pools[0].backends[0].workers: 0 must be at least 1"
    );
    assert_eq!(
        run(&good, OpenLoad { rate: 0.0, ..load.clone() }, Options::default()),
        SimulationError::Rate(0.0).to_string()
    );
    assert_eq!(
        run(&good, load, Options { balancers: 0, ..Options::default() }),
        "balancers: 0 must be at least 1"
    );
}
