//! Traces of a running load balancer: when they are recorded, and what is in them.

mod common;

use common::{Backend, Balancer, Client, get, reply};
use lb_core::trace_summary::TraceSummary;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use serde_json::{Value, json};
use std::fs::File;
use std::path::Path;

/// The file's rows.
fn rows(path: &Path) -> Vec<Row> {
    let reader = SerializedFileReader::new(File::open(path).expect("it is there")).expect("it is Parquet");
    reader.get_row_iter(None).expect("rows").map(|row| row.expect("a row")).collect()
}

fn field<'a>(row: &'a Row, name: &str) -> &'a Field {
    let found = row.get_column_iter().find(|(column, _)| *column == name);
    found.unwrap_or_else(|| panic!("there is a column `{name}`")).1
}

/// A column as JSON: lists are lists, nothing is null.
fn value(row: &Row, name: &str) -> Value {
    as_json(field(row, name))
}

fn as_json(field: &Field) -> Value {
    match field {
        Field::Null => Value::Null,
        Field::Bool(value) => json!(value),
        Field::UShort(value) => json!(value),
        Field::UInt(value) => json!(value),
        Field::Long(value) => json!(value),
        Field::ULong(value) => json!(value),
        Field::Float(value) => json!(value),
        Field::Str(value) => json!(value),
        Field::ListInternal(list) => list.elements().iter().map(as_json).collect(),
        other => panic!("traces have no {other:?}"),
    }
}

fn number(row: &Row, name: &str) -> f64 {
    value(row, name).as_f64().unwrap_or_else(|| panic!("{name} is a number: {}", value(row, name)))
}

/// A load balancer with traces, and the folder that they go to.
fn traced(
    algorithm: &str,
    backends: &[&Backend],
    exploration: f64,
    at_start: bool,
) -> (tempfile::TempDir, Balancer) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let traces =
        json!({ "folder": dir.path().join("traces"), "exploration": exploration, "at_start": at_start });
    let balancer = Balancer::with_backends(algorithm, backends, json!({ "traces": traces }));
    (dir, balancer)
}

#[test]
fn a_running_load_balancer_records_between_start_and_stop() {
    let good = Backend::fixed("x");
    let failing = Backend::start(|_, stream| reply(stream, 503, "", b"no"));
    let (dir, balancer) = traced("round-robin", &[&good, &failing], 0.0, false);
    let ask = |path: &str| get(&balancer.proxy(path)).status;
    ask("/before");
    assert_eq!(balancer.post("/api/lb/traces/stop").status, 409, "nothing to stop");
    let started = balancer.post("/api/lb/traces/start?name=one&run_id=r1");
    assert_eq!(started.status, 200, "{}", started.text());
    assert_eq!(balancer.get("/api/lb/traces").json()["recording"], started.json()["file"]);
    assert_eq!(balancer.post("/api/lb/traces/start?name=two").status, 409, "one at a time");
    let mut statuses: Vec<u16> = (0..20).map(|i| ask(&format!("/items/{i}?x=1"))).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [[200; 10], [503; 10]].concat(), "they take turns");
    let stopped = balancer.post("/api/lb/traces/stop");
    assert_eq!(stopped.status, 200, "{}", stopped.text());
    ask("/after");
    let summary: TraceSummary = serde_json::from_slice(&stopped.body).expect("a summary");
    assert_eq!((summary.rows, summary.censored, summary.explored), (20, 0, 0), "{summary:?}");
    assert_eq!(summary.file, dir.path().join("traces/one.parquet"));

    let rows = rows(&summary.file);
    for (i, row) in rows.iter().enumerate() {
        assert_eq!(number(row, "decision_id") as usize, i);
        assert_eq!(value(row, "run_id"), "r1");
        assert_eq!(value(row, "policy_id"), "round-robin");
        assert_eq!(value(row, "route_class"), "GET /svc/items/{}", "ids are folded, queries left out");
        assert_eq!(value(row, "backend_ids"), json!(["b0", "b1"]));
        let failed = number(row, "action") == 1.0;
        assert_eq!(value(row, "error_kind"), if failed { "5xx" } else { "none" });
        assert_eq!(number(row, "reward") <= -40.0, failed, "an error costs 40 at least: {row}");
        assert!(number(row, "done_ts_ns") >= number(row, "ts_ns") && number(row, "ts_ns") >= 0.0, "{row}");
    }
}

#[test]
fn exploration_takes_place_while_a_trace_is_recorded_and_not_before() {
    let backends = [Backend::fixed("a"), Backend::fixed("b")];
    let (_dir, balancer) = traced("ip-hash", &[&backends[0], &backends[1]], 0.5, false);
    let mut client = Client::connect(balancer.address());
    let mut homes = |count: usize| -> Vec<String> {
        let ask = |_| client.ask("GET", "/proxy/svc/x", "", b"").field("x-backend").expect("it is named");
        let mut homes: Vec<String> = (0..count).map(ask).collect();
        homes.dedup();
        homes
    };
    assert_eq!(homes(60).len(), 1, "one client, one backend");
    assert_eq!(balancer.post("/api/lb/traces/start?name=one").status, 200);
    homes(400);
    let summary: TraceSummary =
        serde_json::from_slice(&balancer.post("/api/lb/traces/stop").body).expect("a summary");
    assert!(summary.explored.abs_diff(200) < 60, "about half: {summary:?}");
    let rows = rows(&summary.file);
    let away = |row: &&Row| number(row, "propensity") < 0.5;
    assert!(rows.iter().filter(away).count().abs_diff(100) < 50, "half of that goes to the other backend");
    assert!(
        rows.iter().all(|row| [0.25, 0.75].contains(&number(row, "propensity"))),
        "and its chance is known"
    );
    assert_eq!(homes(60).len(), 1, "after the recording affinity holds again");
}

#[test]
fn a_trace_of_the_whole_process_is_whole_when_it_stops() {
    let backend = Backend::fixed("x");
    let (dir, mut balancer) = traced("random", &[&backend], 0.0, true);
    for _ in 0..7 {
        assert_eq!(get(&balancer.proxy("/x")).status, 200);
    }
    drop(balancer.stdin.take());
    assert!(balancer.child.wait().expect("it ends").success());
    let files: Vec<_> =
        std::fs::read_dir(dir.path().join("traces")).unwrap().map(|it| it.unwrap().path()).collect();
    let [file] = files.as_slice() else { panic!("one trace and no parts: {files:?}") };
    assert_eq!(rows(file).len(), 7);
}

#[test]
fn names_that_are_none_and_traces_that_nobody_configured_are_refused() {
    let backend = Backend::fixed("x");
    let plain = Balancer::with_backends("random", &[&backend], json!({}));
    let refused = plain.post("/api/lb/traces/start?name=one");
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("`traces` in its config"), "{}", refused.text());
    assert_eq!(plain.get("/api/lb/traces").json()["configured"], false);

    let (dir, balancer) = traced("random", &[&backend], 0.0, false);
    for name in ["", "..%2Fout", "a%20b", ".hidden", "/etc/x"] {
        let reply = balancer.post(&format!("/api/lb/traces/start?name={name}"));
        assert_eq!(reply.status, 400, "{name}: {}", reply.text());
    }
    assert_eq!(balancer.post("/api/lb/traces/start").status, 400, "a name is needed");
    std::fs::write(dir.path().join("traces/taken.parquet"), "x").unwrap();
    let reply = balancer.post("/api/lb/traces/start?name=taken");
    assert_eq!(reply.status, 400, "{}", reply.text());
    assert!(reply.text().contains("taken.parquet"), "{}", reply.text());
    assert_eq!(get(&balancer.proxy("/x")).status, 200, "requests go on");
}
