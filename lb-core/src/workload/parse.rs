//! Parses templates: finds placeholders, resolves their names, and encodes rows of feeds for their
//! place. The grammar is described at [`super::Journey`].

use super::identity::{FIELDS, UserField};
use super::template::{Bound, Encoder, Feed, Place, Segment, Text, write_encoded};
use crate::suggest::did_you_mean;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;

/// The names that placeholders can refer to.
pub(super) struct Scope<'a> {
    pub(super) feeds: &'a [Feed],
    pub(super) bound: &'a BTreeMap<String, Bound>,
    pub(super) extracted: &'a [String],
}

/// Collects segments and merges consecutive literals.
pub(super) struct Parser<'a> {
    scope: &'a Scope<'a>,
    /// Position of the step in its action.
    step: u16,
    /// Tag of the draw of the first placeholder.
    tags: u64,
    segments: Vec<Segment>,
    literal: String,
    /// Problems found, one sentence each.
    problems: Vec<String>,
}

impl<'a> Parser<'a> {
    /// Creates a parser. `step` is the position of the step in its action; `part` distinguishes the
    /// texts of one request, so that their placeholders draw independently.
    pub(super) fn new(scope: &'a Scope<'a>, step: u16, part: usize) -> Self {
        let tags = PLACEHOLDER + ((part as u64) << 20);
        let (segments, literal, problems) = (Vec::new(), String::new(), Vec::new());
        Self { scope, step, tags, segments, literal, problems }
    }

    /// Returns the parsed text and the problems found.
    pub(super) fn finish(mut self) -> (Text, Vec<String>) {
        self.flush();
        (Text(self.segments), self.problems)
    }

    /// Parses text with placeholders.
    pub(super) fn text(&mut self, text: &str, place: Place) {
        let mut rest = text;
        while let Some(open) = rest.find("{{") {
            self.literal_in(&rest[..open], place);
            let Some(length) = rest[open..].find("}}") else {
                self.problems.push(format!("`{{{{` without `}}}}` in `{text}`"));
                return;
            };
            self.placeholder(rest[open + 2..open + length].trim(), place);
            rest = &rest[open + length + 2..];
        }
        self.literal_in(rest, place);
    }

    /// Parses a JSON value. A string that is exactly one placeholder takes the type of the value.
    pub(super) fn json(&mut self, value: &Value) {
        match value {
            Value::String(text) => match lone_placeholder(text) {
                Some(name) => self.placeholder(name, Place::JsonValue),
                None => {
                    self.literal.push('"');
                    self.text(text, Place::JsonText);
                    self.literal.push('"');
                }
            },
            Value::Array(items) => {
                self.literal.push('[');
                for (position, item) in items.iter().enumerate() {
                    if position > 0 {
                        self.literal.push(',');
                    }
                    self.json(item);
                }
                self.literal.push(']');
            }
            Value::Object(fields) => {
                self.literal.push('{');
                for (position, (name, item)) in fields.iter().enumerate() {
                    if position > 0 {
                        self.literal.push(',');
                    }
                    self.literal.push_str(&Value::from(name.as_str()).to_string());
                    self.literal.push(':');
                    self.json(item);
                }
                self.literal.push('}');
            }
            plain => self.literal.push_str(&plain.to_string()),
        }
    }

    fn literal_in(&mut self, text: &str, place: Place) {
        // The path as written in the journey is not encoded: it may contain `/`, `?` and `%20`.
        let place = if place == Place::Path { Place::Raw } else { place };
        let _ = Encoder { out: &mut self.literal, place }.write_str(text);
    }

    fn flush(&mut self) {
        if !self.literal.is_empty() {
            self.segments.push(Segment::Literal(std::mem::take(&mut self.literal).into()));
        }
    }

    fn placeholder(&mut self, name: &str, place: Place) {
        self.flush();
        // The position of a placeholder in its template identifies its draw.
        let tag = self.tags + self.segments.len() as u64;
        let quoted = place == Place::JsonValue;
        let step = self.step;
        let segment = if name == "uuid" {
            Ok(Segment::Uuid { step, tag, quoted })
        } else if let Some(limits) = name.strip_prefix("int:") {
            int_limits(limits).map(|(low, width)| Segment::Int { step, tag, low, width })
        } else if let Some(field) = name.strip_prefix("user.") {
            user_field(field).map(|field| Segment::User(field, place))
        } else {
            self.variable(name, place)
        };
        match segment {
            Ok(segment) => self.segments.push(segment),
            Err(problem) => self.problems.push(problem),
        }
    }

    fn variable(&self, name: &str, place: Place) -> Result<Segment, String> {
        let (head, field) = name.split_once('.').map_or((name, ""), |(head, field)| (head, field));
        if let Some(bound) = self.scope.bound.get(head) {
            let texts = self.scope.feeds[bound.feed]
                .rows
                .iter()
                .enumerate()
                .map(|(number, row)| {
                    let value = at(row, field).ok_or_else(|| {
                        format!("`{{{{{name}}}}}`: row {number} of the feed has no `{field}`")
                    })?;
                    Ok(encoded(value, place).into_boxed_str())
                })
                .collect::<Result<_, String>>()?;
            return Ok(Segment::Row { bound: *bound, tag: variable_tag(head), texts });
        }
        if let Some(slot) = self.scope.extracted.iter().position(|extracted| extracted == name) {
            return Ok(Segment::Extracted { slot, place });
        }
        let known = self.scope.bound.keys().chain(self.scope.extracted).map(String::as_str);
        let known: Vec<&str> = known.chain(["user", "uuid", "int"]).collect();
        let hint = did_you_mean(head, known.iter().copied());
        Err(format!(
            "unknown placeholder `{{{{{name}}}}}`{hint}: not bound here or by an earlier step of \
             the action, and not extracted by any step"
        ))
    }
}

/// First tag of the draws of placeholders, far above the small numbers of rows.
const PLACEHOLDER: u64 = 1 << 32;

/// Returns the tag of a variable's draw, derived from its name, so that adding another variable changes
/// no draw.
fn variable_tag(name: &str) -> u64 {
    crate::rng::hash_name(name.as_bytes())
}

fn lone_placeholder(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("{{")?.strip_suffix("}}")?;
    (!inner.contains("{{") && !inner.contains("}}")).then(|| inner.trim())
}

fn int_limits(limits: &str) -> Result<(i64, u64), String> {
    let parsed = limits
        .split_once(':')
        .and_then(|(low, high)| Some((low.parse::<i64>().ok()?, high.parse::<i64>().ok()?)));
    match parsed {
        Some((low, high)) if low <= high && high.abs_diff(low) < u64::MAX => {
            Ok((low, high.abs_diff(low) + 1))
        }
        _ => Err(format!(
            "`{{{{int:{limits}}}}}` must be `{{{{int:LOW:HIGH}}}}` with whole numbers, LOW at most HIGH"
        )),
    }
}

fn user_field(name: &str) -> Result<UserField, String> {
    FIELDS.iter().find(|(known, _)| *known == name).map(|(_, field)| *field).ok_or_else(|| {
        let known: Vec<&str> = FIELDS.iter().map(|(known, _)| *known).collect();
        let hint = did_you_mean(name, known.iter().copied());
        format!("unknown field `{{{{user.{name}}}}}`{hint}; known: {}", known.join(", "))
    })
}

/// Returns the value at a dotted path, or the row itself if the path is empty.
fn at<'a>(row: &'a Value, path: &str) -> Option<&'a Value> {
    if path.is_empty() {
        return Some(row);
    }
    path.split('.').try_fold(row, |value, part| match value {
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        _ => value.get(part),
    })
}

fn encoded(value: &Value, place: Place) -> String {
    let mut out = String::new();
    match value {
        Value::String(text) => write_encoded(text, true, place, &mut out),
        other => write_encoded(&other.to_string(), false, place, &mut out),
    }
    out
}
