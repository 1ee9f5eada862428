//! A request in its parts, and how it becomes a step: every value that can be replaced by a variable is offered to a
//! substitution, and the others stay as they are.

use crate::address::{clean, decode, encode, pairs};
use lb_core::workload::Step;
use serde_json::Value;
use std::collections::BTreeMap;

/// The content type of forms.
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// The deepest nesting of a body that is looked into.
const DEEPEST: usize = 64;

/// The body of a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Body {
    #[default]
    None,
    /// JSON, with the content type if it is not the usual one.
    Json(Value),
    /// The fields of a form, decoded.
    Form(Vec<(String, String)>),
    /// Any other text.
    Text(String),
}

/// A request, without what belongs to the connection.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// The path as it was sent.
    pub(crate) path: String,
    /// The query as it was sent, without the `?`.
    pub(crate) query: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Body,
}

/// Where a value is in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spot<'a> {
    /// A segment of the path; holds the segment before it.
    Segment(&'a str),
    /// The value of a name in the query.
    Query(&'a str),
    /// The value of a header, without a scheme such as `Bearer`.
    Header(&'a str),
    /// The value of a field of the body, by the name of the field.
    Field(&'a str),
}

impl Spot<'_> {
    /// Returns the name that the value has in the request; for a segment, that of the segment before it.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Segment(name) | Self::Query(name) | Self::Header(name) | Self::Field(name) => name,
        }
    }

    /// Describes the place for a reader.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Segment("") => "the path".to_owned(),
            Self::Segment(before) => format!("the path after `{before}`"),
            Self::Query(name) => format!("the query value `{name}`"),
            Self::Header(name) => format!("the header `{name}`"),
            Self::Field(name) => format!("the body field `{name}`"),
        }
    }
}

/// A variable in place of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Replacement {
    /// What stands between the braces, such as `token` or `secret.password`.
    pub(crate) variable: String,
    /// Whether the value is a text; otherwise it is a number.
    pub(crate) is_text: bool,
}

/// Decides about each value of a request: the place, the value, and whether it is a text.
pub(crate) type Substitute<'s> = dyn FnMut(Spot<'_>, &str) -> Option<Replacement> + 's;

impl Request {
    /// Calls `see` with each value that could be replaced.
    pub(crate) fn values(&self, see: &mut dyn FnMut(Spot<'_>, &str)) {
        self.step("", &mut |spot, value| {
            see(spot, value);
            None
        });
    }

    /// Returns the step that sends this request, with the variables that `substitute` gives.
    pub(crate) fn step(&self, name: &str, substitute: &mut Substitute<'_>) -> Step {
        let path = self.path_template(substitute);
        let headers = self.header_templates(substitute);
        let body = self.body_template(substitute);
        let mut step = blank_step(name, &self.method, path);
        step.headers = headers;
        step.body = body;
        let mut needs_content_type = |kind: &str| {
            if !step.headers.keys().any(|name| name.eq_ignore_ascii_case("content-type")) {
                step.headers.insert("Content-Type".to_owned(), kind.to_owned());
            }
        };
        match &self.body {
            Body::Form(_) => needs_content_type(FORM),
            Body::Text(_) => needs_content_type("text/plain"),
            Body::Json(_) => {
                // The journey adds it by itself, also where a body had to be written as text.
                step.headers.retain(|name, kind| {
                    !name.eq_ignore_ascii_case("content-type")
                        || !kind.eq_ignore_ascii_case("application/json")
                });
            }
            Body::None => {}
        }
        step
    }

    fn path_template(&self, substitute: &mut Substitute<'_>) -> String {
        let mut path = String::new();
        let mut before = String::new();
        for segment in self.path.split('/').skip(1) {
            path.push('/');
            let plain = decode(segment, false);
            match substitute(Spot::Segment(&before), &plain) {
                Some(found) => path.push_str(&placeholder(&found.variable)),
                None => path.push_str(&clean(segment)),
            }
            before = plain;
        }
        if path.is_empty() {
            path.push('/');
        }
        for (number, (name, value)) in self.query.iter().flat_map(|query| pairs(query)).enumerate() {
            path.push(if number == 0 { '?' } else { '&' });
            path.push_str(&clean(name));
            let Some(value) = value else { continue };
            path.push('=');
            match substitute(Spot::Query(&decode(name, true)), &decode(value, true)) {
                Some(found) => path.push_str(&placeholder(&found.variable)),
                None => path.push_str(&clean(value)),
            }
        }
        path
    }

    fn header_templates(&self, substitute: &mut Substitute<'_>) -> BTreeMap<String, String> {
        let mut headers: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in &self.headers {
            let (scheme, rest) = match value.split_once(' ') {
                Some((scheme, rest)) if is_scheme(name, scheme) => (format!("{scheme} "), rest),
                _ => (String::new(), value.as_str()),
            };
            let text = match substitute(Spot::Header(name), rest) {
                Some(found) => format!("{scheme}{}", placeholder(&found.variable)),
                None => literal(value),
            };
            let known = headers.keys().find(|known| known.eq_ignore_ascii_case(name)).cloned();
            match known.and_then(|known| headers.get_mut(&known)) {
                Some(first) => *first = format!("{first}, {text}"),
                None => drop(headers.insert(name.clone(), text)),
            }
        }
        headers
    }

    fn body_template(&self, substitute: &mut Substitute<'_>) -> Option<Value> {
        match &self.body {
            Body::None => None,
            Body::Text(text) => Some(Value::String(literal(text))),
            Body::Form(fields) => {
                let mut text = String::new();
                for (name, value) in fields {
                    if !text.is_empty() {
                        text.push('&');
                    }
                    text.push_str(&encode(name));
                    text.push('=');
                    match substitute(Spot::Field(name), value) {
                        Some(found) => text.push_str(&placeholder(&found.variable)),
                        None => text.push_str(&encode(value)),
                    }
                }
                Some(Value::String(text))
            }
            Body::Json(value) => {
                let mut as_text = false;
                let mut found = BTreeMap::new();
                let template = json_template(value, "", 0, substitute, &mut found, &mut as_text);
                // A string alone would be sent as plain text, not as JSON.
                as_text |= template.is_string();
                Some(if as_text {
                    Value::String(json_text(value, &mut String::new(), &found))
                } else {
                    template
                })
            }
        }
    }
}

/// The deepest nesting of JSON that is written as JSON; deeper bodies are written as text.
const DEEPEST_JSON: usize = 64;

/// Returns a text as the body that it is: JSON if it is an object, a list or another JSON value, and otherwise text.
pub(crate) fn json_or_text(text: String) -> Body {
    match serde_json::from_str::<Value>(&text) {
        Ok(json) if !json.is_null() && depth(&json) <= DEEPEST_JSON => Body::Json(json),
        _ => Body::Text(text),
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Returns whether a text can be the name of a header.
pub(crate) fn is_header_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

/// Returns a text as the value of a header: on one line.
pub(crate) fn header_value(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().to_owned()
}

/// Returns a step that sends a request without headers and body.
pub(crate) fn blank_step(name: &str, method: &str, path: String) -> Step {
    Step {
        name: name.to_owned(),
        method: method.to_owned(),
        service: None,
        path,
        headers: BTreeMap::new(),
        body: None,
        bind: BTreeMap::new(),
        expect: vec![200],
        extract: BTreeMap::new(),
        check: lb_core::workload::Check::default(),
        follow: 0,
        repeat: [1, 1],
        probability: 1.0,
        required: false,
        errors: BTreeMap::new(),
    }
}

/// Returns the placeholder of a variable.
pub(crate) fn placeholder(variable: &str) -> String {
    format!("{{{{{variable}}}}}")
}

/// Returns a text as a template that stands for exactly this text.
pub(crate) fn literal(text: &str) -> String {
    // A template has no way to write two braces, but the row of a feed may hold them.
    text.replace("{{", "{{braces.open}}")
}

/// Returns whether the first word of a header is a scheme, which is not part of the value.
fn is_scheme(header: &str, word: &str) -> bool {
    header.to_ascii_lowercase().contains("auth")
        && ["bearer", "token", "basic", "jwt", "apikey", "digest"]
            .contains(&word.to_ascii_lowercase().as_str())
}

/// Replaces values in JSON. `found` keeps the variables by JSON pointer; `as_text` is set if one of them has another
/// type than the value that it replaces, so that the body must be written as text.
fn json_template(
    value: &Value,
    pointer: &str,
    depth: usize,
    substitute: &mut Substitute<'_>,
    found: &mut BTreeMap<String, Replacement>,
    as_text: &mut bool,
) -> Value {
    if depth > DEEPEST {
        return value.clone();
    }
    let name = last_name(pointer);
    let mut leaf = |text: &str, is_text: bool, plain: Value| match substitute(Spot::Field(&name), text) {
        Some(replacement) => {
            *as_text |= replacement.is_text != is_text;
            let template = placeholder(&replacement.variable);
            found.insert(pointer.to_owned(), replacement);
            Value::String(template)
        }
        None => plain,
    };
    match value {
        Value::String(text) => leaf(text, true, Value::String(literal(text))),
        Value::Number(number) => leaf(&number.to_string(), false, value.clone()),
        Value::Array(items) => {
            let items = items.iter().enumerate().map(|(number, item)| {
                json_template(item, &format!("{pointer}/{number}"), depth + 1, substitute, found, as_text)
            });
            Value::Array(items.collect())
        }
        Value::Object(map) => {
            let entries = map.iter().map(|(key, item)| {
                let pointer = format!("{pointer}/{}", escape_pointer(key));
                (key.clone(), json_template(item, &pointer, depth + 1, substitute, found, as_text))
            });
            Value::Object(entries.collect())
        }
        _ => value.clone(),
    }
}

/// Writes JSON as a text template, in which every variable is written as the type of the value that it replaces.
fn json_text(value: &Value, pointer: &mut String, found: &BTreeMap<String, Replacement>) -> String {
    let length = pointer.len();
    match value {
        Value::String(text) => match found.get(pointer) {
            Some(replacement) => format!("\"{}\"", placeholder(&replacement.variable)),
            None => literal(&Value::from(text.as_str()).to_string()),
        },
        Value::Number(number) => match found.get(pointer) {
            Some(replacement) => placeholder(&replacement.variable),
            None => number.to_string(),
        },
        Value::Array(items) => {
            let mut parts = Vec::new();
            for (number, item) in items.iter().enumerate() {
                pointer.push_str(&format!("/{number}"));
                parts.push(json_text(item, pointer, found));
                pointer.truncate(length);
            }
            format!("[{}]", parts.join(","))
        }
        Value::Object(map) => {
            let mut parts = Vec::new();
            for (key, item) in map {
                pointer.push_str(&format!("/{}", escape_pointer(key)));
                parts.push(format!(
                    "{}:{}",
                    literal(&Value::from(key.as_str()).to_string()),
                    json_text(item, pointer, found)
                ));
                pointer.truncate(length);
            }
            format!("{{{}}}", parts.join(","))
        }
        plain => plain.to_string(),
    }
}

/// Returns a key as a part of a JSON pointer.
pub(crate) fn escape_pointer(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Returns the last key of a JSON pointer that is not a number.
pub(crate) fn last_name(pointer: &str) -> String {
    let mut keys = pointer.split('/').filter(|key| !key.is_empty() && key.parse::<usize>().is_err());
    keys.next_back().unwrap_or_default().replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn post(body: Body) -> Request {
        Request {
            method: "POST".to_owned(),
            path: "/a b/17".to_owned(),
            query: Some("id=17&x=%20&flag".to_owned()),
            headers: vec![
                ("Authorization".to_owned(), "Bearer 17".to_owned()),
                ("X-A".to_owned(), "{{x}}".to_owned()),
            ],
            body,
        }
    }

    /// Replaces each value `17` by a text, or by a number.
    fn step(body: Body, is_text: bool) -> Step {
        post(body).step("s", &mut |_, value| {
            (value == "17").then(|| Replacement { variable: "v".to_owned(), is_text })
        })
    }

    #[test]
    fn every_place_of_a_value_can_be_replaced() {
        let mut seen = Vec::new();
        let body = json!({ "a": { "id": 17 }, "list": [{ "b": "x" }] });
        post(Body::Json(body)).values(&mut |spot, value| seen.push((spot.describe(), value.to_owned())));
        let expected = [
            ("the path", "a b"),
            ("the path after `a b`", "17"),
            ("the query value `id`", "17"),
            ("the query value `x`", " "),
            ("the header `Authorization`", "17"),
            ("the header `X-A`", "{{x}}"),
            ("the body field `id`", "17"),
            ("the body field `b`", "x"),
        ];
        assert_eq!(seen, expected.map(|(spot, value)| (spot.to_owned(), value.to_owned())));
    }

    #[test]
    fn values_are_replaced_and_all_else_stays() {
        let step = step(Body::Json(json!({ "id": 17, "text": "{{a}}" })), false);
        assert_eq!(step.path, "/a%20b/{{v}}?id={{v}}&x=%20&flag");
        assert_eq!(step.headers["Authorization"], "Bearer {{v}}");
        assert_eq!(step.headers["X-A"], "{{braces.open}}x}}", "two braces are written by the row of a feed");
        assert_eq!(step.body, Some(json!({ "id": "{{v}}", "text": "{{braces.open}}a}}" })));
    }

    #[test]
    fn a_value_of_another_type_makes_the_body_a_text_that_keeps_the_types() {
        let body = json!({ "id": 17, "deep": { "again": [17] } });
        let text = step(Body::Json(body), true).body;
        assert_eq!(text, Some(json!(r#"{"id":{{v}},"deep":{"again":[{{v}}]}}"#)));
        let text = step(Body::Json(json!({ "id": "17" })), false).body;
        assert_eq!(text, Some(json!(r#"{"id":"{{v}}"}"#)));
    }

    #[test]
    fn forms_are_encoded_and_have_their_content_type() {
        let fields =
            [("user", "ann & co"), ("id", "17")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let step = step(Body::Form(fields.to_vec()), true);
        assert_eq!(step.body, Some(json!("user=ann%20%26%20co&id={{v}}")));
        assert_eq!(step.headers["Content-Type"], FORM);
    }
}
