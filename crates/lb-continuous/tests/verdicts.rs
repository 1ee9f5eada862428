//! Marks between two versions of a deployment, in virtual time: a version that is 20 % slower is found, with a size
//! and an interval that hold the truth, and one that is equal is not taken for a change.

use lb_continuous::{Change, Finding, MarkRequest, MarkSummary, Marks, Measure, Windows};
use lb_core::algorithm::Algorithm;
use lb_core::topology::Topology;
use lb_core::workload::{
    ArrivalProcess, ArrivalStart, Arrivals, ClassMix, Journey, RateSegment, Scenario, Schedule, Spacing,
    Stage, UserClass, Workload,
};
use lb_core::{Seed, Span};
use lb_record::{Piece, PieceSink, Recording, RecordingSpec};
use serde_json::json;
use simulator::{Options, Simulation};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Seconds for which each version is loaded.
const SECONDS: u32 = 300;

/// Seconds in a window.
const WINDOW_S: u32 = 10;

/// Requests per second, which keep the three backends busy for two fifths of the time.
const RATE: f64 = 60.0;

/// Three backends that serve requests in `mean_ms` milliseconds on average, one after the other.
fn topology(mean_ms: f64) -> Topology {
    let backends: Vec<_> = ["a", "b", "c"].map(|id| json!({ "id": id, "workers": 1 })).into();
    serde_json::from_value(json!({
        "name": "three",
        "service_time": { "distribution": "log_normal", "mean_ms": mean_ms, "sigma": 0.6 },
        "pools": [{ "name": "web", "backends": backends }]
    }))
    .expect("a sound topology")
}

/// One kind of request, which arrives as from many independent clients.
fn scenario(mean_ms: f64) -> Scenario {
    let journey: Journey = serde_json::from_value(
        json!({ "name": "gets", "actions": { "get": { "steps": [{ "name": "get", "path": "/" }] } } }),
    )
    .expect("a sound journey");
    let class = UserClass {
        name: "client".to_owned(),
        actions: BTreeMap::from([("get".to_owned(), 1.0)]),
        ..UserClass::default()
    };
    let duration = Span::from_secs(u64::from(SECONDS));
    let segments = vec![RateSegment { duration, from: RATE, to: RATE }];
    let process = ArrivalProcess::Rates { segments, spacing: Spacing::Poisson };
    let stage = Stage {
        name: "steady".to_owned(),
        start: Span::ZERO,
        duration,
        ramp_up: Span::ZERO,
        users: 0,
        classes: vec![ClassMix { class: 0, share: 1.0, actions: BTreeMap::new() }],
        user_variance: 0.0,
        think_time_variance: 0.0,
        action_randomness: 0.0,
        max_users: 0,
        background: false,
        arrivals: Some(Arrivals { process, start: ArrivalStart::Action }),
    };
    let workload = Workload::new(&journey, vec![class], vec![stage], &BTreeMap::new(), 1);
    Scenario {
        name: "steady".to_owned(),
        workload: Arc::new(workload.expect("a sound workload")),
        duration,
        warm_up: Span::ZERO,
        max_in_flight: 10_000,
        request_timeout: Span::from_secs(30),
        topology: Arc::new(topology(mean_ms)),
    }
}

/// What one version recorded, second by second.
fn play(mean_ms: f64, seed: u64) -> Vec<Piece> {
    let scenario = scenario(mean_ms);
    let schedule = Schedule::new(Arc::clone(&scenario.workload), Seed(seed));
    let (sink, pieces) = PieceSink::new();
    let collected = std::thread::spawn(move || pieces.iter().collect());
    let spec =
        RecordingSpec { steps: 1, backends: 3, open: true, pieces: Some(sink), ..RecordingSpec::default() };
    let (recording, mut recorders) = Recording::start(spec, 1);
    let algorithm: Algorithm = "least-connections".parse().expect("a known algorithm");
    let mut policies = || algorithm.policy().expect("an algorithm that needs no file");
    let options = Options { seed: Seed(seed), ..Options::default() };
    Simulation::run(&scenario, &schedule, &mut policies, &options, &mut recorders[0])
        .expect("it can be simulated");
    recording.finish(recorders, scenario.duration);
    collected.join().expect("it does not panic")
}

/// The mark between a version that serves in 20 ms and one that serves in `mean_ms`.
fn mark_between(mean_ms: f64, seed: u64) -> MarkSummary {
    let mut windows = Windows::new(WINDOW_S, 1);
    let mut marks = Marks::new(WINDOW_S, 0.05, 0.0);
    let before = play(20.0, 2 * seed);
    let after = play(mean_ms, 2 * seed + 1);
    // Replies to the last requests of a version may end after its time; the next one begins then.
    let later = |piece: Piece| Piece { second: piece.second + SECONDS, ..piece };
    for piece in before.into_iter().filter(|piece| piece.second < SECONDS) {
        windows.add(piece);
    }
    let request = MarkRequest { name: "v2".to_owned(), settle_s: 0.0 };
    marks.set(&request, f64::from(SECONDS), String::new()).expect("a sound mark");
    for piece in after.into_iter().filter(|piece| piece.second < SECONDS).map(later) {
        if !windows.add(piece).is_empty() {
            marks.update(windows.recent());
        }
    }
    marks.finish(windows.recent());
    marks.list()[0].clone()
}

fn change(mark: &MarkSummary, measure: Measure) -> &Change {
    mark.changes.iter().find(|change| change.measure == measure).expect("all measures are compared")
}

#[test]
fn ten_slower_deployments_are_found_with_their_size_and_ten_equal_ones_are_not() {
    let mut covered = 0;
    // Far more requests than any mark compares give the true change of the mean.
    let truth = true_change();
    for seed in 0..10 {
        let slower = mark_between(24.0, seed);
        assert_eq!(slower.verdict, Finding::Worse, "seed {seed}: {}", slower.sentence);
        assert!(slower.sentence.starts_with("worse since `v2`: mean latency"), "{}", slower.sentence);
        let mean = change(&slower, Measure::Mean);
        let [low, high] = mean.interval.expect("it was compared");
        assert!(low > 0.05, "seed {seed}: the interval is clear of small changes: {mean:?}");
        covered += u32::from(low <= truth && truth <= high);

        let equal = mark_between(20.0, seed);
        assert!(
            matches!(equal.verdict, Finding::Equivalent | Finding::Undecided),
            "seed {seed}: {}",
            equal.sentence
        );
    }
    assert!(covered >= 9, "intervals at 99 % hold the true change of {truth:.3} in {covered} of 10");
}

/// The change of the mean latency over many runs of both versions.
fn true_change() -> f64 {
    let mean = |mean_ms: f64| {
        let (mut sum, mut count) = (0.0, 0);
        for seed in 1000..1010 {
            for piece in play(mean_ms, seed) {
                let cell = piece.record.successes();
                sum += cell.sum().as_secs_f64();
                count += cell.count();
            }
        }
        sum / count as f64
    };
    mean(24.0) / mean(20.0) - 1.0
}
