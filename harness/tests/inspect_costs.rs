//! `bench inspect-costs` as users meet it: what it says of traces and logs, and what it refuses.

mod common;

use common::{Bench, refused, text};
use serde_json::Value;

/// Inspects, and gives what was printed.
fn inspect(bench: &Bench, args: &[&str]) -> String {
    let output = bench.run(&[&["inspect-costs"], args].concat());
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

fn source<'a>(report: &'a Value, name: &str) -> &'a Value {
    let sources = report["sources"].as_array().expect("sources");
    let found = sources.iter().find(|source| source["name"] == name);
    found.unwrap_or_else(|| panic!("`{name}` is a source: {report}"))
}

#[test]
fn traces_of_requests_that_tell_their_size_show_by_what() {
    let bench = Bench::new();
    let run = [
        "--engine",
        "sim",
        "--config",
        "telling_requests_config.json",
        "--topology",
        "situation-b-sized",
        "--algorithms",
        "ewma-scan",
        "--duration",
        "4s",
        "--warm-up",
        "1s",
        "--traces",
    ];
    bench.summary("told", &run);
    let report: Value = serde_json::from_str(&inspect(&bench, &["told/traces", "--json"])).expect("JSON");
    let share = report["told"]["share"].as_f64().expect("a share");
    assert!((share - 0.8).abs() < 0.08, "four fifths of the variance are told: {report}");
    assert_eq!(report["times"], "replay");
    let limit = source(&report, "query.limit");
    let exponent = limit["law"]["number"]["exponent"].as_f64().expect("a number");
    assert!((exponent - 1.0).abs() < 0.15, "the cost is in proportion: {limit}");
    let printed = inspect(&bench, &["told/traces"]);
    for part in
        ["query.limit", "WHAT TELLS THE COST", "about value^", "of the variance of log service times is told"]
    {
        assert!(printed.contains(part), "`{part}` in {printed}");
    }
    refused(
        &bench,
        &["inspect-costs", "told/traces", "--header", "x-batch-size"],
        2,
        &["`--header` is for access logs", "`hints.headers`"],
    );
    refused(&bench, &["inspect-costs", "told/traces", "--pool-of", "b9"], 2, &["`b9` is not a backend"]);
}

/// A log of nginx with requests one after the other, whose time is in proportion to their `limit`.
fn log(lines: usize) -> String {
    let line = |number: usize| {
        let limit = 20 + number * 7_919 % 400;
        let took = limit as f64 / 1e3;
        let msec = 1_790_000_000.0 + number as f64 * 0.7 + took;
        let backend = number % 2 + 1;
        format!(
            r#"{{"msec":"{msec:.3}","remote_addr":"192.0.2.1","request_method":"GET","request_uri":"/items?limit={limit}&id={number}","status":"200","request_time":"{took:.3}","upstream_addr":"10.0.0.{backend}:8080","upstream_status":"200","upstream_connect_time":"0.000","upstream_header_time":"{took:.3}","upstream_response_time":"{took:.3}"}}"#
        ) + "\n"
    };
    (0..lines).map(line).collect()
}

#[test]
fn access_logs_are_inspected_by_their_targets() {
    let bench = Bench::new();
    std::fs::write(bench.path("access.log"), log(1_200)).expect("a log");
    let report: Value = serde_json::from_str(&inspect(&bench, &["access.log", "--json"])).expect("JSON");
    assert!(source(&report, "query.limit")["beyond"]["share"].as_f64().expect("a share") > 0.5, "{report}");
    assert!(source(&report, "query.id")["beyond"]["share"].as_f64().expect("a share") < 0.05, "{report}");
    refused(
        &bench,
        &["inspect-costs", "access.log", "--header", "Cookie"],
        2,
        &["--header", "`cookie` holds secrets", "`hash:cookie`"],
    );
}

#[test]
fn what_holds_nothing_is_refused_with_what_to_do() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("empty")).expect("a folder");
    std::fs::write(bench.path("access.log"), log(900)).expect("a log");
    std::fs::write(bench.path("broken.parquet"), b"PAR1 and no more").expect("a file");
    for (args, parts) in [
        (&["empty"][..], &["folder `empty` holds no trace"][..]),
        (&["nothing.parquet"], &["nothing.parquet"]),
        (&["broken.parquet"], &["`broken.parquet` is not a Parquet file"]),
        (&["access.log", "empty"], &["`empty` is a trace or a folder"]),
        (&[], &["<PATH>"]),
    ] {
        refused(&bench, &[&["inspect-costs"], args].concat(), 2, parts);
    }
}
