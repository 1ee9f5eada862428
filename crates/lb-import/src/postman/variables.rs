//! Variables of a collection: constants are resolved, those that scripts set become variables of the journey, and
//! dynamic ones become what a journey has for them.

use crate::names::{Names, word};
use crate::request::placeholder;
use lb_core::workload::Step;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// How often a value may name another variable.
const DEEPEST: usize = 8;
/// The longest text that resolving may make, in bytes.
const LONGEST: usize = 1 << 20;

/// Dynamic variables of Postman, and what stands for them.
const DYNAMIC: [(&str, &str); 18] = [
    ("$guid", "uuid"),
    ("$randomUUID", "uuid"),
    ("$randomInt", "int:0:1000"),
    ("$timestamp", "int:1767225600:1798761599"),
    ("$randomEmail", "user.email"),
    ("$randomExampleEmail", "user.email"),
    ("$randomUserName", "user.email"),
    ("$randomFirstName", "user.first_name"),
    ("$randomLastName", "user.last_name"),
    ("$randomFullName", "user.name"),
    ("$randomPassword", "user.password"),
    ("$randomPhoneNumber", "user.phone"),
    ("$randomStreetAddress", "user.street"),
    ("$randomStreetName", "user.street"),
    ("$randomCity", "user.city"),
    ("$randomCountry", "user.country"),
    ("$randomCountryCode", "user.country"),
    ("$randomPrice", "int:1:1000"),
];

/// The variables of a collection.
#[derive(Clone, Debug, Default)]
pub(super) struct Variables {
    constants: BTreeMap<String, String>,
    /// Names of the constants that the user gave.
    given: BTreeSet<String>,
    /// Names in the journey of variables that scripts set.
    captured: BTreeMap<String, String>,
    names: Names,
    /// Placeholders by the marks that stand for them while texts are encoded.
    marks: BTreeMap<String, String>,
}

/// A text in which constants are resolved, and marks stand for other variables.
#[derive(Debug, PartialEq)]
pub(super) struct Resolved {
    pub(super) text: String,
    /// Variables that nothing sets.
    pub(super) missing: BTreeSet<String>,
}

impl Variables {
    /// Reads the variables of a collection. Those that the user gave win.
    pub(super) fn of(document: &Value, given: &BTreeMap<String, String>) -> Self {
        let mut constants = BTreeMap::new();
        for variable in document.get("variable").and_then(Value::as_array).into_iter().flatten() {
            let name = variable.get("key").or_else(|| variable.get("id")).and_then(Value::as_str);
            let is_disabled = variable.get("disabled").and_then(Value::as_bool).unwrap_or(false);
            if let Some(name) = name.filter(|_| !is_disabled) {
                constants.insert(name.to_owned(), variable.get("value").map(plain).unwrap_or_default());
            }
        }
        constants.extend(given.iter().map(|(name, value)| (name.clone(), value.clone())));
        let names = Names::without(&["user", "uuid", "int", "env", "secret", "account", "braces"]);
        Self { constants, given: given.keys().cloned().collect(), names, ..Self::default() }
    }

    /// Notes that scripts set these variables. They are then not constants, unless the user gave them.
    pub(super) fn will_be_captured<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        for name in names {
            if !self.captured.contains_key(name) && !self.given.contains(name) {
                let unique = self.names.unique(&word(name), "_");
                self.captured.insert(name.to_owned(), unique);
            }
        }
    }

    /// Returns the name in the journey of a variable that a script sets; `None` if the user gave it.
    pub(super) fn name(&self, variable: &str) -> Option<String> {
        self.captured.get(variable).cloned()
    }

    /// Returns the value of a constant.
    pub(super) fn constant(&self, name: &str) -> Option<&str> {
        if self.captured.contains_key(name) { None } else { self.constants.get(name).map(String::as_str) }
    }

    /// Resolves constants, and leaves all other variables as they are written.
    pub(super) fn constants_in(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for _ in 0..DEEPEST {
            let mut changed = false;
            text = replace(&text, |name| {
                let value = self.constant(name)?;
                changed = true;
                Some(value.to_owned())
            });
            if !changed || text.len() > LONGEST {
                break;
            }
        }
        text
    }

    /// Resolves a text. Variables that are not constants become marks, which [`Self::restore`] replaces.
    pub(super) fn resolve(&mut self, text: &str) -> Resolved {
        let text = self.constants_in(text);
        let mut missing = BTreeSet::new();
        let text = replace(&text, |name| {
            let dynamic =
                DYNAMIC.iter().find(|(known, _)| *known == name).map(|(_, stands)| (*stands).to_owned());
            let Some(stands) = dynamic.or_else(|| self.captured.get(name).cloned()) else {
                missing.insert(name.to_owned());
                return None;
            };
            // Letters and digits survive every encoding. A number in JSON would be invalid with letters.
            let mark = format!("9007199254{:06}", self.marks.len());
            let known = self.marks.iter().find(|(_, known)| **known == stands).map(|(mark, _)| mark.clone());
            let mark = known.unwrap_or(mark);
            self.marks.insert(mark.clone(), stands);
            Some(mark)
        });
        Resolved { text, missing }
    }

    /// Replaces the marks in a step by placeholders.
    pub(super) fn restore(&self, step: &mut Step) {
        let text = |text: &mut String| *text = self.restore_text(text);
        text(&mut step.path);
        step.headers.values_mut().for_each(text);
        if let Some(body) = &mut step.body {
            // A variable without quotes takes the type of its value only in a text.
            match self.has_bare_mark(body) {
                true => {
                    let mut written = body.to_string();
                    text(&mut written);
                    *body = Value::String(written);
                }
                false => self.restore_json(body, &text),
            }
        }
    }

    /// Returns whether a text holds a variable that is not a constant.
    pub(super) fn is_marked(&self, text: &str) -> bool {
        self.marks.keys().any(|mark| text.contains(mark.as_str()))
    }

    /// Replaces the marks in a text by placeholders.
    pub(super) fn restore_text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (mark, stands) in &self.marks {
            if text.contains(mark.as_str()) {
                text = text.replace(mark.as_str(), &placeholder(stands));
            }
        }
        text
    }

    fn restore_json(&self, value: &mut Value, text: &dyn Fn(&mut String)) {
        match value {
            Value::String(part) => text(part),
            Value::Array(items) => items.iter_mut().for_each(|item| self.restore_json(item, text)),
            Value::Object(map) => map.values_mut().for_each(|item| self.restore_json(item, text)),
            _ => {}
        }
    }

    /// Returns whether a mark stands in JSON without quotes, or as all of a text that must stay a text.
    fn has_bare_mark(&self, value: &Value) -> bool {
        match value {
            Value::Number(number) => self.marks.contains_key(&number.to_string()),
            // A number that a reply gave would lose its quotes otherwise.
            Value::String(text) => {
                let is_text = |stands: &String| stands.starts_with("user.") || stands == "uuid";
                self.marks.get(text).is_some_and(|stands| !is_text(stands))
            }
            Value::Array(items) => items.iter().any(|item| self.has_bare_mark(item)),
            Value::Object(map) => map.values().any(|item| self.has_bare_mark(item)),
            _ => false,
        }
    }
}

/// Returns the names of the variables in a text.
pub(super) fn names_in(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    replace(text, |name| {
        names.insert(name.to_owned());
        None
    });
    names
}

/// Replaces variables for which there is a value.
fn replace(text: &str, mut value_of: impl FnMut(&str) -> Option<String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(open) = rest.find("{{") {
        let Some(length) = rest[open..].find("}}") else { break };
        out.push_str(&rest[..open]);
        let whole = &rest[open..open + length + 2];
        match value_of(whole[2..whole.len() - 2].trim()) {
            Some(value) => out.push_str(&value),
            None => out.push_str(whole),
        }
        rest = &rest[open + length + 2..];
        if out.len() > LONGEST {
            break;
        }
    }
    out.push_str(rest);
    out
}

/// Returns a value as text, without the quotes of a string.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::blank_step;
    use serde_json::json;

    fn variables() -> Variables {
        let document = json!({ "variable": [
            { "key": "host", "value": "http://h:1" }, { "key": "base", "value": "{{host}}/api" },
            { "key": "token", "value": "old" }, { "key": "off", "value": "x", "disabled": true },
            { "key": "self", "value": "{{self}}" }
        ] });
        let mut variables = Variables::of(&document, &[("page".to_owned(), "7".to_owned())].into());
        variables.will_be_captured(["token"].into_iter());
        variables
    }

    #[test]
    fn constants_are_resolved_and_what_nothing_sets_is_told() {
        let mut variables = variables();
        let resolved = variables.resolve("{{base}}/x?page={{ page }}&t={{token}}&o={{off}}&s={{self}}");
        assert_eq!(resolved.missing, ["off".to_owned(), "self".to_owned()].into());
        assert!(
            resolved.text.starts_with("http://h:1/api/x?page=7&t=9007199254000000&o={{off}}"),
            "{}",
            resolved.text
        );
        assert_eq!(variables.restore_text("a 9007199254000000"), "a {{token}}");
    }

    #[test]
    fn a_variable_in_json_keeps_its_quotes_or_has_none() {
        let mut variables = variables();
        let mark = variables.resolve("{{token}}").text;
        let mut step = blank_step("s", "POST", format!("/{mark}"));
        step.body = Some(json!({ "a": mark, "b": 1 }));
        variables.restore(&mut step);
        assert_eq!(step.path, "/{{token}}");
        assert_eq!(
            step.body,
            Some(json!("{\"a\":\"{{token}}\",\"b\":1}")),
            "what Postman writes in quotes stays a text"
        );
        step.body = serde_json::from_str(&format!("{{\"id\":{mark}}}")).ok();
        variables.restore(&mut step);
        assert_eq!(step.body, Some(json!("{\"id\":{{token}}}")));
    }
}
