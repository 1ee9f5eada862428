//! From a name to raw types: find the file, read it, tell its dialect, check its shape.

use super::bundled::{self, Bundled};
use super::check::check;
use super::document::parse;
use super::engine::Dialect;
use super::error::{ConfigError, Findings, Problem};
use super::raw::{File, FlatFile, RequestsFile, SequenceFile, Source, TrainingFile};
use crate::recording::{self, TraceError, TraceFormat, TraceOptions};
use lb_core::suggest::{did_you_mean, listing};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A config that was found and read. It may still have faults of shape; [`super::plan()`] reports
/// them together with those of meaning.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub(super) name: String,
    pub(super) source: String,
    pub(super) folder: Option<PathBuf>,
    pub(super) document: Value,
    pub(super) dialect: Dialect,
    pub(super) file: Arc<File>,
    pub(super) problems: Vec<Problem>,
}

impl Loaded {
    /// The config as typed, for the record of a run. A token in it is blanked.
    ///
    /// Recorded requests are counted, not listed: the hash of the schedule tells them apart.
    pub fn document(&self) -> Value {
        if let File::Requests(RequestsFile(trace)) = &*self.file {
            return json!({ "requests": trace.requests.len() });
        }
        let mut document = self.document.clone();
        if let Some(token) = document.pointer_mut("/bench/load_balancer/admin_token") {
            *token = "(blanked)".into();
        }
        document
    }

    /// Where it was found: a path, or `bundled`.
    pub fn source(&self) -> &str {
        &self.source
    }
}

/// Finds a config as a path, then among the bundled ones, and reads it.
pub fn load(name_or_path: &str) -> Result<Loaded, ConfigError> {
    let name = name_or_path.to_owned();
    let path = Path::new(name_or_path);
    let (text, source, folder) = match std::fs::read_to_string(path) {
        Ok(text) => (text, path.display().to_string(), path.parent().map(Path::to_owned)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let Some(text) = bundled::find(bundled::CONFIGS, name_or_path) else {
                let bundled = bundled::names(bundled::CONFIGS).map(|name| format!("{name}.json"));
                return Err(ConfigError::NotFound { name, bundled: bundled.collect::<Vec<_>>().join(", ") });
            };
            (text.to_owned(), "bundled".to_owned(), None)
        }
        Err(source) => return Err(ConfigError::Unreadable { name, source }),
    };
    let mut loaded = from_text(&name, &text)?;
    (loaded.source, loaded.folder) = (source, folder);
    Ok(loaded)
}

/// Reads a config from text, for configs that are not files.
pub fn from_text(name: &str, text: &str) -> Result<Loaded, ConfigError> {
    let name = name.to_owned();
    let mut problems = Vec::new();
    let document = parse(text, &mut problems).map_err(|error| ConfigError::Syntax {
        name: name.clone(),
        line: error.line(),
        column: error.column(),
        problem: without_position(&error),
    })?;
    let dialect =
        dialect_of(&document).map_err(|problem| ConfigError::Unsupported { name: name.clone(), problem })?;
    let file = match dialect {
        Dialect::Sequence => typed::<SequenceFile>(&document, &mut problems).map(File::Sequence),
        Dialect::Flat => typed::<FlatFile>(&document, &mut problems).map(File::Flat),
        Dialect::Requests => Some(File::Requests(recorded(&name, text)?)),
        Dialect::Training | Dialect::Inline => {
            typed::<TrainingFile>(&document, &mut problems).map(File::Training)
        }
    };
    match file {
        Some(file) => Ok(Loaded {
            name,
            source: "text".to_owned(),
            folder: None,
            document,
            dialect,
            file: Arc::new(file),
            problems,
        }),
        None => Err(ConfigError::Invalid { name, problems }),
    }
}

/// A list of recorded requests; its faults have line numbers in place of key paths.
fn recorded(name: &str, text: &str) -> Result<RequestsFile, ConfigError> {
    let options = TraceOptions { format: Some(TraceFormat::Requests), rate: None };
    match recording::read(name, text.as_bytes(), options) {
        Ok(trace) => Ok(RequestsFile(Arc::new(trace))),
        Err(error) => {
            Err(ConfigError::Invalid { name: name.to_owned(), problems: trace_problems(name, error) })
        }
    }
}

/// The faults of a recording as problems of a config.
pub(super) fn trace_problems(name: &str, error: TraceError) -> Vec<Problem> {
    let TraceError::Invalid { faults, total, .. } = error else {
        return vec![Problem::of_key(name, error.to_string())];
    };
    let more = total.saturating_sub(faults.len());
    let place =
        |line: Option<usize>| line.map_or_else(|| name.to_owned(), |line| format!("{name}, line {line}"));
    let mut problems: Vec<Problem> =
        faults.into_iter().map(|fault| Problem::of_key(place(fault.line), fault.reason)).collect();
    if more > 0 {
        problems.push(Problem::of_key(name, format!("and {more} more faults like these")));
    }
    problems
}

/// Returns the message of the parser without the position, which is reported on its own.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

/// Tells the dialect by the keys at the top.
fn dialect_of(document: &Value) -> Result<Dialect, String> {
    const MARKS: [&str; 5] =
        ["scenarios", "rl_training_scenarios", "stress_test_scenarios", "base_users", "load_balancer_url"];
    let map = match document {
        Value::Object(map) => map,
        Value::Array(_) => return Ok(Dialect::Requests),
        other => {
            return Err(format!("must be a JSON object, not `{}`", super::error::excerpt(other)));
        }
    };
    if map.contains_key("rl_training_scenarios") || map.contains_key("stress_test_scenarios") {
        let profiles = |path: &str| document.pointer(path).is_some();
        let has_profiles = profiles("/rl_training_scenarios/user_behavior_profiles")
            || profiles("/user_behavior_profiles")
            || map.contains_key("stress_test_scenarios");
        return Ok(if has_profiles { Dialect::Training } else { Dialect::Inline });
    }
    if map.contains_key("scenarios") {
        return Ok(Dialect::Sequence);
    }
    if map.contains_key("base_users") || map.contains_key("load_balancer_url") {
        return Ok(Dialect::Flat);
    }
    let hint = map.keys().map(|key| did_you_mean(key, MARKS)).find(|hint| !hint.is_empty());
    Err(format!(
        "no dialect recognised{}: the top has the keys {}, and a config has one of {}",
        hint.unwrap_or_default(),
        listing(map.keys().map(String::as_str)),
        listing(MARKS)
    ))
}

/// Checks a document against the schema of `T` and reads it, repaired where that is needed. None
/// (with at least one problem) where even that fails.
fn typed<T: JsonSchema + DeserializeOwned>(document: &Value, problems: &mut Vec<Problem>) -> Option<T> {
    let schema = schemars::schema_for!(T).to_value();
    let (repaired, found) = check(&schema, document.clone());
    problems.extend(found);
    match serde_path_to_error::deserialize(&repaired) {
        Ok(typed) => Some(typed),
        Err(error) => {
            if problems.is_empty() {
                problems.push(Problem::of_key(error.path().to_string(), error.inner().to_string()));
            }
            None
        }
    }
}

/// Resolves a journey or a topology: the object itself, a bundled name, or a path (from the working
/// directory, then from the config's folder). None after a problem was reported.
pub(super) fn resolve<T: JsonSchema + DeserializeOwned + Clone>(
    source: &Source<T>,
    key: &str,
    files: &[Bundled],
    folder: Option<&Path>,
    findings: &mut Findings,
) -> Option<T> {
    let name = match source {
        Source::Inline(object) => return Some((**object).clone()),
        Source::Named(name) => name,
    };
    let text = match bundled::find(files, name) {
        Some(text) => text.to_owned(),
        None => match read_beside(name, folder) {
            Ok(text) => text,
            Err(error) => {
                let bundled = listing(bundled::names(files));
                let hint = did_you_mean(name, bundled::names(files));
                let message =
                    format!("is neither bundled ({bundled}){hint} nor a file that can be read ({error})");
                findings.wrong(key, name.as_str(), message);
                return None;
            }
        },
    };
    let mut problems = Vec::new();
    let document = match parse(&text, &mut problems) {
        Ok(document) => document,
        Err(error) => {
            findings.wrong(key, name.as_str(), format!("the file is not JSON: {error}"));
            return None;
        }
    };
    let typed = typed(&document, &mut problems);
    let failed = !problems.is_empty();
    for mut problem in problems {
        problem.path = format!("{key} ({name}): {}", problem.path);
        findings.problem(problem);
    }
    typed.filter(|_| !failed)
}

fn read_beside(name: &str, folder: Option<&Path>) -> std::io::Result<String> {
    std::fs::read_to_string(name).or_else(|error| match folder {
        Some(folder) => std::fs::read_to_string(folder.join(name)),
        None => Err(error),
    })
}
