//! Reads a run back from its folder.

use crate::folder::ResultsFolder;
use crate::summary::run::{SCHEMA_VERSION, Summary};
use std::io;
use std::path::{Path, PathBuf};

/// Reasons why a run cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The folder does not exist or contains no results.
    #[error(
        "no results in `{}`: there is no summary.json; give the folder of a finished run, such as results/<run>",
        .path.display()
    )]
    NotFound {
        /// The path that was given.
        path: PathBuf,
    },
    /// The file exists but cannot be read.
    #[error("failed to read `{}`: {source}", .path.display())]
    Unreadable {
        /// Path of the file.
        path: PathBuf,
        /// The I/O error.
        source: io::Error,
    },
    /// The file is not JSON, or is not a summary.
    #[error("`{}` is not the summary of a run: {problem}; run the benchmark again", .path.display())]
    Broken {
        /// Path of the file.
        path: PathBuf,
        /// Message of the parser, which names the key.
        problem: String,
    },
    /// Written by a version with another schema.
    #[error(
        "`{}` has schema version {found}, but this `bench` reads version {SCHEMA_VERSION}: {}",
        .path.display(), .advice
    )]
    /// Another version of `bench` wrote the file, with another schema.
    Version {
        /// Path of the file.
        path: PathBuf,
        /// The version in the file; `none` if it has none.
        found: String,
        /// How the user can fix the problem.
        advice: String,
    },
}

/// Reads the summary of a run, given its folder or the file itself.
///
/// # Errors
/// When there is no summary, it cannot be read, or a version of `bench` with another schema wrote it.
pub fn read_summary(path: &Path) -> Result<Summary, ReadError> {
    let file = if path.is_dir() { path.join("summary.json") } else { path.to_owned() };
    let bytes = lb_io::read(&file, ResultsFolder::LONGEST).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => ReadError::NotFound { path: path.to_owned() },
        _ => ReadError::Unreadable { path: file.clone(), source },
    })?;
    parse_summary(&file, &bytes)
}

/// Reads the summary of a run from the content of its file; `file` is used in messages.
///
/// # Errors
/// When it is not a summary, or a version of `bench` with another schema wrote it.
pub fn parse_summary(file: &Path, bytes: &[u8]) -> Result<Summary, ReadError> {
    let broken = |problem: String| ReadError::Broken { path: file.to_owned(), problem };
    let value: serde_json::Value =
        serde_json::from_slice(bytes).map_err(|error| broken(error.to_string()))?;
    // Check the version first: with another schema, the parser would only complain about its fields.
    let found = &value["schema_version"];
    if found.as_u64() != Some(u64::from(SCHEMA_VERSION)) {
        let newer = found.as_u64().is_some_and(|version| version > u64::from(SCHEMA_VERSION));
        let wrote =
            value["version"].as_str().map_or_else(String::new, |version| format!(" (bench {version})"));
        let advice = if newer {
            format!("read it with the version that wrote it{wrote}")
        } else {
            format!("run it again with this version, or read it with the one that wrote it{wrote}")
        };
        let found = if found.is_null() { "none".to_owned() } else { found.to_string() };
        return Err(ReadError::Version { path: file.to_owned(), found, advice });
    }
    serde_path_to_error::deserialize(&value).map_err(|error| broken(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::algorithm::AlgorithmSummary;
    use crate::summary::kinds::{Engine, LoadModel};
    use crate::summary::scenario::ScenarioSummary;

    #[test]
    fn a_summary_of_an_older_version_is_read_and_an_unknown_word_is_refused_by_name() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let mut summary = Summary::empty("run", Engine::Sim);
        let algorithms = vec![AlgorithmSummary { name: "p2c".to_owned(), ..AlgorithmSummary::default() }];
        summary.scenarios = vec![ScenarioSummary { algorithms, ..ScenarioSummary::default() }];
        let mut value = serde_json::to_value(&summary).expect("a summary is plain data");
        let write = |value: &serde_json::Value| {
            std::fs::write(dir.path().join("summary.json"), value.to_string()).expect("it can be written");
            read_summary(dir.path())
        };
        let algorithm = value["scenarios"][0]["algorithms"][0].as_object_mut().expect("an object");
        algorithm.remove("estimates").expect("this version writes it");
        let read = write(&value).expect("older versions did not write estimates");
        assert!(read.scenarios[0].algorithms[0].estimates.is_empty());
        assert_eq!((read.engine, read.scenarios[0].model), (Engine::Sim, LoadModel::Closed));

        value["scenarios"][0]["model"] = "half-open".into();
        let message = write(&value).expect_err("the model is unknown").to_string();
        let expected =
            "scenarios[0].model: unknown variant `half-open`, expected one of `closed`, `open`, `mixed`";
        assert!(message.contains(expected), "{message}");
    }

    #[test]
    fn what_is_not_a_result_is_refused_with_advice() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let refusal = |contents: Option<&str>| {
            if let Some(contents) = contents {
                std::fs::write(dir.path().join("summary.json"), contents).expect("it can be written");
            }
            read_summary(dir.path()).expect_err("no summary").to_string()
        };
        for (contents, expected) in [
            (None, "give the folder of a finished run"),
            (Some("{"), "is not the summary of a run: EOF"),
            (Some("{}"), "has schema version none, but this `bench` reads version 2: run it again"),
            (
                Some(r#"{"schema_version": 1, "version": "0.1.0"}"#),
                "has schema version 1, but this `bench` reads version 2: run it again with this version, or read it with the \
                 one that wrote it (bench 0.1.0)",
            ),
            (Some(r#"{"schema_version": 99}"#), "read it with the version that wrote it"),
            (Some(r#"{"schema_version": 2, "run_id": 3}"#), "run_id: invalid type"),
        ] {
            let message = refusal(contents);
            assert!(message.contains(expected), "{contents:?} is refused with `{expected}`: {message}");
        }
    }
}
