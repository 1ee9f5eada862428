//! Values for parameters and bodies: an example, a default, a value of an enumeration, or one that fits the schema.

use super::document::Document;
use crate::address::encode;
use crate::request::literal;
use serde_json::{Map, Value, json};

/// The deepest nesting that is filled: a schema may contain itself.
const DEEPEST: usize = 8;
/// The most fields of a body.
const MOST_FIELDS: usize = 200;
/// Range of whole numbers for which a schema gives no limits.
const NUMBERS: [i64; 2] = [1, 100];

/// Makes values of schemas. Strings in its values are templates.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sampler<'a> {
    pub(super) document: Document<'a>,
}

/// Decides about a field by its name and its example; `None` leaves it to its schema.
pub(super) type Special<'s> = dyn FnMut(&str, Option<&str>) -> Option<String> + 's;

impl<'a> Sampler<'a> {
    /// Returns a value for a schema. `name` is the name of the field.
    pub(super) fn value(&self, schema: &'a Value, name: &str, special: &mut Special<'_>) -> Value {
        let mut left = MOST_FIELDS;
        self.at(schema, name, 0, &mut left, special).unwrap_or(Value::Null)
    }

    /// Returns an example as a template. Fields that `special` decides about are replaced.
    pub(super) fn example(&self, example: &Value, name: &str, special: &mut Special<'_>) -> Value {
        match example {
            Value::String(text) => match special(name, Some(text)) {
                Some(template) => Value::String(template),
                None => Value::String(literal(text)),
            },
            Value::Array(items) => items.iter().map(|item| self.example(item, name, special)).collect(),
            Value::Object(map) => {
                let fields = map.iter().map(|(key, item)| (key.clone(), self.example(item, key, special)));
                Value::Object(fields.collect())
            }
            plain => plain.clone(),
        }
    }

    /// Returns a value, or `None` where the schema is nested too deeply or cannot be followed.
    fn at(
        &self,
        schema: &'a Value,
        name: &str,
        depth: usize,
        left: &mut usize,
        special: &mut Special<'_>,
    ) -> Option<Value> {
        let schema = self.document.resolve(schema).ok()?;
        if depth > DEEPEST || *left == 0 {
            return None;
        }
        *left -= 1;
        let first = |key: &str| schema.get(key).and_then(Value::as_array).and_then(|list| list.first());
        let given = schema.get("example").or_else(|| first("examples")).or_else(|| schema.get("const"));
        let given = given
            .or_else(|| schema.get("default"))
            .or_else(|| first("enum"))
            .filter(|value| !value.is_null());
        if let Some(given) = given {
            return Some(self.example(given, name, special));
        }
        if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
            return self.all_of(schema, parts, name, depth, left, special);
        }
        if let Some(choice) = first("oneOf").or_else(|| first("anyOf")) {
            return self.at(choice, name, depth + 1, left, special);
        }
        match kind_of(schema) {
            "object" => self.object(schema, depth, left, special),
            "array" => {
                let items = schema.get("items").unwrap_or(&Value::Null);
                let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or(1).clamp(0, 20);
                let item = self.at(items, name, depth + 1, left, special);
                Some(Value::Array((0..least).filter_map(|_| item.clone()).collect()))
            }
            "integer" => Some(json!(whole(schema))),
            "number" => Some(json!(whole(schema))),
            "boolean" => Some(json!(true)),
            _ => Some(Value::String(special(name, None).unwrap_or_else(|| text(schema, name)))),
        }
    }

    fn all_of(
        &self,
        schema: &'a Value,
        parts: &'a [Value],
        name: &str,
        depth: usize,
        left: &mut usize,
        special: &mut Special<'_>,
    ) -> Option<Value> {
        let mut all = Map::new();
        for part in parts {
            match self.at(part, name, depth + 1, left, special)? {
                Value::Object(map) => all.extend(map),
                other => return Some(other),
            }
        }
        if schema.get("properties").is_some()
            && let Some(Value::Object(own)) = self.object(schema, depth, left, special)
        {
            all.extend(own);
        }
        Some(Value::Object(all))
    }

    /// Returns an object with the required properties, those with examples, and all of them if none is required.
    fn object(
        &self,
        schema: &'a Value,
        depth: usize,
        left: &mut usize,
        special: &mut Special<'_>,
    ) -> Option<Value> {
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let mut object = Map::new();
        for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let Ok(inner) = self.document.resolve(property) else { continue };
            let is = |key: &str| inner.get(key).and_then(Value::as_bool).unwrap_or(false);
            let has_value =
                ["example", "default", "const", "enum"].iter().any(|key| inner.get(key).is_some());
            let is_required = required.contains(&name.as_str());
            if is("readOnly") || (!is_required && !required.is_empty() && !has_value) {
                continue;
            }
            match self.at(property, name, depth + 1, left, special) {
                Some(value) => drop(object.insert(name.clone(), value)),
                // An object that must contain itself has no finite value.
                None if is_required => return None,
                None => {}
            }
        }
        Some(Value::Object(object))
    }
}

/// Returns the type of a schema; where it names several (3.1), the first one that is not `null`.
fn kind_of(schema: &Value) -> &str {
    match schema.get("type") {
        Some(Value::String(kind)) => kind,
        Some(Value::Array(kinds)) => {
            kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or_default()
        }
        _ if schema.get("properties").is_some() => "object",
        _ if schema.get("items").is_some() => "array",
        _ => "string",
    }
}

/// Returns a template of a whole number within the limits of a schema.
fn whole(schema: &Value) -> String {
    let limit = |key: &str, other: &str| {
        let own = schema.get(key).and_then(Value::as_f64);
        let exclusive = schema.get(other).and_then(Value::as_f64);
        (own, exclusive)
    };
    let is_exclusive = |key: &str| schema.get(key).and_then(Value::as_bool).unwrap_or(false);
    let whole = |number: f64| number.clamp(-9e15, 9e15) as i64;
    let (low, above) = limit("minimum", "exclusiveMinimum");
    let (high, below) = limit("maximum", "exclusiveMaximum");
    let low = low.map(|low| whole(low.ceil()) + i64::from(is_exclusive("exclusiveMinimum")));
    let low = low.or_else(|| above.map(|above| whole(above.floor()) + 1));
    let high = high.map(|high| whole(high.floor()) - i64::from(is_exclusive("exclusiveMaximum")));
    let high = high.or_else(|| below.map(|below| whole(below.ceil()) - 1));
    let (low, high) = match (low, high) {
        (Some(low), Some(high)) => (low, high),
        (Some(low), None) => (low, low.saturating_add(NUMBERS[1] - NUMBERS[0])),
        (None, Some(high)) => (NUMBERS[0].min(high), high),
        (None, None) => (NUMBERS[0], NUMBERS[1]),
    };
    let step =
        schema.get("multipleOf").and_then(Value::as_f64).filter(|step| *step > 1.0 && step.fract() == 0.0);
    match step {
        // The smallest multiple is always allowed.
        Some(step) => {
            let fit = whole((low as f64 / step).ceil() * step);
            format!("{{{{int:{fit}:{fit}}}}}")
        }
        None => format!("{{{{int:{low}:{}}}}}", high.max(low)),
    }
}

/// Returns a template of a text that fits a schema, by its format or by its name.
fn text(schema: &Value, name: &str) -> String {
    let by_format = match schema.get("format").and_then(Value::as_str).unwrap_or_default() {
        "email" => "{{user.email}}",
        "uuid" => "{{uuid}}",
        "password" => "{{user.password}}",
        "date" => "2026-01-15",
        "date-time" => "2026-01-15T12:00:00Z",
        "time" => "12:00:00Z",
        "uri" | "url" => "https://example.com/",
        "hostname" => "example.com",
        "ipv4" => "192.0.2.1",
        "ipv6" => "2001:db8::1",
        "byte" => "YmVuY2g=",
        _ => "",
    };
    if !by_format.is_empty() {
        return by_format.to_owned();
    }
    let plain: String =
        name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let by_name = match plain.as_str() {
        "email" | "mail" | "emailaddress" | "username" | "login" => "{{user.email}}",
        "password" | "passwd" | "pwd" => "{{user.password}}",
        "firstname" | "givenname" => "{{user.first_name}}",
        "lastname" | "surname" | "familyname" => "{{user.last_name}}",
        "fullname" => "{{user.name}}",
        "phone" | "phonenumber" | "mobile" => "{{user.phone}}",
        "street" | "address" | "addressline1" => "{{user.street}}",
        "city" => "{{user.city}}",
        "state" => "{{user.state}}",
        "zip" | "zipcode" | "postalcode" => "{{user.zip_code}}",
        "country" => "{{user.country}}",
        _ => "",
    };
    if !by_name.is_empty() {
        return by_name.to_owned();
    }
    let limit = |key: &str| schema.get(key).and_then(Value::as_u64).map(|length| length.min(1000) as usize);
    let mut text = if name.is_empty() { "text".to_owned() } else { literal(name) };
    while limit("minLength").is_some_and(|least| text.len() < least) {
        text.push('x');
    }
    match limit("maxLength") {
        Some(most) => text.chars().take(most).collect(),
        None => text,
    }
}

/// Returns a value as it is written in a path or a query. Placeholders stay.
pub(super) fn in_path(value: &Value) -> String {
    match value {
        Value::String(text) if text.contains("{{") => text.clone(),
        Value::String(text) => encode(text),
        Value::Null => String::new(),
        other => encode(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(schema: &Value) -> Value {
        let root = json!({
            "openapi": "3.1.0",
            "components": { "schemas": {
                "Node": { "type": "object", "properties": { "name": { "type": "string" }, "next": { "$ref": "#/components/schemas/Node" } } },
                "Never": { "type": "object", "required": ["self"], "properties": { "self": { "$ref": "#/components/schemas/Never" } } }
            } },
            "schema": schema
        });
        let document = Document::new(&root).expect("a description");
        Sampler { document }.value(&root["schema"], "field", &mut |_, _| None)
    }

    #[test]
    fn values_fit_their_schemas() {
        for (schema, expected) in [
            (json!({ "type": "integer", "minimum": 5, "maximum": 9 }), json!("{{int:5:9}}")),
            (json!({ "type": "integer", "exclusiveMinimum": 5 }), json!("{{int:6:105}}")),
            (
                json!({ "type": "integer", "minimum": 0, "exclusiveMinimum": true, "maximum": 3 }),
                json!("{{int:1:3}}"),
            ),
            (json!({ "type": "integer", "minimum": 7, "multipleOf": 5 }), json!("{{int:10:10}}")),
            (json!({ "type": ["null", "string"], "format": "uuid" }), json!("{{uuid}}")),
            (json!({ "type": "string", "minLength": 8 }), json!("fieldxxx")),
            (json!({ "enum": ["red", "green"] }), json!("red")),
            (json!({ "example": { "a": "{{x}}" } }), json!({ "a": "{{braces.open}}x}}" })),
            (json!({ "type": "array", "items": { "type": "boolean" } }), json!([true])),
            (json!({ "oneOf": [{ "const": 3 }] }), json!(3)),
            (
                json!({ "allOf": [{ "properties": { "a": { "const": 1 } } }, { "properties": { "b": { "const": 2 } } }] }),
                json!({ "a": 1, "b": 2 }),
            ),
            (
                json!({ "required": ["a"], "properties": { "a": { "type": "number" }, "b": { "type": "string" }, "id": { "readOnly": true, "example": 1 } } }),
                json!({ "a": "{{int:1:100}}" }),
            ),
        ] {
            assert_eq!(sample(&schema), expected, "{schema}");
        }
    }

    #[test]
    fn a_schema_that_contains_itself_ends() {
        let mut node = sample(&json!({ "$ref": "#/components/schemas/Node" }));
        let mut depth = 0;
        while let Some(next) = node.get("next").cloned() {
            assert_eq!(node["name"], "name");
            node = next;
            depth += 1;
        }
        assert_eq!(depth, DEEPEST);
        assert_eq!(sample(&json!({ "$ref": "#/components/schemas/Never" })), Value::Null);
    }
}
