//! Whole runs of the executor with tiny budgets: what they leave behind, by which names and fields, and what
//! becomes of a run that is interrupted or whose scenario fails.

use lb_core::policy::PolicyFile;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// Small enough for a test: one update, three cases.
const TINY: [&str; 16] = [
    "--lessons",
    "0",
    "--steps",
    "1",
    "--generations",
    "0",
    "--budget",
    "smoke",
    "--lucks",
    "1",
    "--requests",
    "200",
    "--cases",
    "3",
    "--live-check",
    "0",
];

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rl-train"));
    command.args(args).args(TINY).args(["--out", "run"]).current_dir(folder).stdin(Stdio::null());
    command
}

fn run(folder: &Path, args: &[&str]) -> Output {
    command(folder, args).output().expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn json(path: &Path) -> Value {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The file in `logs/` whose name is `stem`, a time such as `20261121_140509`, and `ending`.
fn stamped(folder: &Path, stem: &str, ending: &str) -> PathBuf {
    let logs = folder.join("run/logs");
    let is_stamp = |text: &str| {
        text.len() == 15
            && text.chars().enumerate().all(|(at, c)| if at == 8 { c == '_' } else { c.is_ascii_digit() })
    };
    let found = fs::read_dir(&logs).expect("the folder").filter_map(|entry| {
        let path = entry.expect("an entry").path();
        let name = path.file_name()?.to_str()?.to_owned();
        let stamp = name.strip_prefix(stem)?.strip_prefix('_')?.strip_suffix(ending)?.strip_suffix('.')?;
        is_stamp(stamp).then_some(path)
    });
    let found: Vec<PathBuf> = found.collect();
    assert_eq!(found.len(), 1, "one file {stem}_<time>.{ending} in {}", logs.display());
    found.into_iter().next().expect("one")
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

fn policy(path: &Path) -> PolicyFile {
    PolicyFile::from_bytes(&fs::read(path).expect("a policy file")).expect("a sound policy")
}

#[test]
fn a_custom_run_leaves_the_files_of_the_original_and_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let scratch = ["--general", "scratch", "--duration", "30s"];
    let custom = ["--mode", "custom", "--scenario", "QUICK_validation"];
    let output = run(folder, &[&custom[..], &scratch].concat());
    let (printed, errors) = (text(&output.stdout), text(&output.stderr));
    // A handful of visitors fills no backend, so a fit may be refused.
    assert!(matches!(output.status.code(), Some(0 | 5)), "{printed}{errors}");

    let execution = json(&stamped(folder, "rl_training_execution_results", "json"));
    let expected = ["execution_start", "execution_end", "total_scenarios", "successful_scenarios", "results"];
    assert_eq!(keys(&execution), expected);
    assert_eq!(execution["total_scenarios"], execution["successful_scenarios"]);
    let first = &execution["results"][0];
    let expected =
        ["scenario_type", "scenario_name", "success", "duration", "stdout", "stderr", "return_code"];
    assert_eq!(keys(first), expected);
    assert_eq!(first["scenario_name"], "quick_validation", "as the config writes it");
    assert_eq!((first["success"].as_bool(), first["return_code"].as_u64()), (Some(true), Some(0)));
    for policy in ["least-connections", "round-robin", "ewma-scan", "p2c"] {
        assert!(first["stdout"].as_str().is_some_and(|text| text.contains(policy)), "traces under {policy}");
    }

    let results = json(&stamped(folder, "rl_training_results_quick_validation", "json"));
    let expected =
        ["scenario", "timestamp", "total_sessions", "successful_sessions", "sessions_played", "results"];
    assert_eq!(keys(&results), expected);
    let session = &results["results"][0];
    let expected = [
        "user_id",
        "session_id",
        "user_behavior_type",
        "traffic_pattern",
        "success",
        "session_duration",
        "actions_performed",
        "success_rate",
        "actions",
    ];
    assert_eq!(keys(session), expected);
    assert_eq!(keys(&session["actions"][0]), ["action", "success"]);
    assert_eq!(session["traffic_pattern"], "smoke");
    assert_eq!(session["actions"][0]["action"], "register", "a session begins with what opens it");
    assert_eq!(session["actions"][1]["action"], "login");
    let count = |value: &Value| value.as_array().map_or(0, Vec::len);
    assert_eq!(results["total_sessions"].as_u64(), Some(count(&results["results"]) as u64));
    assert_eq!(session["actions_performed"].as_u64(), Some(count(&session["actions"]) as u64));

    let metrics = json(&stamped(folder, "rl_training_metrics_quick_validation", "json"));
    assert_eq!(keys(&metrics), ["scenario", "timestamp", "total_metrics", "requests_played", "metrics"]);
    let metric = &metrics["metrics"][0];
    let expected = [
        "timestamp",
        "user_id",
        "session_id",
        "action_type",
        "service_called",
        "response_time",
        "status_code",
        "success",
        "user_behavior_type",
        "traffic_pattern",
        "concurrent_users",
        "service_load_level",
    ];
    assert_eq!(keys(metric), expected);
    assert_eq!(metric["service_called"], "user-service");
    assert_eq!(metric["service_load_level"], "low", "what the config expects of that service");
    assert_eq!(metrics["total_metrics"].as_u64(), Some(count(&metrics["metrics"]) as u64));
    let most = metrics["metrics"].as_array().expect("a list").iter();
    let most = most.map(|metric| metric["concurrent_users"].as_u64().expect("a number")).max();
    assert_eq!(most, Some(8), "eight visitors at once");

    let summary = fs::read_to_string(stamped(folder, "rl_training_summary_report", "md")).expect("a summary");
    for heading in ["## Overview", "## Scenario Results", "## Data Collection Summary", "## Next Steps"] {
        assert!(summary.contains(heading), "the summary has `{heading}`: {summary}");
    }
    for name in ["rl_training_executor.log", "enhanced_rl_training_load_test.log"] {
        assert!(folder.join("run/logs").join(name).exists(), "{name} is there");
    }

    let record = json(&folder.join("run/run.json"));
    assert_eq!(record["mode"], "custom");
    assert_eq!(record["traces"][0]["verdict"], "EXCELLENT");
    let file = policy(&folder.join("run/policy.safetensors"));
    assert_eq!(record["exported"]["sha256"].as_str(), Some(file.sha256.as_str()));
    assert_eq!(record["trainings"][0]["of"], "general");
    assert!(file.eval["situations"]["mean"]["ratio"].is_number(), "the file tells how it did: {}", file.eval);
    let page = fs::read_to_string(folder.join("run/report.html")).expect("a page");
    let markdown = fs::read_to_string(folder.join("run/report.md")).expect("a report");
    for part in ["Verdict", "Held-out cases", "Situations", "Traffic, traces and guards", "as frozen"] {
        assert!(page.contains(part) && markdown.contains(part), "both reports have `{part}`");
    }
    assert!(!page.contains("<script") && !page.contains("https://"), "the page is whole without scripts");
    let policy = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; ";
    assert!(page.contains(policy), "the page loads nothing from the network");
}

#[test]
fn a_validation_plays_live_traffic_and_trains() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let output = run(folder, &["--mode", "validation", "--duration", "8s"]);
    let (printed, errors) = (text(&output.stdout), text(&output.stderr));
    // So short a trace may hold less than a hundred decisions, which is for people to judge.
    assert_eq!(output.status.code(), Some(0), "{printed}{errors}");
    for part in
        ["libtorch: ok", "disk: ok", "ports: ok", "bundled configs: ok", "traffic of `quick_validation`"]
    {
        assert!(printed.contains(part), "it says `{part}`: {printed}");
    }
    let config = json(&folder.join("run/logs/quick_validation_config.json"));
    let scenario = &config["rl_training_scenarios"]["training_scenarios"]["quick_validation"];
    assert_eq!(
        (scenario["total_users"].as_u64(), scenario["max_concurrent_users"].as_u64()),
        (Some(10), Some(5))
    );
    let record = json(&folder.join("run/run.json"));
    assert_eq!(record["scenarios"][0]["engine"], "live");
    assert!(record["traces"][0]["experiences"].as_u64().is_some_and(|count| count > 0));
    policy(&folder.join("run/policy.safetensors"));
}

#[test]
fn a_scenario_that_fails_is_recorded_and_the_rest_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let limits = ["--scenario-timeout", "0.3s", "--duration", "10m"];
    let live =
        ["--mode", "custom", "--scenario", "quick_validation", "--traffic", "live", "--general", "scratch"];
    let output = run(folder, &[&live[..], &limits].concat());
    assert_eq!(
        output.status.code(),
        Some(5),
        "the exit code is that of what failed: {}",
        text(&output.stderr)
    );
    let execution = json(&stamped(folder, "rl_training_execution_results", "json"));
    let failed = &execution["results"][0];
    assert_eq!((failed["success"].as_bool(), failed["return_code"].as_u64()), (Some(false), Some(5)));
    assert!(failed["error"].as_str().is_some_and(|error| error.contains("--scenario-timeout")), "{failed}");
    assert_eq!(
        execution["total_scenarios"].as_u64(),
        execution["successful_scenarios"].as_u64().map(|count| count + 1),
        "the lists of the proof were played"
    );
    policy(&folder.join("run/policy.safetensors"));
    let summary = fs::read_to_string(stamped(folder, "rl_training_summary_report", "md")).expect("a summary");
    assert!(
        summary.contains("failed, return code 5") && summary.contains("check the failed scenarios"),
        "{summary}"
    );
}

/// Waits until the log of a run says something; a run that ends first is a failure.
fn await_log(child: &mut Child, log: &Path, part: &str) {
    loop {
        if fs::read_to_string(log).is_ok_and(|text| text.contains(part)) {
            return;
        }
        if let Some(status) = child.try_wait().expect("a child") {
            panic!("it ended with {status} before its log said `{part}`");
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn an_interrupted_run_keeps_what_is_complete_and_goes_on_later() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let scenario =
        ["--mode", "custom", "--scenario", "quick_validation", "--duration", "5s", "--general", "scratch"];
    // Far more steps than there is time for.
    let mut endless = Command::new(env!("CARGO_BIN_EXE_rl-train"));
    endless.args(scenario).args([
        "--lessons",
        "0",
        "--steps",
        "1000000000",
        "--generations",
        "0",
        "--out",
        "run",
    ]);
    let mut child = endless
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    await_log(&mut child, &folder.join("run/logs/rl_training_executor.log"), "training with seed 1 begins");
    let curve = folder.join("run/trainings/seed-1/training_curves.csv");
    await_log(&mut child, &curve, "\n65536,");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("it is there");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130), "{}", text(&output.stderr));

    let record = json(&folder.join("run/run.json"));
    assert_eq!(record["interrupted"], true);
    assert_eq!(record["traces"].as_array().map(Vec::len), Some(1), "the traces were complete");
    let execution = json(&stamped(folder, "rl_training_execution_results", "json"));
    assert_eq!(
        (execution["total_scenarios"].as_u64(), execution["successful_scenarios"].as_u64()),
        (Some(1), Some(1))
    );
    assert!(
        folder.join("run/trainings/seed-1/checkpoint.safetensors").exists(),
        "the training can be resumed"
    );
    assert!(fs::read_to_string(folder.join("run/report.md")).expect("a report").contains("**Interrupted**"));
}
