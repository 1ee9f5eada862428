//! Reads Locust's CSV files: `_stats.csv` and, found by the same prefix, `_stats_history.csv` (start,
//! duration, users, course) and `_failures.csv` (failures by kind). Times are in milliseconds.
//!
//! Columns are found by their names, which changed over the versions: before 1.0 there are `# requests`, and the
//! percentiles lie in a file of their own, `_distribution.csv`. The row of totals is called `Aggregated` or `Total`,
//! with no method or the method `None`. The web UI calls its downloads `requests_<time>.csv` and
//! `failures_<time>.csv`.

use super::columns;
use crate::course::{Interval, Spread};
use crate::error::AnalyzeError;
use crate::files;
use crate::stats::{Endpoint, FailureCount, Kind, Stats};
use crate::table::{Row, Table};
use crate::test::Test;
use crate::units::sum;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How the name of the stats file of a test ends: since 0.14, and before.
const SUFFIXES: [&str; 2] = ["_stats.csv", "_requests.csv"];
/// How the names of the web UI's downloads begin.
const DOWNLOAD: &str = "requests_";
/// The most names of a folder that are looked through for downloads.
const MOST_NAMES: usize = 2_000;

const REQUESTS: &str = "Request Count|# requests";
const FAILURES: &str = "Failure Count|# failures";
const METHOD: &str = "Type|Method";

/// Returns whether the text is a stats file.
pub(super) fn is_stats(text: &str) -> bool {
    let columns = columns(text.lines().next().unwrap_or_default());
    let has = |name: &str| columns.iter().any(|column| column.eq_ignore_ascii_case(name));
    has("Name") && ["Request Count", "Failure Count", "Median Response Time"].into_iter().any(has)
}

/// Reads a stats file and the files next to it that belong to the same test.
pub(super) fn read(path: &Path, text: &str) -> Result<Test, AnalyzeError> {
    let mut test = Test::new(path, Kind::Locust, "Locust stats CSV");
    let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let prefix =
        SUFFIXES.iter().find_map(|suffix| file.strip_suffix(suffix)).filter(|prefix| !prefix.is_empty());
    if let Some(prefix) = prefix {
        test.name = prefix.to_owned();
    }
    read_stats(path, text, &mut test)?;
    if let Some(prefix) = prefix {
        beside(path, &format!("{prefix}_distribution.csv"), &mut test, read_distribution);
        beside(path, &format!("{prefix}_stats_history.csv"), &mut test, read_history);
        beside(path, &format!("{prefix}_failures.csv"), &mut test, read_failures);
    } else if file.starts_with(DOWNLOAD)
        && let Some(failures) = downloaded_failures(path)
    {
        beside(path, &failures, &mut test, read_failures);
    }
    Ok(test)
}

/// Returns the name of the list of failures that was downloaded from the web UI with these requests: the times in their
/// names are those of the downloads and differ, so there must be one of each.
fn downloaded_failures(path: &Path) -> Option<String> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let names = std::fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned());
    let names: Vec<String> = names.take(MOST_NAMES).filter(|name| name.ends_with(".csv")).collect();
    let of = |start: &str| names.iter().filter(|name| name.starts_with(start)).collect::<Vec<_>>();
    match (of(DOWNLOAD).as_slice(), of("failures_").as_slice()) {
        ([_], [failures]) => Some((*failures).clone()),
        _ => None,
    }
}

/// Reads a file in the same folder, if it exists. The grades do not need it, so an invalid file only adds a note.
fn beside(
    path: &Path,
    name: &str,
    test: &mut Test,
    read: fn(&Path, &str, &mut Test) -> Result<(), AnalyzeError>,
) {
    let sibling: PathBuf = path.with_file_name(name);
    if !sibling.exists() {
        return;
    }
    let result = files::read(&sibling).and_then(|bytes| {
        let (text, _) = files::decode(&sibling, &bytes)?;
        read(&sibling, &text, test)
    });
    if let Err(error) = result {
        test.notes.push(format!("left out: {error}"));
    }
}

/// Returns whether a row holds the totals.
fn is_total(method: &str, name: &str) -> bool {
    matches!((method, name), ("" | "None", "Aggregated" | "Total"))
}

fn read_stats(path: &Path, text: &str, test: &mut Test) -> Result<(), AnalyzeError> {
    let table = Table::read(path, text, &["Name", REQUESTS, FAILURES])?;
    let mut aggregated = None;
    for row in table.rows() {
        let stats = stats_of(row)?;
        let (method, name) = (row.text(METHOD), row.text("Name"));
        if is_total(method, name) {
            test.spread = spread_of(row, &stats)?;
            if aggregated.replace(stats).is_some() {
                let problem = "a duplicate; a file has only one such row";
                return Err(row.fault("Name", problem, "keep only the last one; the files were joined"));
            }
        } else {
            let spread = spread_of(row, &stats)?;
            test.endpoints.push(Endpoint { spread, ..Endpoint::new(method, name, stats) });
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
            total(&test.endpoints)
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
    let requests = row.count(REQUESTS)?;
    let failures = row.count(FAILURES)?;
    if failures > requests {
        let problem = "more than the number of requests on its line (column `Request Count`)";
        return Err(row.fault(FAILURES, problem, "failures are part of the requests: correct one of them"));
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

/// Returns the spread of a row. Locust reports percentiles from the median upwards.
fn spread_of(row: Row<'_>, stats: &Stats) -> Result<Option<Spread>, AnalyzeError> {
    let (Some(low), Some(median), Some(high)) = (stats.min_response_time, stats.p50, stats.p95) else {
        return Ok(None);
    };
    // The fastest request is faster than any percentile, unless a percentile was rounded.
    Ok(Some(Spread { low: low.min(median), quartiles: None, median, high: high.max(median) })
        .filter(|_| !row.text("95%").is_empty()))
}

/// Sums up the rows of one test, as far as that is possible.
fn total(endpoints: &[Endpoint]) -> Stats {
    let rows = || endpoints.iter().map(|endpoint| &endpoint.stats);
    let total = sum(rows().filter_map(|row| row.total_requests));
    let failures: Option<Vec<u64>> = rows().map(|row| row.total_failures).collect();
    // Rows without requests have no times and are left out.
    let with_requests = || rows().filter(|row| row.total_requests > Some(0));
    let all = |of: fn(&Stats) -> Option<f64>| with_requests().map(of).collect::<Option<Vec<f64>>>();
    let weighted = with_requests()
        .map(|row| row.avg_response_time.zip(row.total_requests).map(|(mean, count)| mean * count as f64))
        .sum::<Option<f64>>();
    Stats {
        total_requests: Some(total),
        total_failures: failures.map(sum),
        avg_response_time: weighted.filter(|_| total > 0).map(|sum| sum / total as f64),
        min_response_time: all(|row| row.min_response_time).and_then(|all| all.into_iter().reduce(f64::min)),
        max_response_time: all(|row| row.max_response_time).and_then(|all| all.into_iter().reduce(f64::max)),
        rps: rows().map(|row| row.rps).sum(),
        ..Stats::default()
    }
}

/// Reads the percentiles that Locust before 1.0 wrote into a file of their own. A row is named by method and name
/// together.
fn read_distribution(path: &Path, text: &str, test: &mut Test) -> Result<(), AnalyzeError> {
    let table = Table::read(path, text, &["Name", "50%", "95%", "99%"])?;
    for row in table.rows() {
        let name = row.text("Name");
        let totals = matches!(name, "Aggregated" | "Total" | "None Aggregated" | "None Total");
        let stats = match test.endpoints.iter_mut().find(|endpoint| endpoint.label() == name) {
            Some(endpoint) => &mut endpoint.stats,
            None if totals => &mut test.summary,
            None => continue,
        };
        if stats.total_requests > Some(0) {
            stats.p50 = row.number("50%")?.or(stats.p50);
            stats.p95 = row.number("95%")?;
            stats.p99 = row.number("99%")?;
        }
    }
    Ok(())
}

/// Reads when the test ran, with how many users, and its course. Rates and percentiles are those of the ten seconds
/// before each row, or of the whole test so far, depending on the version and flags.
fn read_history(path: &Path, text: &str, test: &mut Test) -> Result<(), AnalyzeError> {
    let table = Table::read(path, text, &["Timestamp", "User Count"])?;
    let (mut first, mut last, mut users) = (u64::MAX, 0, None);
    let mut courses: BTreeMap<(&str, &str), Vec<Interval>> = BTreeMap::new();
    for row in table.rows() {
        let second = row.count("Timestamp")?;
        (first, last) = (first.min(second), last.max(second));
        // Rows of single endpoints (--csv-full-history) may leave the column empty.
        users = users.max(row.number("User Count")?.map(|users| users as u64));
        if let Some(rps) = row.number("Requests/s")? {
            courses.entry((row.text(METHOD), row.text("Name"))).or_default().push(Interval {
                at_s: second.saturating_sub(first) as f64,
                length_s: 1.0,
                rps,
                failures_rps: row.number("Failures/s")?.unwrap_or(0.0),
                mean_ms: None,
                p95_ms: row.number("95%")?.filter(|_| rps > 0.0),
            });
        }
    }
    if first <= last {
        let started = i64::try_from(first).ok().and_then(|second| jiff::Timestamp::from_second(second).ok());
        test.timing.started_at = started.map(|time| time.to_string());
        test.timing.duration_s = Some((last - first) as f64);
    }
    test.timing.peak_users = users;
    for ((method, name), course) in courses {
        if is_total(method, name) {
            test.course = course;
        } else if let Some(endpoint) =
            test.endpoints.iter_mut().find(|endpoint| endpoint.method == method && endpoint.name == name)
        {
            endpoint.course = course;
        }
    }
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
