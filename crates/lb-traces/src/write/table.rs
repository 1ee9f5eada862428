//! Writes rows as the columns of a Parquet row group.
//!
//! Features are almost all of a trace. They are stored by byte planes (`BYTE_STREAM_SPLIT`): the exponents of
//! neighbouring numbers are alike, and a compressor finds that only if they are adjacent.

use super::messages::TracedPolicy;
use super::row::{Outcome, Row};
use crate::format::{Column, error_kind, nameless_hint};
use lb_core::hints::Said;
use lb_core::policy::learned::{FEATURE_SET, WIDTH};
use lb_core::policy::{REWARD_VERSION, ReplyKind};
use lb_core::{Span, Time};
use parquet::basic::{Compression, Encoding};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, FloatType, Int32Type, Int64Type};
use parquet::errors::Result;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::ColumnPath;
use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;

/// Largest number of rows in a group.
pub(super) const GROUP_ROWS: usize = 64 * 1024;

/// Largest number of feature values in a group: 48 MB, which eight backends reach with [`GROUP_ROWS`] rows.
pub(super) const GROUP_NUMBERS: usize = 12 << 20;

/// Number of rows whose lists are passed to a column at a time.
const BATCH: usize = 1024;

/// Returns the properties of every trace file; `about` becomes its metadata.
pub(super) fn properties(about: Vec<KeyValue>) -> Arc<WriterProperties> {
    let features =
        ColumnPath::from(vec![Column::Features.name().to_owned(), "list".to_owned(), "element".to_owned()]);
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(None)
        .set_column_dictionary_enabled(features.clone(), false)
        .set_column_encoding(features.clone(), Encoding::BYTE_STREAM_SPLIT)
        .set_column_statistics_enabled(features, EnabledStatistics::None)
        .set_key_value_metadata(Some(about))
        .build();
    Arc::new(properties)
}

/// The meaning of the numbers in rows.
pub(super) struct Dictionary<'a> {
    pub(super) run_id: &'a str,
    /// Policies by number of their log.
    pub(super) policies: &'a HashMap<u32, TracedPolicy>,
    /// When the recording began.
    pub(super) origin: Time,
}

/// Writes `rows` as one group.
pub(super) fn write_group<W: Write + Send>(
    writer: &mut SerializedFileWriter<W>,
    rows: &[Row],
    dictionary: &Dictionary<'_>,
) -> Result<()> {
    let mut group = writer.next_row_group()?;
    let mut columns = Columns { group: &mut group, rows, order: Column::ALL.into_iter() };
    let names = Texts::new(dictionary, rows);
    let since = |time: Time| time.as_nanos().cast_signed() - dictionary.origin.as_nanos().cast_signed();
    columns.text(Column::RunId, |_| names.run.clone())?;
    columns.text(Column::PolicyId, |row| names.of(row).policy.clone())?;
    columns.all::<Int32Type>(Column::LbId, |row| row.lb_id.into())?;
    columns.all::<Int64Type>(Column::DecisionId, |row| row.number.cast_signed())?;
    columns.all::<Int64Type>(Column::TsNs, |row| since(row.decided.at))?;
    columns.all::<Int32Type>(Column::NBackends, |row| row.decided.backends.into())?;
    columns.lists::<ByteArrayType>(Column::BackendIds, |row, out| {
        let known = names.of(row).backends.iter().cloned().chain(std::iter::repeat(names.unknown.clone()));
        out.extend(known.take(row.decided.backends.into()));
    })?;
    columns.text(Column::FeatureSet, |_| names.feature_set.clone())?;
    columns.lists::<FloatType>(Column::Features, |row, out| {
        out.extend_from_slice(&row.decided.numbers[..usize::from(row.decided.backends) * WIDTH]);
    })?;
    columns.all::<Int32Type>(Column::Action, |row| row.decided.action.into())?;
    columns.some::<FloatType>(Column::Propensity, |row| row.decided.propensity)?;
    columns.all::<BoolType>(Column::Explore, |row| row.decided.explored)?;
    columns.lists::<BoolType>(Column::Mask, |row, out| {
        let mask = &row.decided.numbers[usize::from(row.decided.backends) * WIDTH..];
        out.extend(mask.iter().map(|number| *number > 0.0));
    })?;
    columns.text(Column::RouteClass, |row| names.of(row).routes[&row.decided.route].clone())?;
    columns.lists::<ByteArrayType>(Column::HintNames, |row, out| {
        let texts = &names.of(row).hints;
        out.extend(row.decided.hints.iter().map(|hint| texts[&hint.name].clone()));
    })?;
    columns.lists::<FloatType>(Column::HintValues, |row, out| {
        out.extend(row.decided.hints.iter().map(|hint| match hint.said {
            Said::Number(number) => number,
            Said::Word(_) => f32::NAN,
        }));
    })?;
    columns.lists::<Int32Type>(Column::HintWords, |row, out| {
        out.extend(row.decided.hints.iter().map(|hint| match hint.said {
            Said::Number(_) => 0,
            Said::Word(hash) => hash.cast_signed(),
        }));
    })?;
    columns.some::<ByteArrayType>(Column::ErrorKind, |row| {
        known(row).map(|(kind, _)| names.kinds[kind as usize].clone())
    })?;
    columns.some::<Int32Type>(Column::LatencyUs, |row| {
        row.outcome.map(|outcome| micros(outcome.latency).cast_signed())
    })?;
    columns.some::<Int64Type>(Column::DoneTsNs, |row| row.outcome.map(|outcome| since(outcome.at)))?;
    columns.all::<BoolType>(Column::Censored, |row| known(row).is_none())?;
    columns
        .some::<Int64Type>(Column::NextDecisionId, |row| row.next.map(|next| next.number.cast_signed()))?;
    columns.some::<Int64Type>(Column::InSystemIntegralUs, |row| {
        row.next.map(|next| next.in_system.as_micros().cast_signed())
    })?;
    columns.some::<FloatType>(Column::Reward, |row| known(row).map(|(_, reward)| reward))?;
    columns.all::<Int32Type>(Column::RewardVersion, |_| REWARD_VERSION.into())?;
    group.close()?;
    Ok(())
}

/// Returns how the request ended and its reward; `None` if unknown.
fn known(row: &Row) -> Option<(ReplyKind, f32)> {
    row.outcome.and_then(|Outcome { known, .. }| known)
}

/// Converts to whole microseconds; values that do not fit (more than an hour) are capped.
fn micros(span: Span) -> u32 {
    u32::try_from(span.as_micros()).unwrap_or(u32::MAX)
}

/// The texts of a group, allocated once and shared by its rows.
struct Texts {
    run: ByteArray,
    feature_set: ByteArray,
    unknown: ByteArray,
    /// Names of the kinds of reply, by [`ReplyKind`].
    kinds: [ByteArray; 4],
    logs: HashMap<u32, LogTexts>,
}

struct LogTexts {
    policy: ByteArray,
    backends: Vec<ByteArray>,
    routes: HashMap<u16, ByteArray>,
    /// Names of hints by their hashes.
    hints: HashMap<u32, ByteArray>,
}

impl Texts {
    fn new(dictionary: &Dictionary<'_>, rows: &[Row]) -> Self {
        let mut logs = HashMap::<u32, LogTexts>::new();
        for Row { decided, .. } in rows {
            let policy =
                dictionary.policies.get(&decided.log).expect("a log is known before it is written to");
            let texts = logs.entry(decided.log).or_insert_with(|| LogTexts {
                policy: policy.policy_id.as_str().into(),
                backends: policy.names.backends().iter().map(|id| id.as_str().into()).collect(),
                routes: HashMap::new(),
                hints: HashMap::new(),
            });
            let route = decided.route;
            texts.routes.entry(route).or_insert_with(|| policy.names.route(route).as_str().into());
            for hint in &decided.hints {
                let text = || policy.names.hint(hint.name).unwrap_or_else(|| nameless_hint(hint.name));
                texts.hints.entry(hint.name).or_insert_with(|| text().as_str().into());
            }
        }
        let kinds =
            [ReplyKind::Success, ReplyKind::ServerError, ReplyKind::Timeout, ReplyKind::ConnectionError];
        Self {
            run: dictionary.run_id.into(),
            feature_set: FEATURE_SET.into(),
            unknown: "".into(),
            kinds: kinds.map(|kind| error_kind(kind).into()),
            logs,
        }
    }

    fn of(&self, row: &Row) -> &LogTexts {
        &self.logs[&row.decided.log]
    }
}

/// The columns of a group, which are written one after the other.
struct Columns<'a, 'b, W: Write> {
    group: &'a mut SerializedRowGroupWriter<'b, W>,
    rows: &'a [Row],
    /// The columns that have not been written yet.
    order: std::array::IntoIter<Column, { Column::ALL.len() }>,
}

impl<W: Write + Send> Columns<'_, '_, W> {
    fn text(&mut self, column: Column, value: impl Fn(&Row) -> ByteArray) -> Result<()> {
        self.all::<ByteArrayType>(column, value)
    }

    /// Writes a column with a value in every row.
    fn all<T: DataType>(&mut self, column: Column, value: impl Fn(&Row) -> T::T) -> Result<()> {
        let values: Vec<T::T> = self.rows.iter().map(value).collect();
        self.next::<T>(column, |column| column.write_batch(&values, None, None).map(drop))
    }

    /// Writes a column whose values may be missing: level 1 means that there is a value.
    fn some<T: DataType>(&mut self, column: Column, value: impl Fn(&Row) -> Option<T::T>) -> Result<()> {
        let values: Vec<Option<T::T>> = self.rows.iter().map(value).collect();
        let levels: Vec<i16> = values.iter().map(|value| value.is_some().into()).collect();
        let values: Vec<T::T> = values.into_iter().flatten().collect();
        self.next::<T>(column, |column| column.write_batch(&values, Some(&levels), None).map(drop))
    }

    /// Writes a column of lists: every value is defined (level 1), and repeats (level 1) unless it is the first of its
    /// row. An empty list is a first value that is not defined.
    fn lists<T: DataType>(&mut self, column: Column, list: impl Fn(&Row, &mut Vec<T::T>)) -> Result<()> {
        let rows = self.rows;
        self.next::<T>(column, |column| {
            let (mut values, mut defined, mut repeated) = (Vec::new(), Vec::new(), Vec::new());
            for batch in rows.chunks(BATCH) {
                values.clear();
                defined.clear();
                repeated.clear();
                for row in batch {
                    let before = values.len();
                    list(row, &mut values);
                    let is_empty = values.len() == before;
                    let levels = defined.len() + (values.len() - before).max(1);
                    repeated.push(0);
                    repeated.resize(levels, 1);
                    defined.resize(levels, i16::from(!is_empty));
                }
                column.write_batch(&values, Some(&defined), Some(&repeated))?;
            }
            Ok(())
        })
    }

    fn next<T: DataType>(
        &mut self,
        column: Column,
        write: impl FnOnce(&mut parquet::column::writer::ColumnWriterImpl<'_, T>) -> Result<()>,
    ) -> Result<()> {
        assert_eq!(self.order.next(), Some(column), "columns are written in the order of the schema");
        let mut column = self.group.next_column()?.expect("the schema has the same columns");
        write(column.typed::<T>())?;
        column.close()
    }
}
