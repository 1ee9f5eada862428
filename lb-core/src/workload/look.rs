//! What a session looks at in a reply beyond its status: values to extract, and conditions to check.

use super::template::{Text, Values};
use regex_lite::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Where a value comes from in a reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Extract {
    /// A JSON pointer into the body, such as `/token`.
    Pointer(String),
    /// Another place.
    From(ExtractFrom),
}

/// A place in a reply other than its JSON body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ExtractFrom {
    /// The value of this header.
    Header(String),
    /// A part of the value of a header, such as the number in the address of what was created.
    HeaderMatches {
        /// Name of the header.
        header: String,
        /// Regular expression: its first group is the value, or the whole match if it has no group.
        pattern: String,
    },
    /// The value of the cookie that the reply sets under this name.
    Cookie(String),
    /// The value of the form field with this name in an HTML body, such as a CSRF token.
    Input(String),
    /// The first group of this regular expression in the body, or the whole match if it has no group.
    Matches(String),
}

/// What a reply must be like, beyond its status. A reply that is not is an error of its own kind
/// (`check_failed`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Check {
    /// Headers that the reply must have with exactly this value.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Texts that the body must contain. Placeholders are filled in as in the request, so that a page can be checked
    /// for the product that was just added, or for the user's own session.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contains: Vec<String>,
    /// Regular expressions that must match in the body.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub matches: Vec<String>,
    /// Values that the JSON body must have: JSON pointer -> value.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub json: BTreeMap<String, Value>,
    /// Values that the JSON body must have, whatever they are: JSON pointer -> type. The pointer `""` is the whole
    /// body.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub json_types: BTreeMap<String, JsonType>,
    /// Smallest and largest size of the body in bytes, `[min, max]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<[u64; 2]>,
    /// Statuses whose replies are checked, for a step that also expects others, such as 404. Empty means all that the
    /// step expects.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub statuses: Vec<u16>,
}

impl Check {
    /// Returns whether nothing is checked.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The type of a value in a JSON body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JsonType {
    /// Anything but `null`.
    Any,
    /// `true` or `false`.
    Boolean,
    /// A number.
    Number,
    /// A text.
    String,
    /// A list.
    Array,
    /// An object.
    Object,
}

impl JsonType {
    /// Returns whether a value has this type.
    fn is_of(self, value: &Value) -> bool {
        match self {
            Self::Any => !value.is_null(),
            Self::Boolean => value.is_boolean(),
            Self::Number => value.is_number(),
            Self::String => value.is_string(),
            Self::Array => value.is_array(),
            Self::Object => value.is_object(),
        }
    }

    /// Returns the type in words, with its article.
    const fn in_words(self) -> &'static str {
        match self {
            Self::Any => "a value",
            Self::Boolean => "a boolean",
            Self::Number => "a number",
            Self::String => "a string",
            Self::Array => "an array",
            Self::Object => "an object",
        }
    }
}

/// The parts of a reply that a step looks at, as far as the driver has them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen<'a> {
    /// The body.
    pub body: &'a [u8],
    /// The size of the body in bytes, even where the body itself was not kept.
    pub bytes: u64,
    /// The values of the headers that [`super::Workload::headers`] names, in its order; `None` for missing ones.
    pub headers: &'a [Option<Vec<u8>>],
    /// The values of all `set-cookie` headers.
    pub cookies: &'a [Vec<u8>],
}

/// What a step looks at, compiled.
#[derive(Clone, Debug, Default)]
pub(super) struct Looks {
    /// Names of the headers that matter, in lower case.
    pub(super) headers: Vec<String>,
    /// Slots of extracted values, with their places.
    pub(super) extract: Vec<(usize, Place)>,
    /// The conditions, with their words for a failure.
    checks: Vec<Condition>,
    /// The statuses whose replies are checked; empty means all.
    checked: Vec<u16>,
}

/// Where an extracted value is.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Pointer(String),
    /// The position among the headers that matter.
    Header(usize),
    /// The position among the headers that matter, and what to look for in the value.
    HeaderMatches(usize, Regex),
    Cookie(String),
    Input(String),
    Matches(Regex),
}

#[derive(Clone, Debug)]
enum Condition {
    Header { place: usize, value: String },
    Contains(Text),
    Matches(Regex),
    Json { pointer: String, value: Value },
    JsonType { pointer: String, wanted: JsonType },
    Bytes([u64; 2]),
}

impl Looks {
    /// Compiles what a step extracts and checks. `slot` finds the slot of an extracted name, and `contains` are the
    /// parsed texts of the check; `report` is called with the key and the problem of each mistake.
    pub(super) fn new(
        extract: &BTreeMap<String, Extract>,
        check: &Check,
        contains: Vec<Text>,
        slot: impl Fn(&str) -> Option<usize>,
        mut report: impl FnMut(String, String),
    ) -> Self {
        let mut looks = Self { checked: check.statuses.clone(), ..Self::default() };
        for (name, from) in extract {
            let key = format!("extract.{name}");
            let place = match from {
                Extract::Pointer(pointer) => pointer_of(pointer, &key, &mut report).map(Place::Pointer),
                Extract::From(ExtractFrom::Header(name)) => Some(Place::Header(looks.header(name))),
                Extract::From(ExtractFrom::HeaderMatches { header, pattern }) => {
                    let header = looks.header(header);
                    regex_of(pattern, &key, &mut report).map(|regex| Place::HeaderMatches(header, regex))
                }
                Extract::From(ExtractFrom::Cookie(name)) => Some(Place::Cookie(name.clone())),
                Extract::From(ExtractFrom::Input(name)) => Some(Place::Input(name.clone())),
                Extract::From(ExtractFrom::Matches(text)) => {
                    regex_of(text, &key, &mut report).map(Place::Matches)
                }
            };
            if let (Some(slot), Some(place)) = (slot(name), place) {
                looks.extract.push((slot, place));
            }
        }
        for (name, value) in &check.headers {
            let place = looks.header(name);
            looks.checks.push(Condition::Header { place, value: value.clone() });
        }
        looks.checks.extend(contains.into_iter().map(Condition::Contains));
        for text in &check.matches {
            looks.checks.extend(regex_of(text, "check.matches", &mut report).map(Condition::Matches));
        }
        for (pointer, value) in &check.json {
            let pointer = pointer_of(pointer, "check.json", &mut report);
            looks.checks.extend(pointer.map(|pointer| Condition::Json { pointer, value: value.clone() }));
        }
        for (pointer, wanted) in &check.json_types {
            let pointer = pointer_of(pointer, "check.json_types", &mut report);
            looks.checks.extend(pointer.map(|pointer| Condition::JsonType { pointer, wanted: *wanted }));
        }
        if let Some([least, most]) = check.bytes {
            if least > most {
                report("check.bytes".to_owned(), format!("[{least}, {most}] must not decrease"));
            }
            looks.checks.push(Condition::Bytes([least, most]));
        }
        looks
    }

    /// Returns the position of a header among those that matter.
    fn header(&mut self, name: &str) -> usize {
        let name = name.to_ascii_lowercase();
        self.headers.iter().position(|known| *known == name).unwrap_or_else(|| {
            self.headers.push(name);
            self.headers.len() - 1
        })
    }

    /// Returns whether the step needs the body of a reply.
    pub(super) fn needs_body(&self) -> bool {
        let extracts = |(_, place): &(usize, Place)| {
            !matches!(place, Place::Header(_) | Place::HeaderMatches(..) | Place::Cookie(_))
        };
        let checks = |check: &Condition| !matches!(check, Condition::Header { .. } | Condition::Bytes(_));
        self.extract.iter().any(extracts) || self.checks.iter().any(checks)
    }

    /// Returns whether anything is checked in a reply with this status.
    #[inline]
    pub(super) fn checks(&self, status: u16) -> bool {
        !self.checks.is_empty() && (self.checked.is_empty() || self.checked.contains(&status))
    }

    /// Checks a reply to a request with these values; the error says which condition does not hold.
    pub(super) fn check(&self, seen: &Seen<'_>, values: &impl Values) -> Result<(), String> {
        let (mut json, mut written) = (None, String::new());
        for condition in &self.checks {
            let text = || String::from_utf8_lossy(seen.body);
            let failure = match condition {
                Condition::Header { place, value } => match seen.headers.get(*place).and_then(Option::as_ref)
                {
                    Some(found) if found == value.as_bytes() => None,
                    Some(found) => {
                        let found = String::from_utf8_lossy(found);
                        Some(format!("header `{}` is `{found}`, not `{value}`", self.headers[*place]))
                    }
                    None => Some(format!("header `{}` is missing", self.headers[*place])),
                },
                Condition::Contains(part) => {
                    written.clear();
                    part.write(values, &mut written);
                    (!text().contains(&written)).then(|| format!("the body does not contain `{written}`"))
                }
                Condition::Matches(regex) => {
                    (!regex.is_match(&text())).then(|| format!("the body does not match `{regex}`"))
                }
                Condition::Json { pointer, value } => {
                    let json = json.get_or_insert_with(|| serde_json::from_slice::<Value>(seen.body));
                    match json.as_ref().ok().map(|json| json.pointer(pointer)) {
                        Some(Some(found)) if found == value => None,
                        Some(Some(found)) => Some(format!("`{pointer}` is {found}, not {value}")),
                        Some(None) => Some(format!("`{pointer}` is missing")),
                        None => Some("the body is not JSON".to_owned()),
                    }
                }
                Condition::JsonType { pointer, wanted } => {
                    let json = json.get_or_insert_with(|| serde_json::from_slice::<Value>(seen.body));
                    match json.as_ref().ok().map(|json| json.pointer(pointer)) {
                        Some(Some(found)) if wanted.is_of(found) => None,
                        Some(Some(_)) if pointer.is_empty() => {
                            Some(format!("the body is not {}", wanted.in_words()))
                        }
                        Some(Some(found)) => {
                            Some(format!("`{pointer}` is {found}, not {}", wanted.in_words()))
                        }
                        Some(None) => Some(format!("`{pointer}` is missing")),
                        None => Some("the body is not JSON".to_owned()),
                    }
                }
                Condition::Bytes([least, most]) => (!(*least..=*most).contains(&seen.bytes))
                    .then(|| format!("the body has {} bytes, not {least} to {most}", seen.bytes)),
            };
            if let Some(failure) = failure {
                return Err(failure);
            }
        }
        Ok(())
    }
}

fn pointer_of(pointer: &str, key: &str, report: &mut impl FnMut(String, String)) -> Option<String> {
    if pointer.is_empty() || pointer.starts_with('/') {
        return Some(pointer.to_owned());
    }
    report(key.to_owned(), format!("`{pointer}` must be a JSON pointer such as `/token`"));
    None
}

fn regex_of(text: &str, key: &str, report: &mut impl FnMut(String, String)) -> Option<Regex> {
    match Regex::new(text) {
        Ok(regex) => Some(regex),
        Err(error) => {
            report(key.to_owned(), format!("`{text}` is not a regular expression: {error}"));
            None
        }
    }
}

/// Returns the value of the form field `name` in an HTML text: that of the first `<input>` with this name.
pub(super) fn input_value(html: &str, name: &str) -> Option<String> {
    let mut rest = html;
    while let Some(start) = find_ignoring_case(rest, "<input") {
        rest = &rest[start + "<input".len()..];
        let tag = &rest[..rest.find('>').unwrap_or(rest.len())];
        if attribute(tag, "name").is_some_and(|found| found == name) {
            return Some(attribute(tag, "value").unwrap_or_default());
        }
    }
    None
}

fn find_ignoring_case(text: &str, part: &str) -> Option<usize> {
    text.as_bytes().windows(part.len()).position(|window| window.eq_ignore_ascii_case(part.as_bytes()))
}

/// Returns the value of an attribute of a tag, without its quotes and with the usual entities resolved.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let mut rest = tag;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if rest.is_empty() {
            return None;
        }
        let end = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
        let found = &rest[..end];
        rest = rest[end..].trim_start();
        let mut value = "";
        if let Some(after) = rest.strip_prefix('=') {
            let after = after.trim_start();
            (value, rest) = match after.chars().next() {
                Some(quote @ ('"' | '\'')) => after[1..].split_once(quote).unwrap_or((&after[1..], "")),
                _ => after.split_at(after.find(char::is_whitespace).unwrap_or(after.len())),
            };
        }
        if found.eq_ignore_ascii_case(name) {
            let plain =
                value.replace("&quot;", "\"").replace("&#39;", "'").replace("&lt;", "<").replace("&gt;", ">");
            return Some(plain.replace("&amp;", "&"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::template::Segment;
    use serde_json::json;

    /// The values of a user who has extracted `s-1` and draws nothing.
    struct Extracted;

    impl Values for Extracted {
        fn identity(&self) -> u32 {
            0
        }

        fn step_key(&self, _: u16) -> u64 {
            0
        }

        fn row(&self, _: usize, _: u64) -> usize {
            0
        }

        fn extracted(&self, _: usize) -> (&str, bool) {
            ("s-1", true)
        }
    }

    fn literal(text: &str) -> Text {
        Text(vec![Segment::Literal(text.into())])
    }

    fn looks(check: Value) -> Looks {
        let check: Check = serde_json::from_value(check).expect("a check");
        let contains = check.contains.iter().map(|text| literal(text)).collect();
        Looks::new(&BTreeMap::new(), &check, contains, |_| None, |key, problem| panic!("{key}: {problem}"))
    }

    fn failure(check: Value, seen: &Seen<'_>) -> String {
        looks(check).check(seen, &Extracted).expect_err("it does not hold")
    }

    #[test]
    fn a_text_to_look_for_has_the_values_of_its_user() {
        let own = Segment::Extracted { slot: 0, place: crate::workload::template::Place::Raw };
        let contains = vec![Text(vec![Segment::Literal("session ".into()), own])];
        let looks = Looks::new(&BTreeMap::new(), &Check::default(), contains, |_| None, |_, _| ());
        let of = |body: &'static [u8]| Seen { body, ..Seen::default() };
        assert_eq!(looks.check(&of(b"session s-1"), &Extracted), Ok(()));
        let failed = Err("the body does not contain `session s-1`".to_owned());
        assert_eq!(looks.check(&of(b"session s-2"), &Extracted), failed);
    }

    #[test]
    fn a_failed_check_says_what_was_found() {
        let headers = [Some(b"text/html".to_vec())];
        let seen =
            Seen { body: br#"{"status": "down", "left": 3}"#, bytes: 29, headers: &headers, cookies: &[] };
        for (check, expected) in [
            (json!({"headers": {"Content-Type": "a/b"}}), "header `content-type` is `text/html`, not `a/b`"),
            (json!({"contains": ["down", "up"]}), "the body does not contain `up`"),
            (json!({"matches": ["^\\{", "up$"]}), "the body does not match `up$`"),
            (json!({"json": {"/left": 3, "/status": "ok"}}), "`/status` is \"down\", not \"ok\""),
            (json!({"json": {"/none": 1}}), "`/none` is missing"),
            (
                json!({"json_types": {"/left": "number", "/status": "array"}}),
                "`/status` is \"down\", not an array",
            ),
            (json!({"json_types": {"/none": "any"}}), "`/none` is missing"),
            (json!({"json_types": {"": "array"}}), "the body is not an array"),
            (json!({"bytes": [30, 40]}), "the body has 29 bytes, not 30 to 40"),
        ] {
            assert_eq!(failure(check, &seen), expected);
        }
        let none = Seen { headers: &[None], body: b"<html>", ..Seen::default() };
        assert_eq!(failure(json!({"headers": {"etag": "x"}}), &none), "header `etag` is missing");
        assert_eq!(failure(json!({"json": {"/a": 1}}), &none), "the body is not JSON");
        let held = json!({"headers": {"content-type": "text/html"}, "contains": ["down"], "matches": ["left.: \\d"],
            "json": {"/left": 3}, "bytes": [1, 29]});
        assert_eq!(looks(held).check(&seen, &Extracted), Ok(()));
    }

    #[test]
    fn a_check_may_be_for_some_statuses_only() {
        let all = looks(json!({"json_types": {"/data": "any"}}));
        assert!(all.checks(200) && all.checks(404));
        let found = looks(json!({"json_types": {"/data": "any"}, "statuses": [200]}));
        assert!(found.checks(200) && !found.checks(404), "what is not there has no data");
        assert!(!looks(json!({"statuses": [200]})).checks(200), "there is nothing to check");
    }

    #[test]
    fn only_what_needs_a_body_asks_for_it() {
        assert!(!looks(json!({"headers": {"etag": "x"}, "bytes": [0, 9]})).needs_body());
        for check in [json!({"contains": ["x"]}), json!({"matches": ["x"]}), json!({"json": {"/a": 1}})] {
            assert!(looks(check).needs_body());
        }
    }

    #[test]
    fn a_form_field_is_found_whatever_its_quotes_and_order() {
        let html = r#"<form><INPUT type=hidden value='a&amp;b' name="csrf"><input name=plain value=x disabled/>
            <input value="last" name='empty"'><input name="none">"#;
        for (name, value) in
            [("csrf", Some("a&b")), ("plain", Some("x")), ("none", Some("")), ("other", None)]
        {
            assert_eq!(input_value(html, name).as_deref(), value, "{name}");
        }
        assert_eq!(input_value("<input name=", "x"), None, "a cut-off page has none");
    }

    #[test]
    fn mistakes_are_reported_with_their_keys() {
        let mut told = Vec::new();
        let check: Check =
            serde_json::from_value(json!({"matches": ["("], "json": {"a": 1}, "bytes": [2, 1]}))
                .expect("a check");
        let extract = [("token".to_owned(), Extract::Pointer("token".to_owned()))].into();
        Looks::new(
            &extract,
            &check,
            Vec::new(),
            |_| Some(0),
            |key, problem| told.push(format!("{key}: {problem}")),
        );
        let expected = [
            "extract.token: `token` must be",
            "check.matches: `(` is not",
            "check.json: `a` must be",
            "check.bytes: [2, 1]",
        ];
        assert_eq!(told.len(), expected.len(), "{told:?}");
        for (told, expected) in told.iter().zip(expected) {
            assert!(told.starts_with(expected), "{told}");
        }
    }
}
