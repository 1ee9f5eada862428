//! The names of files are made from names that users write: no two of them share a file, and each can be read back.

mod common;

use common::{Bench, text};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Names that are equal in some alphabet, some case or some file system, or that no file can have.
const NAMES: [&str; 8] = ["Peak A", "peak-a", "пик", "пік", "..", "CON", "--out", "caf\u{e9}"];

/// Plays a scenario of each of these names, and returns the folder with all results.
fn played(names: &[&str], flags: &[&str]) -> Bench {
    let bench = Bench::new();
    let settings = json!({ "algorithms": ["random", "round-robin"], "warm_up_s": 0 });
    let mut config = common::config(2, 1.0, &settings);
    let scenario = config["scenarios"][0].clone();
    let named = |name: &&str| {
        let mut scenario = scenario.clone();
        scenario["name"] = (*name).into();
        scenario
    };
    config["scenarios"] = names.iter().map(named).collect::<Vec<Value>>().into();
    let config = bench.config("run.json", &config);
    let args = [&["--config", &config, "--engine", "sim", "--no-oracles", "--out", "out"], flags].concat();
    let output = bench.run(&args);
    assert!(output.status.success(), "{}", text(&output.stderr));
    bench
}

/// Returns the names of the files in a folder of the results that end in `ending`.
fn files(bench: &Bench, folder: &str, ending: &str) -> Vec<String> {
    let entries = std::fs::read_dir(bench.path("out").join(folder)).expect("a folder of results");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| name.ends_with(ending));
    names.sort();
    names
}

/// Returns the scenario that a file belongs to, by what the summary says about the names of files.
fn read_back<'a>(summary: &'a Value, file: &str) -> Option<&'a str> {
    let scenarios = summary["scenarios"].as_array().expect("scenarios");
    let mut of = scenarios.iter().filter(|scenario| {
        let beginning = format!("{}-", scenario["files"].as_str().expect("the beginning of the names"));
        file.starts_with(&beginning)
    });
    let found = of.next()?;
    assert!(of.next().is_none(), "{file} belongs to one scenario only");
    found["name"].as_str()
}

fn each_scenario_has_its_own_files(names: &[&str], flags: &[&str], kinds: &[(&str, &str)]) {
    let bench = played(names, flags);
    let summary = bench.json("out/summary.json");
    for (folder, ending) in kinds {
        let files = files(&bench, folder, ending);
        assert_eq!(
            files.len(),
            2 * names.len(),
            "{folder}/*{ending}: two algorithms in each scenario: {files:?}"
        );
        let folded: BTreeSet<String> = files.iter().map(|file| file.to_uppercase()).collect();
        assert_eq!(folded.len(), files.len(), "{folder}: they differ without their case, too: {files:?}");
        for name in names {
            let own = files.iter().filter(|file| read_back(&summary, file) == Some(*name)).count();
            assert_eq!(own, 2, "{folder}: the files of `{name}` are known by their names: {files:?}");
        }
    }
    for file in files(&bench, "trials", ".json") {
        let trial = bench.json(&format!("out/trials/{file}"));
        assert_eq!(trial["scenario"].as_str(), read_back(&summary, &file), "{file} says the same itself");
    }
    let plan = bench.json("out/run.json");
    let planned: Vec<&Value> =
        plan["plan"]["scenarios"].as_array().expect("scenarios").iter().map(|one| &one["files"]).collect();
    let summed_up: Vec<&Value> =
        summary["scenarios"].as_array().expect("scenarios").iter().map(|one| &one["files"]).collect();
    assert_eq!(planned, summed_up, "and so does the description of a run that was killed");
}

#[test]
fn scenarios_with_similar_names_have_their_own_files() {
    let kinds = [
        ("trials", "-0.json"),
        ("locust", "_stats.csv"),
        ("locust", "_stats_history.csv"),
        ("locust", "_failures.csv"),
        ("locust", "_exceptions.csv"),
        ("hlog", ".hlog"),
    ];
    each_scenario_has_its_own_files(&NAMES[..4], &[], &kinds);
    each_scenario_has_its_own_files(&NAMES, &[], &kinds);
}

#[test]
fn scenarios_with_similar_names_have_their_own_traces_and_requests() {
    let kinds = [
        ("trials", "-0.json"),
        ("trials", "-actions.csv"),
        ("trials", "-requests.parquet"),
        ("traces", ".parquet"),
    ];
    each_scenario_has_its_own_files(&NAMES, &["--traces", "--record-requests", "--record-actions"], &kinds);
}

#[test]
fn long_names_that_differ_at_their_end_have_their_own_files() {
    let long = "x".repeat(300);
    let names = [format!("{long} one"), format!("{long} two")];
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    each_scenario_has_its_own_files(&names, &[], &[("trials", "-0.json"), ("hlog", ".hlog")]);
}
