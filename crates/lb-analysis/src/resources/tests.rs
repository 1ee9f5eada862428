//! Trials whose latency follows one series and not the other.

use super::*;
use lb_core::rng::{Rng, Seed};
use lb_core::workload::{ActionIndex, Observer, Sample, StepIndex, UserId};
use lb_core::{Outcome, Span, Time};
use lb_record::{Recording, RecordingSpec, TrialRecord};
use lb_results::{ResourceRecord, ScenarioSummary, ScrapeTrouble, ScrapedTarget};
use rand::RngExt;
use serde_json::json;

/// The length of a trial in seconds.
const SECONDS: usize = 90;

/// Draws values from 0 to about 1 each of which resembles the one before.
fn slow(rng: &mut Rng) -> Vec<f64> {
    let mut value: f64 = rng.random();
    (0..SECONDS)
        .map(|_| {
            value = 0.7 * value + 0.3 * rng.random::<f64>();
            value
        })
        .collect()
}

/// Records `requests` successes per second, all with the latency of their second in milliseconds.
fn record(latencies: &[f64], requests: u64) -> TrialRecord {
    let spec = RecordingSpec { steps: 1, backends: 1, ..RecordingSpec::default() };
    let (recording, mut recorders) = Recording::start(spec, 1);
    for (second, latency) in latencies.iter().enumerate() {
        for number in 0..requests {
            let done = Time::from_nanos(
                second as u64 * 1_000_000_000 + (number + 1) * 1_000_000_000 / (requests + 1),
            );
            let latency = Span::from_secs_f64(latency / 1e3);
            let sent = Time::from_nanos(done.since(Time::ZERO).as_nanos().saturating_sub(latency.as_nanos()));
            recorders[0].sample(&Sample {
                user: UserId(0),
                action: ActionIndex(0),
                step: StepIndex(0),
                intended: sent,
                sent,
                done,
                outcome: Outcome::Ok,
                status: 200,
                backend: Some(0),
                bytes: 0,
            });
        }
    }
    recording.finish(recorders, Span::from_secs(latencies.len() as u64))
}

fn trial(record: &TrialRecord, resources: &ResourceRecord) -> Trial {
    // Through JSON, so that fields with a default need not be listed.
    let trial = json!({
        "scenario": 0, "algorithm": "p2c", "label": "p2c", "attempt": 0, "problems": [], "cut_s": 0.0,
        "machine": { "cpu_wait_share": null, "busy_share": null }, "block": 0, "position": 0, "schedule_sha256": "",
        "started": "2026-11-29T00:00:00Z", "record": record, "backends": [], "balancer": [], "guards": null,
        "trace": null, "counted_by": null, "steering": null, "resources": resources, "processes": [],
        "evidence": null, "notes": []
    });
    serde_json::from_value(trial).expect("a trial")
}

fn sampled(name: &str, values: &[f64]) -> SampledSeries {
    let samples = values.iter().enumerate().map(|(second, value)| [second as f64 + 0.4, *value]);
    SampledSeries { name: name.to_owned(), unit: "cores".to_owned(), samples: samples.collect() }
}

fn scraped(series: Vec<SampledSeries>) -> ResourceRecord {
    let target = ScrapedTarget {
        name: "lb".to_owned(),
        url: "http://lb/metrics".to_owned(),
        readings: SECONDS as u64,
        series,
        ..ScrapedTarget::default()
    };
    ResourceRecord { interval_s: 1.0, targets: vec![target] }
}

/// Makes trials in which latency follows `cpu` one second later, while `idle` and `flat` have nothing to do with it.
fn trials(seed: u64, count: u64, requests: u64) -> Vec<Trial> {
    let one = |number| {
        let mut rng = Seed(seed).stream(&[number]);
        let (cpu, idle) = (slow(&mut rng), slow(&mut rng));
        let before = std::iter::once(&cpu[0]).chain(&cpu);
        let latencies: Vec<f64> =
            before.take(SECONDS).map(|cpu| 20.0 + 100.0 * cpu + 12.0 * rng.random::<f64>()).collect();
        let series = vec![sampled("cpu", &cpu), sampled("idle", &idle), sampled("flat", &[1.0; SECONDS])];
        trial(&record(&latencies, requests), &scraped(series))
    };
    (0..count).map(one).collect()
}

fn judged(trials: &[Trial]) -> ScenarioSummary {
    let mut algorithms = vec![AlgorithmSummary { name: "p2c".to_owned(), ..AlgorithmSummary::default() }];
    add_resources(&mut algorithms, &trials.iter().collect::<Vec<_>>());
    ScenarioSummary { algorithms, ..ScenarioSummary::default() }
}

#[test]
fn a_series_that_latency_follows_is_found_with_its_lag_and_another_is_not() {
    let scenario = judged(&trials(1, 3, 25));
    let resources = &scenario.algorithms[0].resources;
    let names: Vec<&str> = resources.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["cpu", "idle", "flat"]);
    let cpu = resources[0].correlation.as_ref().expect("it changes");
    assert!(cpu.moves && cpu.r > 0.9 && cpu.lag_s == 1.0, "{cpu:?}");
    assert!(cpu.interval[0] < cpu.r && cpu.r < cpu.interval[1], "{cpu:?}");
    assert_eq!((cpu.latency.as_str(), cpu.part_s), ("p95", 1.0));
    let idle = resources[1].correlation.as_ref().expect("it changes");
    assert!(!idle.moves, "{idle:?}");
    assert_eq!(resources[2].correlation, None, "what does not change moves with nothing");
    let sentences = resource_sentences(&scenario);
    assert_eq!(sentences.len(), 1, "{sentences:?}");
    assert!(
        sentences[0].starts_with("Under p2c, p95 rises with `cpu` 1 s earlier: r = 0.9"),
        "{sentences:?}"
    );
}

#[test]
fn few_requests_are_judged_by_their_mean_and_too_short_trials_not_at_all() {
    let scenario = judged(&trials(2, 2, 5));
    let cpu = scenario.algorithms[0].resources[0].correlation.as_ref().expect("it changes");
    assert_eq!(cpu.latency, "mean", "a 95th percentile of five requests is their maximum");
    let flat = trial(&record(&[10.0; 5], 5), &scraped(vec![sampled("cpu", &[1.0, 2.0, 1.0, 2.0, 1.0])]));
    let sentences = resource_sentences(&judged(&[flat]));
    assert!(sentences[0].contains("cannot be told"), "{sentences:?}");
    assert!(resource_sentences(&ScenarioSummary::default()).is_empty(), "nothing was scraped");
}

#[test]
fn unrelated_series_are_rarely_reported() {
    // Eight series that have nothing to do with latency, 40 times: at 5 % for all of them together, 2 alarms are
    // expected, and more than 7 have a probability below 0.2 %.
    let mut alarms = 0;
    for seed in 0..40 {
        let mut rng = Seed(seed).stream(&[9]);
        let latencies: Vec<f64> = slow(&mut rng).iter().map(|value| 20.0 + 100.0 * value).collect();
        let series = (0..8).map(|number| sampled(&format!("s{number}"), &slow(&mut rng))).collect();
        let scenario = judged(&[trial(&record(&latencies, 5), &scraped(series))]);
        alarms += u32::from(!resource_sentences(&scenario)[0].starts_with("No series moves with latency"));
    }
    assert!(alarms <= 7, "{alarms} of 40 runs reported a series");
}

#[test]
fn courses_are_averaged_over_trials_and_gaps_stay_gaps() {
    let latencies = [10.0; SECONDS];
    let one = |value: f64| {
        let mut series = sampled("cpu", &[value; SECONDS]);
        series.samples.retain(|[at_s, _]| !(30.0..50.0).contains(at_s));
        trial(&record(&latencies, 1), &scraped(vec![series]))
    };
    let scenario = judged(&[one(1.0), one(3.0)]);
    let cpu = &scenario.algorithms[0].resources[0];
    assert_eq!((cpu.mean, cpu.min, cpu.max), (Some(2.0), Some(1.0), Some(3.0)));
    assert_eq!(cpu.samples, 2 * (SECONDS - 20));
    assert!(cpu.points.iter().all(|[_, value]| *value == 2.0), "{:?}", cpu.points);
    assert!(cpu.points.iter().all(|[at_s, _]| !(33.0..48.0).contains(at_s)), "{:?}", cpu.points);
}

#[test]
fn what_was_wrong_is_told_once_for_each_reason_with_counts() {
    let trouble = |what: &str, readings| ScrapeTrouble { what: what.to_owned(), readings };
    let with = |troubles, left_out| {
        let mut resources = scraped(Vec::new());
        resources.targets[0].troubles = troubles;
        resources.targets[0].left_out = left_out;
        trial(&TrialRecord::default(), &resources)
    };
    let trials = [
        with(vec![trouble("timed out", 3)], 0),
        with(vec![trouble("timed out", 2), trouble("had lies", 1)], 7),
    ];
    let notes = scrape_notes(&trials);
    assert_eq!(
        notes[..2],
        [
            "scrape: 5 of 180 readings of `lb` (http://lb/metrics) timed out",
            "scrape: 1 of 180 readings of `lb` (http://lb/metrics) had lies",
        ]
    );
    assert!(notes[2].contains("has 7 series more than are kept; choose some"), "{notes:?}");
}
