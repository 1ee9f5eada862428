//! Finds the key paths at which two JSON documents differ.

use serde_json::Value;

/// A key path at which two documents differ.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Difference {
    /// Key path, such as `scenarios[0].concurrent_users`.
    pub(super) path: String,
    /// Both values as JSON, shortened; `absent` for a missing key.
    pub(super) values: [String; 2],
}

/// Lists all differences in the order of the first document; keys found only in the second come last.
pub(super) fn differences(before: &Value, after: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    walk("", Some(before), Some(after), &mut found);
    found
}

fn walk(path: &str, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<Difference>) {
    match (before, after) {
        (before, after) if before == after => {}
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            let added = after.keys().filter(|key| !before.contains_key(*key));
            for key in before.keys().chain(added) {
                let below = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                walk(&below, before.get(key), after.get(key), found);
            }
        }
        (Some(Value::Array(before)), Some(Value::Array(after))) => {
            for place in 0..before.len().max(after.len()) {
                walk(&format!("{path}[{place}]"), before.get(place), after.get(place), found);
            }
        }
        (before, after) => {
            found.push(Difference { path: path.to_owned(), values: [excerpt(before), excerpt(after)] });
        }
    }
}

/// Formats a value as JSON, cut to a length that fits in a line.
fn excerpt(value: Option<&Value>) -> String {
    const LONGEST: usize = 40;
    let Some(value) = value else { return "absent".to_owned() };
    let text = value.to_string();
    if text.chars().count() <= LONGEST {
        return text;
    }
    text.chars().take(LONGEST - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn differences_are_named_by_their_key_paths() {
        let before = json!({"a": {"b": [1, 2, {"c": true}]}, "gone": "x", "same": null});
        let after = json!({"a": {"b": [1, 3, {"c": true}, 4]}, "same": null, "new": {"deep": 1}});
        let found: Vec<String> = differences(&before, &after)
            .into_iter()
            .map(|Difference { path, values: [before, after] }| format!("{path}: {before} -> {after}"))
            .collect();
        assert_eq!(
            found,
            ["a.b[1]: 2 -> 3", "a.b[3]: absent -> 4", "gone: \"x\" -> absent", "new: absent -> {\"deep\":1}"]
        );
        assert_eq!(differences(&before, &before), [], "a document does not differ from itself");
    }
}
