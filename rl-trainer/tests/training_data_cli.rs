//! `rl-train inspect` and `rl-train calibrate` through the binary: what they print, write and exit with.

#[path = "../../crates/lb-calibration/tests/bundled/mod.rs"]
mod bundled;
#[path = "../../crates/lb-calibration/tests/simulated/mod.rs"]
mod simulated;
mod trace_files;

use bundled::{load, topology};
use lb_core::profile::PoolProfile;
use lb_core::topology::Topology;
use serde_json::Value;
use simulated::traces;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use trace_files::{Row, rows, write};

fn rl_train(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rl-train")).args(args).output().expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a path that is text")
}

#[test]
fn inspect_exits_with_what_the_trace_is_good_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let trace = folder.path().join("trace.parquet");
    let usual: Vec<Row> = (0..500).map(Row::usual).collect();
    write(&trace, &usual, 200, &[]);
    let sound = rl_train(&["inspect", path(&trace)]);
    assert_eq!(sound.status.code(), Some(0), "{}", text(&sound.stderr));
    for part in ["500 experiences (Parquet)", "Completeness 100.0 % EXCELLENT", "Fit for training."] {
        assert!(text(&sound.stdout).contains(part), "the report says {part:?}: {}", text(&sound.stdout));
    }

    write(&trace, &usual[..50], 200, &[]);
    let few = rl_train(&["inspect", path(&trace), "--json"]);
    assert_eq!(few.status.code(), Some(5), "too few to train on");
    let report: Value =
        serde_json::from_slice(&few.stdout).expect("standard output is JSON and nothing else");
    assert_eq!(report["experiences"], 50);
    assert_eq!(report["completeness"]["verdict"], "EXCELLENT");
    assert_eq!(report["fit_for_training"], false);

    write(&trace, &usual, 200, &["action"]);
    let missing = rl_train(&["inspect", path(&trace)]);
    assert_eq!(missing.status.code(), Some(2), "a column is missing");
    assert!(text(&missing.stderr).contains("lacks column `action`"), "{}", text(&missing.stderr));
    assert!(missing.stdout.is_empty(), "there is nothing to report");
}

#[test]
fn calibrate_writes_what_predicts_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let (trace, out) = (folder.path().join("trace.parquet"), folder.path().join("fit.json"));
    let policies = ["least-connections", "p2c", "ewma-scan"];
    let logged = traces(&topology("situation-a"), &load(2_240.0, 20_000), 1, &policies);
    write(&trace, &rows(&logged), 10_000, &["features", "mask"]);
    let profile = folder.path().join("profile.json");
    let good = rl_train(&["calibrate", path(&trace), "--out", path(&out), "--profile", path(&profile)]);
    assert_eq!(good.status.code(), Some(0), "{}{}", text(&good.stdout), text(&good.stderr));
    let profile = fs::read_to_string(&profile).expect("a profile");
    let profile = PoolProfile::parse(&profile).expect("as policies read it");
    assert!(profile.about.contains("ewma-scan, least-connections, p2c"), "{}", profile.about);
    let known = profile.of("b1").expect("all backends are known");
    assert!(known.workers == 4 && (0.8..1.25).contains(&known.speed.value), "{known:?}");
    let fitted: Topology =
        serde_json::from_slice(&fs::read(&out).expect("a topology")).expect("as every topology is written");
    assert_eq!(fitted.problems(), Vec::<String>::new(), "it can be used as it is");
    assert_eq!(fitted.pools[0].backends.len(), 8);
    assert!(fitted.pools[0].backends.iter().all(|backend| backend.workers == 4), "{fitted:?}");
    let load: Value = serde_json::from_slice(&fs::read(folder.path().join("fit.load.json")).expect("a load"))
        .expect("JSON");
    assert!(load["rate"].as_f64().is_some_and(|rate| (2_100.0..2_400.0).contains(&rate)), "{load}");

    // A log in which one policy did much better than it can.
    let mut wrong = rows(&logged);
    for row in wrong.iter_mut().filter(|row| row.policy == "p2c") {
        row.latency_us = row.latency_us.map(|latency| latency / 2);
    }
    write(&trace, &wrong, 10_000, &["features", "mask"]);
    let unwritten = folder.path().join("other.json");
    let beside = folder.path().join("other.profile.json");
    let to = ["--out", path(&unwritten), "--profile", path(&beside)];
    let missed = rl_train(&[&["calibrate", path(&trace), "--json"][..], &to].concat());
    assert_eq!(missed.status.code(), Some(5), "{}", text(&missed.stderr));
    let said = text(&missed.stderr);
    assert!(said.contains("the fit was rejected: `p2c`: mean latency was "), "{said}");
    assert!(!unwritten.exists() && !beside.exists(), "what misses is not written");
    let document: Value = serde_json::from_slice(&missed.stdout).expect("JSON and nothing else");
    assert_eq!(document["passed"], false);
    let kept = rl_train(&["calibrate", path(&trace), "--out", path(&unwritten), "--keep"]);
    assert_eq!((kept.status.code(), unwritten.exists()), (Some(5), true), "unless it is asked for");
}

#[test]
fn calibrate_says_what_it_cannot_use() {
    let folder = tempfile::tempdir().expect("a folder");
    let trace = folder.path().join("trace.parquet");
    let out = folder.path().join("fit.json");
    let usual: Vec<Row> = (0..100).map(Row::usual).collect();
    write(&trace, &usual, 200, &[]);
    let few = rl_train(&["calibrate", path(&trace), "--out", path(&out)]);
    assert_eq!(few.status.code(), Some(2));
    assert!(text(&few.stderr).contains("of 100 requests were served"), "{}", text(&few.stderr));
    let unknown = rl_train(&["calibrate", path(&trace), "--out", path(&out), "--hold-back", "rr"]);
    assert_eq!(unknown.status.code(), Some(2));
    let said = text(&unknown.stderr);
    assert!(said.contains("the traces have no policy `rr`; they have least-connections"), "{said}");
    let lines = folder.path().join("rl_experiences.jsonl");
    fs::write(&lines, "{}\n").expect("a file");
    let original = rl_train(&["calibrate", path(&lines), "--out", path(&out)]);
    assert_eq!(original.status.code(), Some(2));
    assert!(text(&original.stderr).contains("does not contain latencies of individual requests"));
}
