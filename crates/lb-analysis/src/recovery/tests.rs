//! Tests with made-up courses of latency, and against queues whose backlog drains at a known time.

use super::*;
use lb_core::algorithm::Algorithm;
use lb_core::topology::Topology;
use lb_core::workload::{
    ArrivalProcess, ArrivalStart, Arrivals, ClassMix, Journey, RateSegment, Scenario, Schedule, Spacing,
    Stage, UserClass,
};
use lb_core::{Span, Time};
use lb_record::{Population, Recording, RecordingSpec};
use simulator::{Options, Simulation};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A peak from 20 to 30 s of 80 s.
fn peak(before: f64, after: f64) -> Peak {
    let unit = LoadUnit::Users;
    let peak = LoadPeak { unit, before, load: 50.0, after, start_s: 20.0, end_s: 30.0, until_s: 80.0 };
    Peak { peak, steady_from_s: 0.0 }
}

/// A trial of 80 s in which `per_tenth` requests end in each tenth of a second, with this mean latency in milliseconds.
fn record(per_tenth: u32, latency: impl Fn(f64) -> f64) -> TrialRecord {
    let of = |tenth: u32| {
        let millis = latency(f64::from(tenth) / 10.0 + 0.05);
        (per_tenth, (f64::from(per_tenth) * millis * 1e6) as u64)
    };
    TrialRecord { tenths: (0..800).map(of).collect(), wall: Span::from_secs(80), ..TrialRecord::default() }
}

/// Latency of 10 ms that rises to two seconds in the peak and falls to 10 ms within `drain_s` seconds after it.
fn triangle(drain_s: f64) -> impl Fn(f64) -> f64 {
    move |at| match at {
        at if at < 20.0 => 10.0,
        at if at < 30.0 => 10.0 + 200.0 * (at - 20.0),
        at => (10.0 + 2_000.0 * (1.0 - (at - 30.0) / drain_s)).max(10.0),
    }
}

fn one(record: &TrialRecord, peak: &Peak) -> TrialRecovery {
    TrialRecovery::of(record, 0.0, peak, Seed(1)).expect("enough data")
}

#[test]
fn latency_that_falls_in_a_known_time_has_recovered_then() {
    let found = one(&record(30, triangle(12.0)), &peak(1.0, 1.0));
    assert_eq!((found.reference, found.width_s), (RecoveryReference::Before, 0.1));
    assert!((found.reference_ms - 10.0).abs() < 0.01 && (found.limit_ms - 12.5).abs() < 0.01, "{found:?}");
    let (seconds, [low, high]) = found.back.expect("it came back");
    assert!((seconds - 12.0).abs() < 0.15, "{seconds}");
    assert!(
        low <= 12.0 && 12.0 <= high && high - low < 1.0,
        "a smooth fall leaves little doubt: {low} to {high}"
    );
}

#[test]
fn few_requests_make_slices_longer_and_the_result_coarser() {
    let found = one(&record(2, triangle(12.0)), &peak(1.0, 1.0));
    assert_eq!(found.width_s, 1.0, "20 requests take a second");
    let (seconds, [low, high]) = found.back.expect("it came back");
    assert!((seconds - 12.0).abs() <= 1.0 && low <= 12.0 && 12.0 <= high, "{seconds}: {low} to {high}");
    assert_eq!(TrialRecovery::of(&record(0, |_| 0.0), 0.0, &peak(1.0, 1.0), Seed(1)), None);
}

#[test]
fn latency_that_is_never_high_has_recovered_at_once() {
    let (seconds, [low, high]) = one(&record(30, |_| 10.0), &peak(1.0, 1.0)).back.expect("it was never away");
    assert_eq!((seconds, low), (0.0, 0.0));
    assert!(high <= 0.2);
}

#[test]
fn a_dip_on_the_way_is_no_recovery() {
    let dips = |at: f64| if (36.0..36.2).contains(&at) { 10.0 } else { triangle(12.0)(at) };
    let (seconds, _) = one(&record(30, dips), &peak(1.0, 1.0)).back.expect("it came back");
    assert!((seconds - 12.0).abs() < 0.15, "{seconds}");
}

#[test]
fn a_jump_in_the_peak_is_no_reason_for_doubt() {
    // Some noise, so that a usual step is not nothing.
    let jumps = |at: f64| {
        let noise = 3.0 * (37.0 * at).sin();
        match at {
            at if at < 24.0 => 10.0 + noise.abs() / 10.0,
            at if at < 30.0 => 2_010.0 + noise,
            at => triangle(12.0)(at) + noise.abs() / 10.0,
        }
    };
    let (seconds, [low, high]) = one(&record(30, jumps), &peak(1.0, 1.0)).back.expect("it came back");
    assert!((seconds - 12.0).abs() < 0.15, "{seconds}");
    assert!(low <= 12.0 && 12.0 <= high && high - low < 1.0, "{low} to {high}");
}

#[test]
fn a_queue_that_users_bound_does_not_wander_off_during_the_peak() {
    let noisy = |at: f64| {
        // Steps that are not alternating, as of a queue: sines of several lengths.
        let noise = [3.1, 7.3, 11.9].map(|speed| (speed * at).sin()).iter().sum::<f64>();
        if (20.0..30.0).contains(&at) { 2_010.0 + 60.0 * noise } else { triangle(12.0)(at) }
    };
    let closed = peak(1.0, 1.0);
    let open = Peak { peak: LoadPeak { unit: LoadUnit::ArrivalsPerSecond, ..closed.peak }, ..closed };
    let width = |peak: &Peak| {
        let (seconds, [low, high]) = one(&record(30, noisy), peak).back.expect("it came back");
        assert!(low <= seconds && seconds <= high && low <= 12.0 && 12.0 <= high, "{low} to {high}");
        high - low
    };
    assert!(width(&closed) < width(&open), "{} against {}", width(&closed), width(&open));
}

#[test]
fn latency_that_stays_high_has_not_recovered() {
    let stays = |at: f64| if at < 20.0 { 10.0 } else { 300.0 };
    assert_eq!(one(&record(30, stays), &peak(1.0, 1.0)).back, None);
    let summary = sum_up(&peak(1.0, 1.0).peak, &[one(&record(30, stays), &peak(1.0, 1.0))]);
    assert_eq!(summary.verdict, RecoveryVerdict::NotRecovered);
    assert_eq!(
        summary.sentence,
        "not recovered within 50.0 s after the peak of 50 users, which ended at 30.0 s: mean latency of at most \
         12.5 ms, and 10.0 ms before the peak"
    );
}

#[test]
fn without_a_steady_time_before_it_the_end_is_what_latency_comes_back_to() {
    let found = one(&record(30, triangle(12.0)), &peak(0.0, 1.0));
    assert_eq!(found.reference, RecoveryReference::After);
    let (seconds, _) = found.back.expect("it came back");
    assert!((seconds - 12.0).abs() < 0.15, "{seconds}");
    // Still falling at the end: what it comes back to is not known.
    assert_eq!(one(&record(30, triangle(80.0)), &peak(0.0, 1.0)).back, None);
}

#[test]
fn a_warm_up_that_was_cut_off_is_no_reference() {
    let slow_start = |at: f64| if at < 15.0 { 500.0 } else { triangle(12.0)(at) };
    let cut =
        TrialRecovery::of(&record(30, slow_start), 15.0, &peak(1.0, 1.0), Seed(1)).expect("enough data");
    assert!((cut.reference_ms - 10.0).abs() < 0.01);
}

#[test]
fn several_trials_have_an_interval_over_trials_and_one_that_fails_decides() {
    let trials: Vec<TrialRecovery> =
        (0..6).map(|n| one(&record(30, triangle(11.0 + 0.4 * f64::from(n))), &peak(1.0, 1.0))).collect();
    let summary = sum_up(&peak(1.0, 1.0).peak, &trials);
    let [low, high] = summary.interval.expect("six trials");
    assert_eq!((summary.verdict, summary.trials, summary.recovered), (RecoveryVerdict::Recovered, 6, 6));
    assert!((summary.seconds.expect("a time") - 12.0).abs() < 0.2 && low < 12.0 && 12.0 < high);
    assert!(summary.sentence.starts_with("recovered 12.0 s ("), "{}", summary.sentence);

    let mut mixed = trials;
    mixed.push(TrialRecovery { back: None, ..mixed[0].clone() });
    let summary = sum_up(&peak(1.0, 1.0).peak, &mixed);
    assert_eq!((summary.verdict, summary.seconds), (RecoveryVerdict::NotRecovered, None));
    assert!(summary.sentence.contains("in 1 of 7 trials"), "{}", summary.sentence);
}

#[test]
fn no_data_is_said_with_the_way_out() {
    let summary = sum_up(&peak(1.0, 1.0).peak, &[]);
    assert_eq!(summary.verdict, RecoveryVerdict::NotEnoughData);
    assert!(summary.sentence.contains("lengthen the time before and after it"), "{}", summary.sentence);
    let silent = sum_up(&peak(0.0, 0.0).peak, &[]);
    assert!(silent.sentence.contains("keep a little, such as one user"), "{}", silent.sentence);
}

/// Requests per second that the queue serves, and arrivals per second before, in and after the peak.
const SERVED: f64 = 200.0;
const CALM: f64 = 100.0;
const RUSH: f64 = 400.0;
/// Seconds of calm, rush and calm again.
const LENGTHS_S: [u64; 3] = [20, 10, 60];

/// One server with exponential service times, and Poisson arrivals with a peak.
fn queue() -> Scenario {
    let journey: Journey = serde_json::from_str(
        r#"{ "name": "one", "actions": { "get": { "weight": 1, "steps": [{ "name": "get", "path": "/" }] } } }"#,
    )
    .expect("a journey");
    let topology: Topology = serde_json::from_value(serde_json::json!({
        "name": "one",
        "pools": [{ "name": "main", "backends": [{ "id": "b1", "workers": 1, "queue_cap": 20_000 }] }],
        "service_time": { "distribution": "exponential", "mean_ms": 1000.0 / SERVED },
    }))
    .expect("a topology");
    let rates = [CALM, RUSH, CALM];
    let segments = LENGTHS_S.iter().zip(rates).map(|(seconds, rate)| RateSegment {
        duration: Span::from_secs(*seconds),
        from: rate,
        to: rate,
    });
    let process = ArrivalProcess::Rates { segments: segments.collect(), spacing: Spacing::Poisson };
    let duration = Span::from_secs(LENGTHS_S.iter().sum());
    let stage = Stage {
        name: "peak".to_owned(),
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
    let class = UserClass { name: "client".to_owned(), ..UserClass::default() };
    let workload =
        Workload::new(&journey, vec![class], vec![stage], &BTreeMap::new(), 1).expect("a workload");
    Scenario {
        name: "peak".to_owned(),
        workload: Arc::new(workload),
        duration,
        warm_up: Span::ZERO,
        max_in_flight: 20_000,
        request_timeout: Span::from_secs(300),
        topology: Arc::new(topology),
    }
}

fn simulated(scenario: &Scenario, seed: u64) -> TrialRecord {
    let schedule = Schedule::new(Arc::clone(&scenario.workload), Seed(seed));
    let spec = RecordingSpec {
        steps: 1,
        backends: 1,
        population: Population::of(schedule.users()),
        open: true,
        ..RecordingSpec::default()
    };
    let (recording, mut recorders) = Recording::start(spec, 1);
    let algorithm: Algorithm = "round-robin".parse().expect("a known algorithm");
    let mut policy = || algorithm.policy().expect("an algorithm that needs no file");
    Simulation::run(scenario, &schedule, &mut policy, &Options::default(), &mut recorders[0])
        .expect("it runs");
    recording.finish(recorders, scenario.duration)
}

/// When the backlog of the peak is served, in seconds after its end: the requests that came too many, over the rate at
/// which the queue catches up (fluid limit).
fn drained_s() -> f64 {
    (RUSH - SERVED) * LENGTHS_S[1] as f64 / (SERVED - CALM)
}

#[test]
fn the_peak_of_a_plan_is_where_the_plan_has_it() {
    let scenario = queue();
    let found = Peak::of(&scenario.workload, scenario.duration.as_secs_f64()).expect("a peak").peak;
    assert_eq!((found.unit, found.load, found.after), (LoadUnit::ArrivalsPerSecond, RUSH, CALM));
    assert_eq!((found.start_s, found.end_s, found.until_s), (20.0, 30.0, 90.0));
}

#[test]
fn the_interval_of_one_trial_covers_the_time_at_which_the_backlog_is_served() {
    let scenario = queue();
    let peak = Peak::of(&scenario.workload, scenario.duration.as_secs_f64()).expect("a peak");
    let truth = drained_s();
    let found: Vec<(f64, [f64; 2])> =
        (1..=20).map(|seed| one(&simulated(&scenario, seed), &peak).back.expect("it came back")).collect();
    let covered = found.iter().filter(|(_, [low, high])| *low <= truth && truth <= *high).count();
    assert!(covered >= 18, "{covered} of 20 intervals cover {truth} s: {found:.1?}");
    let widest = found.iter().map(|(_, [low, high])| high - low).fold(0.0, f64::max);
    assert!(widest < truth, "an interval that says nothing would cover everything: {widest:.1} s");
}

#[test]
fn the_interval_over_trials_covers_the_time_at_which_the_backlog_is_served() {
    let scenario = queue();
    let peak = Peak::of(&scenario.workload, scenario.duration.as_secs_f64()).expect("a peak");
    let truth = drained_s();
    let covered = (0..20_u64)
        .filter(|run| {
            let trials: Vec<TrialRecovery> =
                (0..6).map(|block| one(&simulated(&scenario, 100 + run * 6 + block), &peak)).collect();
            let [low, high] = sum_up(&peak.peak, &trials).interval.expect("six trials recovered");
            assert!(high - low < truth / 2.0, "six trials know it better: {low:.1} to {high:.1}");
            low <= truth && truth <= high
        })
        .count();
    assert!(covered >= 18, "{covered} of 20 intervals cover {truth} s");
}

#[test]
fn the_same_trial_gives_the_same_interval() {
    let scenario = queue();
    let peak = Peak::of(&scenario.workload, scenario.duration.as_secs_f64()).expect("a peak");
    let record = simulated(&scenario, 7);
    assert_eq!(one(&record, &peak), one(&record, &peak));
    assert!(record.last_done > Time::ZERO);
}
