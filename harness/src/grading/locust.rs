//! Reads Locust's CSV files: `_stats.csv` and, found by the same prefix, `_stats_history.csv` (start,
//! duration and users) and `_failures.csv` (failures by kind). Times are in milliseconds.
//!
//! Columns are found by their names, so the files of Locust 1.0 or newer and of `bench` itself can be read.

use super::error::AnalyzeError;
use super::files;
use super::stats::{Endpoint, FailureCount, Kind, Stats};
use super::table::{Row, Table};
use super::test::Test;
use std::path::{Path, PathBuf};

/// The suffix of the stats file of a test.
pub(super) const SUFFIX: &str = "_stats.csv";

/// Reads a stats file and the files next to it that belong to the same test.
pub(super) fn read(path: &Path, text: &str) -> Result<Test, AnalyzeError> {
    let mut test = Test::new(name_of(path), path.display().to_string(), Kind::Locust);
    read_stats(path, text, &mut test)?;
    test.timing.written_at = files::written_at(path);
    beside(path, "_stats_history.csv", &mut test, read_history);
    beside(path, "_failures.csv", &mut test, read_failures);
    Ok(test)
}

/// Returns the name of a test, such as `20261121_light` for `20261121_light_stats.csv`.
fn name_of(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let stem = name.strip_suffix(SUFFIX).or_else(|| name.strip_suffix(".csv"));
    stem.filter(|stem| !stem.is_empty()).map(str::to_owned).unwrap_or(name)
}

/// Reads a file with the same prefix, if it exists. The grades do not need it, so an invalid file only adds a
/// note.
fn beside(
    path: &Path,
    suffix: &str,
    test: &mut Test,
    read: fn(&Path, &str, &mut Test) -> Result<(), AnalyzeError>,
) {
    let Some(prefix) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(SUFFIX)) else {
        return;
    };
    let sibling: PathBuf = path.with_file_name(format!("{prefix}{suffix}"));
    if !sibling.exists() {
        return;
    }
    let result = files::read_text(&sibling).and_then(|text| read(&sibling, &text, test));
    if let Err(error) = result {
        test.notes.push(format!("left out: {error}"));
    }
}

fn read_stats(path: &Path, text: &str, test: &mut Test) -> Result<(), AnalyzeError> {
    let table = Table::read(path, text, &["Name", "Request Count", "Failure Count"])?;
    let mut aggregated = None;
    for row in table.rows() {
        let stats = stats_of(row)?;
        let (method, name) = (row.text("Type"), row.text("Name"));
        if method.is_empty() && name == "Aggregated" {
            if aggregated.replace(stats).is_some() {
                let problem = "a duplicate; a file has only one such row";
                return Err(row.fault("Name", problem, "keep only the last one; the files were joined"));
            }
        } else {
            test.endpoints.push(Endpoint { method: method.to_owned(), name: name.to_owned(), stats });
        }
    }
    test.summary = match aggregated {
        Some(stats) => stats,
        None if test.endpoints.is_empty() => {
            return Err(AnalyzeError::BrokenCsv {
                path: path.to_owned(),
                line: 1,
                problem: "there is no row below the header".to_owned(),
                advice: "use the files of a finished test",
            });
        }
        None => {
            test.notes.push(
                "the row `Aggregated` is missing (was the test cut off?): requests, failures and rates are \
                 summed, the mean is weighted by requests, minimum and maximum are those of all rows; percentiles \
                 cannot be computed from those of the rows"
                    .to_owned(),
            );
            sum(&test.endpoints)
        }
    };
    let above_max = |value: Option<f64>| value > test.summary.max_response_time && value.is_some();
    if above_max(test.summary.p95) || above_max(test.summary.p99) {
        test.notes.push(
            "a percentile is above the maximum: Locust rounds percentiles to two digits before it counts them"
                .to_owned(),
        );
    }
    Ok(())
}

fn stats_of(row: Row<'_>) -> Result<Stats, AnalyzeError> {
    let requests = row.count("Request Count")?;
    let failures = row.count("Failure Count")?;
    if failures > requests {
        let problem = "more than the number of requests on its line (column `Request Count`)";
        return Err(row.fault(
            "Failure Count",
            problem,
            "failures are part of the requests: correct one of them",
        ));
    }
    // Locust writes 0 for all times if there were no requests.
    let time = |column: &str| row.number(column).map(|time| time.filter(|_| requests > 0));
    Ok(Stats {
        total_requests: Some(requests),
        total_failures: Some(failures),
        avg_response_time: time("Average Response Time")?,
        min_response_time: time("Min Response Time")?,
        max_response_time: time("Max Response Time")?,
        p50: match time("50%")? {
            None => time("Median Response Time")?,
            some => some,
        },
        p95: time("95%")?,
        p99: time("99%")?,
        rps: row.number("Requests/s")?,
        ..Stats::default()
    })
}

/// Sums up the rows of one test, as far as that is possible.
fn sum(endpoints: &[Endpoint]) -> Stats {
    let rows = || endpoints.iter().map(|endpoint| &endpoint.stats);
    let total: u64 = rows().filter_map(|row| row.total_requests).sum();
    // Rows without requests have no times and are left out.
    let with_requests = || rows().filter(|row| row.total_requests > Some(0));
    let all = |of: fn(&Stats) -> Option<f64>| with_requests().map(of).collect::<Option<Vec<f64>>>();
    let weighted = with_requests()
        .map(|row| row.avg_response_time.zip(row.total_requests).map(|(mean, count)| mean * count as f64))
        .sum::<Option<f64>>();
    Stats {
        total_requests: Some(total),
        total_failures: rows().map(|row| row.total_failures).sum(),
        avg_response_time: weighted.filter(|_| total > 0).map(|sum| sum / total as f64),
        min_response_time: all(|row| row.min_response_time).and_then(|all| all.into_iter().reduce(f64::min)),
        max_response_time: all(|row| row.max_response_time).and_then(|all| all.into_iter().reduce(f64::max)),
        rps: rows().map(|row| row.rps).sum(),
        ..Stats::default()
    }
}

fn read_history(path: &Path, text: &str, test: &mut Test) -> Result<(), AnalyzeError> {
    let table = Table::read(path, text, &["Timestamp", "User Count"])?;
    let (mut first, mut last, mut users) = (u64::MAX, 0, None);
    for row in table.rows() {
        let second = row.count("Timestamp")?;
        (first, last) = (first.min(second), last.max(second));
        // Rows of single endpoints (--csv-full-history) may leave the column empty.
        users = users.max(row.number("User Count")?.map(|users| users as u64));
    }
    if first <= last {
        let started = i64::try_from(first).ok().and_then(|second| jiff::Timestamp::from_second(second).ok());
        test.timing.started_at = started.map(|time| time.to_string());
        test.timing.duration_s = Some((last - first) as f64);
    }
    test.timing.peak_users = users;
    Ok(())
}

fn read_failures(path: &Path, text: &str, test: &mut Test) -> Result<(), AnalyzeError> {
    let table = Table::read(path, text, &["Name", "Error", "Occurrences"])?;
    for row in table.rows() {
        test.failures.push(FailureCount {
            endpoint: format!("{} {}", row.text("Method"), row.text("Name")).trim().to_owned(),
            error: row.text("Error").to_owned(),
            occurrences: row.count("Occurrences")?,
        });
    }
    Ok(())
}
