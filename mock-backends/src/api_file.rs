//! The API that mock backends serve: one of those that come with the program, by name, or a file.
//!
//! ```
//! use mock_backends::api_file::{find, load};
//!
//! let text = r#"{
//!     "name": "greeter",
//!     "routes": [{ "path": "/hello/{name}", "reply": { "json": { "hello": "{{ path.name }}" } } }]
//! }"#;
//! let api = load("greeter.json", text)?;
//! assert_eq!(api.name(), "greeter.json");
//!
//! assert!(find("model-api").is_ok(), "this one comes with the program");
//! let error = load("greeter.json", &text.replace("path.name", "path.nmae")).unwrap_err().to_string();
//! assert!(error.contains("(did you mean `name`?)"), "{error}");
//! # Ok::<(), mock_backends::api_file::ApiFileError>(())
//! ```

use crate::declared_api::{self, DeclaredApi, Read};
use lb_core::suggest::{did_you_mean, listing};
use lb_document::{Problem, explain, list_problems, parse};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Where examples of mock APIs are.
const EXAMPLES: &str = "docs/mock-api.md";

macro_rules! bundled {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../../configs/packs/", $name, "/api.json")))),+]
    };
}

/// The APIs that come with the program: name and text.
const BUNDLED: &[(&str, &str)] = bundled!("shop", "boutique", "api", "fastapi-scaling", "model-api");

/// A mock API that was read and found to be valid.
#[derive(Clone, Debug)]
pub struct Api {
    name: String,
    kind: Kind,
}

/// What a mock API is made of.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Shop,
    Boutique,
    Declared(Arc<DeclaredApi>),
}

/// Why there is no mock API.
#[derive(Debug, thiserror::Error)]
pub enum ApiFileError {
    /// What was named is neither bundled nor a file that can be read.
    #[error(
        "`--api {typed}` is neither a bundled mock API{hint} nor a readable file ({source}); bundled are {bundled}"
    )]
    NotFound {
        /// The argument as typed.
        typed: String,
        /// A suggestion such as `` (did you mean `x`?)``; empty if no bundled API has a similar name.
        hint: String,
        /// Names of the bundled APIs.
        bundled: String,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The text is not JSON.
    #[error("mock API `{name}` {problem}")]
    Syntax {
        /// The name of the file.
        name: String,
        /// What is wrong, with line and column, and how to fix it.
        problem: String,
    },
    /// The API is not valid.
    #[error("{}", listed(.name, .problems))]
    Invalid {
        /// The name of the file.
        name: String,
        /// All problems; at least one.
        problems: Vec<Problem>,
    },
}

fn listed(name: &str, problems: &[Problem]) -> String {
    list_problems(&format!("mock API `{name}` has"), &problems.iter().collect::<Vec<_>>())
}

impl Api {
    /// Returns the name under which the API was loaded.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns whether it sells the products of a catalogue that can be given.
    pub fn has_catalogue(&self) -> bool {
        matches!(self.kind, Kind::Shop)
    }

    pub(crate) fn kind(&self) -> &Kind {
        &self.kind
    }
}

/// Returns the names of the APIs that come with the program.
pub fn bundled() -> impl Iterator<Item = &'static str> {
    BUNDLED.iter().map(|(name, _)| *name)
}

/// Returns the published JSON Schema of the files.
pub fn schema() -> serde_json::Value {
    declared_api::schema()
}

/// Reads the API that a user names: a bundled one, with or without `.json` at the end, or else a file.
///
/// # Errors
/// There is no such API, or it is not valid.
pub fn find(typed: &str) -> Result<Api, ApiFileError> {
    let name = typed.strip_suffix(".json").unwrap_or(typed);
    if let Some((name, text)) = BUNDLED.iter().find(|(known, _)| *known == name) {
        return load(name, text);
    }
    let text = lb_io::read_json(Path::new(typed)).map_err(|source| ApiFileError::NotFound {
        typed: typed.to_owned(),
        hint: did_you_mean(name, bundled()),
        bundled: listing(bundled()),
        source,
    })?;
    load(typed, &text)
}

/// Reads an API from its text. `name` is for messages.
///
/// # Errors
/// The text is not JSON, or the API is not valid: everything that is wrong with it, at once.
pub fn load(name: &str, text: &str) -> Result<Api, ApiFileError> {
    let syntax = |problem| ApiFileError::Syntax { name: name.to_owned(), problem };
    lb_io::check_json(text.as_bytes(), lb_io::MOST_VALUES).map_err(syntax)?;
    let mut problems = Vec::new();
    let document =
        parse(text, &mut problems).map_err(|error| syntax(explain(name, text, &error, EXAMPLES)))?;
    let kind = match declared_api::read(&document, problems) {
        Ok(Read::Shop) => Kind::Shop,
        Ok(Read::Boutique) => Kind::Boutique,
        Ok(Read::Declared(api)) => Kind::Declared(Arc::from(api)),
        Err(problems) => return Err(ApiFileError::Invalid { name: name.to_owned(), problems }),
    };
    Ok(Api { name: name.to_owned(), kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_bundled_apis_are_valid_and_are_found_with_and_without_an_ending() {
        for name in bundled() {
            for typed in [name.to_owned(), format!("{name}.json")] {
                let api = find(&typed).unwrap_or_else(|error| panic!("{error}"));
                assert_eq!(api.name(), name);
            }
        }
    }

    #[test]
    fn an_unknown_name_gets_a_suggestion_and_the_list() {
        let error = find("modle-api").expect_err("there is no such API").to_string();
        assert!(
            error.contains("(did you mean `model-api`?)") && error.contains("`fastapi-scaling`"),
            "{error}"
        );
    }

    #[test]
    fn what_is_not_json_is_explained() {
        for (text, expected) in [
            ("", "mock API `a.json` is empty; write a JSON object, such as the examples in docs/mock-api.md"),
            ("{", "mock API `a.json` is not JSON: line 1"),
            ("{} // x", "begins a comment"),
            ("[]", "must be an object, not a list"),
        ] {
            let error = load("a.json", text).expect_err(text).to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
