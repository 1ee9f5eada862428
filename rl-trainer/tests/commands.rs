//! The command line as users meet it: `train`, `eval`, `export`, and how the executor refuses.

use lb_core::policy::PolicyFile;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const DEFAULT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../configs/policies/default.safetensors");

fn rl_train(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rl-train"));
    command.args(args).current_dir(folder).stdin(Stdio::null()).output().expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs `rl-train` and expects it to refuse: exit code, and every part in its message.
fn refused(folder: &Path, args: &[&str], code: i32, parts: &[&str]) {
    let output = rl_train(folder, args);
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {message}");
    for part in parts {
        assert!(message.contains(part), "{args:?}: the message holds `{part}`: {message}");
    }
    assert!(!message.contains("panicked"), "{args:?}: {message}");
}

#[test]
fn mistakes_on_the_command_line_are_refused_with_the_way_out() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("note.txt"), "no policy").expect("a file");
    let cases: [(&[&str], &[&str]); 29] = [
        (&["--seed", "3"], &["--mode", "validation", "comprehensive", "custom"]),
        (&["--mode", "quick"], &["quick", "validation", "comprehensive", "custom"]),
        (&["--mode", "custom"], &["--mode custom", "--scenario", "--traces DIR"]),
        (&["--mode", "comprehensive", "--traces", "old"], &["--traces old", "--mode custom"]),
        (
            &["--mode", "validation", "--objective", "p95"],
            &["`p95` is not an objective", "`p99`, `mean`, `blend`", "`slo:200ms`"],
        ),
        (&["--mode", "validation", "--objective", "slo:soon"], &["`soon` is not a duration", "`30s`"]),
        (&["--mode", "validation", "--objective", "slo"], &["`slo` needs a limit of latency", "`slo:200ms`"]),
        (&["--mode", "validation", "--live-check", "soon"], &["`soon`", "30s"]),
        (
            &["--mode", "custom", "--traces", "x", "--general", "nowhere"],
            &["--general nowhere", "policy file, a checkpoint"],
        ),
        (
            &["export", DEFAULT, "--out", "p.safetensors", "--profile", "nowhere.json"],
            &["--profile nowhere.json", "rl-train calibrate --profile FILE"],
        ),
        (
            &["export", DEFAULT, "--out", "p.safetensors", "--profile", "note.txt"],
            &["--profile note.txt", "not readable", "rl-train calibrate --profile FILE"],
        ),
        (&["--mode", "custom", "--traces", "x", "--pool-of"], &["--pool-of <BACKEND>"]),
        (&["--mode", "validation", "--scenario", "x"], &["--scenario x", "--mode custom"]),
        (
            &["--mode", "custom", "--scenario", "flash"],
            &["--scenario flash", "flash_sale_simulation", "mixed_load_chaos"],
        ),
        (
            &["--mode", "custom", "--scenario", "flash", "--config", "quick_test_config"],
            &["--scenario flash", "`quick_test_config`", "quick_validation"],
        ),
        (
            &["--mode", "custom", "--scenario", "x", "--config", "no.json"],
            &["no.json", "stress_test_rl_config.json"],
        ),
        (&["--mode", "validation", "--recovery", "soon"], &["`soon`", "30s"]),
        (&["--mode", "validation", "--duration", "30"], &["`30` has no unit", "`30s`", "`30m`"]),
        (&["--mode", "validation", "--duration", "0s"], &["`0s` is too short"]),
        (&["--mode", "validation", "--cases", "1e3"], &["`1e3`", "`1000`"]),
        (&["--mode", "validation", "--seeds", "0"], &["`0` is too low; use 1 or more"]),
        (&["--mode", "validation", "--seed", "99999999"], &["--seed 99999999", "1048576"]),
        (
            &["train", "--lessons", "0", "--steps", "0", "--generations", "0"],
            &["--lessons 0 --steps 0 --generations 0", "leave one to the budget"],
        ),
        (&["train", "--resume"], &["--out"]),
        (&["train", "--resume", "--out", "empty"], &["--resume", "`empty`", "checkpoint.safetensors"]),
        (&["eval", "nowhere.safetensors"], &["nowhere.safetensors", "policy file", "checkpoint"]),
        (&["eval", "note.txt"], &["note.txt", "safetensors", "export"]),
        (&["eval", DEFAULT, "--requests", "5"], &["`5` is too low; use 100 or more"]),
        (
            &["export", ".", "--out", "p.safetensors"],
            &["`.`", "policy.safetensors", "checkpoint.safetensors"],
        ),
    ];
    for (args, parts) in cases {
        refused(folder.path(), args, 2, parts);
    }
    let left = fs::read_dir(folder.path()).expect("the folder").count();
    assert_eq!(left, 1, "nothing is written before the arguments stand");
}

#[test]
fn a_gpu_that_is_not_there_is_missed_before_anything_is_trained() {
    if tch::Cuda::is_available() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    refused(
        folder.path(),
        &["train", "--device", "cuda", "--out", "x"],
        3,
        &["--device cuda", "cargo xtask libtorch --cuda"],
    );
}

#[test]
fn places_that_cannot_be_written_are_named_with_the_way_out() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("file"), "in the way").expect("a file");
    refused(
        folder.path(),
        &["export", DEFAULT, "--out", "file/p.safetensors"],
        3,
        &["file/p.safetensors", "another path"],
    );
    let quick = ["--mode", "validation", "--traffic", "sim", "--out", "file"];
    refused(folder.path(), &quick, 3, &["file", "--out"]);
}

#[test]
fn an_exported_policy_is_the_policy() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = rl_train(folder.path(), &["export", DEFAULT, "--out", "sub/p.safetensors"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let read =
        |path: &Path| PolicyFile::from_bytes(&fs::read(path).expect("a file")).expect("a sound policy");
    let (from, to) = (read(Path::new(DEFAULT)), read(&folder.path().join("sub/p.safetensors")));
    assert_eq!(from.network, to.network, "bit for bit");
    assert_eq!((from.sha256.as_str(), from.train, from.eval), (to.sha256.as_str(), to.train, to.eval));
    assert!(text(&output.stdout).contains(&to.sha256[..12]), "it says which: {}", text(&output.stdout));
}

#[test]
fn a_profile_is_put_into_a_policy_if_it_is_sound() {
    let folder = tempfile::tempdir().expect("a folder");
    let sound = r#"{
        "format_version": "1.0.0",
        "service_ms": {"value": 10.0, "log_error": 0.1},
        "backends": [{"id": "b1", "speed": {"value": 1.0, "log_error": 0.1}, "workers": 4, "workers_known": true,
            "discipline": "fcfs"}]
    }"#;
    let write = |text: &str| fs::write(folder.path().join("profile.json"), text).expect("a file");
    let export = ["export", DEFAULT, "--out", "p.safetensors", "--profile", "profile.json"];
    write(sound);
    let output = rl_train(folder.path(), &export);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("the profile of a pool of 1"), "{}", text(&output.stdout));
    let bytes = fs::read(folder.path().join("p.safetensors")).expect("a file");
    let policy = PolicyFile::from_bytes(&bytes).expect("a sound policy");
    let profile = policy.profile.expect("it is inside");
    assert_eq!(profile.of("b1").map(|backend| backend.workers), Some(4));
    for (from, to, part) in [
        (
            r#""value": 1.0"#,
            r#""value": -1.0"#,
            "`backends[0].speed.value` is -1; use a finite number above 0",
        ),
        (r#""1.0.0""#, r#""2.0.0""#, "format version `2.0.0`"),
        (r#""workers": 4"#, r#""threads": 4"#, "unknown field `threads`"),
    ] {
        write(&sound.replace(from, to));
        refused(folder.path(), &export, 2, &["--profile profile.json", part]);
    }
}

#[test]
fn eval_prints_tables_and_writes_every_figure() {
    let folder = tempfile::tempdir().expect("a folder");
    let args = [
        "eval",
        DEFAULT,
        DEFAULT,
        "--lucks",
        "2",
        "--requests",
        "300",
        "--cases",
        "2",
        "--json",
        "eval.json",
    ];
    let output = rl_train(folder.path(), &args);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let printed = text(&output.stdout);
    assert!(!printed.to_lowercase().contains("goal"), "nothing is judged unless asked for: {printed}");
    for part in
        ["List \"situations\"", "List \"test\"", "situation-a", "oracle-fpi", "list SHA-256", "minimum share"]
    {
        assert!(printed.to_lowercase().contains(&part.to_lowercase()), "the output has `{part}`: {printed}");
    }
    let document: Value =
        serde_json::from_slice(&fs::read(folder.path().join("eval.json")).expect("the file")).expect("JSON");
    let lists: Vec<&str> = document["evaluations"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|evaluation| evaluation["list"].as_str().expect("a name"))
        .collect();
    assert_eq!(lists, ["situations", "sized", "reports", "routes", "test", "sized-test"]);
    assert_eq!(document["goals"], serde_json::json!([]), "nothing is judged unless asked for");
    let case = &document["evaluations"][4]["cases"][0];
    assert_eq!(case["name"], "test-0");
    assert_eq!(case["figures"][0].as_array().map(Vec::len), Some(2), "by contestant, then by luck");
}

#[test]
fn eval_judges_by_the_goals_that_it_is_given() {
    let folder = tempfile::tempdir().expect("a folder");
    let goals = concat!(env!("CARGO_MANIFEST_DIR"), "/../configs/learner-goals.json");
    let args = [
        "eval",
        DEFAULT,
        "--lucks",
        "1",
        "--requests",
        "300",
        "--cases",
        "1",
        "--situations",
        "--goals",
        goals,
    ];
    let output = rl_train(folder.path(), &args);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let printed = text(&output.stdout);
    assert!(printed.contains("Target"), "targets stand beside what was measured: {printed}");
    assert!(printed.contains("no goal is judged"), "one case with one luck proves nothing: {printed}");
    refused(
        folder.path(),
        &["eval", DEFAULT, "--goals", "missing.json"],
        2,
        &["--goals missing.json", "failed to read the file", "configs/learner-goals.json"],
    );
    fs::write(folder.path().join("bad.json"), r#"{"held_out": {"worst_mean": 0}}"#)
        .expect("the file is written");
    refused(
        folder.path(),
        &["--mode", "validation", "--goals", "bad.json"],
        2,
        &["--goals bad.json", "held_out.worst_mean = 0", "use a number above 0"],
    );
}

#[test]
fn a_training_resumes_only_on_purpose_and_to_the_same_policy() {
    let folder = tempfile::tempdir().expect("a folder");
    let tiny = ["train", "--lessons", "0", "--steps", "1", "--generations", "0", "--seed", "5", "--out", "t"];
    let output = rl_train(folder.path(), &tiny);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("validation ratio to "), "{}", text(&output.stdout));
    let names = ["policy.safetensors", "checkpoint.safetensors", "training_curves.csv", "tensorboard/seed-5"];
    for name in names {
        assert!(folder.path().join("t").join(name).exists(), "{name} is there");
    }
    refused(folder.path(), &tiny, 2, &["--out t", "--resume", "another folder"]);
    let other = [
        "train",
        "--lessons",
        "0",
        "--steps",
        "1",
        "--generations",
        "0",
        "--seed",
        "6",
        "--out",
        "t",
        "--resume",
    ];
    refused(folder.path(), &other, 2, &["seed 5", "seed 6"]);

    let hash = |path: &str| {
        let bytes = fs::read(folder.path().join(path)).expect("a file");
        PolicyFile::from_bytes(&bytes).expect("a sound policy").sha256
    };
    let trained = hash("t/policy.safetensors");
    let again = rl_train(folder.path(), &[&tiny[..], &["--resume"]].concat());
    assert_eq!(again.status.code(), Some(0), "{}", text(&again.stderr));
    assert_eq!(hash("t/policy.safetensors"), trained, "what is over is not trained again");

    for from in ["t", "t/checkpoint.safetensors"] {
        let output = rl_train(folder.path(), &["export", from, "--out", "out.safetensors"]);
        assert_eq!(output.status.code(), Some(0), "{from}: {}", text(&output.stderr));
        assert_eq!(hash("out.safetensors"), trained, "{from}: the best network so far");
    }
}

#[test]
fn output_that_cannot_be_printed_is_an_exit_code_and_not_a_panic() {
    let folder = tempfile::tempdir().expect("a folder");
    let full = || fs::File::options().write(true).open("/dev/full").expect("the device exists");
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rl-train"));
        command.args(args).current_dir(folder.path()).stdin(Stdio::null()).stdout(full()).stderr(full());
        command.status().expect("the binary runs").code()
    };
    assert_eq!(run(&["--help"]), Some(6), "help that nobody can read");
    assert_eq!(run(&["export", DEFAULT, "--out", "policy.safetensors"]), Some(6));
    assert!(folder.path().join("policy.safetensors").exists(), "what was to be written is written");
    assert_eq!(run(&["inspect", "nowhere"]), Some(2), "an error keeps its exit code");
}

#[test]
fn pipes_and_devices_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    for args in [
        &["eval", "/dev/zero"][..],
        &["eval", DEFAULT, "--goals", "/dev/zero"],
        &["export", "/dev/zero", "--out", "policy.safetensors"],
        &["inspect", "/dev/zero"],
        &["calibrate", "/dev/zero", "--out", "topology.json"],
    ] {
        refused(folder.path(), args, 2, &["/dev/zero", "not a regular file"]);
    }
}
