//! Recognises what a path holds by its content, not by its name.

use super::error::AnalyzeError;
use super::files::{other, read_text, written_at};
use super::test::Test;
use super::{k6, locust, oha, own};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Maximum number of file names or JSON keys that a message lists.
const LISTED: usize = 8;
/// The most values in a JSON file: those of a run of `bench` with hundreds of algorithms.
const MOST_VALUES: usize = 1_000_000;
/// Maximum number of characters of the first line that a message shows.
const SHOWN: usize = 60;

/// Reads the tests at a path.
pub(super) fn read(path: &Path) -> Result<Vec<Test>, AnalyzeError> {
    if path.is_dir() { read_folder(path) } else { read_file(path) }
}

fn read_folder(path: &Path) -> Result<Vec<Test>, AnalyzeError> {
    let unreadable = |source| AnalyzeError::Unreadable { path: path.to_owned(), source };
    let entries = std::fs::read_dir(path).map_err(unreadable)?;
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>().map_err(unreadable)?;
    paths.sort();
    let is_stats = |path: &&PathBuf| {
        path.is_file()
            && path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(locust::SUFFIX))
    };
    let stats: Vec<&PathBuf> = paths.iter().filter(is_stats).collect();
    if stats.is_empty() {
        // A results folder of `bench`, or a folder that k6 was told to write to.
        let summary = path.join("summary.json");
        if summary.is_file() {
            return read_file(&summary);
        }
        let names = paths.iter().filter_map(|path| {
            let name = path.file_name()?.to_string_lossy();
            Some(if path.is_dir() { format!("{name}/") } else { name.into_owned() })
        });
        let found = match paths.len() {
            0 => "an empty folder".to_owned(),
            _ => format!(
                "a folder without `*_stats.csv` and without `summary.json` (it holds {})",
                list(names)
            ),
        };
        return Err(other(path, found));
    }
    let tests: Vec<Vec<Test>> = stats.into_iter().map(|path| read_file(path)).collect::<Result<_, _>>()?;
    Ok(tests.into_iter().flatten().collect())
}

fn read_file(path: &Path) -> Result<Vec<Test>, AnalyzeError> {
    read_content(path, &read_text(path)?)
}

/// Reads the tests in the content of a file.
pub(super) fn read_content(path: &Path, text: &str) -> Result<Vec<Test>, AnalyzeError> {
    let first = text.lines().next().unwrap_or_default();
    if text.trim().is_empty() {
        return Err(other(path, "an empty file"));
    }
    if text.trim_start().starts_with(['{', '[']) {
        return read_json(path, text);
    }
    let columns: Vec<&str> = first.split(',').map(|column| column.trim().trim_matches('"')).collect();
    let has = |name: &str| columns.contains(&name);
    if has("Name") && ["Request Count", "Failure Count", "Median Response Time"].into_iter().any(has) {
        return Ok(vec![locust::read(path, text)?]);
    }
    let sibling = |what: &str| AnalyzeError::OtherKind {
        path: path.to_owned(),
        found: format!("Locust's {what}"),
        advice: "give the `_stats.csv` next to it; this file is then found by its prefix".to_owned(),
    };
    Err(if has("Timestamp") && has("User Count") {
        sibling("history")
    } else if has("Occurrences") {
        sibling("list of failures")
    } else if has("Traceback") {
        sibling("list of exceptions")
    } else if has("request-start") {
        other(path, "oha's list of requests, not its report")
    } else if has("metric_name") {
        other(path, "k6's list of samples, not its summary")
    } else {
        let shown: String = first.chars().take(SHOWN).collect();
        other(path, format!("not a file that can be graded (it begins with `{}`)", shown.trim()))
    })
}

fn read_json(path: &Path, text: &str) -> Result<Vec<Test>, AnalyzeError> {
    lb_io::check_json(text.as_bytes(), MOST_VALUES)
        .map_err(|problem| other(path, format!("a JSON file that {problem}")))?;
    let json: Value = match serde_json::from_str(text) {
        Ok(json) => json,
        Err(error) => {
            let line: Option<Value> = text.lines().next().and_then(|line| serde_json::from_str(line).ok());
            return Err(match line {
                Some(line) if line.get("metric").is_some() || line.get("type").is_some() => {
                    other(path, "k6's list of samples (`--out json`), not its summary")
                }
                _ => other(path, format!("not JSON ({error})")),
            });
        }
    };
    if json.get("schema_version").is_some() && json.get("scenarios").is_some() {
        own::read(path, text)
    } else if oha::is_oha(&json) {
        oha::read(path, &json).map(|test| vec![with_time(test, path)])
    } else if k6::is_k6(&json) {
        k6::read(path, &json).map(|test| vec![with_time(test, path)])
    } else {
        Err(other(path, unknown(&json)))
    }
}

fn with_time(mut test: Test, path: &Path) -> Test {
    test.timing.written_at = written_at(path);
    test
}

fn unknown(json: &Value) -> String {
    match json {
        Value::Object(object) if object.contains_key("analysis") && object.contains_key("bottlenecks") => {
            "already an analysis".to_owned()
        }
        Value::Object(object) if object.is_empty() => "an empty JSON object".to_owned(),
        Value::Object(object) => format!("a JSON object with {}", list(object.keys().cloned())),
        Value::Array(list) if list.first().is_some_and(|first| first.get("num_requests").is_some()) => {
            "Locust's JSON (`--json`), which has no percentiles".to_owned()
        }
        Value::Array(_) => "a JSON list".to_owned(),
        _ => "a JSON value".to_owned(),
    }
}

/// Formats names as a list, such as `a`, `b`, `c` and 4 more.
fn list(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    let shown = names.iter().take(LISTED).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(LISTED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
