//! From traffic, traces or access logs to a policy that was specialised on their pool, with tiny budgets: what is found out,
//! what is exported, and what is said about recordings that are no good.

#[path = "../../crates/lb-calibration/tests/bundled/mod.rs"]
mod bundled;
#[path = "../../crates/lb-calibration/tests/simulated/mod.rs"]
mod simulated;
mod trace_files;

use bundled::{load, topology};
use lb_core::policy::PolicyFile;
use lb_core::profile::PoolProfile;
use lb_core::topology::Discipline;
use rl_trainer::traces::{End, Exchange, Traces};
use serde_json::{Value, json};
use simulated::traces;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use trace_files::{Row, rows, write};

/// One round of lessons, no PPO and no evolution; a short test.
const TINY: [&str; 18] = [
    "--lessons",
    "1",
    "--steps",
    "0",
    "--generations",
    "0",
    "--budget",
    "smoke",
    "--lucks",
    "2",
    "--requests",
    "400",
    "--cases",
    "2",
    "--live-check",
    "0",
    "--out",
    "run",
];

fn run(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rl-train"));
    command.args(["--mode", "custom"]).args(args).args(TINY);
    command.current_dir(folder).stdin(Stdio::null()).output().expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn record(folder: &Path) -> Value {
    let bytes = fs::read(folder.join("run/run.json")).expect("the record of the run");
    serde_json::from_slice(&bytes).expect("JSON")
}

fn policy(folder: &Path) -> PolicyFile {
    let bytes = fs::read(folder.join("run/policy.safetensors")).expect("a policy");
    PolicyFile::from_bytes(&bytes).expect("a sound policy")
}

fn profile(folder: &Path) -> PoolProfile {
    let text = fs::read_to_string(folder.join("run/profile.json")).expect("a profile");
    PoolProfile::parse(&text).expect("a sound profile")
}

/// Asserts that the fit was refused: the exit code, what is said, and that the general policy is kept.
fn refused(folder: &Path, output: &Output, parts: &[&str]) {
    let (printed, errors) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(5), "{printed}{errors}");
    for part in parts {
        assert!(errors.contains(part) || printed.contains(part), "it says `{part}`: {printed}{errors}");
    }
    let report = fs::read_to_string(folder.join("run/report.md")).expect("a report");
    assert!(report.contains("The fit was refused"), "{report}");
    assert!(policy(folder).profile.is_none(), "the policy is the general one");
    assert!(!folder.join("run/profile.json").exists(), "nothing is known about the pool");
    let record = record(folder);
    assert_eq!(record["exported"]["name"], "the bundled policy");
    assert!(record["twins"][0]["refusals"].as_array().is_some_and(|all| !all.is_empty()), "{record}");
}

const POLICIES: [&str; 4] = ["least-connections", "round-robin", "ewma-scan", "p2c"];

/// Traces of four policies on eight equal backends, half full.
fn logged() -> Traces {
    traces(&topology("situation-a"), &load(2_240.0, 10_000), 1, &POLICIES)
}

/// Writes traces without what only training needs.
fn write_traces(folder: &Path, rows: &[Row]) {
    fs::create_dir_all(folder.join("recorded")).expect("a folder");
    write(&folder.join("recorded/trace.parquet"), rows, 10_000, &["features", "mask"]);
}

#[test]
fn a_scenario_becomes_a_policy_that_knows_its_pool() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    // Eight backends of which two are twice as fast; each policy is stable on them.
    let mut pool = serde_json::to_value(topology("situation-a")).expect("JSON");
    for place in [6, 7] {
        pool["pools"][0]["backends"][place]["speed"] = json!(2.0 * speed(&pool, place));
    }
    fs::write(folder.join("pool.json"), pool.to_string()).expect("a topology");
    let config = json!({
        "base_url": "http://localhost:8080/proxy",
        "request_timeout": 2,
        "scenarios": [{
            "name": "Two Fast Ones", "duration_minutes": 0.1, "concurrent_users": 64, "ramp_up_time_seconds": 0
        }],
        "user_profiles": {"client": {"actions": [{"name": "get", "weight": 1}]}},
        "bench": {
            "journey": "single_get",
            "topology": "pool.json",
            "arrivals": {"process": "poisson", "rate": 2500},
            "thresholds": {"http_req_duration": ["p(99)<150"]}
        }
    });
    fs::write(folder.join("config.json"), config.to_string()).expect("a config");
    let output = run(folder, &["--scenario", "two fast ones", "--config", "config.json"]);
    let (printed, errors) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{printed}{errors}");

    let known = profile(folder);
    let speeds: Vec<f64> = known.backends.iter().map(|backend| backend.speed.value).collect();
    assert_eq!(speeds.len(), 8);
    for fast in &speeds[6..] {
        let ratio = fast / speeds[0];
        assert!((1.8..2.2).contains(&ratio), "twice as fast: {speeds:?}");
    }
    assert!(known.backends.iter().all(|backend| backend.discipline == Discipline::Fcfs), "{known:?}");

    let file = policy(folder);
    let record = record(folder);
    let twin = &record["twins"][0];
    assert_eq!(record["exported"]["sha256"].as_str(), Some(file.sha256.as_str()));
    assert_eq!(twin["refusals"], json!([]));
    assert_eq!(twin["checks"].as_array().map(Vec::len), Some(4), "each policy was held back once");
    assert_eq!(twin["objective"], "slo:150ms");
    let from = twin["objective_from"].as_str().expect("text");
    assert!(from.contains("p(99)<150"), "the threshold of the config decides: {from}");
    let candidates = twin["candidates"].as_array().expect("a list");
    assert_eq!(candidates.len(), 3, "the general policy without and with the profile, and the trained one");
    let losses: Vec<f64> = candidates.iter().map(|one| one["loss"].as_f64().expect("a number")).collect();
    assert!(losses.is_sorted(), "the best first: {losses:?}");
    assert_eq!(candidates[0]["chosen"], true);
    let uses_profile = !candidates[0]["name"].as_str().expect("text").contains("without the profile");
    assert_eq!(file.profile.as_ref(), uses_profile.then_some(&known), "inside as beside");
    let ratios = twin["ratios"].as_array().expect("a list");
    for to in ["general", "best classical", "oracle-fpi", "oracle-sized-fpi"] {
        let found = ratios.iter().any(|one| one["to"].as_str().is_some_and(|name| name.starts_with(to)));
        assert!(found || (to == "general" && !uses_profile), "there is a comparison with {to}: {twin}");
    }
    assert!(ratios.iter().all(|one| one["mean"]["interval"].is_array()), "with intervals: {ratios:?}");
    assert!(file.eval["twin"]["ratios"].is_array(), "the file tells how it did: {}", file.eval);

    let steps: Vec<&str> = record["steps"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|step| step["name"].as_str().expect("text"))
        .collect();
    for step in [
        "traffic of",
        "fit of",
        "check of the fit of",
        "training with seed 1",
        "choice for",
        "test on the twin of",
    ] {
        assert!(steps.iter().any(|name| name.starts_with(step)), "there is a step `{step}`: {steps:?}");
    }
    for name in ["report.md", "report.html"] {
        let report = fs::read_to_string(folder.join("run").join(name)).expect("a report");
        for part in
            ["Recorded pool: Two Fast Ones", "what was learnt about each backend", "held back", "oracle-fpi"]
        {
            assert!(report.contains(part), "{name} has `{part}`");
        }
    }
}

fn speed(topology: &Value, place: usize) -> f64 {
    topology["pools"][0]["backends"][place]["speed"].as_f64().unwrap_or(1.0)
}

#[test]
fn traces_that_exist_are_enough_and_may_be_of_another_feature_set() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let mut recorded = rows(&logged());
    recorded.iter_mut().for_each(|row| row.feature_set = "lbf-0");
    write_traces(folder, &recorded);
    let output = run(folder, &["--traces", "recorded", "--objective", "mean"]);
    let (printed, errors) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{printed}{errors}");
    let known = profile(folder);
    assert_eq!(known.backends.len(), 8);
    let record = record(folder);
    assert_eq!(record["twins"][0]["objective"], "mean");
    assert_eq!(record["twins"][0]["recorded"]["path"], "recorded");
    assert_eq!(record["scenarios"], json!([]), "no traffic was played");
}

#[test]
fn traces_under_one_policy_are_refused_with_those_to_add() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    write_traces(folder, &rows(&logged().only(|policy| policy == "p2c")));
    let output = run(folder, &["--traces", "recorded"]);
    let parts = [
        "only 0 policies could be predicted, and 3 must be",
        "everything was recorded under one policy, `p2c`",
        "record least-connections, round-robin, ewma-scan too",
    ];
    refused(folder, &output, &parts);
}

#[test]
fn traces_that_do_not_fit_their_policies_are_refused_with_the_numbers() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let mut wrong = rows(&logged());
    for row in wrong.iter_mut().filter(|row| row.policy == "p2c") {
        row.latency_us = row.latency_us.map(|latency| latency / 2);
    }
    write_traces(folder, &wrong);
    let output = run(folder, &["--traces", "recorded"]);
    refused(folder, &output, &["the fit was refused", "`p2c`: mean latency was ", "What to record: "]);
    let record = record(folder);
    let checks = record["twins"][0]["checks"].as_array().expect("a list");
    assert_eq!(checks.len(), 4, "all predictions are in the report");
    assert!(checks.iter().all(|check| check["limits"].is_array()), "with their limits: {checks:?}");
}

#[test]
fn a_clock_that_was_set_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let mut jumped = rows(&logged());
    let episode = jumped.len() / POLICIES.len();
    // In the middle of the first policy's traces.
    for (number, row) in jumped.iter_mut().enumerate() {
        row.sent_ns -= if (episode / 2..episode).contains(&number) { 2_000_000_000 } else { 0 };
        // One file with four policies, as if the load balancer had been switched.
        row.sent_ns += (number / episode) as i64 * 10_000_000_000;
    }
    write_traces(folder, &jumped);
    let output = run(folder, &["--traces", "recorded"]);
    let printed = text(&output.stdout);
    assert!(printed.contains("note: the clock was set back 1 times, by up to 2.0 s"), "{printed}");
    assert!(printed.contains("record again with `bench --traces`"), "{printed}");
}

#[test]
fn folders_that_hold_nothing_to_fit_end_the_run_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    fs::create_dir(folder.join("empty")).expect("a folder");
    for (path, part) in
        [("empty", "folder `empty` is empty; record traces"), ("absent", "`absent` does not exist")]
    {
        let output = run(folder, &["--traces", path]);
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(errors.contains(part), "it says `{part}`: {errors}");
        assert_eq!(record(folder)["exported"], Value::Null, "nothing is exported from nothing");
    }
}

/// One line of a log of nginx, as the advice of the reader asks for it.
fn line(exchange: &Exchange) -> Value {
    let (sent, took) =
        (exchange.sent.as_secs_f64(), exchange.latency.map_or(0.0, |latency| latency.as_secs_f64()));
    let status = if exchange.end == End::Served { "200" } else { "503" };
    json!({
        "msec": format!("{:.3}", 1_790_000_000.0 + sent + took),
        "remote_addr": "192.0.2.1",
        "request_method": "GET",
        "request_uri": "/shop/items",
        "status": status,
        "request_time": format!("{took:.3}"),
        "upstream_addr": format!("10.0.0.{}:8080", exchange.backend + 1),
        "upstream_status": status,
        "upstream_connect_time": "0.000",
        "upstream_header_time": format!("{took:.3}"),
        "upstream_response_time": format!("{took:.3}"),
    })
}

#[test]
fn an_access_log_that_names_backends_is_enough() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let logged = traces(&topology("situation-a"), &load(2_560.0, 40_000), 1, &["round-robin"]);
    let mut exchanges = logged.episodes[0].exchanges.clone();
    exchanges.sort_by_key(|one| one.sent + one.latency.unwrap_or_default());
    let mut log = String::new();
    for exchange in &exchanges {
        let _ = writeln!(log, "{}", line(exchange));
    }
    fs::create_dir(folder.join("logs")).expect("a folder");
    fs::write(folder.join("logs/access.log"), log).expect("a log");
    let output = run(folder, &["--traces", "logs"]);
    let (printed, errors) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{printed}{errors}");
    let record = record(folder);
    assert_eq!(record["twins"][0]["recorded"]["kind"], "an access log");
    let check = &record["twins"][0]["checks"][0];
    assert_eq!(check["what"], "last quarter of the log", "the end of the log was held back: {check}");
    assert_eq!(profile(folder).backends.len(), 8);
}
