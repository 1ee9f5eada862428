//! From a log to synthetic requests and back, as users meet it: `learn`, `synthesise`, `validate`, `export`, and the replay
//! of what was synthesised.

mod common;

use common::{Bench, text};
use serde_json::{Value, json};
use std::process::Output;

/// An invented log, and the model that was learned from it.
fn learned(requests: &str) -> Bench {
    let bench = Bench::new();
    ok(&bench, &["learn", "--simulate", "--requests", requests, "-o", "access.jsonl"]);
    ok(&bench, &["learn", "access.jsonl", "-o", "model.json"]);
    bench
}

fn ok(bench: &Bench, args: &[&str]) -> String {
    let output = bench.run(args);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// Expects a refusal that holds every part.
fn refused(bench: &Bench, args: &[&str], parts: &[&str]) {
    let output: Output = bench.run(args);
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{args:?}: {message}");
    for part in parts {
        assert!(message.contains(part), "{args:?}: the message holds `{part}`: {message}");
    }
}

#[test]
fn both_methods_are_judged_and_the_improved_one_passes() {
    let bench = learned("30000");
    for (method, file) in
        [("resample", "synthetic_requests.json"), ("model", "synthetic_requests_improved.json")]
    {
        ok(&bench, &["synthesise", "model.json", "--method", method, "--day", "monday", "-o", file]);
    }
    let validate = |file: &str, code: i32| {
        let args = ["validate", "access.jsonl", file, "--html", "page.html", "--json", "validation.json"];
        let output = bench.run(&args);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{file}: {}{}",
            text(&output.stdout),
            text(&output.stderr)
        );
        bench.json("validation.json")
    };
    let value = |validation: &Value, measure: &str, key: &str| {
        let measures = validation["measures"].as_array().expect("measures");
        measures.iter().find(|one| one["measure"] == measure).expect("the measure")[key].clone()
    };
    let baseline = validate("synthetic_requests.json", 99);
    let improved = validate("synthetic_requests_improved.json", 0);
    for validation in [&baseline, &improved] {
        assert_eq!(value(validation, "hours", "passed"), true, "{validation}");
        assert_eq!(value(validation, "peaks", "passed"), true, "{validation}");
    }
    let dispersion = |validation| value(validation, "dispersion", "value").as_f64().expect("a number");
    assert!(dispersion(&improved) < dispersion(&baseline), "{improved}");
    let page = std::fs::read_to_string(bench.path("page.html")).expect("a page");
    for part in ["Requests over time", "Burstiness by time scale", "GET /api/v1/resource", "passed"] {
        assert!(page.contains(part), "the page shows {part}");
    }
}

#[test]
fn a_synthetic_list_is_replayed_as_it_is() {
    let bench = learned("20000");
    let args = [
        "synthesise",
        "model.json",
        "--day",
        "mondayT12:00",
        "--length",
        "2m",
        "--scale",
        "20",
        "-o",
        "list.json",
    ];
    ok(&bench, &args);
    let list: Vec<Value> = serde_json::from_value(bench.json("list.json")).expect("a list");
    assert!(list.iter().all(|row| row.as_object().is_some_and(|row| row.len() == 3)), "three keys each");
    assert!(list.len() > 20, "the list has both methods of several endpoints");
    let replay = ["--engine", "sim", "--replay", "list.json", "--topology", "situation-a"];
    let rest = ["--algorithms", "round-robin", "--no-oracles", "--repetitions", "1"];
    let summary = bench.summary("out", &[&replay[..], &rest[..]].concat());
    assert_eq!(
        common::algorithm(&summary, "round-robin")["total_requests"],
        list.len(),
        "every request is sent once"
    );
}

#[test]
fn the_summary_of_a_model_names_what_was_found() {
    let bench = learned("20000");
    let said = ok(&bench, &["learn", "access.jsonl"]);
    for part in [
        "hours are those of UTC; times are known to 0.001 s",
        "12:00",
        "GET     /api/v1/resource",
        "Zipf's law with exponent",
        "sessions begin at",
        "requests on average",
        "the next request depends on the one before",
        "replies: not recorded",
    ] {
        let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").replace("┆ ", "");
        assert!(squeezed(&said).contains(&squeezed(part)), "`{part}`: {said}");
    }
    let model = bench.json("model.json");
    assert_eq!(model["schema_version"], 1);
    assert_eq!(model["bursts"]["unit"], "sessions");
}

#[test]
fn every_ending_of_an_invented_log_can_be_learned_from() {
    let bench = Bench::new();
    for file in ["access.jsonl", "access.log", "access.json"] {
        ok(&bench, &["learn", "--simulate", "--days", "1", "--requests", "2000", "-o", file]);
        ok(&bench, &["learn", file, "-o", "model.json"]);
        let requests = bench.json("model.json")["source"]["requests"].as_u64().expect("a number");
        assert!((1_500..2_800).contains(&requests), "{file}: {requests}");
    }
    refused(
        &bench,
        &["learn", "--simulate", "-o", "access.csv"],
        &["access.csv", "use `.jsonl`, `.log` or `.json`"],
    );
    refused(&bench, &["learn", "--simulate"], &["--out"]);
    refused(&bench, &["learn"], &["FILE"]);
}

#[test]
fn mistakes_are_refused_and_nothing_is_lost() {
    let bench = Bench::new();
    let row = |second: u32, endpoint: &str| json!({ "endpoint": endpoint, "method": "GET", "timestamp": format!("2026-01-05T10:{:02}:{:02}Z", second / 60, second % 60) });
    bench.config("empty.json", &json!([]));
    bench.config("one.json", &json!([row(0, "/a")]));
    bench.config("instant.json", &json!([row(0, "/a"), row(0, "/b")]));
    bench.config("hour.json", &json!((0..600).map(|number| row(6 * number, "/a")).collect::<Vec<_>>()));
    bench.config("other.json", &json!({ "schema_version": 99 }));
    refused(&bench, &["learn", "empty.json"], &["no requests"]);
    refused(&bench, &["learn", "one.json"], &["the recording has 1 request", "at least two different times"]);
    refused(&bench, &["learn", "instant.json"], &["all 2 requests have the time 2026-01-05T10:00:00.000Z"]);
    refused(&bench, &["learn", "hour.json", "--time-zone", "Mars/Base"], &["`Mars/Base` is not a time zone"]);
    refused(&bench, &["learn", "hour.json", "-o", "hour.json"], &["`hour.json` is also read"]);
    ok(&bench, &["learn", "hour.json", "-o", "model.json"]);
    let day = ["synthesise", "model.json", "--day", "monday", "-o", "list.json"];
    refused(&bench, &day, &["no data for 23 of the 24 hours", "the hour from Monday 10:00"]);
    assert!(!bench.path("list.json").exists(), "nothing is written of what cannot be synthesised");
    refused(&bench, &["synthesise", "other.json", "-o", "list.json"], &["`schema_version` is 99"]);
    refused(&bench, &["synthesise", "hour.json", "-o", "list.json"], &["`schema_version` is missing"]);
    refused(&bench, &["validate", "hour.json", "one.json"], &["the synthetic list has 1 requests"]);
    refused(&bench, &["export", "model.json", "--to", "k6", "-o", "x.js"], &["is not a list of requests"]);
    let stages = ["export", "hour.json", "--to", "locust", "--stages", "-o", "x.py"];
    refused(&bench, &stages, &["--stages applies to k6"]);
}

#[test]
fn hostile_names_are_escaped_on_the_page() {
    let bench = Bench::new();
    let hostile = "/<script>alert('1')</script>\"&";
    let row = |number: i64| json!({ "endpoint": hostile, "method": "GET", "timestamp": 1_767_607_200 + 7 * number });
    bench.config("a<b>.json", &json!((0..2_000).map(row).collect::<Vec<_>>()));
    let output = bench.run(&["validate", "a<b>.json", "a<b>.json", "--html", "page.html"]);
    // A recording is as like itself as can be, but `validate` needs two files for it.
    assert_eq!(output.status.code(), Some(0), "{}{}", text(&output.stdout), text(&output.stderr));
    let page = std::fs::read_to_string(bench.path("page.html")).expect("a page");
    assert!(page.contains("a&lt;b&gt;.json"), "the name of the file is shown");
    assert!(page.contains("/%3Cscript%3Ealert("), "and that of the endpoint, as it is sent");
    assert!(!page.contains("<script") && !page.contains("a<b>"), "and neither is a part of the page");
}
