//! Tests with made-up replies whose shares and latencies are known.

use super::*;
use lb_core::rng::Rng;
use lb_core::workload::{
    ActionIndex, ClassMix, Journey, Observer, Sample, Stage, StepIndex, UserClass, UserId,
};
use lb_core::{Observation, Outcome, Span, Time};
use lb_record::{Recording, RecordingSpec};
use rand::RngExt;
use std::collections::BTreeMap;

/// A workload with the requests `cheap` and `dear`.
fn workload() -> Workload {
    let step = |name: &str| serde_json::json!({ "weight": 1, "steps": [{ "name": name, "path": "/" }] });
    let journey = serde_json::json!({
        "name": "two", "actions": { "cheap": step("cheap"), "dear": step("dear") }
    });
    let journey: Journey = serde_json::from_value(journey).expect("a journey");
    let class = UserClass { name: "client".to_owned(), ..UserClass::default() };
    let stage = Stage {
        name: "steady".to_owned(),
        start: Span::ZERO,
        duration: Span::from_secs(60),
        ramp_up: Span::ZERO,
        users: 1,
        classes: vec![ClassMix { class: 0, share: 1.0, actions: BTreeMap::new() }],
        user_variance: 0.0,
        think_time_variance: 0.0,
        action_randomness: 0.0,
        max_users: 1,
        background: false,
        arrivals: None,
    };
    Workload::new(&journey, vec![class], vec![stage], &BTreeMap::new(), 1).expect("a workload")
}

/// Which value a reply has, and how long it took in milliseconds.
type Reply = (&'static str, f64);

/// A trial of `seconds` with ten replies per second to each kind of request; `reply` makes the reply to a kind of
/// request in a second.
fn trial(seconds: u32, seed: u64, reply: impl Fn(u16, u32, &mut Rng) -> Reply) -> TrialRecord {
    let spec =
        RecordingSpec { steps: 2, observe: Some(Observation::of("X-Cache")), ..RecordingSpec::default() };
    let (recording, mut recorders) = Recording::start(spec, 1);
    let mut rng = Seed(seed).stream(&[1]);
    let names = ["HIT", "MISS"];
    for second in 0..seconds {
        for place in 0..10 {
            for step in 0..2 {
                let (name, millis) = reply(step, second, &mut rng);
                let done =
                    Time::ZERO + Span::from_secs(u64::from(second) + 1) + Span::from_millis(place * 99);
                let sent = Time::from_nanos(done.as_nanos() - (millis * 1e6) as u64);
                let sample = Sample {
                    user: UserId(0),
                    action: ActionIndex(step),
                    step: StepIndex(step),
                    intended: sent,
                    sent,
                    done,
                    outcome: Outcome::Ok,
                    status: 200,
                    backend: None,
                    bytes: 0,
                };
                recorders[0].sample(&sample);
                let number = names.iter().position(|known| *known == name);
                let number = number.map_or(WITHOUT, |place| FIRST_VALUE + place as ValueNumber);
                recorders[0].observe(&sample, number);
            }
        }
    }
    let mut record = recording.finish(recorders, Span::from_secs(u64::from(seconds)));
    record.observed.as_mut().expect("it was observed").values = names.map(str::to_owned).to_vec();
    record
}

/// Hits with this probability, which take `hit_ms` plus noise; misses take `miss_ms` plus noise.
fn draws(share: f64, hit_ms: f64, miss_ms: f64) -> impl Fn(u16, u32, &mut Rng) -> Reply {
    move |_, _, rng| {
        let noise = rng.random_range(0.8..1.2);
        if rng.random_bool(share) { ("HIT", hit_ms * noise) } else { ("MISS", miss_ms * noise) }
    }
}

fn summary(records: &[TrialRecord]) -> ObservedSummary {
    observed(&records.iter().collect::<Vec<_>>(), &workload()).expect("a header was observed")
}

#[test]
fn shares_and_latencies_are_those_of_the_replies() {
    let one = trial(60, 1, |step, second, _| match (step, second % 4) {
        (0, 0) => ("MISS", 20.0),
        (0, _) => ("HIT", 2.0),
        _ => ("", 5.0),
    });
    let found = summary(&[one]);
    let ratio = found.ratio.clone().expect("there are hits");
    assert_eq!((ratio.hits, ratio.misses, ratio.ratio), (450, 150, 0.75));
    assert_eq!(found.actions.len(), 1, "the other kind of request has neither");
    assert_eq!((found.actions[0].name.as_str(), found.actions[0].ratio.hits), ("cheap", 450));
    let mean = |latency: &Option<lb_results::Latency>| latency.as_ref().map(|one| one.mean);
    assert_eq!((mean(&found.actions[0].hit_ms), mean(&found.actions[0].miss_ms)), (Some(2.0), Some(20.0)));
    let values: Vec<_> =
        found.values.iter().map(|one| (one.value.as_deref(), one.class.name(), one.replies)).collect();
    assert_eq!(values, [(None, "other", 600), (Some("HIT"), "hit", 450), (Some("MISS"), "miss", 150)]);
    assert!(!found.values[0].present);
    let gain = found.gain.expect("there are both");
    assert!((gain.gain - 0.9).abs() < 1e-9 && gain.verdict == HitVerdict::Faster, "{gain:?}");
    assert_eq!(
        gain.sentence,
        "hits are faster than misses: 2.00 ms against 20.00 ms on average, -90.0 % (-90.0 % to -90.0 %)"
    );
}

#[test]
fn hits_that_are_as_fast_as_misses_are_not_called_faster() {
    let verdicts: Vec<HitVerdict> = (0..20)
        .map(|seed| summary(&[trial(60, seed, draws(0.5, 10.0, 10.0))]).gain.expect("both").verdict)
        .collect();
    let wrong = verdicts.iter().filter(|verdict| **verdict != HitVerdict::NoDifference).count();
    assert!(wrong <= 4, "at most a few of 20 by chance: {verdicts:?}");
    let slower = summary(&[trial(60, 1, draws(0.5, 12.0, 10.0))]).gain.expect("both");
    assert_eq!(slower.verdict, HitVerdict::Slower);
}

#[test]
fn a_cache_of_cheap_requests_does_not_look_faster_than_it_is() {
    // Nine of ten cheap requests hit, and one of ten dear ones; hits save nothing.
    let mixed = trial(120, 3, |step, _, rng| {
        let share = if step == 0 { 0.9 } else { 0.1 };
        let base = if step == 0 { 2.0 } else { 40.0 };
        (if rng.random_bool(share) { "HIT" } else { "MISS" }, base * rng.random_range(0.9..1.1))
    });
    let gain = summary(&[mixed]).gain.expect("both");
    assert!(gain.gain.abs() < 0.03, "kinds of requests are compared with themselves: {gain:?}");
}

#[test]
fn intervals_cover_the_true_share_in_most_trials() {
    let covers = |interval: Option<[f64; 2]>, truth: f64| {
        interval.is_some_and(|[low, high]| low <= truth && truth <= high)
    };
    let within = (0..40)
        .filter(|seed| {
            let found = summary(&[trial(60, 100 + seed, draws(0.7, 2.0, 20.0))]);
            covers(found.ratio.and_then(|ratio| ratio.interval), 0.7)
        })
        .count();
    assert!(within >= 34, "within one trial: {within} of 40");
    let over = (0..100)
        .filter(|seed| {
            let records: Vec<TrialRecord> =
                (0..6).map(|block| trial(20, 1000 + seed * 10 + block, draws(0.7, 2.0, 20.0))).collect();
            covers(summary(&records).ratio.and_then(|ratio| ratio.interval), 0.7)
        })
        .count();
    assert!(over >= 86, "over six trials: {over} of 100");
}

#[test]
fn a_cache_that_warms_up_is_seen_in_the_quarters() {
    let warming = trial(80, 5, |_, second, rng| {
        let share = if second < 30 { 0.1 } else { 0.9 };
        if rng.random_bool(share) { ("HIT", 2.0) } else { ("MISS", 20.0) }
    });
    let [first, last] = summary(&[warming]).quarters.expect("hits and misses in both");
    assert!(first.ratio < 0.2 && last.ratio > 0.8, "{first:?} {last:?}");
    assert!(first.mean_ms > last.mean_ms);
}

#[test]
fn little_data_has_no_interval_and_no_verdict() {
    let found = summary(&[trial(1, 1, draws(0.5, 2.0, 20.0))]);
    assert_eq!(found.ratio.and_then(|ratio| ratio.interval), None);
    assert_eq!(found.gain.expect("both").verdict, HitVerdict::NotEnoughData);
    let only_hits = summary(&[trial(30, 1, |_, _, _| ("HIT", 1.0))]);
    assert_eq!(only_hits.gain, None, "there is nothing to compare with");
    assert_eq!(only_hits.ratio.expect("hits").ratio, 1.0);
    assert_eq!(observed(&[&TrialRecord::default()], &workload()), None, "nothing was observed");
}

#[test]
fn a_kind_of_request_in_few_batches_has_no_interval_of_its_own() {
    let rare = trial(60, 4, |step, second, rng| match (step, second) {
        (1, 3..) => ("", 5.0),
        _ => (if rng.random_bool(0.8) { "HIT" } else { "MISS" }, 5.0),
    });
    let found = summary(&[rare]);
    let interval = |name: &str| {
        let action = found.actions.iter().find(|action| action.name == name).expect("hits or misses");
        action.ratio.interval
    };
    assert!(interval("cheap").is_some());
    assert_eq!(interval("dear"), None, "its replies came in the first three seconds");
}

#[test]
fn the_same_trials_give_the_same_intervals() {
    let record = trial(60, 9, draws(0.6, 2.0, 20.0));
    assert_eq!(summary(std::slice::from_ref(&record)), summary(std::slice::from_ref(&record)));
}
