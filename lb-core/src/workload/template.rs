//! Templates: text with `{{placeholders}}`, which is parsed into segments once and then only written.
//!
//! As much as possible is done at compile time: rows of feeds are encoded for their place (a path, a
//! header, a JSON string, a JSON value), so that writing a request is mostly copying. The grammar is
//! described at [`super::Journey`].

use super::draw::{Weights, below, derive};
use super::identity::{UserField, write_field};
use serde_json::Value;
use std::fmt::{self, Write};

/// The place of a value, which determines its encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A path, a query or a form: all characters except unreserved ones (RFC 3986, 2.3) are percent-encoded.
    Path,
    /// A header: control characters become spaces, so that a value cannot add a header.
    Header,
    /// Inside a JSON string, between its quotes.
    JsonText,
    /// A whole JSON value, which keeps its type.
    JsonValue,
    /// A body that is not JSON: values are not encoded.
    Raw,
}

/// A feed, ready to draw rows from.
#[derive(Clone, Debug)]
pub(super) struct Feed {
    pub(super) rows: Vec<Value>,
    /// Weights from the rows' `popularity`; `None` if all rows are equally likely.
    pub(super) weights: Option<Weights>,
}

impl Feed {
    /// Returns the number of the row that `bits` select.
    pub(super) fn pick(&self, bits: u64) -> usize {
        match &self.weights {
            Some(weights) => weights.pick(bits),
            None => below(bits, self.rows.len() as u64) as usize,
        }
    }
}

/// A variable of a step: a row of `feed`, drawn by the step at position `step` of the action.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    pub(super) feed: usize,
    pub(super) step: u16,
}

/// Provides the values of one request while it is written.
pub(super) trait Values {
    /// Returns the number of the account.
    fn identity(&self) -> u32;
    /// Returns the key of the current repetition of a step, given its position in the current action.
    fn step_key(&self, step: u16) -> u64;
    /// Returns the row of a feed that `bits` select.
    fn row(&self, feed: usize, bits: u64) -> usize;
    /// Returns an extracted value, and whether it was a JSON string.
    fn extracted(&self, slot: usize) -> (&str, bool);
}

/// A parsed template.
#[derive(Clone, Debug, Default)]
pub(super) struct Text(pub(super) Vec<Segment>);

/// A piece of a template. A step and a tag identify its draw.
#[derive(Clone, Debug)]
pub(super) enum Segment {
    Literal(Box<str>),
    User(UserField, Place),
    Extracted {
        slot: usize,
        place: Place,
    },
    /// A field of a drawn row; `texts` holds the encoded field of every row.
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
    /// Returns whether the text is the same every time.
    pub(super) fn is_static(&self) -> bool {
        self.0.iter().all(|segment| matches!(segment, Segment::Literal(_)))
    }

    /// Returns whether a placeholder of the text draws a number or a UUID.
    pub(super) fn draws(&self) -> bool {
        self.0.iter().any(|segment| matches!(segment, Segment::Int { .. } | Segment::Uuid { .. }))
    }

    /// Appends the text to `out`.
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
                Segment::Int { step, tag, low, width } => {
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

/// Writes a random UUID, version 4 of RFC 9562.
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
    let inner = if place == Place::JsonValue { Place::JsonText } else { place };
    let _ = write_field(identity, field, &mut Encoder { out, place: inner });
    if quoted {
        out.push('"');
    }
}

/// Encodes `text` for `place`. It is the content of a JSON string if `is_string`, and JSON otherwise.
pub(super) fn write_encoded(text: &str, is_string: bool, place: Place, out: &mut String) {
    match place {
        Place::JsonValue if is_string => {
            out.push('"');
            let _ = Encoder { out, place: Place::JsonText }.write_str(text);
            out.push('"');
        }
        Place::JsonValue => out.push_str(text),
        _ => {
            let _ = Encoder { out, place }.write_str(text);
        }
    }
}

/// Encodes text written to it for its place.
pub(super) struct Encoder<'a> {
    pub(super) out: &'a mut String,
    pub(super) place: Place,
}

impl Write for Encoder<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        match self.place {
            Place::Raw | Place::JsonValue => self.out.push_str(text),
            Place::Header => {
                self.out.extend(text.chars().map(|c| if c.is_control() { ' ' } else { c }));
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
