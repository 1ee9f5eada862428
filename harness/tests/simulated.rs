//! The main job in virtual time: what must hold for every result, because nothing here depends on
//! the machine.

mod common;

use common::{Bench, algorithm, number, sequences};
use lb_core::policy::PolicyFile;
use lb_core::policy::learned::{Action, Network};
use serde_json::json;

const P99: &str = "/latency_ms/p99";
const MEAN: &str = "/latency_ms/mean";

fn simulate(topology: &str, users: &str, algorithms: &str) -> serde_json::Value {
    let args = [
        "--engine",
        "sim",
        "--topology",
        topology,
        "--users",
        users,
        "--duration",
        "60s",
        "--algorithms",
        algorithms,
    ];
    Bench::new().summary("out", &args)
}

#[test]
fn least_connections_beats_round_robin_where_speeds_differ_or_a_backend_is_slow() {
    for topology in ["situation-b", "situation-c"] {
        let summary = simulate(topology, "200", "round-robin,least-connections");
        let [round_robin, least] =
            ["round-robin", "least-connections"].map(|name| number(algorithm(&summary, name), P99));
        assert!(
            round_robin >= 2.0 * least,
            "{topology}: p99 of round-robin ({round_robin:.1} ms) is at least twice that of least-connections ({least:.1} ms)"
        );
    }
}

#[test]
fn algorithms_do_not_differ_on_equal_backends_at_low_load() {
    let names = ["round-robin", "random", "least-connections", "p2c", "peak-ewma", "ewma-scan"];
    let summary = simulate("situation-a", "40", &names.join(","));
    let means = names.map(|name| number(algorithm(&summary, name), MEAN));
    let least = means.iter().copied().fold(f64::INFINITY, f64::min);
    let most = means.iter().copied().fold(0.0, f64::max);
    assert!(most <= 1.05 * least, "without queues there is nothing to choose: {names:?} {means:?}");
}

#[test]
fn rl_follows_the_file_that_is_named_and_the_bundled_one_otherwise() {
    let bench = Bench::new();
    let mut network = Network::zero();
    network.biases.2 = 1.0;
    let policy = PolicyFile::new(network, Action::default());
    let path = bench.path("mine.safetensors");
    std::fs::write(&path, policy.to_bytes()).expect("a writable folder");
    let args =
        ["--engine", "sim", "--duration", "10s", "--algorithms", "rl,random", "--policy", "mine.safetensors"];
    let mine = bench.summary("mine", &args);
    assert_eq!(mine["policy"]["source"], "mine.safetensors");
    assert_eq!(mine["policy"]["sha256"], policy.sha256.as_str());
    let rl = algorithm(&mine, "rl");
    assert_eq!(
        number(rl, "/guards/decisions"),
        number(rl, "/total_requests"),
        "each request is decided once"
    );
    assert_eq!(algorithm(&mine, "random")["guards"], serde_json::Value::Null);

    let bundled = bench.summary("bundled", &args[..6]);
    assert_eq!(bundled["policy"]["source"], "bundled");
    assert_ne!(bundled["policy"]["sha256"], mine["policy"]["sha256"]);
    let none = bench.summary("none", &["--engine", "sim", "--duration", "10s", "--algorithms", "random"]);
    assert_eq!(none["policy"], serde_json::Value::Null, "where rl does not run, no policy is followed");
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_seed_another_schedule() {
    let bench = Bench::new();
    let args = ["--engine", "sim", "--duration", "10s", "--algorithms", "p2c", "--record-actions"];
    let first = bench.summary("first", &[&args[..], &["--seed", "7"]].concat());
    let second = bench.summary("second", &[&args[..], &["--seed", "7"]].concat());
    let other = bench.summary("other", &[&args[..], &["--seed", "8"]].concat());
    assert_eq!(first["schedule_sha256"], second["schedule_sha256"], "the seed fixes the schedule");
    assert_ne!(first["schedule_sha256"], other["schedule_sha256"], "another seed is another schedule");
    for pointer in ["/total_requests", MEAN, P99, "/jain_index"] {
        let of = |summary| number(algorithm(summary, "p2c"), pointer);
        assert_eq!(of(&first), of(&second), "a simulated run repeats exactly: {pointer}");
    }
    let actions = |run: &str| {
        std::fs::read(bench.path(&format!("{run}/trials/read-heavy-traffic-p2c-0-actions.csv")))
            .expect("the actions")
    };
    assert!(actions("first") == actions("second"), "every user does the same");
}

#[test]
fn every_scenario_has_its_files_whatever_it_is_called() {
    let bench = Bench::new();
    let names = ["Peak Load", "Peak-Load", "日本", "中国", "--- ../x", "peak", "$(rm -r) \"'`"];
    let scenario = |name: &&str| json!({ "name": name, "duration_minutes": 0.05, "concurrent_users": 2 });
    let scenarios: Vec<_> = names.iter().map(scenario).collect();
    let config = bench.config("names.json", &json!({ "scenarios": scenarios }));
    let labels = ["least-connections+ejection", "rl"];
    let args =
        ["--config", &config, "--engine", "sim", "--record-actions", "--algorithms", &labels.join(",")];
    bench.summary("out", &args);
    // With fewer blocks, nothing can be judged.
    for out in ["base", "again"] {
        bench.summary(out, &[&args[..], &["--repetitions", "12"]].concat());
    }
    let files = |folder: &str| {
        let mut files: Vec<String> = std::fs::read_dir(bench.path(folder))
            .expect("the folder")
            .map(|file| file.expect("a file").file_name().into_string().expect("UTF-8"))
            .collect();
        files.sort();
        files
    };
    let all = names.len() * labels.len();
    let trials: Vec<String> =
        files("out/trials").into_iter().filter(|file| file.ends_with(".json")).collect();
    assert_eq!(trials.len(), all, "{trials:?}");
    let mut found = Vec::new();
    for file in &trials {
        assert!(!file.starts_with(['-', '.']), "{file}");
        let trial = bench.json(&format!("out/trials/{file}"));
        found.push((trial["scenario"].as_str().map(str::to_owned), trial["result"]["name"].clone()));
        assert!(bench.path(&format!("out/trials/{}-actions.csv", file.trim_end_matches(".json"))).exists());
    }
    for name in names {
        for label in labels {
            let pair = (Some(name.to_owned()), json!(label));
            assert_eq!(found.iter().filter(|one| **one == pair).count(), 1, "{name}: {label}: {found:?}");
        }
    }
    assert!(trials.contains(&"3-日本-rl-0.json".to_owned()), "names stay readable: {trials:?}");
    assert_eq!(files("out/hlog").len(), all);
    assert_eq!(files("out/locust").len(), all * 4);

    for args in [
        &["compare", "base", "again"][..],
        &["analyze", "out"],
        &["analyze", "out/locust"],
        &["report", "out"],
    ] {
        let output = bench.run(args);
        let printed = common::text(&output.stdout);
        assert!(output.status.success(), "{args:?}: {printed}{}", common::text(&output.stderr));
        if args[0] != "report" && args[1] != "out/locust" {
            for name in &names[..4] {
                assert!(printed.contains(name), "{args:?} finds {name}: {printed}");
            }
        }
    }
    assert!(bench.path("out/report.md").exists(), "all reports are written");
}

#[test]
fn every_algorithm_gets_the_same_users_and_actions() {
    let bench = Bench::new();
    let names = ["round-robin", "least-connections", "random", "peak-ewma"];
    let algorithms = names.join(",");
    bench.summary(
        "out",
        &[
            "--engine",
            "sim",
            "--duration",
            "20s",
            "--topology",
            "situation-b",
            "--algorithms",
            &algorithms,
            "--record-actions",
        ],
    );
    let of =
        |name: &str| sequences(&bench.path(&format!("out/trials/read-heavy-traffic-{name}-0-actions.csv")));
    let reference = of(names[0]);
    assert!(reference.iter().any(|user| user.len() > 20), "users do something");
    for name in &names[1..] {
        let other = of(name);
        assert_eq!(other.len(), reference.len(), "the same users: {name}");
        for (user, (mine, theirs)) in reference.iter().zip(&other).enumerate() {
            // How far a user gets depends on the algorithm; what it does up to there does not.
            let common = mine.len().min(theirs.len());
            assert_eq!(mine[..common], theirs[..common], "user {user} does the same under {name}");
        }
    }
}

#[test]
fn a_crash_costs_the_requests_in_flight_and_shows_in_the_table() {
    let bench = Bench::new();
    let faults = json!([{ "fault": "crash", "backends": ["b1"], "start_s": 5, "duration_s": 10 }]);
    let settings = json!({ "topology": "situation-a", "algorithms": ["least-connections"], "faults": faults, "warm_up_s": 0 });
    let config = bench.config("crash.json", &common::config(200, 20.0, &settings));
    let output = bench.run(&["--config", &config, "--engine", "sim", "--out", "out"]);
    assert!(output.status.success(), "{}", common::text(&output.stderr));
    let summary = bench.json("out/summary.json");
    let result = algorithm(&summary, "least-connections");
    let errors = number(result, "/total_requests") * number(result, "/error_rate");
    assert!(errors >= 1.0, "something was in flight when the backend went");
    assert!(
        errors <= 200.0,
        "no user loses more than what it had in flight, and what met a refusal before checks saw it"
    );
    let table = common::text(&output.stdout);
    assert!(table.contains("balancer error"), "the failures are named: {table}");
}

#[test]
fn results_hold_every_documented_field() {
    let summary = simulate("default", "40", "round-robin");
    for key in [
        "run_id",
        "seed",
        "engine",
        "schedule_sha256",
        "started_at",
        "command",
        "version",
        "commit",
        "host",
        "config",
    ] {
        assert!(!summary[key].is_null(), "summary.json has `{key}`");
    }
    let result = algorithm(&summary, "round-robin");
    for pointer in [
        "/trials",
        "/total_requests",
        "/throughput_rps",
        "/goodput_rps",
        "/latency_ms/mean",
        "/latency_ms/p50",
        "/latency_ms/p90",
        "/latency_ms/p95",
        "/latency_ms/p99",
        "/latency_ms/p999",
        "/latency_ms/max",
        "/success_rate",
        "/error_rate",
        "/expected_error_rate",
        "/outcomes/ok",
        "/backends/0/requests",
        "/backends/0/share",
        "/backends/0/errors",
        "/backends/0/mean_ms",
        "/backends/0/peak_in_flight",
        "/jain_index",
    ] {
        number(result, pointer);
    }
    assert!(result["backends"][0]["id"].is_string(), "backends are named");
    assert!(result["switch_evidence"].is_array(), "each trial has its evidence");
    let shares: f64 =
        result["backends"].as_array().expect("backends").iter().map(|b| number(b, "/share")).sum();
    assert!((shares - 1.0).abs() < 1e-9, "shares are fractions of one pool: {shares}");
}

#[test]
fn a_token_of_the_command_line_is_in_no_file_of_the_results() {
    let bench = Bench::new();
    let args = ["--config", "quick_test_config.json", "--engine", "sim", "--algorithms", "random"];
    for (out, token) in [("out", &["--admin-token", "s3cret"][..]), ("again", &["--admin-token=s3cret"])] {
        let more = ["--repetitions", "1", "--no-oracles", "--events", "events.jsonl"];
        let reports = ["--report", "html,markdown,junit,step-summary,go-benchmark,prometheus"];
        let summary = bench.summary(out, &[&args[..], token, &more, &reports].concat());
        assert!(summary["command"].to_string().contains("***"), "{}", summary["command"]);
        let mut folders = vec![bench.path(out)];
        let mut files = vec![bench.path("events.jsonl")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() { folders.push(path) } else { files.push(path) }
            }
        }
        assert!(files.len() > 8, "{files:?}");
        for file in files {
            let found = std::fs::read(&file).expect("a file").windows(6).any(|bytes| bytes == b"s3cret");
            assert!(!found, "{} holds the token", file.display());
        }
    }
}
