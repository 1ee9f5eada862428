//! Scripts for other tools that play a list of requests at its times.
//!
//! A script reads the list when it runs, from the file that the environment variable `DATA_FILE` names, so that its
//! content needs no quoting in JavaScript or Python. The only text that is written into a script is the default of that
//! name, as a JSON string, which both languages read.

use crate::error::SynthesisError;
use serde_json::Value;
use std::path::Path;

const K6: &str = include_str!("replay.k6.js");
const LOCUST: &str = include_str!("replay.locust.py");
/// Stands for the name of the list in the templates.
const DATA_FILE: &str = "\"@DATA_FILE@\"";
/// Stands for the executor in the template for k6.
const EXECUTOR: &str = "\"@EXECUTOR@\"";
/// The longest list that is read, in bytes, and its values.
const LONGEST: u64 = 256 << 20;
const MOST_VALUES: usize = 20_000_000;

/// The tool that a script is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// k6, each request at its time.
    K6,
    /// k6, with an arrival rate in stages that follows the list.
    K6Stages,
    /// Locust, each request at its time.
    Locust,
}

/// Returns a script that plays the list in `list`; `script` is where it will lie. The list is checked, but not copied.
///
/// # Errors
/// The file is not a list of `{endpoint, method, timestamp}`.
pub fn export(tool: Tool, list: &Path, script: &Path) -> Result<String, SynthesisError> {
    check(list)?;
    let name = serde_json::Value::from(relative(list, script)?).to_string();
    // A page that shows a script must not take a part of the name for its end; Python does not know `\/`.
    let in_script = name.replace("</", "<\\/").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029");
    Ok(match tool {
        Tool::K6 => K6.replace(EXECUTOR, "\"timed\"").replace(DATA_FILE, &in_script),
        Tool::K6Stages => K6.replace(EXECUTOR, "\"stages\"").replace(DATA_FILE, &in_script),
        Tool::Locust => LOCUST.replace(DATA_FILE, &name),
    })
}

/// Returns the name of the list as the script will find it: without its folder if that is the script's own.
fn relative(list: &Path, script: &Path) -> Result<String, SynthesisError> {
    let wrong = |problem: String| SynthesisError::Setting(format!("`{}` {problem}", list.display()));
    let whole = std::fs::canonicalize(list).map_err(|error| wrong(format!("cannot be found: {error}")))?;
    let folder = script.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let beside = std::fs::canonicalize(folder).is_ok_and(|folder| whole.parent() == Some(folder.as_path()));
    let found = if beside { whole.file_name().map(Path::new).unwrap_or(&whole) } else { &whole };
    found
        .to_str()
        .map(str::to_owned)
        .ok_or_else(|| wrong("has a name that is not UTF-8; rename it".to_owned()))
}

/// Checks that a file is a list of `{endpoint, method, timestamp}`.
fn check(list: &Path) -> Result<(), SynthesisError> {
    let wrong = |problem: String| {
        SynthesisError::Setting(format!(
            "`{}` is not a list of requests: {problem}; give a JSON list of {{endpoint, method, timestamp}}, as `bench synthesise` writes it",
            list.display()
        ))
    };
    let text =
        lb_io::read_text(list, LONGEST).map_err(|error| wrong(format!("it cannot be read: {error}")))?;
    lb_io::check_json(text.as_bytes(), MOST_VALUES).map_err(|problem| wrong(format!("it {problem}")))?;
    let rows: Vec<Value> =
        serde_json::from_str(&text).map_err(|error| wrong(format!("it is not a JSON list ({error})")))?;
    if rows.is_empty() {
        return Err(wrong("it is empty".to_owned()));
    }
    for (number, row) in rows.iter().enumerate() {
        for key in ["endpoint", "method"] {
            if !row.get(key).is_some_and(Value::is_string) {
                return Err(wrong(format!("`{key}` of element {} is missing or not a text", number + 1)));
            }
        }
        if !row.get("timestamp").is_some_and(|time| time.is_string() || time.is_number()) {
            return Err(wrong(format!("`timestamp` of element {} is missing", number + 1)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_the_list_is_quoted_and_relative_to_the_script() {
        let folder = tempfile::tempdir().expect("a folder");
        let list = folder.path().join("a \"quoted\" \\ name.json");
        std::fs::write(&list, r#"[{"endpoint": "/", "method": "GET", "timestamp": 1}]"#).expect("written");
        for tool in [Tool::K6, Tool::K6Stages, Tool::Locust] {
            let script = export(tool, &list, &folder.path().join("script")).expect("a script");
            assert!(script.contains(r#""a \"quoted\" \\ name.json""#), "{script}");
            assert!(!script.contains("@DATA_FILE@") && !script.contains("@EXECUTOR@"));
            let elsewhere = export(tool, &list, Path::new("/script")).expect("a script");
            assert!(elsewhere.contains(folder.path().to_str().expect("UTF-8")), "the whole path");
        }
    }

    #[test]
    fn what_is_not_a_list_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let list = folder.path().join("list.json");
        for (text, part) in [
            ("{}", "not a JSON list"),
            ("[]", "it is empty"),
            (r#"[{"endpoint": "/", "method": "GET"}]"#, "`timestamp` of element 1 is missing"),
            (r#"[{"endpoint": 5, "method": "GET", "timestamp": 1}]"#, "`endpoint` of element 1"),
        ] {
            std::fs::write(&list, text).expect("written");
            let error = export(Tool::K6, &list, Path::new("x.js")).expect_err(text).to_string();
            assert!(error.contains(part) && error.contains("bench synthesise"), "{error}");
        }
    }
}
