//! Describes what a schema requires, as limits and in words.

use lb_core::suggest::listing;
use serde_json::Value;

/// The range of valid values of a number.
pub(super) struct Limits {
    least: f64,
    above: f64,
    most: f64,
}

impl Limits {
    pub(super) fn of(schema: &Value) -> Self {
        let number = |key: &str| schema[key].as_f64();
        let widest = match schema["format"].as_str() {
            Some("uint16") => f64::from(u16::MAX),
            Some("uint32") => f64::from(u32::MAX),
            _ => f64::INFINITY,
        };
        Self {
            least: number("minimum").unwrap_or(f64::NEG_INFINITY),
            above: number("exclusiveMinimum").unwrap_or(f64::NEG_INFINITY),
            most: number("maximum").unwrap_or(widest),
        }
    }

    pub(super) fn admits(&self, number: f64) -> bool {
        number >= self.least && number > self.above && number <= self.most
    }

    pub(super) fn nearest_to(&self, number: f64) -> f64 {
        let within = number.max(self.least).min(self.most);
        if within > self.above { within } else { (self.above + self.most.min(self.above + 2.0)) / 2.0 }
    }

    fn describe(&self) -> String {
        let has = f64::is_finite;
        match (has(self.above), has(self.least), has(self.most)) {
            (true, _, true) => format!(" above {} and at most {}", self.above, self.most),
            (true, _, false) => format!(" above {}", self.above),
            (_, true, true) => format!(" from {} to {}", self.least, self.most),
            (_, true, false) => format!(" of at least {}", self.least),
            (_, false, true) => format!(" of at most {}", self.most),
            (_, false, false) => String::new(),
        }
    }
}

pub(super) fn types(schema: &Value) -> Vec<&str> {
    match &schema["type"] {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

pub(super) fn constants(schema: &Value) -> Vec<&str> {
    let listed = schema["enum"].as_array().into_iter().flatten();
    listed.chain(schema.get("const")).filter_map(Value::as_str).collect()
}

pub(super) fn has_type_of(schema: &Value, value: &Value) -> bool {
    let types = types(schema);
    types.is_empty()
        || types.iter().any(|name| match *name {
            "null" => value.is_null(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_u64() || value.is_i64(),
            "number" => value.is_number(),
            "string" => value.is_string(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            _ => false,
        })
}

pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(number) if number.is_f64() => "a fraction",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

pub(super) fn describe_all(branches: &[&Value]) -> String {
    branches.iter().filter_map(|branch| describe(branch)).collect::<Vec<_>>().join(" or ")
}

/// Describes what a schema requires. Returns `None` for `null`, which means the same as an absent key.
pub(super) fn describe(schema: &Value) -> Option<String> {
    let constants = constants(schema);
    if !constants.is_empty() {
        return Some(listing(constants));
    }
    let range = || Limits::of(schema).describe();
    Some(match types(schema).first() {
        Some(&"null") => return None,
        Some(&"boolean") => "true or false".to_owned(),
        Some(&"integer") => format!("a whole number{}", range()),
        Some(&"number") => format!("a number{}", range()),
        Some(&"string") => "text".to_owned(),
        Some(&"array") => list_in_words(schema),
        Some(&"object") => "an object".to_owned(),
        _ => "a value".to_owned(),
    })
}

fn list_in_words(schema: &Value) -> String {
    let items = match types(&schema["items"]).first() {
        Some(&"integer") => "whole numbers",
        Some(&"number") => "numbers",
        Some(&"string") => "strings",
        Some(&"object") => "objects",
        _ => "entries",
    };
    match (schema["minItems"].as_u64(), schema["maxItems"].as_u64()) {
        (Some(least), Some(most)) if least == most => format!("a list of exactly {least} {items}"),
        (Some(1), _) => "a list with at least one entry".to_owned(),
        (Some(least), _) => format!("a list of at least {least} {items}"),
        (None, Some(most)) => format!("a list of at most {most} {items}"),
        (None, None) => format!("a list of {items}"),
    }
}
