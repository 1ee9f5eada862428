//! Parses JSON text, and reports the position of syntax errors and every duplicate key.
//!
//! `serde_json` silently keeps the last of two equal keys. Here a duplicate is a problem, because one of the
//! two values would be ignored.

use crate::problem::Problem;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// Parses JSON text. Duplicate keys are reported in `problems`, and the first value is kept.
///
/// # Errors
/// The text is not JSON; [`explain`] says why in words.
pub fn parse(text: &str, problems: &mut Vec<Problem>) -> Result<Value, serde_json::Error> {
    // Editors on some systems begin a file with a byte order mark; it is not part of the text.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Node { path: String::new(), problems }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// Explains why `parse` rejected a text: it is in another format or has a comment, or else the parser's
/// message. The explanation continues a sentence whose subject is the file; `examples` is where examples of such files
/// are, such as `docs/configs.md`.
pub fn explain(name: &str, text: &str, error: &serde_json::Error, examples: &str) -> String {
    let place = format!("line {}, column {}", error.line(), error.column());
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return format!("is empty; write a JSON object, such as the examples in {examples}");
    }
    let ending = std::path::Path::new(name).extension().unwrap_or_default().to_string_lossy();
    let looks_like_json = text.trim_start().starts_with(['{', '[']);
    match ending.to_ascii_lowercase().as_str() {
        "yaml" | "yml" if !looks_like_json => {
            return "is YAML, which is not supported; write it as JSON (`yq -o json FILE` converts \
                it)"
            .to_owned();
        }
        "toml" if !looks_like_json => {
            return "is TOML, which is not supported; write it as JSON (`yq -p toml -o json FILE` converts it)"
                .to_owned();
        }
        _ => {}
    }
    if let Some(mark) = comment_at(text, error) {
        return format!(
            "is not JSON: {place}: `{mark}` begins a comment, which JSON does not allow; remove it, or move \
            its text to a `description`"
        );
    }
    format!("is not JSON: {place}: {}", without_position(error))
}

/// Returns the comment marker at the position of an error, if there is one.
fn comment_at(text: &str, error: &serde_json::Error) -> Option<&'static str> {
    let line = text.lines().nth(error.line().checked_sub(1)?)?.as_bytes();
    // The parser points at the marker, or at a character beside it.
    let column = error.column().saturating_sub(1);
    let marks = ["//", "/*", "#"];
    (column.saturating_sub(1)..=column).find_map(|at| {
        let rest = line.get(at..)?;
        marks.into_iter().find(|mark| rest.starts_with(mark.as_bytes()))
    })
}

/// Returns the parser's message without the position, which is reported separately.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

/// Returns the path of `key` below `parent`.
pub fn join(parent: &str, key: &str) -> String {
    let plain = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || "_-$".contains(c));
    match (parent.is_empty(), plain) {
        (true, true) => key.to_owned(),
        (false, true) => format!("{parent}.{key}"),
        (_, false) => format!("{parent}[{key:?}]"),
    }
}

struct Node<'a> {
    path: String,
    problems: &'a mut Vec<Problem>,
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        loop {
            let path = format!("{}[{}]", self.path, list.len());
            match items.next_element_seed(Node { path, problems: &mut *self.problems })? {
                Some(item) => list.push(item),
                None => return Ok(Value::Array(list)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let path = join(&self.path, &key);
            let value =
                entries.next_value_seed(Node { path: path.clone(), problems: &mut *self.problems })?;
            if map.contains_key(&key) {
                let message = "duplicate key in the same object; keep one of them";
                self.problems.push(Problem::at(path, &value, message));
            } else {
                map.insert(key, value);
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duplicate_key_is_reported_with_its_path() {
        let mut problems = Vec::new();
        let value = parse(r#"{"a": [{"b": 1, "b": 2}]}"#, &mut problems).expect("it is JSON");
        assert_eq!(value["a"][0]["b"], 1, "the first of the two counts");
        assert_eq!(problems.len(), 1, "one key is a duplicate");
        assert!(problems[0].to_string().starts_with("a[0].b = 2: "), "{}", problems[0]);
    }

    #[test]
    fn syntax_errors_have_line_and_column_and_trailing_text_is_one() {
        for (text, line, column) in
            [("{\n  \"a\": }", 2, 8), ("{} x", 1, 4), ("", 1, 0), ("{\"a\": NaN}", 1, 7)]
        {
            let error = parse(text, &mut Vec::new()).expect_err("it is not JSON");
            assert_eq!((error.line(), error.column()), (line, column), "position in {text:?}: {error}");
        }
    }

    #[test]
    fn other_formats_and_comments_are_named() {
        for (name, text, expected) in [
            ("c.yaml", "base_url: http://x\n", "is YAML, which is not supported; write it as JSON"),
            ("c.YML", "- a\n", "is YAML"),
            ("c.toml", "a = 1\n", "is TOML"),
            ("c.json", " \n", "is empty; write a JSON object"),
            (
                "c.json",
                "{\n  // one\n  \"a\": 1}",
                "line 2, column 3: `//` begins a comment, which JSON does not allow",
            ),
            ("c.json", "{\"a\": 1, /* two */ \"b\": 2}", "`/*` begins a comment"),
            ("c.json", "# three\n{}", "line 1, column 1: `#` begins a comment"),
            ("c.json", "{\"a\": 1} // four", "`//` begins a comment"),
            ("c.json", "{\"a\": 1 // five\n}", "`//` begins a comment"),
            ("c.json", "{\"a\": [1, // six\n 2]}", "`//` begins a comment"),
            ("c.json", "{\"a\": # seven\n 2}", "`#` begins a comment"),
            ("c.yaml", "{\"a\": }", "is not JSON: line 1, column 7: expected value"),
            ("c", "a: 1", "is not JSON: line 1, column 1: expected value"),
        ] {
            let error = parse(text, &mut Vec::new()).expect_err(text);
            let message = explain(name, text, &error, "docs/x.md");
            assert!(message.contains(expected), "{name}, {text:?}: `{message}` should say `{expected}`");
        }
    }

    #[test]
    fn keys_that_would_be_ambiguous_in_a_path_are_quoted() {
        assert_eq!(join("a", "b"), "a.b");
        assert_eq!(join("", "b"), "b");
        assert_eq!(join("a", "b.c d"), "a[\"b.c d\"]");
    }
}
