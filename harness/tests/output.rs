//! What only informs does not end a run: with a standard output, a standard error or a log that cannot be written, the
//! run goes on, keeps its results, and says by its exit code what was lost.

mod common;

use common::{Bench, start, text};
use serde_json::json;
use std::fs::File;
use std::process::{Command, Stdio};

/// Returns the arguments of a small simulated run.
fn small(bench: &Bench) -> Vec<String> {
    let settings = json!({ "algorithms": ["round-robin", "random"], "warm_up_s": 0, "repetitions": 2 });
    let config = bench.config("run.json", &common::config(4, 2.0, &settings));
    ["--config", &config, "--engine", "sim", "--no-oracles", "--out", "out"].map(str::to_owned).into()
}

fn command(bench: &Bench) -> Command {
    let args = small(bench);
    bench.command(&args.iter().map(String::as_str).collect::<Vec<_>>())
}

/// A device that is always full.
fn full() -> Stdio {
    File::options().write(true).open("/dev/full").expect("the device exists").into()
}

fn is_whole(bench: &Bench) {
    let summary = bench.json("out/summary.json");
    assert_eq!(summary["scenarios"][0]["trials"].as_array().map(Vec::len), Some(4), "every trial is there");
    assert!(bench.path("out/report.html").exists(), "and the report");
}

#[test]
fn a_run_goes_on_when_standard_error_is_closed_or_full() {
    let bench = Bench::new();
    let args = small(&bench);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let (mut child, mut lines) = start(&bench, &args);
    lines.next().expect("it says something");
    // As `bench 2>&1 | head -1` does.
    drop(lines);
    drop(child.stdout.take());
    assert_eq!(child.wait().expect("bench ends").code(), Some(0));
    is_whole(&bench);

    let bench = Bench::new();
    let output = command(&bench).stderr(full()).output().expect("bench can be started");
    assert_eq!(output.status.code(), Some(0));
    assert!(
        text(&output.stdout).contains("round-robin"),
        "the results are printed: {}",
        text(&output.stdout)
    );
    is_whole(&bench);
}

#[test]
fn a_live_run_goes_on_when_all_output_is_full() {
    let bench = Bench::new();
    let settings = json!({ "algorithms": ["random"], "warm_up_s": 0 });
    let config = bench.config("run.json", &common::config(2, 1.0, &settings));
    let args = ["--config", config.as_str(), "--no-oracles", "--out", "out"];
    let status = bench.command(&args).stdout(full()).stderr(full()).status().expect("bench can be started");
    assert_eq!(status.code(), Some(6), "the tables could not be printed");
    let summary = bench.json("out/summary.json");
    assert_eq!(summary["scenarios"][0]["trials"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_log_that_is_full_does_not_end_the_run_even_with_a_full_standard_error() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("out")).expect("a folder");
    std::os::unix::fs::symlink("/dev/full", bench.path("out/bench.log")).expect("a link");
    let status = command(&bench)
        .env("BENCH_LOG", "trace")
        .stdout(Stdio::null())
        .stderr(full())
        .status()
        .expect("bench can be started");
    assert_eq!(status.code(), Some(0));
    is_whole(&bench);
}

#[test]
fn tables_that_cannot_be_printed_are_not_a_success() {
    let bench = Bench::new();
    let output = command(&bench).stdout(full()).output().expect("bench can be started");
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(6), "{said}");
    assert!(said.contains("error: failed to write to standard output: No space left on device"), "{said}");
    is_whole(&bench);
    for args in [&["algorithms"][..], &["plan"], &["--help"], &["--version"], &["report", "out", "--verbose"]]
    {
        let status = bench.command(args).stdout(full()).stderr(Stdio::null()).status();
        assert_eq!(status.expect("bench can be started").code(), Some(6), "{args:?}");
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let bench = Bench::new();
    let mut child =
        command(&bench).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("bench can be started");
    // As `bench | head -0` does.
    drop(child.stdout.take());
    assert_eq!(child.wait().expect("bench ends").code(), Some(0));
    is_whole(&bench);
}

#[test]
fn an_error_keeps_its_own_exit_code() {
    let bench = Bench::new();
    let status = bench.command(&["--config", "nowhere"]).stdout(full()).stderr(full()).status();
    assert_eq!(
        status.expect("bench can be started").code(),
        Some(2),
        "the config is wrong, whatever is printed"
    );
}
