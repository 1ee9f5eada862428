//! Parses JSON text, and reports the position of syntax errors and every duplicate key.
//!
//! `serde_json` silently keeps the last of two equal keys. Here a duplicate is a fault, because one of the
//! two values would be ignored.

use super::error::Problem;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// Reads JSON text. Duplicate keys are reported in `problems`, and the first one counts.
pub(super) fn parse(text: &str, problems: &mut Vec<Problem>) -> Result<Value, serde_json::Error> {
    // Editors on some systems begin a file with a byte order mark; it is not part of the text.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Node { path: String::new(), problems }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// The path of `key` below `parent`.
pub(super) fn join(parent: &str, key: &str) -> String {
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
    fn keys_that_would_be_ambiguous_in_a_path_are_quoted() {
        assert_eq!(join("a", "b"), "a.b");
        assert_eq!(join("", "b"), "b");
        assert_eq!(join("a", "b.c d"), "a[\"b.c d\"]");
    }
}
