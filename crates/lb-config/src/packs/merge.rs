//! Merges a change into a JSON document, as RFC 7396 (JSON Merge Patch) says: objects are merged key by key, `null`
//! removes a key, and everything else, such as a list, is replaced.

use serde_json::{Map, Value};

/// Merges `change` into `document`.
pub(super) fn merge(document: &mut Value, change: &Value) {
    let Value::Object(change) = change else {
        *document = change.clone();
        return;
    };
    if !document.is_object() {
        *document = Value::Object(Map::new());
    }
    let Some(map) = document.as_object_mut() else { return };
    for (key, value) in change {
        if value.is_null() {
            // Keys keep their order, in which scenarios run and profiles are listed.
            map.shift_remove(key);
        } else {
            merge(map.entry(key.as_str()).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn objects_are_merged_and_everything_else_is_replaced() {
        for (document, change, expected) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!([1, 2]), json!({"a": {"b": {"c": null}}}), json!({"a": {"b": {}}})),
        ] {
            let mut merged = document.clone();
            merge(&mut merged, &change);
            assert_eq!(merged, expected, "{document} with {change}");
        }
    }
}
