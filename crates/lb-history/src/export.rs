//! The history as CSV: one row per run and metric, oldest first.
//!
//! The columns are those of [`COLUMNS`]; docs/history.md describes them. Names that begin like a formula of a spreadsheet have
//! an apostrophe before them, as in all CSV files of `bench`.

use crate::series::{Point, Series};
use lb_core::plain::cell;
use std::io::Write;

/// The columns of an export.
pub(crate) const COLUMNS: [&str; 17] = [
    "time",
    "run_id",
    "subject",
    "host",
    "engine",
    "load_balancer",
    "config",
    "fingerprint",
    "scenario",
    "algorithm",
    "metric",
    "unit",
    "better",
    "value",
    "low",
    "high",
    "trials",
];

/// Writes series as CSV, and returns the number of rows.
///
/// # Errors
/// The output cannot be written.
pub fn write_csv(series: &[Series], out: impl Write) -> Result<usize, csv::Error> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(COLUMNS)?;
    let rows = rows(series);
    for (series, point) in &rows {
        let texts = texts(series, point).map(cell);
        let [low, high] =
            [0, 1].map(|end| point.interval.map(|ends| ends[end].to_string()).unwrap_or_default());
        let numbers = [point.value.to_string(), low, high, point.trials.to_string()];
        writer
            .write_record(texts.iter().map(|text| text.as_ref()).chain(numbers.iter().map(String::as_str)))?;
    }
    writer.flush()?;
    Ok(rows.len())
}

/// Lists the rows of an export by time; those of one run in the order of the series.
pub(crate) fn rows(series: &[Series]) -> Vec<(&Series, &Point)> {
    let mut rows: Vec<(&Series, &Point)> =
        series.iter().flat_map(|one| one.points.iter().map(move |point| (one, point))).collect();
    rows.sort_by_key(|(_, point)| {
        let time: Option<jiff::Timestamp> = point.started_at.parse().ok();
        (time, &point.run_id)
    });
    rows
}

/// Returns the columns of a row that hold texts: the first thirteen.
pub(crate) fn texts<'a>(series: &'a Series, point: &'a Point) -> [&'a str; 13] {
    [
        &point.started_at,
        &point.run_id,
        &point.subject,
        &series.host,
        &point.engine,
        &point.load_balancer,
        &point.config,
        &series.fingerprint,
        &series.scenario,
        &series.algorithm,
        series.metric.name(),
        series.metric.unit(),
        series.metric.better(),
    ]
}
