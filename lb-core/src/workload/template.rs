//! Templates: text with `{{placeholders}}`, parsed once into segments and then only written out.
//!
//! Everything that can be decided while compiling is: rows of feeds are encoded for the place they
//! go to (a path, a header, inside a JSON string, a JSON value), so that writing a request is mostly
//! copying. The grammar is described at [`super::Journey`].

use super::draw::{Weights, below, derive};
use super::identity::{FIELDS, UserField, write_field};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::{self, Write};

/// Where a value goes, which decides how it is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A path or query: all but unreserved characters (RFC 3986, 2.3) are percent-encoded.
    Path,
    /// A header: control characters become spaces, so that a value never adds a header.
    Header,
    /// Inside a JSON string, between its quotes.
    JsonText,
    /// A whole JSON value, which keeps its type.
    JsonValue,
    /// A body that is not JSON: as it is.
    Raw,
}

/// A feed, ready to draw rows from.
#[derive(Clone, Debug)]
pub(super) struct Feed {
    pub(super) rows: Vec<Value>,
    /// By the rows' `popularity`; none when all rows are alike.
    pub(super) weights: Option<Weights>,
}

impl Feed {
    /// The number of the row that `bits` draw.
    pub(super) fn pick(&self, bits: u64) -> usize {
        match &self.weights {
            Some(weights) => weights.pick(bits),
            None => below(bits, self.rows.len() as u64) as usize,
        }
    }
}

/// A variable that a step can use: a row of `feed`, drawn by the step at `step` of the action.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    pub(super) feed: usize,
    pub(super) step: u16,
}

/// What placeholders can name.
pub(super) struct Scope<'a> {
    pub(super) feeds: &'a [Feed],
    pub(super) bound: &'a BTreeMap<String, Bound>,
    pub(super) extracted: &'a [String],
}

/// Where the values of one request come from while it is written.
pub(super) trait Values {
    /// The number of the account.
    fn identity(&self) -> u32;
    /// The key of the current repetition of the step at a position in the current action.
    fn step_key(&self, step: u16) -> u64;
    /// The row of a feed that `bits` draw.
    fn row(&self, feed: usize, bits: u64) -> usize;
    /// An extracted value, and whether it was a JSON string.
    fn extracted(&self, slot: usize) -> (&str, bool);
}

/// A parsed template.
#[derive(Clone, Debug, Default)]
pub(super) struct Text(Vec<Segment>);

#[derive(Clone, Debug)]
enum Segment {
    Literal(Box<str>),
    User(UserField, Place),
    Extracted {
        slot: usize,
        place: Place,
    },
    /// `texts` holds the field of every row, encoded.
    Row {
        bound: Bound,
        tag: u64,
        texts: Box<[Box<str>]>,
    },
    Int {
        step: u16,
        tag: u64,
        low: i64,
        width: u64,
    },
    Uuid {
        step: u16,
        tag: u64,
        quoted: bool,
    },
}

impl Text {
    /// Whether it is the same every time.
    pub(super) fn is_static(&self) -> bool {
        self.0
            .iter()
            .all(|segment| matches!(segment, Segment::Literal(_)))
    }

    /// Appends the text.
    pub(super) fn write(&self, values: &impl Values, out: &mut String) {
        for segment in &self.0 {
            match segment {
                Segment::Literal(text) => out.push_str(text),
                Segment::User(field, place) => write_user(values.identity(), *field, *place, out),
                Segment::Extracted { slot, place } => {
                    let (text, is_string) = values.extracted(*slot);
                    write_encoded(text, is_string, *place, out);
                }
                Segment::Row { bound, tag, texts } => {
                    let bits = derive(values.step_key(bound.step), *tag);
                    out.push_str(&texts[values.row(bound.feed, bits)]);
                }
                Segment::Int {
                    step,
                    tag,
                    low,
                    width,
                } => {
                    let bits = derive(values.step_key(*step), *tag);
                    let number = low.wrapping_add_unsigned(below(bits, *width));
                    let _ = write!(out, "{number}");
                }
                Segment::Uuid { step, tag, quoted } => {
                    let key = derive(values.step_key(*step), *tag);
                    write_uuid(derive(key, 0), derive(key, 1), *quoted, out);
                }
            }
        }
    }
}

/// Random UUIDs, version 4 of RFC 9562.
fn write_uuid(high: u64, low: u64, quoted: bool, out: &mut String) {
    let high = (high & !0xf000) | 0x4000;
    let low = (low & !(0b11 << 62)) | (0b10 << 62);
    let quote = if quoted { "\"" } else { "" };
    let _ = write!(
        out,
        "{quote}{:08x}-{:04x}-{:04x}-{:04x}-{:012x}{quote}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff,
    );
}

fn write_user(identity: u32, field: UserField, place: Place, out: &mut String) {
    let quoted = place == Place::JsonValue && field != UserField::Id;
    if quoted {
        out.push('"');
    }
    let inner = if place == Place::JsonValue {
        Place::JsonText
    } else {
        place
    };
    let _ = write_field(identity, field, &mut Encoder { out, place: inner });
    if quoted {
        out.push('"');
    }
}

fn write_encoded(text: &str, is_string: bool, place: Place, out: &mut String) {
    match place {
        Place::JsonValue if is_string => {
            out.push('"');
            let _ = Encoder {
                out,
                place: Place::JsonText,
            }
            .write_str(text);
            out.push('"');
        }
        Place::JsonValue => out.push_str(text),
        _ => {
            let _ = Encoder { out, place }.write_str(text);
        }
    }
}

/// Encodes whatever is written to it.
struct Encoder<'a> {
    out: &'a mut String,
    place: Place,
}

impl Write for Encoder<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        match self.place {
            Place::Raw | Place::JsonValue => self.out.push_str(text),
            Place::Header => {
                self.out
                    .extend(text.chars().map(|c| if c.is_control() { ' ' } else { c }));
            }
            Place::JsonText => {
                for c in text.chars() {
                    match c {
                        '"' => self.out.push_str("\\\""),
                        '\\' => self.out.push_str("\\\\"),
                        c if c.is_control() => write!(self.out, "\\u{:04x}", u32::from(c))?,
                        c => self.out.push(c),
                    }
                }
            }
            Place::Path => {
                for byte in text.bytes() {
                    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                        self.out.push(char::from(byte));
                    } else {
                        write!(self.out, "%{byte:02X}")?;
                    }
                }
            }
        }
        Ok(())
    }
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
        Self {
            scope,
            step,
            tags,
            segments,
            literal,
            problems,
        }
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
                self.problems
                    .push(format!("`{{{{` without `}}}}` in `{text}`"));
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
                    self.literal
                        .push_str(&Value::from(name.as_str()).to_string());
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
        let place = if place == Place::Path {
            Place::Raw
        } else {
            place
        };
        let _ = Encoder {
            out: &mut self.literal,
            place,
        }
        .write_str(text);
    }

    fn flush(&mut self) {
        if !self.literal.is_empty() {
            self.segments
                .push(Segment::Literal(std::mem::take(&mut self.literal).into()));
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
            int_limits(limits).map(|(low, width)| Segment::Int {
                step,
                tag,
                low,
                width,
            })
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
        let (head, field) = name
            .split_once('.')
            .map_or((name, ""), |(head, field)| (head, field));
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
            return Ok(Segment::Row {
                bound: *bound,
                tag: variable_tag(head),
                texts,
            });
        }
        if let Some(slot) = self
            .scope
            .extracted
            .iter()
            .position(|extracted| extracted == name)
        {
            return Ok(Segment::Extracted { slot, place });
        }
        let known = self
            .scope
            .bound
            .keys()
            .chain(self.scope.extracted)
            .map(String::as_str);
        let known: Vec<&str> = known.chain(["user", "uuid", "int"]).collect();
        let hint = suggestion(head, &known);
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
    FIELDS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, field)| *field)
        .ok_or_else(|| {
            let known: Vec<&str> = FIELDS.iter().map(|(known, _)| *known).collect();
            let hint = suggestion(name, &known);
            format!(
                "unknown field `{{{{user.{name}}}}}`{hint}; known: {}",
                known.join(", ")
            )
        })
}

/// ` (did you mean ...?)` when one of `known` is near.
pub(super) fn suggestion(name: &str, known: &[&str]) -> String {
    known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| format!(" (did you mean `{candidate}`?)"))
        .unwrap_or_default()
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
