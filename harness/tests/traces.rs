//! Traces as users get them: one file per trial, live and simulated, with what the results say of them.

mod common;

use common::{Bench, algorithm, number, text};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use parquet::schema::parser::parse_message_type;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;

/// What the tests look at in a row.
#[derive(Debug)]
struct Decision {
    run_id: String,
    policy_id: String,
    lb_id: u16,
    explore: bool,
    route_class: String,
    censored: bool,
    error_kind: Option<String>,
}

fn decisions(path: &Path) -> Vec<Decision> {
    const COLUMNS: &str = "message decisions {
        required binary run_id (STRING);
        required binary policy_id (STRING);
        required int32 lb_id (INTEGER(16, false));
        required boolean explore;
        required binary route_class (STRING);
        optional binary error_kind (STRING);
        required boolean censored;
    }";
    let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let reader = SerializedFileReader::new(file).expect("it is Parquet");
    let columns = parse_message_type(COLUMNS).expect("a schema");
    let rows = reader.get_row_iter(Some(columns)).expect("rows").map(|row| row.expect("a row"));
    rows.map(|row| {
        let fields: Vec<&Field> = row.get_column_iter().map(|(_, field)| field).collect();
        let string = |field: &Field| match field {
            Field::Str(text) => Some(text.clone()),
            _ => None,
        };
        let word = |place: usize| string(fields[place]).expect("a text");
        let Field::UShort(lb_id) = fields[2] else { panic!("a number: {row}") };
        Decision {
            run_id: word(0),
            policy_id: word(1),
            lb_id: *lb_id,
            explore: *fields[3] == Field::Bool(true),
            route_class: word(4),
            error_kind: string(fields[5]),
            censored: *fields[6] == Field::Bool(true),
        }
    })
    .collect()
}

/// The traces of a run, by label, as its summary lists them.
fn traces(summary: &Value) -> Vec<(String, Value)> {
    let trials = summary["scenarios"][0]["trials"].as_array().expect("trials");
    let label = |trial: &Value| trial["label"].as_str().expect("a label").to_owned();
    trials.iter().map(|trial| (label(trial), trial["trace"].clone())).collect()
}

#[test]
fn every_decision_of_every_trial_is_written_live_and_simulated() {
    let bench = Bench::new();
    let settings = json!({
        "algorithms": ["round-robin", "least-connections+ejection", "rl"], "warm_up_s": 0.3, "cool_down_s": 0
    });
    let config = bench.config("short.json", &common::config(8, 2.0, &settings));
    for engine in ["live", "sim"] {
        let summary = bench.summary(engine, &["--config", &config, "--engine", engine, "--traces"]);
        assert_eq!(summary["traces"], json!({ "folder": "traces", "exploration": 0.0 }));
        let traces = traces(&summary);
        assert_eq!(traces.len(), 3);
        for (label, trace) in traces {
            let decisions = decisions(&bench.path(engine).join(trace["file"].as_str().expect("a file")));
            let requests = number(algorithm(&summary, &label), "/total_requests");
            assert_eq!(decisions.len() as f64, requests, "{engine}: {label}: each measured request is there");
            assert_eq!(number(&trace, "/rows"), requests, "{engine}: {label}: and counted");
            for name in ["/dropped_decisions", "/dropped_outcomes", "/explored", "/censored"] {
                assert_eq!(number(&trace, name), 0.0, "{engine}: {label}: {name}");
            }
            let policies: BTreeSet<&str> = decisions.iter().map(|it| it.policy_id.as_str()).collect();
            let sha256 = summary["policy"]["sha256"].as_str().expect("rl follows a policy");
            let expected = if label == "rl" { format!("rl:{}", &sha256[..12]) } else { label.clone() };
            assert_eq!(policies, BTreeSet::from([expected.as_str()]), "{engine}: {label}");
            for decision in &decisions {
                assert_eq!(decision.run_id, summary["run_id"], "{engine}: {label}");
                assert_eq!(decision.error_kind.as_deref(), Some("none"), "{engine}: {label}: nothing fails");
                assert!(!decision.explore && !decision.censored, "{engine}: {label}: {decision:?}");
            }
            let routes: BTreeSet<&str> = decisions.iter().map(|it| it.route_class.as_str()).collect();
            assert!(routes.len() > 1, "{engine}: {label}: requests are told apart by route: {routes:?}");
            let of_trial = format!("{engine}/trials/{}.json", trial_stem(&trace));
            assert_eq!(bench.json(&of_trial)["trace"], trace, "the trial's own file says the same");
        }
    }
}

fn trial_stem(trace: &Value) -> String {
    let file = trace["file"].as_str().expect("a file");
    file.trim_start_matches("traces/").trim_end_matches(".parquet").to_owned()
}

#[test]
fn exploration_is_seen_in_the_rows_the_counts_and_the_notes() {
    let bench = Bench::new();
    let settings = json!({ "algorithms": ["round-robin"], "warm_up_s": 0, "cool_down_s": 0 });
    // Enough decisions, on a busy machine too, that chance does not fail it.
    let config = bench.config("short.json", &common::config(40, 4.0, &settings));
    for engine in ["live", "sim"] {
        let args = ["--config", &config, "--engine", engine, "--traces", "--exploration", "30%"];
        let summary = bench.summary(engine, &args);
        assert_eq!(summary["traces"]["exploration"], 0.3);
        let (_, trace) = traces(&summary).pop().expect("one trial");
        let decisions = decisions(&bench.path(engine).join(trace["file"].as_str().expect("a file")));
        let explored = decisions.iter().filter(|decision| decision.explore).count() as f64;
        assert_eq!(number(&trace, "/explored"), explored, "{engine}");
        let share = explored / decisions.len() as f64;
        assert!((share - 0.3).abs() < 0.15, "{engine}: {share} of {} explored", decisions.len());
        let notes = summary["notes"].to_string();
        assert!(notes.contains("exploration rate of 30 %"), "{engine}: readers are told: {notes}");
        let evidence = &algorithm(&summary, "round-robin")["switch_evidence"][0];
        assert_ne!(evidence["behaviour"]["verdict"], "contradicted", "{engine}: verified before: {evidence}");
    }
    let without = bench.summary("plain", &["--config", &config, "--engine", "sim"]);
    assert_eq!(without["traces"], Value::Null);
    assert!(!bench.path("plain/traces").exists(), "without the flag nothing is recorded");
    let with = bench.json("sim/summary.json");
    assert_ne!(without["fingerprint"], with["fingerprint"], "what explores has another noise floor");
}

#[test]
fn balancers_with_private_views_have_numbers_of_their_own() {
    let bench = Bench::new();
    let settings = json!({ "algorithms": ["random"], "balancers": 2, "warm_up_s": 0, "cool_down_s": 0 });
    let config = bench.config("short.json", &common::config(32, 2.0, &settings));
    for engine in ["live", "sim"] {
        let summary = bench.summary(engine, &["--config", &config, "--engine", engine, "--traces"]);
        let (_, trace) = traces(&summary).pop().expect("one trial");
        let decisions = decisions(&bench.path(engine).join(trace["file"].as_str().expect("a file")));
        let numbers: BTreeSet<u16> = decisions.iter().map(|decision| decision.lb_id).collect();
        // Of 32 connections one of two threads gets none once in 2^31 runs.
        assert_eq!(numbers, BTreeSet::from([0, 1]), "{engine}");
    }
}

#[test]
fn traces_that_cannot_be_had_are_refused_with_the_way_out() {
    let bench = Bench::new();
    for (args, parts) in [
        (&["--exploration", "2%"][..], &["--traces"][..]),
        (&["--traces", "--exploration", "200%"], &["`200%`", "0.02"]),
    ] {
        let output = bench.run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        for part in parts {
            assert!(text(&output.stderr).contains(part), "{args:?}: `{part}`: {}", text(&output.stderr));
        }
    }
}
