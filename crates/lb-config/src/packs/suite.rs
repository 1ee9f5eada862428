//! A file that lists runs of packs and configs, which are played one after the other.

use super::error::PackError;
use super::pack::json_of;
use crate::error::{ConfigError, Problem};
use crate::values;
use lb_document::typed;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Several runs, one after the other. One that fails does not keep the others from running.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "suite")]
pub struct SuiteFile {
    /// The address of this schema, for editors; it has no effect.
    #[serde(rename = "$schema", default)]
    pub schema: Option<String>,
    /// Name of the suite in results.
    #[schemars(length(min = 1))]
    pub name: String,
    /// A description for readers; it has no effect.
    #[serde(default)]
    pub description: Option<String>,
    /// Pause between two runs, such as `30s`; by default none.
    #[schemars(length(min = 1))]
    pub cool_down: Option<String>,
    /// The runs, in order.
    #[schemars(length(min = 1))]
    pub suite: Vec<SuiteRun>,
}

/// A run of a suite: a mode of a pack, or a config.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SuiteRun {
    /// Name of the run in results; by default that of the mode or the config.
    #[schemars(length(min = 1))]
    pub name: Option<String>,
    /// The pack: a bundled name, or a folder, relative to the working directory or to this file.
    #[schemars(length(min = 1))]
    pub pack: Option<String>,
    /// The mode or suite of the pack; by default the pack's own default.
    #[schemars(length(min = 1))]
    pub mode: Option<String>,
    /// The profile of the pack.
    #[schemars(length(min = 1))]
    pub profile: Option<String>,
    /// The config: a bundled name, or a path, relative to the working directory or to this file.
    #[schemars(length(min = 1))]
    pub config: Option<String>,
    /// The only scenario of the config or mode to run.
    #[schemars(length(min = 1))]
    pub scenario: Option<String>,
}

impl SuiteFile {
    /// Reads a suite.
    ///
    /// # Errors
    /// The file cannot be read or is invalid: all problems at once.
    pub fn load(path: &Path) -> Result<Self, PackError> {
        let text = lb_io::read_json(path)
            .map_err(|source| PackError::Unreadable { path: path.to_owned(), source })?;
        let name = path.display().to_string();
        let document = json_of(&name, &text)?;
        let mut problems = Vec::new();
        let file: Option<Self> = typed(&document, &mut problems);
        let Some(mut file) = file.filter(|_| problems.is_empty()) else {
            return Err(ConfigError::Invalid { name, problems }.into());
        };
        file.check(&mut problems);
        if !problems.is_empty() {
            return Err(ConfigError::Invalid { name, problems }.into());
        }
        for run in &mut file.suite {
            run.pack = run.pack.take().map(|name| beside(path, name));
            run.config = run.config.take().map(|name| beside(path, name));
        }
        Ok(file)
    }

    /// Returns the pause between two runs.
    pub fn pause(&self) -> Duration {
        self.cool_down.as_deref().and_then(|text| values::duration(text).ok()).unwrap_or_default()
    }

    fn check(&self, problems: &mut Vec<Problem>) {
        if let Some(text) = &self.cool_down
            && let Err(problem) = values::duration(text)
        {
            problems.push(Problem::at("cool_down", &text.as_str().into(), problem));
        }
        for (index, run) in self.suite.iter().enumerate() {
            let at = format!("suite[{index}]");
            match (&run.pack, &run.config) {
                (Some(_), None) => {}
                (None, Some(_)) => {
                    for (key, value) in [("mode", &run.mode), ("profile", &run.profile)] {
                        if let Some(value) = value {
                            let message = "belongs to a `pack`, and this run has a `config`; leave it out";
                            problems.push(Problem::at(
                                format!("{at}.{key}"),
                                &Value::from(value.as_str()),
                                message,
                            ));
                        }
                    }
                }
                (Some(_), Some(_)) => {
                    problems
                        .push(Problem::of_key(at, "names a `pack` and a `config`; leave one of them out"));
                }
                (None, None) => {
                    problems
                        .push(Problem::of_key(at, "names neither a `pack` nor a `config`; add one of them"));
                }
            }
        }
    }
}

/// Returns the name of a file: as it is, or beside the suite if only there is such a file.
fn beside(suite: &Path, name: String) -> String {
    let there: PathBuf = suite.parent().unwrap_or(Path::new("")).join(&name);
    match !Path::new(&name).exists() && there.exists() {
        true => there.display().to_string(),
        false => name,
    }
}

/// Returns the published schema of a suite.
pub fn suite_schema() -> Value {
    schemars::schema_for!(SuiteFile).to_value()
}
