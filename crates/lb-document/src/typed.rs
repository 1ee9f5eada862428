//! From a parsed document to a type.

use crate::check::check;
use crate::problem::Problem;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::any::TypeId;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// Validates a document against the schema of `T` and deserialises it, repaired where necessary. `None`, with
/// at least one problem, if it cannot be repaired.
pub fn typed<T: JsonSchema + DeserializeOwned + 'static>(
    document: &Value,
    problems: &mut Vec<Problem>,
) -> Option<T> {
    let schema = schema_of::<T>();
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

/// Returns the schema of `T`. It is generated once for each type: that takes longer than to check a small document.
fn schema_of<T: JsonSchema + 'static>() -> Arc<Value> {
    static KNOWN: LazyLock<Mutex<HashMap<TypeId, Arc<Value>>>> = LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let generate = || Arc::new(schemars::schema_for!(T).to_value());
    Arc::clone(known.entry(TypeId::of::<T>()).or_insert_with(generate))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[derive(Debug, PartialEq, serde::Deserialize, JsonSchema)]
    struct Tree {
        height: f64,
    }

    #[derive(Debug, PartialEq, serde::Deserialize, JsonSchema)]
    struct Shrub {
        width: f64,
    }

    #[test]
    fn each_type_is_held_against_its_own_schema_however_often() {
        for _ in 0..2 {
            let mut problems = Vec::new();
            assert_eq!(typed(&json!({ "height": 2.0 }), &mut problems), Some(Tree { height: 2.0 }));
            assert_eq!(typed(&json!({ "width": 3.0 }), &mut problems), Some(Shrub { width: 3.0 }));
            assert_eq!(problems, [], "both documents are what their types ask for");
            let _: Option<Shrub> = typed(&json!({ "height": 2.0 }), &mut problems);
            let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
            assert!(said.iter().any(|text| text.starts_with("height: unknown key")), "{said:?}");
        }
    }
}
