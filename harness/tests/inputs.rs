//! Files that users name are read within bounds: what is no file, too long or too large is refused with an error.
//!
//! Each process may use 200 MB of memory; one that needs more is aborted, which the exit code shows.

mod common;

use common::{Bench, text};
use serde_json::{Value, json};
use std::process::Command;

/// The most memory of a process for its data, in KiB (`ulimit -d`).
const MEMORY_KIB: u32 = 200 * 1024;

/// Runs `bench` with bounded memory, and returns what it says. It must refuse its input.
fn refused(bench: &Bench, args: &[&str]) -> String {
    let output = Command::new("sh")
        .args(["-c", &format!("ulimit -d {MEMORY_KIB} && exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_bench")])
        .args(args)
        .current_dir(bench.dir.path())
        .output()
        .expect("a shell");
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
    said
}

/// Returns a config with as many scenarios and algorithms.
fn config(scenarios: usize, algorithms: usize) -> Value {
    let names: Vec<String> = (0..algorithms).map(|number| format!("algorithm-{number}")).collect();
    let mut config = common::config(1, 1.0, &json!({ "algorithms": names }));
    let scenario = config["scenarios"][0].clone();
    config["scenarios"] = vec![scenario; scenarios].into();
    config
}

#[test]
fn configs_with_too_many_entries_are_refused() {
    let bench = Bench::new();
    let path = bench.config("algorithms.json", &config(1, 100_000));
    let said = refused(&bench, &["plan", "--config", &path]);
    assert!(said.contains("bench.algorithms: has 100000 entries; at most 1000 are allowed"), "{said}");
    let path = bench.config("scenarios.json", &config(2_000, 1));
    let said = refused(&bench, &["plan", "--config", &path]);
    assert!(said.contains("scenarios: has 2000 entries; at most 1000 are allowed"), "{said}");
    let path = bench.config("more.json", &config(200_000, 1));
    let said = refused(&bench, &["plan", "--config", &path]);
    assert!(
        said.contains("JSON values; the limit is 200000") || said.contains("it is longer than"),
        "{said}"
    );
    // Faults are listed up to a number that can be read.
    let path = bench.config("faults.json", &config(1, 1_000));
    let said = refused(&bench, &["plan", "--config", &path]);
    assert!(said.contains("has 1000 faults") && said.contains("and 900 more"), "{said}");
}

#[test]
fn pipes_and_devices_are_refused_wherever_a_file_is_named() {
    let bench = Bench::new();
    let pipe = bench.path("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).expect("a pipe can be made");
    let pipe = pipe.to_string_lossy().into_owned();
    let good = bench.config("good.json", &common::config(1, 1.0, &json!({})));
    let other = |key: &str, value: &str| {
        let name = format!("{key}.json");
        bench.config(&name, &common::config(1, 1.0, &json!({ key: value })))
    };
    for file in [pipe.as_str(), "/dev/zero"] {
        let with = |args: &[&str]| -> Vec<String> { args.iter().map(|arg| (*arg).to_owned()).collect() };
        let commands = [
            with(&["plan", "--config", file]),
            with(&["plan", "--config", &good, "--topology", file]),
            with(&["plan", "--config", &good, "--policy", file]),
            with(&["plan", "--config", &good, "--replay", file]),
            with(&["plan", "--config", &other("journey", file)]),
            with(&["plan", "--config", &other("topology", file)]),
            with(&["analyze", file]),
            with(&["report", file]),
            with(&["compare", file, file]),
            with(&["replay-events", file]),
            with(&["__load-balancer", "--config", file]),
            with(&["__mock-backends", "--topology", file]),
            with(&["__mock-backends", "--catalogue", file]),
            with(&["__mock-backends", "--api", file]),
        ];
        for command in commands {
            let said = refused(&bench, &command.iter().map(String::as_str).collect::<Vec<_>>());
            assert!(said.contains("not a regular file"), "{command:?}: {said}");
        }
    }
}

#[test]
fn files_beyond_the_limit_are_refused_without_being_read() {
    let bench = Bench::new();
    let path = bench.path("long");
    // The file has a length but takes no space.
    let file = std::fs::File::create(&path).expect("a file");
    file.set_len(1 << 40).expect("a sparse file");
    let path = path.to_string_lossy().into_owned();
    let good = bench.config("good.json", &common::config(1, 1.0, &json!({})));
    for command in [
        &["plan", "--config", &path][..],
        &["plan", "--config", &good, "--topology", &path],
        &["analyze", &path],
        &["__load-balancer", "--config", &path],
    ] {
        let said = refused(&bench, command);
        assert!(said.contains("the most that is read"), "{command:?}: {said}");
    }
    // Recordings may have any length; this one is refused for its beginning.
    let said = refused(&bench, &["plan", "--config", &good, "--replay", &path]);
    assert!(said.contains("is not in a known format"), "{said}");
}

#[test]
fn results_with_too_many_values_are_refused() {
    let bench = Bench::new();
    std::fs::write(bench.path("many.json"), format!("[{}0]", "0,".repeat(2_000_000))).expect("a file");
    let said = refused(&bench, &["analyze", "many.json"]);
    assert!(said.contains("JSON values; the limit is 1000000"), "{said}");
    let header = "Type,Name,Request Count,Failure Count\n";
    std::fs::write(bench.path("many_stats.csv"), format!("{header}{}", "G,a,1,0\n".repeat(300_000)))
        .expect("a file");
    let said = refused(&bench, &["analyze", "many_stats.csv"]);
    assert!(said.contains("there are more than 200000 rows"), "{said}");
}

#[test]
fn a_mock_api_with_faults_is_refused_before_anything_starts() {
    let bench = Bench::new();
    let api = json!({
        "name": "hello",
        "routes": [{ "path": "hello", "reply": { "json": "{{ bdy.name }}" } }, { "path": "/", "replly": {} }],
    });
    let api = bench.config("api.json", &api);
    let config = bench.config("config.json", &common::config(1, 1.0, &json!({ "mock_api": api })));
    for command in [&["plan", "--config", &config][..], &["--config", &config, "--out", "out"]] {
        let said = refused(&bench, command);
        for part in [
            "api.json` has 3 faults",
            "routes[1].replly: unknown key (did you mean `reply`?)",
            "routes[0].path = \"hello\": must begin with `/`",
            "names the unknown variable `bdy` (did you mean `body`?)",
        ] {
            assert!(said.contains(part), "{command:?}: `{part}` is missing: {said}");
        }
        assert!(!bench.path("out").exists(), "nothing was written");
    }
}
