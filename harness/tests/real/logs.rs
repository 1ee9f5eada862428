//! `bench --access-log`: each trial gets the log of its own requests, and `bench what-if` and `bench plan` read it.

use crate::common::{Bench, algorithm, number, text};
use crate::least_loaded;
use crate::processes::assert_none_left;
use lb_admin_client::Kind;
use std::collections::BTreeSet;

/// Backends that differ, under a load that keeps the slow ones busy at times.
const LOAD: [&str; 8] = [
    "--config",
    "steady_requests_config.json",
    "--topology",
    "situation-b",
    "--arrivals",
    "poisson:600",
    "--duration",
    "4s",
];

pub(crate) fn access_log(kind: Kind) {
    let bench = Bench::new();
    let algorithms = ["round-robin", least_loaded(kind)];
    let what = ["--load-balancer", kind.name(), "--algorithms", &algorithms.join(",")];
    let output = bench.run(&[&LOAD[..], &what, &["--access-log", "lines.log", "--out", "out"]].concat());
    assert_eq!(output.status.code(), Some(0), "{kind}: {}", text(&output.stderr));
    let summary = bench.json("out/summary.json");
    for name in algorithms {
        let file = format!("lines-steady-requests-{name}-0.log");
        let requests = number(algorithm(&summary, name), "/total_requests") as usize;
        let lines = std::fs::read_to_string(bench.path(&file)).expect("a log for each trial").lines().count();
        assert_eq!(lines, requests, "{kind}, {name}: the requests of the measured phase, and no others");
        let plan = bench.run(&["plan", "--replay", &file]);
        assert_eq!(plan.status.code(), Some(0), "{kind}: {}", text(&plan.stderr));
        if name != "round-robin" {
            // It lets no request wait, so that nothing can be predicted.
            continue;
        }
        // The backends hold a few hundred requests each, of which a check on a quarter says little.
        let asked = ["what-if", &file, "--routing", name, "--algorithms", name, "--accept-misfit", "--json"];
        let predicted = bench.run(&asked);
        let said = text(&predicted.stderr);
        assert!(matches!(predicted.status.code(), Some(0 | 5)), "{kind}, {name}: {said}");
        let json: serde_json::Value = serde_json::from_slice(&predicted.stdout).expect("JSON");
        assert_eq!(json["counts"]["entries"], requests, "{kind}, {name}");
        let backends = json["backends"].as_array().expect("backends").len();
        assert_eq!(backends, 8, "{kind}, {name}: every line names its backend");
    }
    let written: BTreeSet<String> = std::fs::read_dir(bench.dir.path())
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".log"))
        .collect();
    assert_eq!(written.len(), 2, "one file for each trial, and no other: {written:?}");
    assert_none_left(bench.dir.path());
}
