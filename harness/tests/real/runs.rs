//! The main job: `bench` starts a real load balancer, switches it, verifies that, measures, and ends it.

use crate::common::{Bench, algorithm, number, text};
use crate::least_loaded;
use crate::processes::assert_none_left;
use lb_admin_client::Kind;
use serde_json::{Value, json};
use std::net::TcpStream;
use std::path::Path;
use std::process::Output;

/// Results of a run; some programs take a space in a path for its end.
const OUT: &str = "out of bench";

/// `bench` on a load balancer that it starts.
fn start(kind: Kind, bench: &Bench, algorithms: &str, duration: &str, out: &str) -> Output {
    let what = ["--config", "quick_test_config.json", "--load-balancer", kind.name()];
    let plan = ["--algorithms", algorithms, "--duration", duration, "--no-oracles", "--out", out];
    bench.run(&[&what[..], &plan].concat())
}

/// A path that no Unix socket can have is no hindrance.
pub(crate) fn long_path(kind: Kind) {
    let bench = Bench::new();
    let out = format!("{}/{}", "long-".repeat(16), "name-".repeat(16));
    let output = start(kind, &bench, "round-robin", "1s", &out);
    assert_eq!(output.status.code(), Some(0), "{kind}: {}", text(&output.stderr));
    let summary = bench.json(&format!("{out}/summary.json"));
    assert!(number(algorithm(&summary, "round-robin"), "/total_requests") > 0.0, "{kind} is driven there");
    assert_none_left(bench.dir.path());
}

pub(crate) fn run(kind: Kind) {
    let bench = Bench::new();
    let algorithms = ["round-robin", least_loaded(kind)];
    let output = start(kind, &bench, &algorithms.join(","), "2s", OUT);
    let (printed, said) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{kind}: {said}");
    let first = printed.lines().next().unwrap_or_default();
    assert!(first.starts_with("load balancer: "), "the first line says what is driven: {printed}");
    assert!(first.contains(kind.name()), "and names it: {first}");
    for part in ["Req/s", "P95 ms", algorithms[0], algorithms[1]] {
        assert!(printed.contains(part), "the report shows `{part}`: {printed}");
    }

    let summary = bench.json(&format!("{OUT}/summary.json"));
    for name in algorithms {
        let result = algorithm(&summary, name);
        assert!(number(result, "/total_requests") > 0.0, "{kind}: {name} was measured");
        assert_eq!(number(result, "/error_rate"), 0.0, "{kind}: {name}: nothing fails on healthy backends");
        check_evidence(kind, name, &result["switch_evidence"][0]);
    }
    for trial in summary["scenarios"][0]["trials"].as_array().expect("trials") {
        let generator = &trial["generator"];
        assert!(generator["named_right"].as_u64() > Some(0), "replies name the algorithm: {generator}");
        assert_eq!(generator["named_wrong"], 0, "and each the right one: {generator}");
    }

    assert_none_left(bench.dir.path());
    let ports = ports_in(&bench.path(&format!("{OUT}/target/0")));
    assert!(ports.len() >= 4, "{kind} and its backends had ports: {ports:?}");
    for port in ports {
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "nobody listens at {port} any more");
    }
}

/// Fewest requests in flight per weight: of four idle backends with constant service times, the heaviest gets the
/// most.
pub(crate) fn weighted(kind: Kind) {
    let bench = Bench::new();
    let backends: Vec<Value> =
        (1..=4).map(|weight| json!({ "id": format!("w{weight}"), "weight": weight })).collect();
    let topology = json!({ "name": "weights", "pools": [{ "name": "main", "backends": backends }],
        "service_time": { "distribution": "constant", "mean_ms": 20 } });
    let topology = bench.config("weights.json", &topology);
    let what =
        ["--config", "steady_requests_config.json", "--load-balancer", kind.name(), "--topology", &topology];
    let plan = ["--algorithms", "least-connections", "--arrivals", "constant:200", "--duration", "2s"];
    let output = bench.run(&[&what[..], &plan, &["--no-oracles", "--out", OUT]].concat());
    assert_eq!(output.status.code(), Some(0), "{kind}: {}", text(&output.stderr));
    let summary = bench.json(&format!("{OUT}/summary.json"));
    let result = algorithm(&summary, "least-connections");
    let share = |place: usize| number(result, &format!("/backends/{place}/share"));
    // Four requests are in flight on average: one at each, or two at the heaviest.
    assert!(share(3) > 0.32, "{kind}: the heaviest gets more than an equal share: {}", result["backends"]);
    assert!(share(3) > 1.5 * share(0), "{kind}: the lightest gets less: {}", result["backends"]);
}

/// Three layers: what it says, what its replies say, what it does.
fn check_evidence(kind: Kind, name: &str, evidence: &Value) {
    let layer = |layer: &str| {
        let verdict = evidence[layer]["verdict"].as_str().unwrap_or_default().to_owned();
        (verdict, format!("{kind}: {name}: {layer}: {}", evidence[layer]["detail"]))
    };
    let (control_plane, why) = layer("control_plane");
    // Files are no proof of what nginx has read.
    let expected = if kind.name() == "nginx" { "consistent" } else { "confirmed" };
    assert_eq!(control_plane, expected, "{why}");
    let (header, why) = layer("header");
    assert_eq!(header, "confirmed", "{why}");
    let (behaviour, why) = layer("behaviour");
    // A machine that was busy with something else leaves it open, and says so; two choices among few backends
    // may look like others.
    let fits = match behaviour.as_str() {
        "confirmed" => true,
        "consistent" => name == "p2c",
        "not_tested" => ["late", "early", "short requests"].iter().any(|reason| why.contains(reason)),
        _ => false,
    };
    assert!(fits, "{behaviour}: {why}");
}

/// Every port that a file below `folder` names beside a loopback address.
fn ports_in(folder: &Path) -> Vec<u16> {
    let mut ports = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder of what was started").flatten() {
        if entry.path().is_dir() {
            ports.extend(ports_in(&entry.path()));
        } else if let Ok(text) = std::fs::read_to_string(entry.path()) {
            for mark in ["127.0.0.1:", "\"port_value\": "] {
                let after = text.split(mark).skip(1);
                let digits = after.map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next());
                ports.extend(digits.flatten().filter_map(|digits| digits.parse::<u16>().ok()));
            }
        }
    }
    ports.sort_unstable();
    ports.dedup();
    ports
}
