//! The history as Parquet: the rows and columns of the CSV export.

use crate::export::{rows, texts};
use crate::series::Series;
use anyhow::{Context, Result};
use jiff::Timestamp;
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use std::io::Write;
use std::sync::Arc;

const SCHEMA: &str = "
    message history {
        required int64 time (TIMESTAMP(MILLIS, true));
        required binary run_id (STRING);
        required binary subject (STRING);
        required binary host (STRING);
        required binary engine (STRING);
        required binary load_balancer (STRING);
        required binary config (STRING);
        required binary fingerprint (STRING);
        required binary scenario (STRING);
        required binary algorithm (STRING);
        required binary metric (STRING);
        required binary unit (STRING);
        required binary better (STRING);
        required double value;
        optional double low;
        optional double high;
        required int64 trials;
    }";

/// Writes series as Parquet, and returns the number of rows.
///
/// # Errors
/// The output cannot be written.
pub fn write_parquet(series: &[Series], out: impl Write + Send) -> Result<usize> {
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut writer = SerializedFileWriter::new(out, schema, Arc::new(properties))?;
    let rows = rows(series);
    let mut group = writer.next_row_group()?;

    let time = |text: &str| text.parse().map(Timestamp::as_millisecond).context("a run began at no time");
    let times: Vec<i64> = rows.iter().map(|(_, point)| time(&point.started_at)).collect::<Result<_>>()?;
    column::<Int64Type, _>(&mut group, &times, None)?;
    let names: Vec<[&str; 13]> = rows.iter().map(|(series, point)| texts(series, point)).collect();
    for number in 1..13 {
        let values: Vec<ByteArray> = names.iter().map(|row| row[number].into()).collect();
        column::<ByteArrayType, _>(&mut group, &values, None)?;
    }
    let values: Vec<f64> = rows.iter().map(|(_, point)| point.value).collect();
    column::<DoubleType, _>(&mut group, &values, None)?;
    // A nullable column has a definition level per row: 1 if there is a value.
    let levels: Vec<i16> = rows.iter().map(|(_, point)| point.interval.is_some().into()).collect();
    for end in 0..2 {
        let ends: Vec<f64> = rows.iter().filter_map(|(_, point)| Some(point.interval?[end])).collect();
        column::<DoubleType, _>(&mut group, &ends, Some(&levels))?;
    }
    let trials: Vec<i64> = rows.iter().map(|(_, point)| point.trials).collect();
    column::<Int64Type, _>(&mut group, &trials, None)?;

    group.close()?;
    writer.close()?;
    Ok(rows.len())
}

/// Writes the next column of a group.
fn column<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> Result<()> {
    let mut column = group.next_column()?.context("the schema has as many columns as are written")?;
    column.typed::<T>().write_batch(values, levels, None)?;
    column.close()?;
    Ok(())
}
