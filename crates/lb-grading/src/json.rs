//! Reads numbers from the JSON of a tool. A missing or null value is unknown; any other value that is not a number of
//! at least 0 is an error that names its key.

use crate::error::AnalyzeError;
use crate::units::Unit;
use serde_json::Value;
use std::path::Path;

/// A JSON document of a known kind.
#[derive(Clone, Copy)]
pub(crate) struct Json<'a> {
    /// The file, for messages.
    pub(crate) path: &'a Path,
    /// What the file holds, such as `oha report`, for messages.
    pub(crate) kind: &'static str,
    /// How to write such a file again, for messages.
    pub(crate) advice: &'static str,
    /// The document, or the part of it that pointers begin at.
    pub(crate) value: &'a Value,
}

impl<'a> Json<'a> {
    /// Returns the same document with pointers that begin at `value`.
    pub(crate) const fn at(self, value: &'a Value) -> Self {
        Self { value, ..self }
    }

    /// Returns the value behind a pointer; `None` if it is missing or null.
    pub(crate) fn get(self, pointer: &str) -> Option<&'a Value> {
        self.value.pointer(pointer).filter(|value| !value.is_null())
    }

    /// Returns a text; `None` if it is missing or not a text.
    pub(crate) fn text(self, pointer: &str) -> Option<&'a str> {
        self.get(pointer)?.as_str()
    }

    /// Returns the entries of an object; none if there is no such object.
    pub(crate) fn entries(self, pointer: &str) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let object = self.get(pointer).and_then(Value::as_object);
        object.into_iter().flatten().map(|(key, value)| (key.as_str(), value))
    }

    /// Returns the items of a list; none if there is no such list.
    pub(crate) fn items(self, pointer: &str) -> impl Iterator<Item = &'a Value> {
        self.get(pointer).and_then(Value::as_array).into_iter().flatten()
    }

    /// Returns a number of at least 0. A number may be written as a text, and `-` stands for an unknown one.
    pub(crate) fn number(self, pointer: &str) -> Result<Option<f64>, AnalyzeError> {
        let Some(value) = self.get(pointer) else { return Ok(None) };
        let found = match value {
            Value::String(text) if matches!(text.trim(), "" | "-" | "N/A") => return Ok(None),
            Value::String(text) => text.trim().parse().ok(),
            value => value.as_f64(),
        };
        match found.filter(|number: &f64| number.is_finite() && *number >= 0.0) {
            Some(number) => Ok(Some(number)),
            None => Err(self.fault(format!(
                "`{}` is {}, which is not a number of at least 0",
                name(pointer),
                short(value)
            ))),
        }
    }

    /// Returns a number that must be there.
    pub(crate) fn needed(self, pointer: &str) -> Result<f64, AnalyzeError> {
        self.number(pointer)?.ok_or_else(|| self.fault(format!("`{}` is missing", name(pointer))))
    }

    /// Returns a count of at least 0; fractions are cut off.
    pub(crate) fn count(self, pointer: &str) -> Result<Option<u64>, AnalyzeError> {
        match self.get(pointer).and_then(Value::as_u64) {
            None => Ok(self.number(pointer)?.map(|number| number as u64)),
            some => Ok(some),
        }
    }

    /// Returns a time in milliseconds, which is written in this unit.
    pub(crate) fn time(self, pointer: &str, unit: Unit) -> Result<Option<f64>, AnalyzeError> {
        Ok(self.number(pointer)?.map(|time| unit.ms(time)).filter(|ms| ms.is_finite()))
    }

    /// Makes the error for data that is missing or invalid.
    pub(crate) fn fault(self, problem: impl Into<String>) -> AnalyzeError {
        AnalyzeError::BrokenJson {
            path: self.path.to_owned(),
            kind: self.kind,
            problem: problem.into(),
            advice: self.advice,
        }
    }
}

/// Writes a pointer such as `/latencies/mean` as people write it: `latencies.mean`.
fn name(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".").replace("~1", "/").replace("~0", "~")
}

/// Writes a value, but only its kind if it is a list or an object.
fn short(value: &Value) -> String {
    match value {
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        value => format!("`{}`", value.to_string().chars().take(40).collect::<String>()),
    }
}

/// Escapes a key for a pointer.
pub(crate) fn key(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
