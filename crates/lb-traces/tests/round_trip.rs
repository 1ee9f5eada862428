//! What the writer writes, the reader reads: every column, every outcome.

use lb_core::hints::{Hint, Hints, Said, hash};
use lb_core::policy::learned::{FEATURE_SET, WIDTH};
use lb_core::policy::{BackendIndex, Decision, DecisionLog, Ending, REWARD_VERSION, ReplyKind};
use lb_core::{Span, Time};
use lb_traces::format::{Column, nameless_hint};
use lb_traces::read::{Batch, End, HintPlace, ParquetFile, Traces, Values};
use lb_traces::write::{Names, Overflow, Recording, TracedPolicy, Tracer};
use parquet::column::writer::ColumnCloseResult;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

const ORIGIN: Time = Time::from_nanos(5_000_000_000);
const BACKENDS: [&str; 2] = ["shop-1", "shop-2"];

/// How the requests ended, in the order of their decisions; `None` is a client that gave up. One more request
/// has no end at all.
const OUTCOMES: [(Option<ReplyKind>, End); 5] = [
    (Some(ReplyKind::Success), End::Served),
    (Some(ReplyKind::ServerError), End::Failed),
    (Some(ReplyKind::Timeout), End::TimedOut),
    (Some(ReplyKind::ConnectionError), End::Disconnected),
    (None, End::Censored),
];
const ROWS: usize = OUTCOMES.len() + 1;

const LIMIT: &str = "query.limit";
const SORT: &str = "query.sort";
/// The name of a hint whose text nobody knows.
const NAMELESS: u32 = 0xbeef;

struct Shop;

impl Names for Shop {
    fn backends(&self) -> Vec<String> {
        BACKENDS.map(str::to_owned).to_vec()
    }

    fn route(&self, class: u16) -> String {
        format!("GET /shop/{class}")
    }

    fn hint(&self, name: u32) -> Option<String> {
        [LIMIT, SORT].into_iter().find(|text| hash(text.as_bytes()) == name).map(str::to_owned)
    }
}

fn sent(row: usize) -> Time {
    ORIGIN + Span::from_millis(row as u64)
}

fn latency(row: usize) -> Span {
    Span::from_micros(1_000 * (row as u64 + 1) + 7)
}

/// Numbers that single precision holds exactly, different for each row and place.
fn features(row: usize) -> Vec<f32> {
    (0..BACKENDS.len() * WIDTH).map(|place| row as f32 + place as f32 / 64.0).collect()
}

fn reward(row: usize) -> f32 {
    -0.5 * (row as f32 + 1.0)
}

/// What requests say: nothing, a number, or a number, a word, and something without a name.
fn hints(row: usize) -> Vec<(String, Said)> {
    let limit = (LIMIT.to_owned(), Said::Number(0.5 + row as f32));
    match row % 3 {
        0 => Vec::new(),
        1 => vec![limit],
        _ => vec![
            limit,
            (SORT.to_owned(), Said::Word(u32::MAX - row as u32)),
            (nameless_hint(NAMELESS), Said::Number(-3.0)),
        ],
    }
}

fn hints_of(row: usize) -> Hints {
    let mut all = Hints::default();
    for (name, said) in hints(row) {
        let name = if name == nameless_hint(NAMELESS) { NAMELESS } else { hash(name.as_bytes()) };
        all.push(Hint { name, said });
    }
    all
}

/// Records one decision for each outcome, and one that is still open at the end.
fn record(path: &Path) {
    let tracer = Tracer::new(Overflow::Wait).expect("a thread");
    let policy = TracedPolicy { lb_id: 3, policy_id: "rl:1f00".to_owned(), names: Arc::new(Shop) };
    let mut log = tracer.log(policy);
    let recording = Recording {
        path: path.to_owned(),
        run_id: "run".to_owned(),
        exploration: 0.25,
        origin: ORIGIN,
        started_at: None,
    };
    tracer.start(recording).expect("a file");
    for row in 0..ROWS {
        decide(&mut *log, row);
    }
    for (row, (outcome, _)) in OUTCOMES.into_iter().enumerate() {
        log.ending(&Ending {
            id: row as u64,
            at: sent(row) + latency(row),
            latency: latency(row),
            ending: outcome.map(|kind| (kind, reward(row))),
        });
    }
    let summary = tracer.stop().expect("a whole file");
    assert_eq!((summary.rows, summary.censored, summary.explored), (6, 2, 2));
}

fn decide(log: &mut dyn DecisionLog, row: usize) {
    let both = [BackendIndex(0), BackendIndex(1)];
    log.decision(&Decision {
        id: row as u64,
        at: sent(row),
        route: row as u16 % 2 + 1,
        hints: hints_of(row),
        backends: BACKENDS.len(),
        eligible: if row == 2 { &both[..1] } else { &both },
        features: &features(row),
        action: BackendIndex(u32::from(row == 1)),
        propensity: (row != 4).then_some(0.5),
        explored: row % 3 == 1,
        in_system: Span::from_micros(10 * row as u64),
    });
}

/// A value as the reader gives it, whatever its type.
#[derive(Debug, PartialEq)]
enum Cell {
    Null,
    Integer(i64),
    Number(f64),
    Text(String),
    List(Vec<f64>),
    TextList(Vec<String>),
}

/// NaN is not equal to itself.
fn comparable(number: f64) -> f64 {
    if number.is_nan() { f64::INFINITY } else { number }
}

fn cell(values: &Values, row: usize) -> Cell {
    match values {
        Values::Absent => panic!("the column is there"),
        Values::Integers(_) => values.integer(row).map_or(Cell::Null, Cell::Integer),
        Values::Numbers(_) => values.number(row).map_or(Cell::Null, Cell::Number),
        Values::Texts(_) => values.text(row).map_or(Cell::Null, |text| Cell::Text(text.to_string())),
        Values::Lists(..) => Cell::List(values.list(row).iter().copied().map(comparable).collect()),
        Values::TextLists(..) => Cell::TextList(values.texts(row).iter().map(ToString::to_string).collect()),
    }
}

/// What a column must hold. The match is exhaustive: a new column needs an answer here.
fn expected(column: Column, row: usize) -> Cell {
    let outcome = OUTCOMES.get(row).and_then(|(outcome, _)| *outcome);
    let ended = |value: i64| if row < OUTCOMES.len() { Cell::Integer(value) } else { Cell::Null };
    let followed = |value: i64| if row + 1 < ROWS { Cell::Integer(value) } else { Cell::Null };
    let since_origin = |time: Time| time.since(ORIGIN).as_nanos() as i64;
    match column {
        Column::RunId => Cell::Text("run".to_owned()),
        Column::PolicyId => Cell::Text("rl:1f00".to_owned()),
        Column::LbId => Cell::Integer(3),
        Column::DecisionId => Cell::Integer(row as i64),
        Column::TsNs => Cell::Integer(since_origin(sent(row))),
        Column::NBackends => Cell::Integer(2),
        Column::BackendIds => Cell::TextList(BACKENDS.map(str::to_owned).to_vec()),
        Column::FeatureSet => Cell::Text(FEATURE_SET.to_owned()),
        Column::Features => Cell::List(features(row).into_iter().map(f64::from).collect()),
        Column::Action => Cell::Integer(i64::from(row == 1)),
        Column::Propensity if row == 4 => Cell::Null,
        Column::Propensity => Cell::Number(0.5),
        Column::Explore => Cell::Integer(i64::from(row % 3 == 1)),
        Column::Mask => Cell::List(vec![1.0, if row == 2 { 0.0 } else { 1.0 }]),
        Column::RouteClass => Cell::Text(format!("GET /shop/{}", row % 2 + 1)),
        Column::HintNames => Cell::TextList(hints(row).into_iter().map(|(name, _)| name).collect()),
        Column::HintValues => {
            let number = |(_, said)| match said {
                Said::Number(number) => number.into(),
                Said::Word(_) => comparable(f64::NAN),
            };
            Cell::List(hints(row).into_iter().map(number).collect())
        }
        Column::HintWords => {
            let word = |(_, said)| match said {
                Said::Number(_) => 0.0,
                Said::Word(word) => word.into(),
            };
            Cell::List(hints(row).into_iter().map(word).collect())
        }
        Column::ErrorKind => outcome.map_or(Cell::Null, |kind| {
            let name = match kind {
                ReplyKind::Success => "none",
                ReplyKind::ServerError => "5xx",
                ReplyKind::Timeout => "timeout",
                ReplyKind::ConnectionError => "connection",
            };
            Cell::Text(name.to_owned())
        }),
        Column::LatencyUs => ended(latency(row).as_micros() as i64),
        Column::DoneTsNs => ended(since_origin(sent(row) + latency(row))),
        Column::Censored => Cell::Integer(i64::from(outcome.is_none())),
        Column::NextDecisionId => followed(row as i64 + 1),
        Column::InSystemIntegralUs => followed(10 * (row as i64 + 1)),
        Column::Reward => outcome.map_or(Cell::Null, |_| Cell::Number(reward(row).into())),
        Column::RewardVersion => Cell::Integer(REWARD_VERSION.into()),
    }
}

#[test]
fn every_column_is_read_as_it_was_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("trace.parquet");
    record(&path);
    let file = ParquetFile::open(&path).expect("a trace");
    file.require(&Column::ALL).expect("the writer writes every column that a reader can ask for");
    let mut rows = 0;
    let check = |batch: &Batch| {
        for row in 0..batch.rows {
            for column in Column::ALL {
                assert_eq!(cell(batch.column(column), row), expected(column, row), "{column:?} of row {row}");
            }
        }
        rows += batch.rows;
    };
    file.read(&Column::ALL, check).expect("whole columns");
    assert_eq!(rows, ROWS);
}

#[test]
fn every_outcome_is_read_as_it_was_written() {
    let folder = tempfile::tempdir().expect("a folder");
    record(&folder.path().join("trace.parquet"));
    let traces = Traces::read(folder.path(), None).expect("a trace");
    assert_eq!(traces.backends, BACKENDS);
    assert_eq!(traces.routes, ["GET /shop/1", "GET /shop/2"]);
    let [episode] = traces.episodes.as_slice() else { panic!("one policy in one run: {traces:?}") };
    assert_eq!((episode.run.as_str(), episode.policy.as_str(), episode.balancers), ("run", "rl:1f00", 1));
    assert_eq!(episode.exploration, 2.0 / 6.0);
    let open = (None, End::Censored);
    assert!(traces.hints.were_read && !traces.hints.is_empty());
    assert_eq!(traces.hints.text(hash(LIMIT.as_bytes())), LIMIT);
    assert_eq!(traces.hints.text(NAMELESS), nameless_hint(NAMELESS));
    for (row, (_, end)) in OUTCOMES.into_iter().chain([open]).enumerate() {
        let exchange = episode.exchanges[row];
        assert_eq!(exchange.end, end, "row {row}");
        assert_eq!(
            exchange.sent.since(Time::ZERO),
            sent(row).since(ORIGIN),
            "times count from the beginning"
        );
        assert_eq!(exchange.latency, (row < OUTCOMES.len()).then(|| latency(row)), "row {row}");
        assert_eq!((exchange.backend, exchange.route), (u16::from(row == 1), row as u16 % 2), "row {row}");
        assert_eq!((exchange.balancer, exchange.service), (3, None));
        assert_eq!(traces.hints.hints_at(exchange.hints), hints_of(row), "row {row}");
    }
}

/// Writes a copy of a trace with only some of its columns, as an older version or another program would.
fn copy_columns(from: &Path, to: &Path, keep: impl Fn(&str) -> bool) {
    let reader = SerializedFileReader::new(File::open(from).expect("the trace")).expect("it is Parquet");
    let fields = reader.metadata().file_metadata().schema().get_fields();
    let kept: Vec<usize> = (0..fields.len()).filter(|place| keep(fields[*place].name())).collect();
    let schema = Type::group_type_builder("decisions")
        .with_fields(kept.iter().map(|place| Arc::clone(&fields[*place])).collect())
        .build()
        .expect("a schema");
    let file = File::create(to).expect("a writable folder");
    let mut writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::default()).expect("a writer");
    let source = File::open(from).expect("the trace");
    for group in reader.metadata().row_groups() {
        let mut out = writer.next_row_group().expect("a group");
        for place in &kept {
            // No column here has more than one leaf.
            let chunk = group.column(*place);
            let (_, bytes_written) = chunk.byte_range();
            let close = ColumnCloseResult {
                bytes_written,
                rows_written: group.num_rows() as u64,
                metadata: chunk.clone(),
                bloom_filter: None,
                column_index: None,
                offset_index: None,
            };
            out.append_column(&source, close).expect("a column");
        }
        out.close().expect("a whole group");
    }
    writer.close().expect("a whole file");
}

#[test]
fn a_trace_of_a_version_without_hints_is_read_as_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let [new, old] = ["new.parquet", "old.parquet"].map(|name| folder.path().join(name));
    record(&new);
    copy_columns(&new, &old, |name| !name.starts_with("hint_"));
    let (with, without) = (Traces::read(&new, None), Traces::read(&old, None));
    let (with, mut without) = (with.expect("the new one"), without.expect("the old one"));
    assert!(!without.hints.were_read && without.hints.is_empty(), "nobody listened");
    assert!(without.episodes[0].exchanges.iter().all(|one| one.hints == HintPlace::default()));
    for (old, new) in without.episodes[0].exchanges.iter_mut().zip(&with.episodes[0].exchanges) {
        old.hints = new.hints;
    }
    without.hints = with.hints.clone();
    assert_eq!(without, with, "all the rest is the same");
}

#[test]
fn hints_without_their_values_say_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let [whole, part] = ["whole.parquet", "part.parquet"].map(|name| folder.path().join(name));
    record(&whole);
    copy_columns(&whole, &part, |name| name != "hint_values");
    let traces = Traces::read(&part, None).expect("the rest is there");
    assert!(traces.hints.were_read && traces.hints.is_empty());
    assert_eq!(traces.len(), ROWS);
}

#[test]
fn a_trace_with_a_wrong_byte_is_read_or_refused_but_never_a_panic() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("trace.parquet");
    record(&path);
    let whole = std::fs::read(&path).expect("the trace");
    let read = |content: Vec<u8>| {
        let file = ParquetFile::from_bytes(&path, content.into())?;
        Traces::of_file(&file, &path, None)
    };
    assert!(read(whole.clone()).is_ok(), "the trace itself is read");
    let mut refused = 0;
    for place in 0..whole.len() {
        let mut broken = whole.clone();
        // Every bit of some byte is wrong; which bits matter depends on the field.
        broken[place] ^= [0xff, 0x01, 0x80][place % 3];
        refused += usize::from(read(broken).is_err());
    }
    assert!(refused > whole.len() / 20, "{refused} of {} wrong bytes are noticed", whole.len());
    for length in (0..whole.len()).step_by(97) {
        assert!(read(whole[..length].to_vec()).is_err(), "a trace that was cut off after {length} bytes");
    }
}
