//! Turns a name into raw types: finds the file, reads it, detects its dialect and validates it.

use super::bundled;
use super::document::too_long;
use super::engine::Dialect;
use super::error::{ConfigError, Findings, Note, Problem};
use super::library::Library;
use super::raw::{File, FlatFile, RequestsFile, SequenceFile, Source, TrainingFile};
use lb_admin_client::Declaration;
use lb_admin_client::declared::blank_headers;
use lb_core::secret::mask_passwords;
use lb_core::suggest::{did_you_mean, listing};
use lb_document::{excerpt, explain, parse, typed};
use lb_recording::{ReadOptions, RecordingError, RecordingFormat};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where bundled configs come from, as plans name it.
pub(super) const BUNDLED: &str = "bundled";

/// A config that was found and read. It may still violate the schema; [`super::plan()`] reports this together
/// with all other problems.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub(super) name: String,
    pub(super) source: String,
    pub(super) folder: Option<PathBuf>,
    pub(super) document: Value,
    pub(super) dialect: Dialect,
    pub(super) file: Arc<File>,
    pub(super) problems: Vec<Problem>,
    /// Notes about where settings come from, for the notes of the plan.
    pub(super) notes: Vec<Note>,
}

impl Loaded {
    /// Returns the config as written, for the record of a run. The admin token and the values of headers are
    /// blanked, and passwords of URLs are masked.
    ///
    /// Recorded requests are counted, not listed: the hash of the schedule identifies them.
    pub fn document(&self) -> Value {
        if let File::Requests(RequestsFile { count, .. }) = &*self.file {
            return json!({ "requests": count });
        }
        let mut document = self.document.clone();
        if let Some(token) = document.pointer_mut("/bench/load_balancer/admin_token") {
            *token = "(blanked)".into();
        }
        if let Some(block) = document.pointer_mut("/bench/load_balancer") {
            blank_headers(block);
        }
        mask_all(&mut document);
        document
    }

    /// Returns where the config was found: a path, `bundled`, or `text`.
    pub fn source(&self) -> &str {
        &self.source
    }
}

/// Where examples of configs are.
const EXAMPLES: &str = "docs/configs.md";

/// The longest config in bytes: that of a long list of recorded requests. A longer one is given with `--replay`.
const LONGEST: u64 = 64 << 20;

/// The most values in a list of recorded requests: 150,000 requests or more.
const MOST_RECORDED: usize = 1_000_000;
/// Masks the passwords of URLs in all texts of a document.
fn mask_all(document: &mut Value) {
    match document {
        Value::String(text) => {
            if let Cow::Owned(masked) = mask_passwords(text) {
                *text = masked;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask_all),
        Value::Object(map) => map.values_mut().for_each(mask_all),
        _ => {}
    }
}

/// Finds a config as a path, then among the bundled ones, and reads it.
pub fn load(name_or_path: &str) -> Result<Loaded, ConfigError> {
    let name = name_or_path.to_owned();
    let path = Path::new(name_or_path);
    let (text, source, folder) = match lb_io::read_text(path, LONGEST) {
        Ok(text) => (text, path.display().to_string(), path.parent().map(Path::to_owned)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let Some(text) = bundled::find(bundled::CONFIGS, name_or_path) else {
                return Err(not_found(name));
            };
            (text.to_owned(), BUNDLED.to_owned(), None)
        }
        Err(source) => return Err(ConfigError::Unreadable { name, source }),
    };
    let mut loaded = from_text(&name, &text)?;
    (loaded.source, loaded.folder) = (source, folder);
    Ok(loaded)
}

/// Returns the error for a name that is neither a file nor a bundled config.
fn not_found(name: String) -> ConfigError {
    let bundled: Vec<String> = bundled::names(bundled::CONFIGS).map(|name| format!("{name}.json")).collect();
    let typed = Path::new(&name).file_name().unwrap_or_default().to_string_lossy();
    let hint = did_you_mean(&typed, bundled.iter().map(String::as_str));
    ConfigError::NotFound { hint, bundled: bundled.join(", "), name }
}

/// Reads a config from text, for configs that are not files.
pub fn from_text(name: &str, text: &str) -> Result<Loaded, ConfigError> {
    let name = name.to_owned();
    let is_list = text.trim_start_matches('\u{feff}').trim_start().starts_with('[');
    let most = if is_list { MOST_RECORDED } else { lb_io::MOST_VALUES };
    lb_io::check_json(text.as_bytes(), most)
        .map_err(|problem| ConfigError::Syntax { name: name.clone(), problem })?;
    let mut problems = Vec::new();
    let document = parse(text, &mut problems).map_err(|error| ConfigError::Syntax {
        name: name.clone(),
        problem: explain(&name, text, &error, EXAMPLES),
    })?;
    let dialect =
        dialect_of(&document).map_err(|problem| ConfigError::Unsupported { name: name.clone(), problem })?;
    let long = too_long(&document);
    if !long.is_empty() {
        return Err(ConfigError::Invalid { name, problems: long });
    }
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
            notes: Vec::new(),
        }),
        None => Err(ConfigError::Invalid { name, problems }),
    }
}

/// Reads a list of recorded requests. Its problems have line numbers instead of key paths.
fn recorded(name: &str, text: &str) -> Result<RequestsFile, ConfigError> {
    let options = ReadOptions { format: Some(RecordingFormat::Requests), ..ReadOptions::default() };
    match lb_recording::read(name, text.as_bytes(), options) {
        Ok(trace) => Ok(RequestsFile { text: text.into(), count: trace.requests.len() }),
        Err(error) => {
            Err(ConfigError::Invalid { name: name.to_owned(), problems: recording_problems(name, error) })
        }
    }
}

/// Converts the problems of a recording to problems of a config.
pub(super) fn recording_problems(name: &str, error: RecordingError) -> Vec<Problem> {
    let RecordingError::Invalid { faults, total, .. } = error else {
        return vec![Problem::of_key(name, error.to_string())];
    };
    let more = total.saturating_sub(faults.len());
    let place =
        |line: Option<usize>| line.map_or_else(|| name.to_owned(), |line| format!("{name}, line {line}"));
    let mut problems: Vec<Problem> =
        faults.into_iter().map(|fault| Problem::of_key(place(fault.line), fault.reason)).collect();
    if more > 0 {
        problems.push(Problem::of_key(name, format!("{more} more faults are not listed")));
    }
    problems
}

/// Detects the dialect from the top-level keys.
fn dialect_of(document: &Value) -> Result<Dialect, String> {
    const MARKS: [&str; 5] =
        ["scenarios", "rl_training_scenarios", "stress_test_scenarios", "base_users", "load_balancer_url"];
    let map = match document {
        Value::Object(map) => map,
        Value::Array(_) => return Ok(Dialect::Requests),
        other => {
            return Err(format!("must be a JSON object, not `{}`", excerpt(other)));
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
    if map.is_empty() {
        return Err(format!(
            "holds nothing; a config needs one of the keys {}, as in {}",
            listing(MARKS),
            r#"`{"scenarios": [{"name": "first", "duration_minutes": 1, "concurrent_users": 10}]}`"#
        ));
    }
    if map.contains_key("modes") && map.contains_key("answers") {
        return Err("is a scenario pack; play it with `bench pack FOLDER`".to_owned());
    }
    if map.get("suite").is_some_and(Value::is_array) {
        return Err("is a suite; play it with `bench suite FILE`".to_owned());
    }
    let hint = map.keys().map(|key| did_you_mean(key, MARKS)).find(|hint| !hint.is_empty());
    Err(format!(
        "no shape of a config is recognised{}: the top has the keys {}, and a config has one of {}",
        hint.unwrap_or_default(),
        listing(map.keys().map(String::as_str)),
        listing(MARKS)
    ))
}

/// Resolves a journey or a topology: the object itself, a bundled name, or a path (from the working
/// directory, then from the config's folder). `None` after a problem.
pub(super) fn resolve<T: JsonSchema + DeserializeOwned + Clone + 'static>(
    source: &Source<T>,
    key: &str,
    library: &Library<T>,
    folder: Option<&Path>,
    findings: &mut Findings,
) -> Option<T> {
    let name = match source {
        Source::Inline(object) => return Some((**object).clone()),
        Source::Named(name) => name,
    };
    if let Some(bundled) = library.find(name, |text| read_typed(text, name, key, findings)) {
        return bundled;
    }
    match read_beside(name, folder) {
        Ok(text) => read_typed(&text, name, key, findings),
        Err(error) => {
            let bundled = listing(library.names());
            let hint = did_you_mean(name, library.names());
            let message =
                format!("is neither bundled ({bundled}){hint} nor a file that can be read ({error})");
            findings.wrong(key, name.as_str(), message);
            None
        }
    }
}

/// Reads the declaration of a load balancer from a file (from the working directory, then from the config's
/// folder). `None` after a problem.
pub(super) fn read_declaration(
    name: &str,
    key: &str,
    folder: Option<&Path>,
    findings: &mut Findings,
) -> Option<Declaration> {
    match read_beside(name, folder) {
        Ok(text) => read_typed(&text, name, key, findings),
        Err(error) => {
            findings.wrong(
                key,
                name,
                format!("cannot be read as the declaration of a load balancer ({error})"),
            );
            None
        }
    }
}

/// Deserialises the text of the file `name` that `key` names. `None` after a problem.
fn read_typed<T: JsonSchema + DeserializeOwned + 'static>(
    text: &str,
    name: &str,
    key: &str,
    findings: &mut Findings,
) -> Option<T> {
    let mut problems = Vec::new();
    let document = match parse(text, &mut problems) {
        Ok(document) => document,
        Err(error) => {
            findings.wrong(key, name, explain(name, text, &error, EXAMPLES));
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

pub(super) fn read_beside(name: &str, folder: Option<&Path>) -> std::io::Result<String> {
    lb_io::read_json(Path::new(name)).or_else(|error| match folder {
        Some(folder) => lb_io::read_json(&folder.join(name)),
        None => Err(error),
    })
}
