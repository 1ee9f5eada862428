//! What is written is what was decided and how it ended.

use lb_core::algorithm::Algorithm;
use lb_core::balancer::Balancer as Pool;
use lb_core::policy::learned::{FEATURES, WIDTH};
use lb_core::policy::{BackendIndex, Logged, Reply, ReplyKind, RequestInfo};
use lb_core::trace_summary::TraceSummary;
use lb_core::{Seed, Span, Time};
use lb_traces::write::{Names, Overflow, Recording, TraceError, TracedPolicy, Tracer};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use serde_json::{Value, json};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longest wait for anything that must happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until `condition` holds.
fn eventually(what: &str, condition: impl Fn() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < PATIENCE, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

struct Three;

impl Names for Three {
    fn backends(&self) -> Vec<String> {
        ["a", "b", "c"].map(str::to_owned).to_vec()
    }

    fn route(&self, class: u16) -> String {
        format!("route {class}")
    }
}

fn pool(tracer: &Tracer, algorithm: &str, lb_id: u16, exploration: f64) -> Pool {
    let inner = algorithm.parse::<Algorithm>().unwrap().policy().unwrap();
    let traced = TracedPolicy { lb_id, policy_id: algorithm.to_owned(), names: Arc::new(Three) };
    let logged = Logged::new(inner, tracer.log(traced), exploration);
    Pool::new(&[1.0; 3], Box::new(logged), Seed(1).stream(&[]))
}

fn recording(path: &Path, origin: Time) -> Recording {
    Recording { path: path.to_owned(), run_id: "run".to_owned(), exploration: 0.25, origin, started_at: None }
}

/// The file's rows.
fn rows(path: &Path) -> Vec<Row> {
    let reader = SerializedFileReader::new(File::open(path).expect("it is there")).expect("it is Parquet");
    reader.get_row_iter(None).expect("rows").map(|row| row.expect("a row")).collect()
}

/// Two columns of the file's rows: whole rows of long files take their time.
fn numbers(path: &Path) -> Vec<(u64, u64, Option<u64>)> {
    const COLUMNS: &str = "message decisions {
        required int32 lb_id (INTEGER(16, false));
        required int64 decision_id (INTEGER(64, false));
        optional int64 next_decision_id (INTEGER(64, false));
    }";
    let reader = SerializedFileReader::new(File::open(path).expect("it is there")).expect("it is Parquet");
    let columns = parquet::schema::parser::parse_message_type(COLUMNS).expect("a schema");
    let rows = reader.get_row_iter(Some(columns)).expect("rows").map(|row| row.expect("a row"));
    rows.map(|row| {
        (
            number(&row, "lb_id") as u64,
            number(&row, "decision_id") as u64,
            value(&row, "next_decision_id").as_u64(),
        )
    })
    .collect()
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

#[test]
fn a_row_tells_a_decision_and_how_it_ended() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("deep/one.parquet");
    let tracer = Tracer::new(Overflow::Wait).unwrap();
    let mut pool = pool(&tracer, "round-robin", 7, 0.0);
    pool.set_healthy(BackendIndex(1), false);
    let at = |millis: u64| Time::ZERO + Span::from_millis(millis);
    tracer.start(recording(&path, at(1_000))).unwrap();
    let mut pick = |route, millis| {
        pool.pick(&RequestInfo { client_key: 0, route, ..RequestInfo::default() }, at(millis)).unwrap()
    };
    let picked = [pick(4, 1_001), pick(0, 1_003), pick(4, 1_004), pick(4, 1_005)];
    assert_eq!(picked.map(|backend| backend.0), [0, 2, 0, 2]);
    let mut end = |backend: u32, kind, sent: u64, done: u64| {
        let reply = Reply { kind, latency: at(done).since(at(sent)) };
        pool.reply(BackendIndex(backend), &reply, at(done));
    };
    end(0, ReplyKind::Success, 1_001, 1_011);
    end(2, ReplyKind::Timeout, 1_003, 1_603);
    pool.cancel(BackendIndex(0), at(1_004));
    let summary = tracer.stop().unwrap();
    let expected = TraceSummary {
        file: path.clone(),
        bytes: std::fs::metadata(&path).unwrap().len(),
        rows: 4,
        censored: 2,
        explored: 0,
        dropped_decisions: 0,
        dropped_outcomes: 0,
    };
    assert_eq!(summary, expected);

    let rows = rows(&path);
    let column = |name: &str| json!(rows.iter().map(|row| value(row, name)).collect::<Vec<_>>());
    for (name, expected) in [
        ("run_id", json!(["run", "run", "run", "run"])),
        ("policy_id", json!(["round-robin", "round-robin", "round-robin", "round-robin"])),
        ("lb_id", json!([7, 7, 7, 7])),
        ("decision_id", json!([0, 1, 2, 3])),
        ("ts_ns", json!([1_000_000, 3_000_000, 4_000_000, 5_000_000])),
        ("n_backends", json!([3, 3, 3, 3])),
        ("action", json!([0, 2, 0, 2])),
        ("propensity", json!([1.0, 1.0, 1.0, 1.0])),
        ("explore", json!([false, false, false, false])),
        ("route_class", json!(["route 4", "route 0", "route 4", "route 4"])),
        ("error_kind", json!(["none", "timeout", null, null])),
        ("latency_us", json!([10_000, 600_000, 599_000, null])),
        ("done_ts_ns", json!([11_000_000, 603_000_000, 603_000_000, null])),
        ("censored", json!([false, false, true, true])),
        ("next_decision_id", json!([1, 2, 3, null])),
        ("in_system_integral_us", json!([2_000, 2_000, 3_000, null])),
        ("reward", json!([-1.0, -60.0, null, null])),
        ("reward_version", json!([1, 1, 1, 1])),
    ] {
        assert_eq!(column(name), expected, "{name}");
    }
    assert_eq!(value(&rows[0], "backend_ids"), json!(["a", "b", "c"]));
    assert_eq!(value(&rows[0], "mask"), json!([true, false, true]));
    let features = value(&rows[2], "features");
    let features: Vec<f64> = features.as_array().unwrap().iter().map(|it| it.as_f64().unwrap()).collect();
    assert_eq!(features.len(), 3 * WIDTH);
    assert!((features[0] - 2f64.ln()).abs() < 1e-6, "one request in flight on the first backend");
    assert!(features[WIDTH..2 * WIDTH].iter().all(|it| *it == 0.0), "the second cannot be picked");

    let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    let about = reader.metadata().file_metadata().key_value_metadata().expect("readers are told more");
    let told = |key: &str| about.iter().find(|it| it.key == key).and_then(|it| it.value.clone());
    assert_eq!(told("features"), Some(json!(FEATURES).to_string()), "the names of the features, in order");
    assert_eq!(told("exploration").as_deref(), Some("0.25"));
}

/// Serves `count` requests, four at a time.
fn serve(pool: &mut Pool, count: u64, mut now: Time) -> Time {
    let mut waiting = std::collections::VecDeque::new();
    for _ in 0..count {
        now += Span::from_micros(100);
        waiting.push_back((pool.pick(&RequestInfo::default(), now).unwrap(), now));
        if waiting.len() > 4 {
            let (backend, sent) = waiting.pop_front().unwrap();
            let reply = Reply { kind: ReplyKind::Success, latency: now.since(sent) };
            pool.reply(backend, &reply, now);
        }
    }
    for (backend, sent) in waiting {
        pool.reply(backend, &Reply { kind: ReplyKind::Success, latency: now.since(sent) }, now);
    }
    now
}

#[test]
fn long_traces_have_groups_in_order_and_leave_no_parts() {
    const ROWS: u64 = 150_000;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("long.parquet");
    let tracer = Tracer::new(Overflow::Wait).unwrap();
    let mut pools = [0, 1].map(|lb_id| pool(&tracer, "least-connections", lb_id, 0.0));
    tracer.start(recording(&path, Time::ZERO)).unwrap();
    let now = serve(&mut pools[0], ROWS - 1_000, Time::ZERO);
    serve(&mut pools[1], 1_000, now);
    assert_eq!(tracer.stop().unwrap().rows, ROWS, "in a simulation nothing is dropped");
    let files: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(files, ["long.parquet"], "the parts were put together");
    let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    let groups: Vec<i64> = reader.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
    assert_eq!(groups, [65_536, 65_536, ROWS as i64 - 2 * 65_536]);
    let order: Vec<(u64, u64)> = numbers(&path).into_iter().map(|(lb, id, _)| (lb, id)).collect();
    let expected: Vec<(u64, u64)> =
        (0..ROWS - 1_000).map(|id| (0, id)).chain((0..1_000).map(|id| (1, id))).collect();
    assert!(order == expected, "each decision is there once, by load balancer and number");
}

#[test]
fn what_was_flushed_before_a_crash_can_be_read_and_says_that_it_is_a_part() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("long.parquet");
    let tracer = Tracer::new(Overflow::Wait).unwrap();
    let mut pool = pool(&tracer, "random", 0, 0.0);
    tracer.start(recording(&path, Time::ZERO)).unwrap();
    serve(&mut pool, 70_000, Time::ZERO);
    // Nobody stops it: this is what a killed process leaves.
    let part = dir.path().join("long.partial-000.parquet");
    eventually("a group is flushed", || part.exists());
    assert_eq!(numbers(&part).len(), 65_536);
    assert!(!path.exists(), "what is not whole has not the name of a whole");
    tracer.stop().unwrap();
    assert_eq!((numbers(&path).len(), part.exists()), (70_000, false));
}

#[test]
fn what_does_not_fit_is_dropped_and_counted() {
    const DECISIONS: u64 = 200_000;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fast.parquet");
    let tracer = Tracer::new(Overflow::Drop).unwrap();
    let mut pool = pool(&tracer, "random", 0, 0.0);
    tracer.start(recording(&path, Time::ZERO)).unwrap();
    serve(&mut pool, DECISIONS, Time::ZERO);
    let summary = tracer.stop().unwrap();
    assert_eq!(summary.rows + summary.dropped_decisions, DECISIONS, "each is there or counted: {summary:?}");
    assert!(summary.censored <= summary.dropped_outcomes, "who has no outcome lost it: {summary:?}");
    for pair in numbers(&path).windows(2) {
        let next = pair[0].2;
        assert!(next.is_none_or(|next| next == pair[1].1), "the next is the next: {pair:?}");
    }
}

#[test]
fn recordings_are_one_at_a_time_and_files_are_not_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("one.parquet");
    let tracer = Tracer::new(Overflow::Wait).unwrap();
    assert!(matches!(tracer.stop(), Err(TraceError::NotRecording)));
    let mut pool = pool(&tracer, "random", 0, 0.0);
    serve(&mut pool, 10, Time::ZERO);
    tracer.start(recording(&path, Time::ZERO)).unwrap();
    assert!(matches!(tracer.start(recording(&path, Time::ZERO)), Err(TraceError::Recording)));
    assert_eq!(tracer.stop().unwrap().rows, 0, "what came before the start is not in it");
    assert_eq!(rows(&path).len(), 0, "a trace without rows is a file all the same");
    let error = tracer.start(recording(&path, Time::ZERO)).expect_err("there is such a file");
    assert!(
        error.to_string().contains("one.parquet") && error.to_string().contains("use another path"),
        "{error}"
    );
    let blocked = dir.path().join("one.parquet/two.parquet");
    let error = tracer.start(recording(&blocked, Time::ZERO)).expect_err("a file is no folder");
    assert!(matches!(error, TraceError::Create { .. }), "{error}");
    tracer.start(recording(&dir.path().join("two.parquet"), Time::ZERO)).expect("it can go on");
    serve(&mut pool, 10, Time::ZERO + Span::from_secs(1));
    assert_eq!(tracer.stop().unwrap().rows, 10);
}

#[test]
fn a_switch_in_mid_recording_is_seen_in_the_rows() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("switch.parquet");
    let tracer = Tracer::new(Overflow::Wait).unwrap();
    let mut first = pool(&tracer, "random", 0, 0.0);
    tracer.start(recording(&path, Time::ZERO)).unwrap();
    let now = serve(&mut first, 5, Time::ZERO);
    first.pick(&RequestInfo::default(), now + Span::from_millis(1)).unwrap();
    drop(first);
    let mut second = pool(&tracer, "p2c", 0, 0.0);
    serve(&mut second, 3, now + Span::from_secs(1));
    let summary = tracer.stop().unwrap();
    assert_eq!((summary.rows, summary.censored), (9, 1), "the request of a policy that is gone is censored");
    let rows = rows(&path);
    let ids: Vec<f64> = rows.iter().map(|row| number(row, "decision_id")).collect();
    assert_eq!(ids, (0..9).map(f64::from).collect::<Vec<_>>(), "one load balancer numbers on");
    assert_eq!(
        value(&rows[5], "next_decision_id"),
        json!(null),
        "what another policy does next is no answer"
    );
    assert_eq!([5, 6].map(|row| value(&rows[row], "policy_id")), [json!("random"), json!("p2c")]);
}
