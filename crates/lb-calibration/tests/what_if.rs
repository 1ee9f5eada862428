//! Predictions from access logs of simulated load balancers, compared with what these would have done.

mod bundled;
mod logged;
#[allow(dead_code, reason = "shared with the tests of traces")]
mod simulated;

use bundled::{load, topology};
use lb_calibration::log::{AccessLog, Gatherer, LogError, Maker};
use lb_calibration::what_if::{FittedLog, Kill, Metric, Prediction, WhatIf};
use lb_calibration::{OverheadSource, Tolerance};
use lb_core::policy::haproxy_random::draw_shares;
use lb_core::policy::{HaproxyRandom, Policy};
use lb_core::rng::mix;
use lb_core::{Algorithm, Seed, Span};
use lb_recording::Entry;
use logged::{Style, delayed_entries, entries, entries_of, gather, log, truth, truth_of};
use simulator::{Bursts, OpenLoad};

const ASKED: [&str; 5] = ["round-robin", "least-connections", "p2c", "peak-ewma", "shortest-expected-delay"];

fn algorithm(name: &str) -> Algorithm {
    name.parse().expect("a known algorithm")
}

fn what_if(algorithms: &[&str]) -> WhatIf {
    WhatIf {
        algorithms: algorithms.iter().copied().map(algorithm).collect(),
        scale: 1.0,
        kills: Vec::new(),
        primary: Metric::P99,
        seed: Seed(5),
        threads: 2,
    }
}

fn predict(fitted: &FittedLog<'_>, what_if: &WhatIf) -> Prediction {
    fitted.predict(what_if, &|_| ()).expect("a prediction")
}

/// Kendall's rank correlation of two lists.
fn tau(one: &[f64], other: &[f64]) -> f64 {
    let mut sum = 0.0;
    let mut pairs = 0.0;
    for a in 0..one.len() {
        for b in 0..a {
            sum += ((one[a] - one[b]) * (other[a] - other[b])).signum();
            pairs += 1.0;
        }
    }
    sum / pairs
}

/// The bundled situations at the loads that they are meant for, and who logs them.
fn situations() -> [(&'static str, OpenLoad, Style); 4] {
    let bursts = Some(Bursts { factor: 1.6, mean_length: Span::from_millis(500) });
    // Load balancers wait for long.
    let load = |rate, requests| OpenLoad { request_timeout: Span::from_secs(30), ..load(rate, requests) };
    [
        ("situation-a", load(2_880.0, 120_000), Style::Nginx),
        ("situation-b", load(2_560.0, 120_000), Style::HaProxy),
        // The slow time is over after 20 s, and its queue is empty well before the part that is held back.
        ("situation-c", load(2_240.0, 85_000), Style::Nginx),
        ("situation-d", OpenLoad { bursts, ..load(1_920.0, 120_000) }, Style::HaProxy),
    ]
}

#[test]
fn other_algorithms_are_predicted_from_a_log_of_round_robin() {
    let (mut inside, mut intervals) = (0, 0);
    let mut misses = Vec::new();
    for (name, load, style) in situations() {
        let topology = topology(name);
        let log = log(&topology, &load, "round-robin", style);
        let fitted = FittedLog::new(&log, None).expect("a fit");
        assert_eq!(fitted.routing().algorithm, Some(algorithm("round-robin")), "{name}");
        let check = fitted.check(Tolerance::default()).expect("a check");
        assert_eq!(check.refusals(), [""; 0], "{name}: the fit predicts the end of the log");
        let prediction = predict(&fitted, &what_if(&ASKED));
        let mut p99s = [Vec::new(), Vec::new()];
        for (asked, found) in ASKED.iter().zip(&prediction.predicted) {
            let [mean, p99] = truth(&topology, &load, asked);
            p99s[0].push(p99);
            p99s[1].push(found.p99_ms.estimate);
            for (what, figure, truth, allowed) in
                [("mean", found.mean_ms, mean, 0.1), ("p99", found.p99_ms, p99, 0.2)]
            {
                let off = figure.estimate / truth - 1.0;
                eprintln!(
                    "{name}, {asked}: {what} {truth:.2}, predicted {figure:.2?}, {:+.1} %",
                    off * 100.0
                );
                if off.abs() > allowed {
                    misses.push(format!("{name}, {asked}: {what} is {truth:.2}, predicted {figure:.2?}"));
                }
                intervals += 1;
                inside += usize::from((figure.interval[0]..=figure.interval[1]).contains(&truth));
            }
        }
        assert!(tau(&p99s[0], &p99s[1]) >= 0.8, "{name}: algorithms are ranked by p99: {p99s:?}");
    }
    assert_eq!(misses, [""; 0], "means within 10 %, p99 within 20 %");
    assert!(inside * 10 >= intervals * 9, "intervals hold the truth in {inside} of {intervals} cases");
}

/// What a load balancer and a machine that does other work add to a reply: 0.4 ms, up to 0.4 ms more, and 4 ms at one
/// of a hundred replies.
fn delay(number: u64) -> Span {
    let key = mix(number);
    let rare = if key.is_multiple_of(100) { 4_000 } else { 0 };
    Span::from_micros(400 + mix(key) % 400 + rare)
}

#[test]
fn what_load_balancer_and_machine_add_is_not_taken_for_service() {
    let topology = topology("situation-a");
    let usual = OpenLoad { request_timeout: Span::from_secs(30), ..load(2_880.0, 120_000) };
    for style in [Style::Nginx, Style::HaProxy] {
        let plain = log(&topology, &usual, "round-robin", style);
        let plain = FittedLog::new(&plain, None).expect("a fit").calibration().overhead;
        let log = gather(&delayed_entries(&topology, &usual, "round-robin", style, delay)).expect("a log");
        let fitted = FittedLog::new(&log, None).expect("a fit");
        let calibration = fitted.calibration();
        let pool = &calibration.topology.pools[0];
        assert!(pool.backends.iter().all(|backend| backend.workers == 4), "{style:?}: {:?}", pool.backends);
        assert!(pool.backends.iter().all(|backend| (backend.speed - 1.0).abs() < 0.01), "{style:?}: alike");
        assert_eq!(calibration.overhead_source, OverheadSource::Waits, "{style:?}");
        let added = calibration.overhead.as_millis_f64() - plain.as_millis_f64();
        assert!((added - 0.64).abs() < 0.1, "{style:?}: 0.64 ms were added on average, found {added}");
        let mean = calibration.topology.service_time.mean_ms();
        assert!((mean / 10.0 - 1.0).abs() < 0.015, "{style:?}: services take 10 ms, found {mean}");
        let prediction = predict(&fitted, &what_if(&["least-connections"]));
        let [mean, _] = truth(&topology, &usual, "least-connections");
        let found = prediction.predicted[1].mean_ms.estimate;
        assert!(
            (found / (mean + 0.64) - 1.0).abs() < 0.05,
            "{style:?}: {mean} ms and 0.64, predicted {found}"
        );
    }
}

#[test]
fn backends_with_four_slow_ones_suffer_more_where_a_backend_may_be_drawn_twice() {
    let topology = topology("situation-b");
    let usual = OpenLoad { request_timeout: Span::from_secs(30), ..load(2_560.0, 60_000) };
    let mut log = log(&topology, &usual, "round-robin", Style::HaProxy);
    let p99_of = |log: &AccessLog| {
        let fitted = FittedLog::new(log, None).expect("a fit");
        predict(&fitted, &what_if(&["p2c"])).predicted[1].p99_ms.estimate
    };
    let without = p99_of(&log);
    log.maker = Maker::Envoy;
    let with = p99_of(&log);
    assert!(with > 2.0 * without, "Envoy draws with replacement: {with} ms, and {without} ms without");
}

/// HAProxy's `balance random(draws)`, with servers of a weight.
fn haproxy(draws: u32, weight: u32) -> impl Fn() -> Box<dyn Policy> {
    move || Box::new(HaproxyRandom::new(draws, weight))
}

#[test]
fn haproxys_p2c_sends_full_backends_what_its_ring_draws_for_them() {
    let topology = topology("situation-b");
    let usual = OpenLoad { request_timeout: Span::from_secs(30), ..load(2_560.0, 76_800) };
    let mut log = log(&topology, &usual, "round-robin", Style::HaProxy);
    log.maker = Maker::Haproxy;
    // At a weight of 1, the fifth and the sixth are drawn so often that these are overloaded, too.
    for (weight, full) in [(1, 6), (100, 4)] {
        log.server_weight = weight;
        let fitted = FittedLog::new(&log, None).expect("a fit");
        let found = &predict(&fitted, &what_if(&["p2c"])).predicted[1];
        // Full ones get a request only if both draws are of them.
        let drawn = draw_shares(&[weight; 8])[..full].iter().sum::<f64>();
        let share = found.shares[..full].iter().sum::<f64>();
        assert!((share / (drawn * drawn) - 1.0).abs() < 0.02, "weight {weight}: {share}, {drawn} of draws");
        for luck in 1..=4 {
            let [mean, p99] = truth_of(&topology, &usual, luck, &haproxy(2, weight));
            for (figure, truth) in [(found.mean_ms, mean), (found.p99_ms, p99)] {
                let [low, high] = figure.interval;
                assert!((low..=high).contains(&truth), "weight {weight}, luck {luck}: {truth}, {figure:?}");
            }
        }
    }
}

#[test]
fn unequal_draws_of_haproxy_are_not_taken_for_weights() {
    let topology = topology("situation-a");
    let entries = entries_of(&topology, &load(2_400.0, 60_000), Style::HaProxy, &haproxy(1, 1));
    let mut gatherer = Gatherer::of(Maker::Haproxy);
    entries.iter().for_each(|entry| gatherer.take(entry));
    let mut log = gatherer.finish(None).expect("a log");
    assert_eq!(log.server_weight, 1, "HAProxy's own, where no group is named as `bench` does");
    let fitted = FittedLog::new(&log, None).expect("a fit");
    assert_eq!(fitted.routing().algorithm, Some(algorithm("random")));
    assert_eq!(fitted.routing().weights, [1.0; 8]);
    let prediction = predict(&fitted, &what_if(&["random"]));
    for (found, drawn) in prediction.predicted[0].shares.iter().zip(draw_shares(&[1; 8])) {
        assert!((found / drawn - 1.0).abs() < 0.02, "{found} of requests, {drawn} of draws");
    }
    log.maker = Maker::Other;
    let weights = FittedLog::new(&log, None).expect("a fit").routing().weights.clone();
    assert!(weights.contains(&1.5), "elsewhere, shares of 10.2 and 15.0 % are weights: {weights:?}");
}

#[test]
fn a_log_of_least_connections_predicts_round_robin_with_more_requests_and_a_crash() {
    let mut topology = topology("situation-a");
    let usual = OpenLoad { request_timeout: Span::from_secs(30), ..load(2_400.0, 60_000) };
    let log = log(&topology, &usual, "least-connections", Style::Nginx);
    let fitted = FittedLog::new(&log, None).expect("a fit");
    assert_eq!(fitted.routing().algorithm, Some(algorithm("least-connections")));
    let kill = Kill { backend: "10.0.0.3:8080".to_owned(), at_s: 10.0, for_s: None };
    let asked = WhatIf { scale: 1.1, kills: vec![kill], ..what_if(&["round-robin"]) };
    let prediction = predict(&fitted, &asked);
    assert_eq!(prediction.baseline, 0, "what was recorded is predicted too");
    let names: Vec<&str> = prediction.predicted.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["least-connections", "round-robin"]);
    let failed = prediction.predicted.iter().map(|one| one.failed.estimate).collect::<Vec<f64>>();
    assert!(
        failed[0] > failed[1] + 0.005,
        "until it is found out, a crashed backend attracts requests: {failed:?}"
    );
    assert_eq!(prediction.best, 1, "one that fails more often does not lead, however fast it is");
    let ratio = prediction.predicted[1].ratio(Metric::P99).expect("a ratio");
    assert!(ratio.interval[0] > 1.0, "round-robin is worse: {ratio:?}");
    let share = prediction.predicted[0].shares[2];
    assert!((0.04..0.07).contains(&share), "b3 gets an eighth of the first 10 of 25 s: {share}");

    topology.faults = serde_json::from_str(r#"[{ "fault": "crash", "backends": ["b3"], "start_s": 10 }]"#)
        .expect("a fault");
    let more = OpenLoad { rate: 2_640.0, requests: 66_000, ..usual };
    for (found, name) in prediction.predicted.iter().zip(names) {
        let [mean, p99] = truth(&topology, &more, name);
        for (figure, truth) in [(found.mean_ms, mean), (found.p99_ms, p99)] {
            let within = figure.interval[0] * 0.9..=figure.interval[1] * 1.1;
            assert!(within.contains(&truth), "{name}: {truth} and {figure:?}");
        }
    }
}

#[test]
fn what_a_log_does_not_tell_is_refused_with_the_way_out() {
    let topology = topology("situation-a");
    let entries = entries(&topology, &load(2_560.0, 4_000), "round-robin", Style::Nginx);
    let refusal = |change: &dyn Fn(&mut Entry)| {
        let mut changed = entries.clone();
        changed.iter_mut().for_each(change);
        gather(&changed).expect_err("a refusal").to_string()
    };
    let log_format = "nginx:    log_format bench escape=json";
    for (change, parts) in [
        (
            &(|entry: &mut Entry| entry.attempts.clear()) as &dyn Fn(&mut Entry),
            ["names the backend", log_format],
        ),
        (&|entry| entry.at = None, ["has a time", log_format]),
        (
            &|entry| {
                entry.duration = None;
                (entry.attempts[0].whole, entry.attempts[0].head) = (None, None);
            },
            ["not how long they took", "option httplog"],
        ),
        (
            &|entry| {
                let second = 1_000_000_000;
                entry.at = entry.at.map(|at| at / second * second);
            },
            ["whole seconds", log_format],
        ),
        (&|entry| entry.attempts[0].backend = "one".to_owned(), ["the one backend `one`", "at least two"]),
        (
            &|entry| {
                entry.duration = None;
                entry.attempts[0].whole = Some(Span::from_millis(u64::from(entry.line % 9 == 0)));
            },
            ["in units of 1 ms", "bench --traces"],
        ),
    ] {
        let message = refusal(change);
        assert!(parts.iter().all(|part| message.contains(part)), "{parts:?}: {message}");
    }
    assert_eq!(gather(&[]).expect_err("nothing"), LogError::Empty);
    let few = gather(&entries[..900]).expect_err("few").to_string();
    assert!(few.contains("900 requests for 8 backends") && few.contains("at least 200"), "{few}");
}

#[test]
fn pools_are_told_apart_and_one_is_chosen() {
    let topology = topology("situation-a");
    let mut entries = entries(&topology, &load(2_560.0, 8_000), "round-robin", Style::Nginx);
    for entry in &mut entries {
        let second = ["1", "2", "3", "4"]
            .iter()
            .any(|end| entry.attempts[0].backend.starts_with(&format!("10.0.0.{end}:")));
        entry.target = if second { "/shop/1".to_owned() } else { "/blog/2".to_owned() };
    }
    let message = gather(&entries).expect_err("two pools").to_string();
    assert!(message.contains("2 pools") && message.contains("--pool-of"), "{message}");
    let of = |backend| {
        let mut gatherer = Gatherer::default();
        entries.iter().for_each(|entry| gatherer.take(entry));
        gatherer.finish(Some(backend))
    };
    let log = of("10.0.0.2:8080").expect("a pool");
    assert_eq!(log.names, ["10.0.0.1:8080", "10.0.0.2:8080", "10.0.0.3:8080", "10.0.0.4:8080"]);
    assert_eq!(log.traces.backends[0], "10-0-0-1-8080", "an id that load balancers accept");
    assert_eq!(log.counts.of_other_pools + log.requests.len(), 8_000);
    let unknown = of("b9").expect_err("no such backend").to_string();
    assert!(unknown.contains("`b9`") && unknown.contains("10.0.0.8:8080"), "{unknown}");
}

#[test]
fn what_cannot_be_predicted_says_why() {
    let idle = log(&topology("situation-a"), &load(100.0, 4_000), "least-connections", Style::Nginx);
    let message = FittedLog::new(&idle, Some(algorithm("p2c"))).expect_err("never busy").to_string();
    assert!(message.contains("no backend was ever busy") && message.contains("busiest hour"), "{message}");

    let busy = log(&topology("situation-b"), &load(2_000.0, 20_000), "peak-ewma", Style::Nginx);
    let message = FittedLog::new(&busy, None).expect_err("an unknown rule").to_string();
    assert!(message.contains("--routing"), "{message}");
    let message = FittedLog::new(&busy, Some(algorithm("rl"))).expect_err("needs training").to_string();
    assert!(message.contains("`rl` cannot be simulated"), "{message}");

    let fitted = FittedLog::new(&busy, Some(algorithm("peak-ewma"))).expect("a fit");
    let refusal = |asked: WhatIf| fitted.predict(&asked, &|_| ()).expect_err("a refusal").to_string();
    let kill = |backend: &str, at_s| Kill { backend: backend.to_owned(), at_s, for_s: None };
    let asked = || what_if(&["p2c"]);
    for (asked, part) in [
        (WhatIf { scale: 0.0, ..asked() }, "`--scale 0`"),
        (WhatIf { scale: -1.0, ..asked() }, "above 0"),
        (WhatIf { scale: f64::NAN, ..asked() }, "above 0"),
        (WhatIf { scale: 0.01, ..asked() }, "leaves 200 requests"),
        (WhatIf { kills: vec![kill("b9", 1.0)], ..asked() }, "it has 10.0.0.1:8080, "),
        (WhatIf { kills: vec![kill("10.0.0.1:8080", 600.0)], ..asked() }, "ends after 10 s"),
        (what_if(&["rl"]), "`rl` cannot be simulated"),
    ] {
        let message = refusal(asked);
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[test]
fn a_backend_that_changes_at_the_end_is_noticed() {
    let mut topology = topology("situation-a");
    topology.faults = serde_json::from_str(r#"[{ "fault": "latency_factor", "factor": 3, "start_s": 20 }]"#)
        .expect("a fault");
    let log = log(&topology, &load(1_000.0, 25_000), "round-robin", Style::Nginx);
    let fitted = FittedLog::new(&log, None).expect("a fit");
    let check = fitted.check(Tolerance::default()).expect("a check");
    assert!(check.refusals()[0].contains("mean latency was"), "{:?}", check.refusals());
    assert_eq!(check.compared.len(), 9, "all together, and each of eight backends");
}
