//! From a parsed document to a type.

use crate::check::check;
use crate::problem::Problem;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Validates a document against the schema of `T` and deserialises it, repaired where necessary. `None`, with
/// at least one problem, if it cannot be repaired.
pub fn typed<T: JsonSchema + DeserializeOwned>(document: &Value, problems: &mut Vec<Problem>) -> Option<T> {
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
