//! What is planted in simulated logs is found again: profile, popularity, bursts and sessions.

use lb_synthesis::{Example, Log, Traffic, TrafficModel, Unit, Zone, learn, simulate};

fn log(days: u32, requests: u32, seed: u64) -> Log {
    simulate(&Example { days, requests, seed }).expect("a log")
}

fn model(log: &Log) -> TrafficModel {
    let traffic = Traffic::collect(log.entries()).expect("requests");
    learn(&traffic, &Zone::utc(), 1_800.0).expect("a model")
}

/// The relative rate of an hour of a working day, as documented for simulated logs.
fn shape(hour: f64) -> f64 {
    let peak = |centre: f64, width: f64| {
        let distance = (hour + 0.5 - centre).abs();
        (-(distance.min(24.0 - distance) / width).powi(2) / 2.0).exp()
    };
    0.15 + peak(12.5, 2.2) + 0.9 * peak(19.5, 1.8)
}

#[test]
fn the_hourly_profile_is_recovered_within_its_intervals() {
    let model = model(&log(14, 100_000, 1));
    assert_eq!(model.hours.len(), 168, "every hour of the week was observed");
    let total: f64 = (0..24).map(|hour| shape(f64::from(hour))).sum();
    let working: Vec<_> = model.hours.iter().filter(|hour| hour.weekday <= 5).collect();
    let mean_day: f64 = working.iter().map(|hour| hour.per_second).sum::<f64>() / 5.0;
    let (mut held, mut worst) = (0, 0.0_f64);
    for hour in &working {
        let expected = mean_day * shape(f64::from(hour.hour)) / total;
        held += usize::from(hour.low <= expected && expected <= hour.high);
        worst = worst.max((hour.per_second / expected).ln().abs());
    }
    let share = held as f64 / working.len() as f64;
    assert!(share > 0.9, "95 % intervals hold the planted rate: {share}");
    assert!(worst < 0.45, "no hour is far off: {worst}");
    let weekend: f64 = model.hours.iter().filter(|hour| hour.weekday > 5).map(|hour| hour.per_second).sum();
    let ratio = weekend / 2.0 / mean_day;
    assert!((ratio - 0.6).abs() < 0.05, "weekends have 60 % of the requests: {ratio}");
    assert!(model.rates.explained.expect("many hours") > 0.85, "{:?}", model.rates);
}

#[test]
fn planted_bursts_of_sessions_are_recovered() {
    for seed in 1..=3 {
        let model = model(&log(14, 100_000, seed));
        assert_eq!(model.bursts.unit, Unit::Sessions);
        let found = model.bursts.modulation.expect("bursts");
        let near = |value: f64, planted: f64, share: f64| (value / planted - 1.0).abs() < share;
        assert!(near(found.calm_factor, 0.75, 0.12), "seed {seed}: {found:?}");
        assert!(near(found.burst_factor, 3.75, 0.2), "seed {seed}: {found:?}");
        assert!(near(found.calm_s, 660.0, 0.35) && near(found.burst_s, 60.0, 0.35), "seed {seed}: {found:?}");
    }
}

#[test]
fn planted_sessions_are_recovered() {
    let model = model(&log(7, 50_000, 1));
    let sessions = model.sessions.expect("sessions");
    assert!((sessions.mean_length - 5.0).abs() < 0.15, "{}", sessions.mean_length);
    assert!(sessions.geometric_distance < 0.02, "lengths are geometric: {}", sessions.geometric_distance);
    let think = sessions.think_fit.expect("think times");
    assert!((think.mu - 1.8).abs() < 0.03 && (think.sigma - 0.9).abs() < 0.03, "{think:?}");
    assert!(think.distance < 0.02, "{think:?}");
    assert!(sessions.chain_p_value < 1e-6, "requests depend on the one before");
    let place = |method: &str, endpoint: &str| {
        let found = model.kinds.iter().position(|kind| kind.method == method && kind.endpoint == endpoint);
        found.expect("the kind exists") as u32
    };
    let (resource, item) = (place("GET", "/api/v1/resource"), place("GET", "/api/v1/item"));
    let from: u64 =
        sessions.transitions.iter().filter(|one| one.from == resource).map(|one| one.requests).sum();
    let one =
        sessions.transitions.iter().find(|one| (one.from, one.to) == (resource, item)).expect("a transition");
    let share = one.requests as f64 / from as f64;
    assert!((share - 0.45).abs() < 0.02, "GET item follows GET resource with 45 %: {share}");
    let first = sessions.first[resource as usize] as f64 / sessions.sessions as f64;
    assert!((first - 0.6).abs() < 0.02, "60 % of the sessions begin with GET resource: {first}");
}

#[test]
fn a_log_without_clients_has_bursts_of_requests_and_no_sessions() {
    let log = log(7, 40_000, 1);
    let entries = log.entries().map(|entry| lb_recording::Entry { client: None, ..entry });
    let traffic = Traffic::collect(entries).expect("requests");
    let model = learn(&traffic, &Zone::utc(), 1_800.0).expect("a model");
    assert!(model.sessions.is_none());
    assert_eq!(model.bursts.unit, Unit::Requests);
    assert!(model.bursts.modulation.is_some());
    assert!(model.source.notes.iter().any(|note| note.starts_with("0 % of the requests name their client")));
    assert!(model.hours.iter().all(|hour| hour.sessions_per_second.is_none()));
}

#[test]
fn the_same_log_gives_the_same_model_and_the_same_seed_the_same_log() {
    assert_eq!(log(2, 3_000, 5).to_json_lines(), log(2, 3_000, 5).to_json_lines());
    assert_ne!(log(2, 3_000, 5).to_json_lines(), log(2, 3_000, 6).to_json_lines());
    let log = log(2, 3_000, 5);
    let text = |model: &TrafficModel| serde_json::to_string(model).expect("JSON");
    assert_eq!(text(&model(&log)), text(&model(&log)));
}
