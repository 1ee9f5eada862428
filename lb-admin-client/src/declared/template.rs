//! Placeholders in the texts of a declaration: `{name}` stands for a value, `{{name}}` for the text `{name}`.
//! Other braces stand for themselves, so that JSON and `{.metadata}` can be written plainly.

use serde_json::Value;
use std::collections::BTreeMap;

/// Marks a placeholder that stands for an environment variable.
pub(super) const ENVIRONMENT: &str = "env:";

/// Values of placeholders by name.
pub(super) type Values = BTreeMap<String, String>;

/// A part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    Name(&'a str),
}

/// Returns whether a placeholder can have this name.
pub(super) fn is_name(text: &str) -> bool {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    let other = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    text.starts_with(first) && text.chars().all(other)
}

/// Splits a text at its placeholders.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut from, mut at) = (0, 0);
    while let Some(open) = text[at..].find('{').map(|found| at + found) {
        let Some(close) = text[open..].find('}').map(|found| open + found) else { break };
        let name = &text[open + 1..close];
        let literal = name.strip_prefix('{').is_some_and(is_name) && text[close + 1..].starts_with('}');
        if literal {
            pieces.push(Piece::Text(&text[from..open]));
            pieces.push(Piece::Text(&text[open + 1..=close]));
            (from, at) = (close + 2, close + 2);
        } else if is_name(name.strip_prefix(ENVIRONMENT).unwrap_or(name)) {
            pieces.push(Piece::Text(&text[from..open]));
            pieces.push(Piece::Name(name));
            (from, at) = (close + 1, close + 1);
        } else {
            at = open + 1;
        }
    }
    pieces.push(Piece::Text(&text[from..]));
    pieces
}

/// Lists the placeholders of a text.
pub(super) fn names(text: &str) -> impl Iterator<Item = &str> {
    pieces(text).into_iter().filter_map(|piece| match piece {
        Piece::Name(name) => Some(name),
        Piece::Text(_) => None,
    })
}

/// Puts in the values. A placeholder without a value stays as it is written; the checks of a declaration
/// leave none.
pub(super) fn fill(text: &str, values: &Values) -> String {
    let mut filled = String::with_capacity(text.len());
    for piece in pieces(text) {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Name(name) => match value_of(name, values) {
                Some(value) => filled.push_str(&value),
                None => {
                    filled.push('{');
                    filled.push_str(name);
                    filled.push('}');
                }
            },
        }
    }
    filled
}

fn value_of(name: &str, values: &Values) -> Option<String> {
    match name.strip_prefix(ENVIRONMENT) {
        Some(variable) => std::env::var(variable).ok(),
        None => values.get(name).cloned(),
    }
}

/// Puts the values into every text of a JSON value.
pub(super) fn fill_json(value: &Value, values: &Values) -> Value {
    match value {
        Value::String(text) => Value::String(fill(text, values)),
        Value::Array(items) => items.iter().map(|item| fill_json(item, values)).collect(),
        Value::Object(map) => {
            let entries = map.iter().map(|(key, value)| (key.clone(), fill_json(value, values)));
            Value::Object(entries.collect())
        }
        plain => plain.clone(),
    }
}

/// Lists the texts of a JSON value.
pub(super) fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(map) => map.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn values() -> Values {
        [("algorithm", "p2c"), ("balance", "random(2)")]
            .map(|(name, value)| (name.into(), value.into()))
            .into()
    }

    #[test]
    fn only_names_in_braces_are_placeholders() {
        for (text, expected) in [
            ("{algorithm}", "p2c"),
            ("lb={algorithm}, {balance};", "lb=p2c, random(2);"),
            (r#"{"balance":{"algorithm":"{balance}"}}"#, r#"{"balance":{"algorithm":"random(2)"}}"#),
            (r#"{"a":{"b":{algorithm}}}"#, r#"{"a":{"b":p2c}}"#),
            ("jsonpath={.metadata.name}", "jsonpath={.metadata.name}"),
            ("%{{http_code}}", "%{http_code}"),
            ("{", "{"),
            ("{}", "{}"),
            ("{ algorithm }", "{ algorithm }"),
            ("{unknown}", "{unknown}"),
            ("ü{algorithm}ü", "üp2cü"),
        ] {
            assert_eq!(fill(text, &values()), expected, "{text}");
        }
    }

    #[test]
    fn placeholders_are_listed_by_name() {
        let text = "{algorithm} {{literal}} {env:TOKEN} {.path} {balance}";
        assert_eq!(names(text).collect::<Vec<_>>(), ["algorithm", "env:TOKEN", "balance"]);
    }

    #[test]
    fn values_are_put_into_texts_of_json_and_escaped_there() {
        let body = json!({ "backend": { "balance": "{quoted}", "weight": 3 }, "tags": ["{algorithm}"] });
        let mut values = values();
        values.insert("quoted".to_owned(), "say \"hi\"".to_owned());
        let filled = fill_json(&body, &values).to_string();
        assert_eq!(filled, r#"{"backend":{"balance":"say \"hi\"","weight":3},"tags":["p2c"]}"#);
        assert_eq!(texts(&body), ["{quoted}", "{algorithm}"]);
    }
}
