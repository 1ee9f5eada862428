//! Writes Parquet traces as a load balancer does.

use lb_core::policy::learned::features::{FEATURE_SET, WIDTH};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, FloatType, Int32Type, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use rl_trainer::traces::{End, Traces};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// One decision and its outcome.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) run: String,
    pub(crate) policy: String,
    pub(crate) balancer: i32,
    pub(crate) decision: i64,
    pub(crate) sent_ns: i64,
    pub(crate) backends: usize,
    pub(crate) first_backend: usize,
    pub(crate) feature_set: &'static str,
    pub(crate) features: Vec<f32>,
    pub(crate) mask: Vec<bool>,
    pub(crate) action: i32,
    pub(crate) propensity: Option<f32>,
    pub(crate) explore: bool,
    pub(crate) route: String,
    pub(crate) error: Option<&'static str>,
    pub(crate) latency_us: Option<i32>,
    pub(crate) censored: bool,
    pub(crate) next: Option<i64>,
    pub(crate) reward: Option<f32>,
}

impl Row {
    /// A decision among three backends that went well; `number` varies what varies.
    pub(crate) fn usual(number: usize) -> Self {
        let latency = 1_000 + (number * 7919 % 9_000) as i32;
        Self {
            run: "run".to_owned(),
            policy: "least-connections".to_owned(),
            balancer: 0,
            decision: number as i64,
            sent_ns: number as i64 * 1_000_000,
            backends: 3,
            first_backend: 1,
            feature_set: FEATURE_SET,
            mask: vec![true; 3],
            features: (0..3 * WIDTH)
                .map(|place| ((place * 31 + number * 17) % 100) as f32 / 20.0 - 2.0)
                .collect(),
            action: (number % 3) as i32,
            propensity: Some(if number.is_multiple_of(50) { 0.01 } else { 0.98 }),
            explore: number.is_multiple_of(50),
            route: "GET /shop/api/item/{}".to_owned(),
            error: Some("none"),
            latency_us: Some(latency),
            censored: false,
            next: Some(number as i64 + 1),
            reward: Some(-latency as f32 / 5_000.0),
        }
    }
}

enum Cells {
    Longs(Vec<Option<i64>>),
    Ints(Vec<Option<i32>>),
    Floats(Vec<Option<f32>>),
    Flags(Vec<bool>),
    Texts(Vec<String>),
    FloatLists(Vec<Vec<f32>>),
    TextLists(Vec<Vec<String>>),
    MaybeTexts(Vec<Option<&'static str>>),
    FlagLists(Vec<Vec<bool>>),
}

impl Cells {
    fn declaration(&self, name: &str) -> String {
        let list = |of: &str| {
            format!("required group {name} (LIST) {{ repeated group list {{ required {of} element; }} }}\n")
        };
        match self {
            Self::Longs(_) => format!("optional int64 {name};\n"),
            Self::Ints(_) => format!("optional int32 {name};\n"),
            Self::Floats(_) => format!("optional float {name};\n"),
            Self::Flags(_) => format!("required boolean {name};\n"),
            Self::Texts(_) => format!("required binary {name} (STRING);\n"),
            Self::FloatLists(_) => list("float"),
            Self::TextLists(_) => list("binary").replace("element;", "element (STRING);"),
            Self::MaybeTexts(_) => format!("optional binary {name} (STRING);\n"),
            Self::FlagLists(_) => list("boolean"),
        }
    }

    fn write(&self, group: &mut SerializedRowGroupWriter<'_, File>, rows: std::ops::Range<usize>) {
        match self {
            Self::Longs(cells) => optional::<Int64Type>(group, &cells[rows]),
            Self::Ints(cells) => optional::<Int32Type>(group, &cells[rows]),
            Self::Floats(cells) => optional::<FloatType>(group, &cells[rows]),
            Self::Flags(cells) => column::<BoolType>(group, &cells[rows], None, None),
            Self::Texts(cells) => {
                let texts: Vec<ByteArray> = cells[rows].iter().map(|text| text.as_str().into()).collect();
                column::<ByteArrayType>(group, &texts, None, None);
            }
            Self::FloatLists(cells) => lists::<FloatType>(group, &cells[rows]),
            Self::TextLists(cells) => {
                let texts: Vec<Vec<ByteArray>> = cells[rows]
                    .iter()
                    .map(|row| row.iter().map(|text| text.as_str().into()).collect())
                    .collect();
                lists::<ByteArrayType>(group, &texts);
            }
            Self::MaybeTexts(cells) => {
                let texts: Vec<Option<ByteArray>> =
                    cells[rows].iter().map(|text| text.map(Into::into)).collect();
                optional::<ByteArrayType>(group, &texts);
            }
            Self::FlagLists(cells) => lists::<BoolType>(group, &cells[rows]),
        }
    }
}

fn optional<T: DataType>(group: &mut SerializedRowGroupWriter<'_, File>, cells: &[Option<T::T>]) {
    let levels: Vec<i16> = cells.iter().map(|cell| i16::from(cell.is_some())).collect();
    let values: Vec<T::T> = cells.iter().flatten().cloned().collect();
    column::<T>(group, &values, Some(&levels), None);
}

fn lists<T: DataType>(group: &mut SerializedRowGroupWriter<'_, File>, cells: &[Vec<T::T>]) {
    let (mut definitions, mut repetitions) = (Vec::new(), Vec::new());
    for cell in cells {
        definitions.extend(if cell.is_empty() { vec![0] } else { vec![1; cell.len()] });
        repetitions.extend((0..cell.len().max(1)).map(|place| i16::from(place > 0)));
    }
    column::<T>(group, &cells.concat(), Some(&definitions), Some(&repetitions));
}

fn column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, File>,
    values: &[T::T],
    definitions: Option<&[i16]>,
    repetitions: Option<&[i16]>,
) {
    let mut column = group.next_column().expect("a column").expect("columns in the order of the schema");
    column.typed::<T>().write_batch(values, definitions, repetitions).expect("values that fit the schema");
    column.close().expect("a column that can be closed");
}

/// Writes rows in groups of `group` without the columns `without`.
pub(crate) fn write(path: &Path, rows: &[Row], group: usize, without: &[&str]) {
    let ints = |of: fn(&Row) -> i32| Cells::Ints(rows.iter().map(|row| Some(of(row))).collect());
    let texts = |of: fn(&Row) -> &str| Cells::Texts(rows.iter().map(|row| of(row).to_owned()).collect());
    let ids = rows
        .iter()
        .map(|row| (0..row.backends).map(|place| format!("b{}", row.first_backend + place)).collect());
    let all = vec![
        ("run_id", texts(|row| &row.run)),
        ("policy_id", texts(|row| &row.policy)),
        ("lb_id", ints(|row| row.balancer)),
        ("decision_id", Cells::Longs(rows.iter().map(|row| Some(row.decision)).collect())),
        ("ts_ns", Cells::Longs(rows.iter().map(|row| Some(row.sent_ns)).collect())),
        ("n_backends", ints(|row| row.backends as i32)),
        ("backend_ids", Cells::TextLists(ids.collect())),
        ("feature_set", texts(|row| row.feature_set)),
        ("mask", Cells::FlagLists(rows.iter().map(|row| row.mask.clone()).collect())),
        ("features", Cells::FloatLists(rows.iter().map(|row| row.features.clone()).collect())),
        ("action", ints(|row| row.action)),
        ("propensity", Cells::Floats(rows.iter().map(|row| row.propensity).collect())),
        ("explore", Cells::Flags(rows.iter().map(|row| row.explore).collect())),
        ("route_class", texts(|row| &row.route)),
        ("error_kind", Cells::MaybeTexts(rows.iter().map(|row| row.error).collect())),
        ("latency_us", Cells::Ints(rows.iter().map(|row| row.latency_us).collect())),
        ("censored", Cells::Flags(rows.iter().map(|row| row.censored).collect())),
        ("next_decision_id", Cells::Longs(rows.iter().map(|row| row.next).collect())),
        ("reward", Cells::Floats(rows.iter().map(|row| row.reward).collect())),
    ];
    let kept: Vec<&(&str, Cells)> = all.iter().filter(|(name, _)| !without.contains(name)).collect();
    let columns: String = kept.iter().map(|(name, cells)| cells.declaration(name)).collect();
    let schema = parse_message_type(&format!("message decisions {{ {columns} }}")).expect("a schema");
    let properties = WriterProperties::builder().build();
    let file = File::create(path).expect("a file");
    let mut writer =
        SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties)).expect("a writer");
    for start in (0..rows.len()).step_by(group) {
        let mut open = writer.next_row_group().expect("a row group");
        for (_, cells) in &kept {
            cells.write(&mut open, start..(start + group).min(rows.len()));
        }
        open.close().expect("a row group that can be closed");
    }
    writer.close().expect("a file that can be closed");
}

/// The rows of traces.
#[allow(dead_code, reason = "each test binary uses a part")]
pub(crate) fn rows(traces: &Traces) -> Vec<Row> {
    let mut rows = Vec::new();
    for episode in &traces.episodes {
        for exchange in &episode.exchanges {
            rows.push(Row {
                policy: episode.policy.clone(),
                balancer: i32::from(exchange.balancer),
                sent_ns: exchange.sent.as_nanos() as i64,
                backends: traces.backends.len(),
                features: Vec::new(),
                mask: Vec::new(),
                action: i32::from(exchange.backend),
                route: traces.routes[usize::from(exchange.route)].clone(),
                error: match exchange.end {
                    End::Served => Some("none"),
                    End::Failed => Some("5xx"),
                    End::Disconnected => Some("connection"),
                    End::TimedOut => Some("timeout"),
                    End::Censored => None,
                },
                latency_us: exchange.latency.map(|latency| latency.as_micros() as i32),
                censored: exchange.end == End::Censored,
                ..Row::usual(rows.len())
            });
        }
    }
    rows
}
