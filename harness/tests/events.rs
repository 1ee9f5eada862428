//! The events of a run: the shape of each in a file, and what the file prints when it is replayed.

mod common;

use common::{Bench, text};
use harness::experiment::Event;
use lb_results::{MaxRateSummary, RateProbe};
use serde_json::{Value, json};
use std::process::Output;

/// A short simulated run with two algorithms and a note, with its events in `events.jsonl`.
fn run(bench: &Bench, more: &[&str]) -> Output {
    let settings = json!({ "algorithms": ["round-robin", "least-connections"], "warm_up_s": 1 });
    let config = bench.config("short.json", &common::config(20, 5.0, &settings));
    let args = ["--config", &config, "--engine", "sim", "--out", "out", "--events", "events.jsonl"];
    bench.run(&[&args[..], &["--report", "html,markdown"], more].concat())
}

/// The lines of the event file, each as JSON.
fn lines(bench: &Bench) -> Vec<Value> {
    let text = std::fs::read_to_string(bench.path("events.jsonl")).expect("the event file");
    text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}

fn assert_replayed(bench: &Bench, run: &Output, more: &[&str]) {
    let replayed = bench.run(&[&["replay-events", "events.jsonl"], more].concat());
    assert!(replayed.status.success(), "a file of events can be replayed: {}", text(&replayed.stderr));
    assert_eq!(text(&replayed.stdout), text(&run.stdout), "standard output is the same, byte for byte");
    assert_eq!(text(&replayed.stderr), text(&run.stderr), "standard error is the same, byte for byte");
}

#[test]
fn a_replayed_run_prints_what_the_run_printed() {
    let bench = Bench::new();
    let output = run(&bench, &["--repetitions", "2"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let (printed, said) = (text(&output.stdout), text(&output.stderr));
    assert!(printed.contains("P95 ms") && printed.contains("report: "), "{printed}");
    assert!(said.contains("round-robin (block 2): "), "{said}");
    assert_replayed(&bench, &output, &[]);
    let full = text(&bench.run(&["replay-events", "events.jsonl", "--verbose"]).stdout);
    assert!(full.contains("P95 Latency (ms)") && full.contains("Slowest requests"), "{full}");
}

#[test]
fn a_quiet_run_is_replayed_quietly_and_its_file_holds_all_events() {
    let bench = Bench::new();
    let output = run(&bench, &["--quiet"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_replayed(&bench, &output, &["--quiet"]);
    let trials = lines(&bench).iter().filter(|line| line["event"] == "trial_finished").count();
    assert_eq!(trials, 2, "what is not printed is in the file all the same");
}

#[test]
fn a_search_and_an_aa_comparison_are_replayed_as_well() {
    for more in [&["--max-rate", "p(95)<200"][..], &["--warm-up", "detect", "--repetitions", "2"]] {
        let bench = Bench::new();
        let output = run(&bench, &[&["--quiet"], more].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert_replayed(&bench, &output, &["--quiet"]);
    }
    let bench = Bench::new();
    let config = bench.config("aa.json", &common::config(10, 5.0, &json!({ "algorithms": ["random"] })));
    let output = bench.run(&[
        "aa",
        "--accept-invalid",
        "--config",
        &config,
        "--engine",
        "sim",
        "--out",
        "runs/aa",
        "--events",
        "events.jsonl",
    ]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("noise floor: "), "{}", text(&output.stderr));
    assert_replayed(&bench, &output, &[]);
}

#[test]
fn a_run_that_could_not_begin_is_replayed_with_its_error() {
    let bench = Bench::new();
    let closed = format!("http://127.0.0.1:{}/proxy", common::free_port());
    let output = bench.run(&["--url", &closed, "--out", "out", "--events", "events.jsonl"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    assert_replayed(&bench, &output, &[]);
    assert_eq!(lines(&bench)[0]["ended"], "failed");
}

#[test]
fn a_long_phase_is_reported_every_ten_seconds() {
    let bench = Bench::new();
    let pulse = |elapsed_s: f64| {
        json!({ "version": 1, "event": "pulse", "trial": "trial 1 of 2, random", "phase": "measure",
            "elapsed_s": elapsed_s, "users": 5, "requests_per_s": 20.0, "p95_ms": 12.34, "errors": 1 })
    };
    let file: Vec<String> = [9.9, 10.0, 10.2, 20.1].map(|at| pulse(at).to_string()).into();
    std::fs::write(bench.path("events.jsonl"), file.join("\n")).expect("a file");
    let replayed = bench.run(&["replay-events", "events.jsonl"]);
    let line =
        |s: u32| format!("trial 1 of 2, random: measure {s} s: 5 users, 20 req/s, p95 12.3 ms, 1 errors\n");
    let expected = format!("{}{}note: the events end before the run does\n", line(10), line(20));
    assert_eq!(text(&replayed.stderr), expected);
}

#[test]
fn files_that_cannot_be_written_or_read_are_refused_with_the_way_out() {
    let bench = Bench::new();
    let output = bench.run(&["--engine", "sim", "--out", "out", "--events", "nowhere/events.jsonl"]);
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{message}");
    assert!(message.contains("nowhere/events.jsonl") && message.contains("--events"), "{message}");
    assert!(!bench.path("out/summary.json").exists(), "nothing ran");

    let cases = [
        ("no.jsonl", None, "no.jsonl"),
        ("text.jsonl", Some("hello\n"), "`text.jsonl` line 1"),
        ("kind.jsonl", Some("{\"version\":1,\"event\":\"lunch\"}\n"), "lunch"),
        ("newer.jsonl", Some("{\"version\":2,\"event\":\"tea\"}\n"), "version 2"),
    ];
    for (name, content, part) in cases {
        if let Some(content) = content {
            std::fs::write(bench.path(name), content).expect("a file");
        }
        let output = bench.run(&["replay-events", name]);
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert!(text(&output.stderr).contains(part), "{name}: {}", text(&output.stderr));
    }
}

/// The shape of every event: its fields, in order. What is a summary has the fields of `summary.json`.
#[test]
fn each_event_has_the_documented_shape_and_is_read_back() {
    let bench = Bench::new();
    let output = run(&bench, &[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let shapes: [(&str, &[&str]); 10] = [
        ("run_started", &["run_id", "load_balancer", "engine", "mode", "results", "scenarios"]),
        ("pilot_played", &["scenario", "pilot"]),
        ("scenario_started", &["scenario", "contestants", "trials", "trial_s"]),
        ("block_started", &["scenario", "block", "schedule_sha256", "order"]),
        ("phase_started", &["trial", "phase"]),
        (
            "trial_finished",
            &["scenario", "block", "position", "attempt", "interrupted", "summary", "problems"],
        ),
        ("scenario_judged", &["summary"]),
        ("run_finished", &["ended", "error", "results", "summary"]),
        ("report_written", &["path"]),
        ("pulse", &["trial", "phase", "elapsed_s", "users", "requests_per_s", "p95_ms", "errors"]),
    ];
    let lines = lines(&bench);
    for (name, fields) in shapes {
        let Some(line) = lines.iter().find(|line| line["event"] == name) else {
            assert_eq!(name, "pulse", "a run has at least one `{name}`");
            continue;
        };
        let found: Vec<&str> = line.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(found, [&["version", "at", "event"], fields].concat(), "{name}");
    }
    for line in &lines {
        assert_eq!(line["version"], 1, "each line names the version");
        assert_read_back(line);
    }
    assert_eq!(lines[0]["event"], "run_started", "a run begins with its start");
    let finished = lines.iter().find(|line| line["event"] == "run_finished").expect("an end");
    assert_eq!(finished["summary"], bench.json("out/summary.json"), "the end carries the whole summary");
}

/// The event of a line, read and written again, is the same JSON.
fn assert_read_back(line: &Value) {
    let event: Event = serde_json::from_value(line.clone()).expect("an event");
    let mut expected = line.clone();
    let fields = expected.as_object_mut().expect("an object");
    fields.remove("version");
    fields.remove("at");
    assert_eq!(serde_json::to_value(&event).expect("JSON"), expected);
}

#[test]
fn events_of_other_runs_have_the_documented_shape_too() {
    let scenario = || "test".to_owned();
    let probe = RateProbe {
        rate_per_s: 10.0,
        warm_up_s: 4.0,
        seconds: 5.0,
        stage: lb_results::ProbeStage::Binary,
        replicate: 0,
        schedule_sha256: "5c".to_owned(),
        kept: true,
        breaches: Vec::new(),
        requests: 50,
        latency_ms: None,
        error_rate: 0.0,
        problems: Vec::new(),
    };
    let probe_json = json!({ "rate_per_s": 10.0, "warm_up_s": 4.0, "seconds": 5.0, "stage": "binary",
        "replicate": 0, "schedule_sha256": "5c", "kept": true, "breaches": [], "requests": 50, "latency_ms": null, "error_rate": 0.0, "problems": [] });
    let max_rate = MaxRateSummary {
        algorithm: "random".to_owned(),
        objective: vec!["p(95)<200".to_owned()],
        unit: lb_results::RateUnit::Sessions,
        requests_per_arrival: Some(13.0),
        rate_per_s: None,
        breached_rate_per_s: Some(10.0),
        limit: lb_results::RateLimit::Objective,
        limited_by: None,
        rank: None,
        equal_to: Vec::new(),
        probes: vec![probe.clone()],
    };
    let cases = [
        (Event::Note { text: "known".to_owned() }, json!({ "event": "note", "text": "known" })),
        (
            Event::Pulse {
                trial: "t".to_owned(),
                phase: "measure".to_owned(),
                elapsed_s: 0.2,
                users: 3,
                requests_per_s: 40.0,
                p95_ms: 1.5,
                errors: 0,
            },
            json!({ "event": "pulse", "trial": "t", "phase": "measure", "elapsed_s": 0.2, "users": 3,
                "requests_per_s": 40.0, "p95_ms": 1.5, "errors": 0 }),
        ),
        (
            Event::WarmUpCut { scenario: scenario(), block: 1, cut_s: 4.0 },
            json!({ "event": "warm_up_cut", "scenario": "test", "block": 1, "cut_s": 4.0 }),
        ),
        (
            Event::PrecisionReached { scenario: scenario(), blocks: 7, precision: 0.03 },
            json!({ "event": "precision_reached", "scenario": "test", "blocks": 7, "precision": 0.03 }),
        ),
        (
            Event::ProbeFinished { scenario: scenario(), algorithm: "random".to_owned(), probe },
            json!({ "event": "probe_finished", "scenario": "test", "algorithm": "random",
                "probe": probe_json }),
        ),
        (
            Event::RateFound { scenario: scenario(), max_rate },
            json!({ "event": "rate_found", "scenario": "test", "max_rate": { "algorithm": "random",
                "objective": ["p(95)<200"], "unit": "sessions", "requests_per_arrival": 13.0, "rate_per_s": null,
                "breached_rate_per_s": 10.0, "limit": "objective", "limited_by": null, "rank": null,
                "equal_to": [], "probes": [probe_json] } }),
        ),
        (
            Event::NoiseFloorKept { path: "noise/a.json".to_owned() },
            json!({ "event": "noise_floor_kept", "path": "noise/a.json" }),
        ),
        (
            Event::RunFinished {
                ended: "interrupted".to_owned(),
                error: None,
                results: "out".to_owned(),
                summary: None,
            },
            json!({ "event": "run_finished", "ended": "interrupted", "error": null, "results": "out",
                "summary": null }),
        ),
    ];
    for (event, expected) in cases {
        assert_eq!(serde_json::to_value(&event).expect("JSON"), expected);
        assert_read_back(&expected);
    }
}
