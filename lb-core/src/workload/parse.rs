//! Reads templates: finds the placeholders, looks up what they name, and encodes rows of feeds for
//! the place they go to. The grammar is described at [`super::Journey`].

use super::identity::{FIELDS, UserField};
use super::template::{Bound, Encoder, Feed, Place, Segment, Text, write_encoded};
use crate::suggest::did_you_mean;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;

/// What placeholders can name.
pub(super) struct Scope<'a> {
    pub(super) feeds: &'a [Feed],
    pub(super) bound: &'a BTreeMap<String, Bound>,
    pub(super) extracted: &'a [String],
}

/// Collects segments; consecutive literals become one.
pub(super) struct Parser<'a> {
    scope: &'a Scope<'a>,
    /// Position of the step in its action.
    step: u16,
    /// Tag of the first placeholder's draw.
    tags: u64,
    segments: Vec<Segment>,
    literal: String,
    /// What is wrong, one sentence each.
    problems: Vec<String>,
}

impl<'a> Parser<'a> {
    /// `step` is the position of the step in its action, `part` tells the texts of one request
    /// apart, so that their placeholders draw separately.
    pub(super) fn new(scope: &'a Scope<'a>, step: u16, part: usize) -> Self {
        let tags = PLACEHOLDER + ((part as u64) << 20);
        let (segments, literal, problems) = (Vec::new(), String::new(), Vec::new());
        Self { scope, step, tags, segments, literal, problems }
    }

    /// The parsed text, and what was wrong with it.
    pub(super) fn finish(mut self) -> (Text, Vec<String>) {
        self.flush();
        (Text(self.segments), self.problems)
    }

    /// Adds text with placeholders.
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

    /// Adds a JSON value; a string that is exactly one placeholder takes over the value's type.
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
        // What the author typed in a path is left alone: it may hold `/`, `?` and `%20`.
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
        // Where a placeholder stands in its template names its draw.
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
            "unknown placeholder `{{{{{name}}}}}`{hint}: neither bound here or by an earlier step of \
             the action, nor extracted by any step"
        ))
    }
}

/// The tags of placeholders' draws start here, far above those of rows' small numbers.
const PLACEHOLDER: u64 = 1 << 32;

/// The tag of a variable's draw: its name, so that adding another variable shifts nothing.
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

/// The value at a dotted path; the row itself when the path is empty.
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
