//! The open model with users' journeys: arrivals beside closed users, what a freeze costs, and luck.

mod common;

use common::{Recorder, arrivals, play, policies, shop, singles, stage, topology};
use lb_core::topology::Topology;
use lb_core::workload::{ArrivalProcess, Arrivals, Workload};
use lb_core::workload::{
    ArrivalStart, Journey, Replay, ReplayRequest, Scenario, Schedule, Spacing, Stage, UserId,
};
use lb_core::{Outcome, Seed, Span, Time};
use simulator::{ArrivalCounts, Options, Simulation};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const SECOND: Span = Span::from_secs(1);

/// One backend whose requests take exactly a millisecond, frozen from second 4 to second 5.
fn frozen(workers: u32) -> Topology {
    serde_json::from_value(serde_json::json!({
        "name": "frozen",
        "pools": [{ "name": "main", "backends": [{ "id": "b1", "workers": workers, "queue_cap": 2_000 }] }],
        "service_time": { "distribution": "constant", "mean_ms": 1.0 },
        "faults": [{ "fault": "freeze", "backends": ["b1"], "start_s": 4, "duration_s": 1 }]
    }))
    .expect("a valid topology")
}

/// 500 single requests a second for ten seconds.
fn steady() -> Stage {
    stage(0, Some(arrivals(500.0, Spacing::Even, ArrivalStart::Action)), SECOND * 10)
}

/// The latency in milliseconds that 99 of 100 requests stay below, from when they were intended.
fn p99(recorder: &Recorder) -> f64 {
    let from_intended =
        |sample: &lb_core::workload::Sample| sample.done.since(sample.intended).as_millis_f64();
    let mut all: Vec<f64> = recorder.samples.iter().map(from_intended).collect();
    all.sort_by(f64::total_cmp);
    all[all.len() * 99 / 100]
}

#[test]
fn an_open_model_sees_a_freeze_that_a_closed_model_omits() {
    // A request that arrives u seconds into the freeze waits for the 1 - u that are left of it. With a
    // worker for each it is then served at once. With one worker, 500 u requests of 1 ms are before it:
    // it waits for 1 - u/2; the backlog of half a second drains in another second. Arrivals are even, so
    // the 50 of 5,000 with the highest latency are the first 0.1 s of the freeze.
    for (workers, u_costs) in [(1_000, 1.0), (1, 0.5)] {
        let (open, report) =
            play(&singles(frozen(workers), vec![steady()]), "random", 1, &Options::default());
        assert_eq!(report.arrivals, ArrivalCounts { due: 5_000, begun: 5_000, dropped: 0 });
        assert_eq!(open.count(Outcome::Ok), 5_000, "nothing fails, it only takes long");
        let expected = 1_000.0 * (1.0 - 0.1 * u_costs);
        let seen = p99(&open);
        assert!((seen / expected - 1.0).abs() < 0.05, "{workers} workers: p99 {seen}, arithmetic {expected}");

        // Ten users who think for 20 ms send about as much, but in the freeze only one request each.
        let users = stage(10, None, SECOND * 10);
        let (closed, _) = play(&singles(frozen(workers), vec![users]), "random", 1, &Options::default());
        assert!(closed.samples.len() > 3_500, "about as many: {}", closed.samples.len());
        let omitted = p99(&closed);
        assert!(omitted < seen / 50.0, "a closed model hides the freeze: p99 {omitted} against {seen}");
    }
}

#[test]
fn arrivals_and_users_play_side_by_side() {
    let mut scenario = shop(topology("default"), 40, SECOND * 60);
    let closed = scenario.workload.stages()[0].clone();
    let mut open = closed.clone();
    open.name = "open".to_owned();
    open.arrivals = Some(arrivals(3.0, Spacing::Poisson, ArrivalStart::Session));
    scenario = with_stages(&scenario, vec![open.clone(), closed.clone()]);
    let schedule = Schedule::new(Arc::clone(&scenario.workload), Seed(1));
    let (recorder, report) = play(&scenario, "least-connections", 1, &Options::default());
    let due = schedule.arrivals().len() as u64;
    assert!(due > 120, "about 180 arrive");
    assert_eq!(report.arrivals, ArrivalCounts { due, begun: due, dropped: 0 });
    let users: BTreeSet<UserId> = recorder.samples.iter().map(|sample| sample.user).collect();
    assert_eq!(users.len() as u64, 40 + due, "everybody sends under a number of his own");
    for arrival in schedule.arrivals() {
        let mut own = recorder.samples.iter().filter(|sample| sample.user == arrival.id);
        let first = own.next().expect("a session sends");
        assert_eq!((first.intended, first.sent), (arrival.at, arrival.at), "latency counts from the arrival");
        assert!(own.all(|sample| sample.intended == sample.sent && sample.sent > arrival.at));
    }
    let last = recorder.samples.iter().map(|sample| sample.sent).max();
    assert!(last < Some(Time::ZERO + SECOND * 60), "nobody sends after the end");

    // The closed users do the same with and without the arrivals.
    let alone = with_stages(&scenario, vec![closed]);
    let (alone, _) = play(&alone, "least-connections", 1, &Options::default());
    let first_steps = |recorder: &Recorder, user: u32| -> Vec<_> {
        let own = recorder.samples.iter().filter(|sample| sample.user == UserId(user));
        own.take(10).map(|sample| sample.step).collect()
    };
    for user in 0..40 {
        assert_eq!(first_steps(&recorder, user), first_steps(&alone, user), "user {user}");
    }
}

/// The scenario with other stages.
fn with_stages(scenario: &Scenario, stages: Vec<Stage>) -> Scenario {
    let journey: Journey = serde_json::from_str(include_str!("../../configs/journeys/ecommerce.json"))
        .expect("the bundled journey");
    let classes = scenario.workload.classes().to_vec();
    let workload = Workload::new(&journey, classes, stages, &BTreeMap::new(), 1_000).expect("a workload");
    Scenario { workload: Arc::new(workload), ..scenario.clone() }
}

#[test]
fn the_same_seed_gives_the_same_samples_with_arrivals() {
    let open = |process| stage(5, Some(process), SECOND * 20);
    let stages = vec![
        open(arrivals(80.0, Spacing::Poisson, ArrivalStart::Action)),
        open(Arrivals {
            process: ArrivalProcess::Bursts { rates: [1.0, 30.0], mean_stay_s: [1.0, 0.3] },
            start: ArrivalStart::Session,
        }),
        stage(5, None, SECOND * 20),
    ];
    let scenario = singles(topology("situation-b"), stages);
    let print = |seed| format!("{:?}", play(&scenario, "p2c", seed, &Options::default()).0.samples);
    assert!(print(1) == print(1), "one seed, one run");
    assert!(print(1) != print(2), "another seed, another run");
}

#[test]
fn arrivals_beyond_the_cap_are_dropped_and_counted() {
    let mut scenario = singles(frozen(1_000), vec![steady()]);
    scenario.max_in_flight = 100;
    let (recorder, report) = play(&scenario, "random", 1, &Options::default());
    let ArrivalCounts { due, begun, dropped } = report.arrivals;
    // The freeze lets 100 of its 500 in, and holds one or two that came just before it.
    assert!((400..=402).contains(&dropped), "{dropped} dropped");
    assert_eq!((due, begun + dropped), (5_000, 5_000));
    assert_eq!(recorder.samples.len() as u64, begun, "who is dropped sends nothing");
    assert_eq!(report.backends[0].peak_in_flight, 100);
}

#[test]
fn sessions_under_way_end_with_the_phase() {
    let open = stage(0, Some(arrivals(20.0, Spacing::Even, ArrivalStart::Session)), SECOND * 10);
    let mut scenario = singles(topology("situation-a"), vec![open]);
    scenario.duration = SECOND * 5;
    let (recorder, report) = play(&scenario, "random", 1, &Options::default());
    assert_eq!(report.arrivals, ArrivalCounts { due: 100, begun: 100, dropped: 0 }, "half of them are due");
    let last = recorder.samples.iter().map(|sample| sample.sent).max();
    assert!(last < Some(Time::ZERO + SECOND * 5), "nothing is sent after the end: {last:?}");
    assert!(recorder.samples.len() < 1_000, "so the last sessions of ten requests are cut short");
}

#[test]
fn a_replay_goes_to_the_service_that_its_path_names() {
    let row = |at_ms, action: &str, path: &str| ReplayRequest {
        at: Span::from_millis(at_ms),
        action: action.to_owned(),
        path: path.to_owned(),
        ..ReplayRequest::default()
    };
    let replay: Replay = [
        row(0, "GET /search/{q}", "/search/a"),
        row(7, "POST /pay", "/pay?now=1"),
        row(9, "GET /search/{q}", "/search/b"),
    ]
    .into_iter()
    .collect();
    let journey = Journey::for_replay(&replay);
    let classes = singles(topology("situation-a"), vec![steady()]).workload.classes().to_vec();
    let process = ArrivalProcess::Replay(Arc::new(replay));
    let stages = vec![stage(0, Some(Arrivals { process, start: ArrivalStart::Action }), SECOND)];
    let workload = Workload::new(&journey, classes, stages, &BTreeMap::new(), 1).expect("a workload");
    let topology: Topology = serde_json::from_value(serde_json::json!({
        "name": "two",
        "pools": [
            { "name": "rest", "backends": [{ "id": "rest" }] },
            { "name": "search", "services": ["search"], "backends": [{ "id": "search" }] }
        ],
        "service_time": { "distribution": "constant", "mean_ms": 1.0 }
    }))
    .expect("a valid topology");
    let scenario = Scenario {
        workload: Arc::new(workload),
        topology: Arc::new(topology),
        ..singles(common::topology("situation-a"), vec![steady()])
    };
    let (recorder, _) = play(&scenario, "random", 1, &Options::default());
    let seen: Vec<(u64, Option<u16>)> =
        recorder.samples.iter().map(|sample| (sample.sent.as_nanos() / 1_000_000, sample.backend)).collect();
    assert_eq!(seen, [(0, Some(1)), (7, Some(0)), (9, Some(1))], "at its time, to the pool of its service");
}

#[test]
fn luck_changes_what_happens_to_users_but_not_what_they_do() {
    let scenario = shop(topology("situation-f"), 60, SECOND * 60);
    let run = |luck| play(&scenario, "least-connections", 1, &Options { luck, ..Options::default() });
    let (schedule, none) = (run(0), play(&scenario, "least-connections", 1, &Options::default()));
    assert_eq!(
        format!("{:?}", schedule.0.samples),
        format!("{:?}", none.0.samples),
        "0 is no luck of its own"
    );
    let (one, other) = (run(1).0, run(2).0);
    assert!(format!("{:?}", one.samples) != format!("{:?}", other.samples), "two trials differ");
    let steps = |recorder: &Recorder| -> BTreeMap<UserId, Vec<_>> {
        let mut users: BTreeMap<UserId, Vec<_>> = BTreeMap::new();
        for sample in &recorder.samples {
            users.entry(sample.user).or_default().push(sample.step);
        }
        users
    };
    let (one_steps, other_steps) = (steps(&one), steps(&other));
    for (user, steps) in &one_steps {
        let common = steps.len().min(other_steps[user].len());
        assert!(common > 3 && steps[..common.min(8)] == other_steps[user][..common.min(8)], "{user:?}");
    }
    let (mean, other_mean) = (one.mean_and_p99(2_000.0).0, other.mean_and_p99(2_000.0).0);
    assert!((mean / other_mean - 1.0).abs() < 0.5, "of the same kind: {mean} and {other_mean} ms");
}

#[test]
fn a_warm_up_plays_arrivals_unobserved() {
    let scenario = singles(topology("situation-a"), vec![steady()]);
    let warm_up = Arc::new(scenario.workload.warm_up(scenario.warm_up));
    let schedule = |workload: &Arc<Workload>| Schedule::new(Arc::clone(workload), Seed(1));
    let mut simulation =
        Simulation::new(&scenario, &mut policies("peak-ewma"), &Options::default()).expect("a scenario");
    simulation.warm_up(&schedule(&warm_up));
    let mut recorder = Recorder::default();
    let report = simulation.measure(&schedule(&scenario.workload), &mut recorder);
    assert_eq!(report.arrivals.begun, 5_000, "only the measured phase is counted");
    let first = recorder.samples.iter().map(|sample| sample.intended).min();
    assert_eq!(first, Some(Time::ZERO + Span::from_millis(1)), "times begin at zero");
}
