//! Checks of single steps that do not depend on the rest of the journey.

use super::journey::{Journey, Step, Variant};
use super::problem::Problems;
use crate::suggest::did_you_mean;
use std::collections::BTreeMap;

/// Checks the probabilities of errors against the error names of the journey.
pub(super) fn errors(journey: &Journey, errors: &BTreeMap<String, f64>, problems: &mut Problems) {
    let known: Vec<&str> = journey.error_names().into_iter().collect();
    for (name, chance) in errors {
        let path = format!("errors.{name}");
        if !known.contains(&name.as_str()) {
            let hint = did_you_mean(name, known.iter().copied());
            let listed = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            problems.report(
                &path,
                format!("no step of journey `{}` has this error{hint}; known: {listed}", journey.name),
            );
        }
        problems.chance(path, *chance);
    }
}

/// Checks a step by itself. `known` holds the steps before it.
pub(super) fn step(path: &str, step: &Step, known: &[Step], problems: &mut Problems) {
    if step.name.is_empty()
        || known.iter().any(|known| known.name == step.name && known.method == step.method)
    {
        problems.report(
            format!("{path}.name"),
            format!("`{}` must not be empty, and must be unique in the journey", step.name),
        );
    }
    if step.method.is_empty() || !step.method.bytes().all(|byte| byte.is_ascii_uppercase()) {
        problems.report(
            format!("{path}.method"),
            format!("`{}` must be an HTTP method in upper case", step.method),
        );
    }
    if let Some(service) = &step.service
        && (service.is_empty() || !service.bytes().all(is_unreserved))
    {
        problems.report(
            format!("{path}.service"),
            format!("`{service}` must be one path segment of letters, digits, `-`, `.`, `_`, `~`"),
        );
    }
    problems.counts(format!("{path}.repeat"), step.repeat);
    problems.chance(format!("{path}.probability"), step.probability);
    request(path, Some(&step.path), &step.headers, &step.expect, problems);
    if let Some(status) = step.check.statuses.iter().find(|status| !step.expect.contains(status)) {
        let problem = format!("{status} is not expected, so no such reply is checked; add it to `expect`");
        problems.report(format!("{path}.check.statuses"), problem);
    }
    for (name, variant) in &step.errors {
        let Variant { path: typed, headers, expect, .. } = variant;
        let path = format!("{path}.errors.{name}");
        request(&path, typed.as_deref(), headers, expect, problems);
    }
    if step.errors.len() > usize::from(u8::MAX) {
        problems.report(format!("{path}.errors"), "a step can have at most 255 errors");
    }
}

fn request(
    path: &str,
    typed: Option<&str>,
    headers: &BTreeMap<String, String>,
    expect: &[u16],
    problems: &mut Problems,
) {
    if let Some(problem) = typed.and_then(bad_path) {
        problems.report(format!("{path}.path"), problem);
    }
    for (name, value) in headers {
        let key = format!("{path}.headers.{name}");
        // RFC 9110, 5.6.2, less the characters that are not used in practice.
        if name.is_empty() || !name.bytes().all(is_unreserved) {
            problems.report(key, format!("`{name}` is not a header name"));
        } else if value.chars().any(char::is_control) {
            problems.report(key, "contains a control character; write it as one line of text");
        }
    }
    if expect.is_empty() || expect.iter().any(|status| !(100..600).contains(status)) {
        problems.report(
            format!("{path}.expect"),
            format!("{expect:?} must name at least one status, each from 100 to 599"),
        );
    }
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// Returns the problem of a path as written, if any. Placeholders are not checked, because their values
/// are encoded.
fn bad_path(path: &str) -> Option<String> {
    if !path.starts_with('/') {
        return Some(format!("`{path}` must start with `/`"));
    }
    let mut typed = String::new();
    let mut rest = path;
    while let Some(open) = rest.find("{{") {
        typed.push_str(&rest[..open]);
        rest = rest[open..].find("}}").map_or("", |length| &rest[open + length + 2..]);
    }
    typed.push_str(rest);
    let odd = typed.chars().find(|c| !c.is_ascii_graphic() || "\"<>\\^`{|}#".contains(*c))?;
    Some(format!("`{path}` contains {odd:?}; percent-encode it"))
}
