//! Test scripts of Postman requests. They are programs, which are not run: only the usual lines are recognised, which
//! keep a value of the reply in a variable or name the expected status. All others are reported.

use super::Capture;
use crate::request::escape_pointer;
use lb_core::workload::{Extract, ExtractFrom};
use regex_lite::Regex;
use serde_json::Value;
use std::collections::BTreeMap;

/// The most lines of a script that are read.
const MOST_LINES: usize = 1_000;
/// The longest line that is shown, in characters.
const LONGEST_SHOWN: usize = 80;

/// What a script says.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Script {
    pub(super) captures: Vec<Capture>,
    pub(super) expect: Vec<u16>,
    /// Lines that keep or change something, and were not understood.
    pub(super) unknown: Vec<String>,
}

/// Reads the scripts of an item.
pub(super) fn read(item: &Value) -> Script {
    let mut script = Script::default();
    for event in item.get("event").and_then(Value::as_array).into_iter().flatten() {
        let lines = match event.pointer("/script/exec") {
            Some(Value::Array(lines)) => {
                lines.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
            }
            Some(Value::String(text)) => text.clone(),
            _ => continue,
        };
        match event.get("listen").and_then(Value::as_str) {
            Some("test") => read_test(&lines, &mut script),
            _ => {
                let code = lines.lines().map(str::trim).filter(|line| is_code(line));
                script.unknown.extend(code.map(|line| format!("before the request: {}", short(line))));
            }
        }
    }
    script
}

fn read_test(text: &str, script: &mut Script) {
    let patterns = Patterns::new();
    // Names of variables that hold the reply, or a part of it, as JSON pointers.
    let mut known: BTreeMap<String, Place> = BTreeMap::new();
    // A call may be written over several lines.
    let joined = text.replace("\r\n", "\n");
    for line in joined.lines().take(MOST_LINES).map(str::trim).filter(|line| is_code(line)) {
        let mut understood = false;
        for found in patterns.declare.captures_iter(line) {
            if let Some(place) = patterns.place(&found[2], &known) {
                known.insert(found[1].to_owned(), place);
                understood = true;
            }
        }
        for found in patterns.set.captures_iter(line) {
            let place = patterns.place(&found[2], &known).and_then(Place::extract);
            understood = place.is_some();
            let variable = found[1].to_owned();
            script.captures.extend(place.map(|from| Capture { variable, from }));
        }
        for found in patterns.status.captures_iter(line) {
            let numbers =
                patterns.number.find_iter(&found[1]).filter_map(|number| number.as_str().parse::<u16>().ok());
            script.expect.extend(numbers);
            understood = true;
        }
        let keeps = [".set(", "setEnvironmentVariable", "setGlobalVariable", "setNextRequest", "sendRequest"];
        if !understood && keeps.iter().any(|call| line.contains(call)) {
            script.unknown.push(short(line));
        }
    }
    script.expect.retain(|status| (100..600).contains(status));
    script.expect.sort_unstable();
    script.expect.dedup();
}

fn is_code(line: &str) -> bool {
    !line.is_empty() && !line.starts_with("//") && !line.starts_with("/*") && !line.starts_with('*')
}

fn short(line: &str) -> String {
    let plain: String = line.chars().filter(|c| *c != '`').take(LONGEST_SHOWN).collect();
    if line.chars().count() > LONGEST_SHOWN { format!("{plain}…") } else { plain }
}

/// A place in a reply.
#[derive(Clone, Debug, PartialEq)]
enum Place {
    Pointer(String),
    Text,
    Header(String),
    Cookie(String),
}

impl Place {
    fn extract(self) -> Option<Extract> {
        match self {
            Self::Pointer(pointer) if !pointer.is_empty() => Some(Extract::Pointer(pointer)),
            // The whole document has no use as a value.
            Self::Pointer(_) => None,
            Self::Text => Some(Extract::From(ExtractFrom::Matches("(?s)(.*)".to_owned()))),
            Self::Header(name) => Some(Extract::From(ExtractFrom::Header(name))),
            Self::Cookie(name) => Some(Extract::From(ExtractFrom::Cookie(name))),
        }
    }
}

struct Patterns {
    declare: Regex,
    set: Regex,
    status: Regex,
    number: Regex,
    named: Regex,
    part: Regex,
}

impl Patterns {
    fn new() -> Self {
        let regex = |text: &str| Regex::new(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        Self {
            declare: regex(r"(?:var|let|const)?\s*\b([A-Za-z_$][\w$]*)\s*=\s*([^=;].*?)\s*(?:;|$)"),
            set: regex(
                r#"(?:pm\.(?:environment|collectionVariables|globals|variables)\.set|postman\.set(?:Environment|Global)Variable)\(\s*["'`]([^"'`]+)["'`]\s*,\s*(.+?)\s*\)\s*(?:;|$|\})"#,
            ),
            status: regex(
                r"(?:to\.have\.status\(|response\.code\)\.to\.(?:be\.)?(?:eql|equal|eq|oneOf|equals)\(|responseCode\.code\s*={2,3}\s*)\[?([\d,\s]+)",
            ),
            number: regex(r"\d{3}"),
            named: regex(r#"^(?:pm\.)?(?:response\.)?(headers|cookies)\.get\(\s*["'`]([^"'`]+)["'`]\s*\)"#),
            part: regex(r#"^(?:\??\.([A-Za-z_$][\w$]*)|\[\s*(\d+)\s*\]|\[\s*["'`]([^"'`]+)["'`]\s*\])"#),
        }
    }

    /// Returns the place that an expression names; `None` if it is not one of the usual forms.
    fn place(&self, expression: &str, known: &BTreeMap<String, Place>) -> Option<Place> {
        let expression = expression.trim().trim_end_matches(';').trim();
        for whole in ["pm.response.json()", "JSON.parse(responseBody)", "JSON.parse(pm.response.text())"] {
            if let Some(rest) = expression.strip_prefix(whole) {
                return self.parts(String::new(), rest);
            }
        }
        if ["pm.response.text()", "responseBody"].contains(&expression) {
            return Some(Place::Text);
        }
        let plain = expression
            .strip_prefix("pm.response.")
            .or_else(|| expression.strip_prefix("pm."))
            .unwrap_or(expression);
        if let Some(found) = self.named.captures(plain) {
            let name = found[2].to_owned();
            let is_all = found.get(0).is_some_and(|all| all.end() == plain.len());
            return is_all
                .then(|| if &found[1] == "headers" { Place::Header(name) } else { Place::Cookie(name) });
        }
        let end = expression
            .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'))
            .unwrap_or(expression.len());
        match known.get(&expression[..end])? {
            Place::Pointer(pointer) => self.parts(pointer.clone(), &expression[end..]),
            place if end == expression.len() => Some(place.clone()),
            _ => None,
        }
    }

    /// Follows the parts of an expression, such as `.user.roles[0]`.
    fn parts(&self, mut pointer: String, mut rest: &str) -> Option<Place> {
        while !rest.is_empty() {
            // A conversion to text changes nothing here.
            if rest == ".toString()" {
                break;
            }
            let found = self.part.captures(rest)?;
            let part = found.get(1).or_else(|| found.get(2)).or_else(|| found.get(3))?;
            pointer.push('/');
            pointer.push_str(&escape_pointer(part.as_str()));
            rest = &rest[found.get(0)?.end()..];
        }
        Some(Place::Pointer(pointer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn script(lines: &[&str]) -> Script {
        read(&json!({ "event": [{ "listen": "test", "script": { "exec": lines } }] }))
    }

    fn pointer(variable: &str, pointer: &str) -> Capture {
        Capture { variable: variable.to_owned(), from: Extract::Pointer(pointer.to_owned()) }
    }

    #[test]
    fn the_usual_forms_of_keeping_a_value_are_recognised() {
        for (lines, expected) in [
            (
                &["var jsonData = pm.response.json();", "pm.environment.set(\"token\", jsonData.token);"][..],
                pointer("token", "/token"),
            ),
            (
                &[
                    "const body = JSON.parse(responseBody)",
                    "postman.setEnvironmentVariable('id', body.user.ids[0])",
                ],
                pointer("id", "/user/ids/0"),
            ),
            (
                &["pm.collectionVariables.set(\"t\", pm.response.json().data[\"access-token\"]);"],
                pointer("t", "/data/access-token"),
            ),
            (&["let r = pm.response.json(); pm.globals.set('x', r.x);"], pointer("x", "/x")),
            (
                &[
                    "const { a } = 1;",
                    "const u = pm.response.json().user;",
                    "pm.variables.set(`n`, u.name.toString());",
                ],
                pointer("n", "/user/name"),
            ),
        ] {
            assert_eq!(script(lines).captures, [expected], "{lines:?}");
        }
        let found = script(&["pm.environment.set(\"l\", pm.response.headers.get(\"Location\"));"]).captures;
        assert_eq!(found[0].from, Extract::From(ExtractFrom::Header("Location".to_owned())));
        let found = script(&["pm.environment.set('c', pm.cookies.get('sid'))"]).captures;
        assert_eq!(found[0].from, Extract::From(ExtractFrom::Cookie("sid".to_owned())));
    }

    #[test]
    fn statuses_are_expected_and_other_lines_are_reported() {
        let lines = [
            "pm.test('created', function () { pm.response.to.have.status(201); });",
            "pm.expect(pm.response.code).to.be.oneOf([200, 202]);",
            "// pm.environment.set('a', 1)",
            "pm.environment.set('sum', compute(1));",
        ];
        let script = script(&lines);
        assert_eq!(script.expect, [200, 201, 202]);
        assert_eq!(script.unknown, ["pm.environment.set('sum', compute(1));"]);
        let before = json!({ "event": [{ "listen": "prerequest", "script": { "exec": "sign();" } }] });
        assert_eq!(read(&before).unknown, ["before the request: sign();"]);
    }
}
