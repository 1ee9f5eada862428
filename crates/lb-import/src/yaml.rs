//! Reads YAML into JSON values, with limits: a few lines of YAML can stand for billions of values, since an alias
//! repeats what its anchor holds.
//!
//! The parser (`saphyr-parser`) gives events, so that a file beyond the limits is left at once.

use crate::error::Problem;
use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Number, Value};
use std::collections::HashMap;

/// The longest YAML file in bytes.
const LONGEST: usize = 32 << 20;
/// The most values, with those that aliases repeat.
const MOST_VALUES: usize = 500_000;
/// The deepest nesting.
const DEEPEST: usize = 100;

/// Reads the first document of a YAML file. The error continues a sentence whose subject is the file.
pub(crate) fn parse(text: &str) -> Result<Value, Problem> {
    if text.len() > LONGEST {
        return Err(format!("has {} bytes of YAML; the limit is {LONGEST}", text.len()));
    }
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|error| {
            let at = error.marker();
            format!("is not valid YAML: line {}, column {}: {}", at.line(), at.col() + 1, error.info())
        })?;
        if let Some(document) = builder.take(event)? {
            return Ok(document);
        }
    }
    Err("is empty".to_owned())
}

/// A list or a mapping that is not complete.
enum Open {
    List(Vec<Value>),
    /// The pending key is `Some` between a key and its value.
    Map(Map<String, Value>, Option<String>),
}

#[derive(Default)]
struct Builder {
    /// Open lists and mappings with their anchors, the innermost last.
    open: Vec<(Open, usize)>,
    /// Values of anchors, with their number of values and their depth.
    anchors: HashMap<usize, (Value, usize, usize)>,
    count: usize,
}

impl Builder {
    /// Takes an event; returns the document once it is complete.
    fn take(&mut self, event: Event<'_>) -> Result<Option<Value>, Problem> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = style != ScalarStyle::Plain || tag.is_some_and(|tag| tag.suffix == "str");
                let value = if is_text { Value::String(text.into_owned()) } else { plain(&text) };
                self.value(value, anchor)
            }
            Event::SequenceStart(anchor, _) => self.begin(Open::List(Vec::new()), anchor),
            Event::MappingStart(anchor, _) => self.begin(Open::Map(Map::new(), None), anchor),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some((Open::List(items), anchor)) => self.value(Value::Array(items), anchor),
                Some((Open::Map(map, _), anchor)) => self.value(Value::Object(merged(map)), anchor),
                None => Ok(None),
            },
            Event::Alias(anchor) => {
                let Some((value, count, depth)) = self.anchors.get(&anchor) else {
                    return Err("has an alias within its own anchor, which would never end".to_owned());
                };
                let (count, depth) = (*count, *depth);
                if self.open.len() + depth > DEEPEST {
                    return Err(too_deep());
                }
                // Nothing is copied that is beyond the limit.
                let value = (self.count + count <= MOST_VALUES).then(|| value.clone());
                self.room(count)?;
                self.value(value.unwrap_or_default(), 0)
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(None),
        }
    }

    fn begin(&mut self, open: Open, anchor: usize) -> Result<Option<Value>, Problem> {
        if self.open.len() >= DEEPEST {
            return Err(too_deep());
        }
        self.open.push((open, anchor));
        Ok(None)
    }

    fn room(&mut self, count: usize) -> Result<(), Problem> {
        self.count = self.count.saturating_add(count);
        match self.count > MOST_VALUES {
            true => Err(format!("has more than {MOST_VALUES} values, with those that aliases repeat")),
            false => Ok(()),
        }
    }

    /// Adds a complete value to what is open; returns it if nothing is.
    fn value(&mut self, value: Value, anchor: usize) -> Result<Option<Value>, Problem> {
        self.room(1)?;
        if anchor != 0 {
            let (count, depth) = measure(&value);
            self.room(count)?;
            self.anchors.insert(anchor, (value.clone(), count, depth));
        }
        match self.open.last_mut() {
            None => return Ok(Some(value)),
            Some((Open::List(items), _)) => items.push(value),
            Some((Open::Map(map, pending), _)) => match pending.take() {
                Some(key) => drop(map.insert(key, value)),
                None => {
                    *pending = Some(match value {
                        Value::String(key) => key,
                        Value::Array(_) | Value::Object(_) => {
                            return Err(
                                "has a list or a mapping as a key, which JSON cannot express".to_owned()
                            );
                        }
                        other => other.to_string(),
                    });
                }
            },
        }
        Ok(None)
    }
}

fn too_deep() -> Problem {
    format!("is nested deeper than {DEEPEST} levels")
}

/// Returns the number of values in a value, and its depth.
fn measure(value: &Value) -> (usize, usize) {
    let inner = |items: &mut dyn Iterator<Item = &Value>| {
        items
            .map(measure)
            .fold((1, 1), |(count, depth), (more, deeper)| (count + more, depth.max(deeper + 1)))
    };
    match value {
        Value::Array(items) => inner(&mut items.iter()),
        Value::Object(map) => inner(&mut map.values()),
        _ => (1, 0),
    }
}

/// Returns a mapping with what its merge key `<<` brings; its own keys win.
fn merged(mut map: Map<String, Value>) -> Map<String, Value> {
    let sources = match map.remove("<<") {
        Some(Value::Object(source)) => vec![Value::Object(source)],
        Some(Value::Array(sources)) => sources,
        Some(other) => {
            map.insert("<<".to_owned(), other);
            return map;
        }
        None => return map,
    };
    for (key, value) in sources.into_iter().filter_map(|source| source.as_object().cloned()).flatten() {
        map.entry(key).or_insert(value);
    }
    map
}

/// Returns the value of a scalar without quotes, by the core schema of YAML 1.2.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is_whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(number) = text.parse::<i64>().ok().filter(|_| is_whole) {
        return number.into();
    }
    let looks_like_number = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
    let number = text.parse::<f64>().ok().filter(|_| looks_like_number).and_then(Number::from_f64);
    number.map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn yaml_becomes_what_it_means() {
        let text = "openapi: 3.0.3 # a comment\ninfo: {title: \"A: b\", 'n': 1, f: 1.5, t: yes, b: true, z: ~}\n\
            list:\n  - &x {a: 1}\n  - *x\n  - <<: *x\n    b: 2\ntext: |\n  one\n  two\n200: ok\ndate: 2024-01-01\n";
        let expected = json!({
            "openapi": "3.0.3", "info": { "title": "A: b", "n": 1, "f": 1.5, "t": "yes", "b": true, "z": null },
            "list": [{ "a": 1 }, { "a": 1 }, { "a": 1, "b": 2 }], "text": "one\ntwo\n", "200": "ok", "date": "2024-01-01"
        });
        let mut found = parse(text).expect("it is YAML");
        // The order of merged keys does not matter.
        found.sort_all_objects();
        let mut expected = expected;
        expected.sort_all_objects();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_file_that_stands_for_billions_of_values_is_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let before = format!("*a{}, ", level - 1).repeat(10);
            text.push_str(&format!("a{level}: &a{level} [{}]\n", before.trim_end_matches(", ")));
        }
        let problem = parse(&text).expect_err("it is a bomb");
        assert_eq!(problem, "has more than 500000 values, with those that aliases repeat");
    }

    #[test]
    fn other_abuse_is_refused_with_its_reason() {
        for (text, expected) in [
            ("a: &a [*a]\n", "has an alias within its own anchor"),
            (&"[".repeat(150), "is nested deeper than 100 levels"),
            (&"[".repeat(5_000), "is not valid YAML: line 1, column "),
            ("a: [1\nb: 2", "is not valid YAML: line "),
            ("? [a]\n: b\n", "has a list or a mapping as a key"),
            ("", "is empty"),
        ] {
            let problem = parse(text).expect_err(text);
            assert!(problem.starts_with(expected), "{text}: {problem}");
        }
    }
}
