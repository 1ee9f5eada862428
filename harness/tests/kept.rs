//! Measurements are kept: runs are never mixed, an interrupted run can be resumed or summarised, and a failed
//! scenario does not affect the others.

mod common;

use common::{Bench, signal, start, text};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Returns the arguments of a deterministic simulated run: three blocks with two algorithms, six trials.
fn simulated(bench: &Bench) -> Vec<String> {
    let settings =
        json!({ "algorithms": ["round-robin", "random"], "warm_up_s": 0, "repetitions": 3, "seed": 5 });
    let config = bench.config("run.json", &common::config(8, 4.0, &settings));
    ["--config", &config, "--engine", "sim", "--no-oracles", "--quiet"].map(str::to_owned).into()
}

fn run(bench: &Bench, args: &[String], more: &[&str]) -> (Option<i32>, String) {
    let args: Vec<&str> = args.iter().map(String::as_str).chain(more.iter().copied()).collect();
    let output = bench.run(&args);
    (output.status.code(), text(&output.stderr))
}

/// Returns the records of the trials of a run, in order of their names.
fn records(bench: &Bench) -> Vec<PathBuf> {
    let files = std::fs::read_dir(bench.path("out/records")).expect("the folder of records");
    let mut files: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
    files.sort();
    files
}

/// Turns the folder of a complete run into that of a run that was killed in its last block.
fn cut_off(bench: &Bench) {
    std::fs::remove_file(bench.path("out/summary.json")).expect("a summary");
    std::fs::remove_file(bench.path("out/report.html")).expect("a report");
    let last: Vec<PathBuf> =
        records(bench).into_iter().filter(|file| name(file).contains("-2.json")).collect();
    assert_eq!(last.len(), 2, "one trial for each algorithm in the last block");
    for file in last {
        std::fs::remove_file(file).expect("a record");
    }
    // An interrupted write leaves this file.
    std::fs::write(bench.path("out/records/.partial-x"), "{").expect("a file");
}

fn name(file: &Path) -> String {
    file.file_name().expect("a name").to_string_lossy().into_owned()
}

/// Returns the measurements of a run, without its start time and duration.
fn measured(summary: &Value) -> Value {
    let mut scenarios = summary["scenarios"].clone();
    for scenario in scenarios.as_array_mut().expect("scenarios") {
        for trial in scenario["trials"].as_array_mut().expect("trials") {
            trial["started_at"] = Value::Null;
        }
        for algorithm in scenario["algorithms"].as_array_mut().expect("algorithms") {
            algorithm["processes"] = Value::Null;
        }
    }
    scenarios
}

#[test]
fn the_folder_of_a_run_takes_no_other() {
    let bench = Bench::new();
    let args = simulated(&bench);
    assert_eq!(run(&bench, &args, &["--out", "out"]).0, Some(0));
    let before = std::fs::read(bench.path("out/summary.json")).expect("a summary");
    let (code, said) = run(&bench, &args, &["--out", "out", "--seed", "6"]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("`out` already holds a run") && said.contains("--resume out"), "{said}");
    assert_eq!(std::fs::read(bench.path("out/summary.json")).expect("a summary"), before, "nothing changed");
}

#[test]
fn two_runs_at_once_do_not_share_a_folder() {
    let bench = Bench::new();
    let settings = json!({ "algorithms": ["random"], "warm_up_s": 0 });
    let config = bench.config("long.json", &common::config(2, 600.0, &settings));
    let (mut child, mut lines) = start(&bench, &["--config", &config, "--out", "out"]);
    lines.find(|line| line.starts_with("results: ")).expect("it runs");
    let (code, said) = run(&bench, &simulated(&bench), &["--out", "out"]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("another run is writing into `out`"), "{said}");
    let (code, said) = run(&bench, &simulated(&bench), &["--resume", "out"]);
    assert_eq!(code, Some(3), "it cannot be resumed either: {said}");
    signal(&child, rustix::process::Signal::INT);
    lines.for_each(drop);
    assert_eq!(child.wait().expect("bench ends").code(), Some(130));
}

#[test]
fn a_run_that_was_cut_off_goes_on_to_the_same_end() {
    let bench = Bench::new();
    let args = simulated(&bench);
    assert_eq!(run(&bench, &args, &["--out", "out"]).0, Some(0));
    let whole = bench.json("out/summary.json");
    cut_off(&bench);
    let (code, said) = run(&bench, &args, &["--resume", "out"]);
    assert_eq!(code, Some(0), "{said}");
    let resumed = bench.json("out/summary.json");
    assert_eq!(measured(&resumed), measured(&whole), "as if it had never been cut off");
    assert_eq!(resumed["run_id"], whole["run_id"], "it is the same run");
    assert_eq!(resumed["started_at"], whole["started_at"]);
    let notes = resumed["notes"].to_string();
    assert!(notes.contains("resumed: 4 complete trials on disk are kept"), "{notes}");
    assert!(bench.path("out/report.html").exists());
}

#[test]
fn another_run_is_not_resumed_and_the_first_difference_is_named() {
    let bench = Bench::new();
    let args = simulated(&bench);
    assert_eq!(run(&bench, &args, &["--out", "out"]).0, Some(0));
    for (flags, difference) in [
        (&["--seed", "6"][..], "`seed` was 5 and is 6"),
        (&["--users", "4"], "was 8 and is 4"),
        (&["--repetitions", "4"], "`plan.repetitions` was 3 and is 4"),
    ] {
        let (code, said) = run(&bench, &args, &[&["--resume", "out"], flags].concat());
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(difference) && said.contains("--out"), "{difference}: {said}");
    }
    assert!(bench.path("out/summary.json").exists(), "nothing changed");
    let (code, said) = run(&bench, &args, &["--resume", "nowhere"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("`nowhere` holds no run") && !bench.path("nowhere").exists(), "{said}");
}

#[test]
fn a_run_that_was_killed_is_summed_up_from_its_trials() {
    let bench = Bench::new();
    let args = simulated(&bench);
    assert_eq!(run(&bench, &args, &["--out", "out"]).0, Some(0));
    let whole = bench.json("out/summary.json");

    std::fs::remove_file(bench.path("out/summary.json")).expect("a summary");
    let output = bench.run(&["report", "out", "--report", "html"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let summed_up = bench.json("out/summary.json");
    assert_eq!(measured(&summed_up), measured(&whole), "all trials are there");
    assert_eq!(summed_up["interrupted"], false, "nothing is missing");

    cut_off(&bench);
    let output = bench.run(&["report", "out", "--report", "html"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("4 complete trials are summarised"), "{}", text(&output.stderr));
    let partial = bench.json("out/summary.json");
    assert_eq!(partial["interrupted"], true, "trials are missing");
    assert_eq!(partial["scenarios"][0]["trials"].as_array().map(Vec::len), Some(4));
    let whole_trials = whole["scenarios"][0]["trials"].as_array().expect("trials");
    for trial in partial["scenarios"][0]["trials"].as_array().expect("trials") {
        assert!(whole_trials.contains(trial), "a trial is what it was: {trial}");
    }
    assert!(bench.path("out/report.html").exists());
}

#[test]
fn a_live_run_that_is_killed_can_be_summed_up() {
    let bench = Bench::new();
    let settings =
        json!({ "algorithms": ["random", "p2c"], "warm_up_s": 0, "cool_down_s": 0, "repetitions": 50 });
    let config = bench.config("long.json", &common::config(4, 1.0, &settings));
    let (mut child, mut lines) = start(&bench, &["--config", &config, "--out", "out"]);
    // The trial before the one in this line is on disk.
    lines.find(|line| line.contains("(block 2)")).expect("trials are completed");
    child.kill().expect("bench can be killed");
    child.wait().expect("bench ends");
    let output = bench.run(&["report", "out", "--report", "html"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let summary = bench.json("out/summary.json");
    assert_eq!(summary["interrupted"], true);
    let labels: Vec<&str> = summary["scenarios"][0]["algorithms"]
        .as_array()
        .expect("algorithms")
        .iter()
        .filter_map(|one| one["name"].as_str())
        .collect();
    assert_eq!(labels, ["random", "p2c"], "the first block is complete");
}

#[test]
fn the_end_of_a_terminal_ends_a_run_in_order() {
    let bench = Bench::new();
    let settings = json!({ "algorithms": ["random"], "warm_up_s": 0, "cool_down_s": 0, "repetitions": 500 });
    let config = bench.config("long.json", &common::config(4, 1.0, &settings));
    let (mut child, mut lines) = start(&bench, &["--config", &config, "--out", "out"]);
    lines.find(|line| line.contains("(block 1)")).expect("a trial is completed");
    // A closed terminal no longer reads the lines.
    drop(lines);
    drop(child.stdout.take());
    signal(&child, rustix::process::Signal::HUP);
    assert_eq!(child.wait().expect("bench ends").code(), Some(130));
    let summary = bench.json("out/summary.json");
    assert_eq!(summary["interrupted"], true);
    assert!(bench.path("out/report.html").exists(), "the report is written");
}

#[test]
fn a_request_to_terminate_ends_a_run_in_order() {
    let bench = Bench::new();
    let settings = json!({ "algorithms": ["random", "p2c"], "warm_up_s": 0, "repetitions": 50 });
    let config = bench.config("long.json", &common::config(4, 1.0, &settings));
    let (mut child, mut lines) = start(&bench, &["--config", &config, "--out", "out"]);
    lines.find(|line| line.contains("(block 1)")).expect("a trial is completed");
    signal(&child, rustix::process::Signal::TERM);
    lines.for_each(drop);
    assert_eq!(child.wait().expect("bench ends").code(), Some(130));
    let summary = bench.json("out/summary.json");
    assert_eq!(summary["interrupted"], true);
    assert!(
        !summary["scenarios"][0]["trials"].as_array().expect("trials").is_empty(),
        "what is complete is kept"
    );
    assert!(bench.path("out/report.html").exists(), "the report is written");
}

/// Runs `bench` so that no file may become larger than `blocks` blocks of 512 bytes. This is how a test fills a disk:
/// the write fails in the same way, and the error differs only in its number.
fn on_a_small_disk(bench: &Bench, blocks: u32, args: &[&str]) -> (Option<i32>, String) {
    let output = std::process::Command::new("sh")
        .args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks} && exec \"$0\" \"$@\"")])
        .arg(env!("CARGO_BIN_EXE_bench"))
        .args(args)
        .current_dir(bench.dir.path())
        .env_remove("GITHUB_STEP_SUMMARY")
        .output()
        .expect("a shell");
    (output.status.code(), text(&output.stderr))
}

#[test]
fn a_disk_that_is_full_while_recording_is_reported_and_earlier_results_are_kept() {
    let bench = Bench::new();
    let settings = json!({ "algorithms": ["random"], "warm_up_s": 0 });
    let mut config = common::config(2, 1.0, &settings);
    let mut large = config["scenarios"][0].clone();
    large["name"] = "large".into();
    large["concurrent_users"] = 400.into();
    large["duration_minutes"] = 20.into();
    config["scenarios"].as_array_mut().expect("scenarios").push(large);
    let config = bench.config("two.json", &config);
    for (out, record) in [("requests", "--record-requests"), ("traces", "--traces")] {
        let args = ["--config", &config, "--engine", "sim", "--no-oracles", "--out", out, record];
        let (code, said) = on_a_small_disk(&bench, 1_000, &args);
        assert_eq!(code, Some(3), "{out}: {said}");
        assert!(said.contains(".parquet`") && said.contains("File too large"), "{out}: {said}");
        let summary = bench.json(&format!("{out}/summary.json"));
        let trials = |number: usize| summary["scenarios"][number]["trials"].as_array().map_or(0, Vec::len);
        assert_eq!((trials(0), trials(1)), (1, 0), "{out}: what was complete before is kept");
        assert!(bench.path(&format!("{out}/report.html")).exists(), "{out}: and reported");
        let left = std::fs::read_dir(bench.path(&format!("{out}/trials"))).expect("the folder of trials");
        let partial =
            left.filter_map(Result::ok).filter(|file| name(&file.path()).starts_with(".partial-")).count();
        assert_eq!(partial, 0, "{out}: no half file is left");
    }
}

#[test]
fn a_scenario_that_fails_does_not_end_the_run() {
    let bench = Bench::new();
    let settings = json!({ "algorithms": ["random"], "warm_up_s": 0 });
    let mut config = common::config(4, 2.0, &settings);
    let mut other = config["scenarios"][0].clone();
    other["name"] = "other".into();
    config["scenarios"].as_array_mut().expect("scenarios").push(other);
    let config = bench.config("two.json", &config);
    let args = ["--config", &config, "--engine", "sim", "--no-oracles"].map(str::to_owned);
    assert_eq!(run(&bench, &args, &["--out", "out"]).0, Some(0));

    // A trial from another scenario makes the first scenario fail; the second must still run.
    let [first, second] = records(&bench).try_into().expect("one trial for each scenario");
    let mut record = common::read_json(&first);
    record["schedule_sha256"] = "0000".into();
    std::fs::write(&first, record.to_string()).expect("a record can be written");
    std::fs::remove_file(&second).expect("a record");
    let (code, said) = run(&bench, &args, &["--resume", "out"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("1 of 2 scenarios failed: \"test\": "), "{said}");
    let summary = bench.json("out/summary.json");
    assert_eq!(summary["scenarios"][1]["algorithms"][0]["name"], "random", "the second scenario ran");
    assert!(summary["notes"].to_string().contains("scenario \\\"test\\\" failed"), "{}", summary["notes"]);
    assert!(bench.path("out/report.html").exists(), "and a report is written");
}

#[test]
fn the_place_of_the_report_is_printed_when_too_few_trials_are_valid() {
    let bench = Bench::new();
    let settings = json!({ "algorithms": ["random"], "warm_up_s": 0, "max_in_flight": 1,
        "arrivals": { "process": "constant", "rate": 200 } });
    let config = bench.config("dropped.json", &common::config(4, 2.0, &settings));
    // Started differently from other tests, since this one is about invalid trials.
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_bench"))
        .args(["--config", &config, "--engine", "sim", "--no-oracles", "--out", "out"])
        .current_dir(bench.dir.path())
        .env_remove("GITHUB_STEP_SUMMARY")
        .output()
        .expect("bench can be started");
    let (printed, said) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(printed.contains("report: out/report.html"), "{printed}");
    assert!(printed.contains("no valid trial"), "the algorithm keeps its row: {printed}");
    assert_eq!(
        said.matches("found too many sessions in flight").count(),
        3,
        "twice for trials, once at the end: {said}"
    );
}
