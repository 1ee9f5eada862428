//! Reads hints from a request: one reader for load balancers, mock backends and the simulator.
//!
//! **What is read.** `body.bytes`, the length of the body, if the request says it; `header.NAME` of the configured headers;
//! `path.N`, the N-th segment of the path below the service, counted from 1, if it is [variable](super::is_variable);
//! `query.NAME`, the parameters of the query. They come in this order, so that a client that adds parameters cannot push
//! out what was configured. Of parameters with the same name, the first counts. A decimal number is a number, and everything
//! else a word: the hash of the raw text, with its percent escapes.
//!
//! **Bounded.** A request is read until it has [`MOST`](super::MOST) hints, and at most for [`MOST_BYTES`] of its target. A
//! segment or parameter that is cut there is not read. Nothing is allocated.

use super::headers::{Header, HeaderError, check};
use super::segment::varies;
use super::{Hint, Hints, Said, hash, hash_both};
use crate::rng::mix;

/// Most bytes of a target that are read.
pub const MOST_BYTES: usize = 2_048;

/// Most bytes of the value of a header that are read.
const MOST_BYTES_OF_A_HEADER: usize = 256;

/// Longest text that can be a number. The largest number of this length without an exponent is within the range of an
/// `f32`.
const LONGEST_NUMBER: usize = 32;

/// Longest name of a variable segment that is numbered, `path.255`.
const MOST_SEGMENTS: usize = 255;

const BODY: &str = "body.bytes";

/// Reads the hints of requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reader {
    headers: Vec<Header>,
    salt: u64,
}

/// A part of a target that is a hint.
#[derive(Clone, Copy)]
enum Part<'a> {
    /// A variable segment with its number.
    Segment(usize, &'a [u8]),
    /// The name and value of a parameter.
    Parameter(&'a [u8], &'a [u8]),
}

impl Part<'_> {
    fn hint(&self) -> Hint {
        let (name, value) = match self {
            Self::Segment(number, value) => (segment_name(*number), value),
            Self::Parameter(name, value) => (hash_both(b"query.", name), value),
        };
        Hint { name, said: said(value) }
    }
}

impl Reader {
    /// Creates a reader that also reads these headers, at most [`MOST_HEADERS`](super::MOST_HEADERS). Case does not matter.
    /// `hash:NAME` reads a hash of the value only, which is the way to read a header that holds a secret.
    ///
    /// # Errors
    /// Fails if there are too many names, one is listed twice, is not the name of a header, or is that of a header which
    /// holds secrets.
    pub fn new(headers: &[String]) -> Result<Self, HeaderError> {
        Ok(Self { headers: check(headers)?, salt: 0 })
    }

    /// Mixes `salt` into the hashes of headers that are read as `hash:NAME`. Whoever has a hash, but not the salt, cannot
    /// test guesses of the value against it.
    pub fn with_salt(self, salt: u64) -> Self {
        Self { salt, ..self }
    }

    /// Reads a request. `target` is its path and query below the service, `body_bytes` the length of its body if it says so,
    /// and `header` returns the value of a header by its name in lower case.
    pub fn read<'a>(
        &self,
        target: &str,
        body_bytes: Option<u64>,
        header: impl Fn(&str) -> Option<&'a [u8]>,
    ) -> Hints {
        let mut hints = Hints::default();
        if let Some(bytes) = body_bytes {
            hints.push(Hint { name: hash(BODY.as_bytes()), said: Said::Number(bytes as f32) });
        }
        for wanted in &self.headers {
            if let Some(value) = header(&wanted.name) {
                hints.push(Hint { name: wanted.hash, said: self.header_said(wanted, value) });
            }
        }
        read_target(target, &mut hints);
        hints
    }

    /// Passes the name of everything that can be a hint of a request with this target to `each`, as a hash and as a text
    /// such as `query.limit`: for people, and not for every request, since the texts are made anew.
    pub fn describe(&self, target: &str, each: &mut dyn FnMut(u32, &str)) {
        let mut tell = |text: String| each(hash(text.as_bytes()), &text);
        tell(BODY.to_owned());
        for header in &self.headers {
            tell(format!("header.{}", header.name));
        }
        let mut told = Hints::default();
        visit(target, &mut |part| {
            tell(match part {
                Part::Segment(number, _) => format!("path.{number}"),
                Part::Parameter(name, _) => format!("query.{}", String::from_utf8_lossy(name)),
            });
            told.push_first(part.hint());
            !told.is_full()
        });
    }

    fn header_said(&self, header: &Header, value: &[u8]) -> Said {
        let value = value.trim_ascii();
        let value = &value[..value.len().min(MOST_BYTES_OF_A_HEADER)];
        match header.is_hashed {
            true if self.salt == 0 => Said::Word(hash(value)),
            true => Said::Word(mix(self.salt ^ crate::rng::hash_name(value)) as u32),
            false => said(value),
        }
    }
}

/// Returns what the text of a value says: a number if it is a decimal one, else a word.
pub fn said(value: &[u8]) -> Said {
    number(value).map_or_else(|| Said::Word(hash(value)), Said::Number)
}

/// Reads a decimal number. `None` for other texts, for `inf` and `nan`, and for numbers that no `f32` can hold.
fn number(text: &[u8]) -> Option<f32> {
    let is_of_numbers = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    if text.len() > LONGEST_NUMBER || !text.iter().all(is_of_numbers) {
        return None;
    }
    let number: f32 = str::from_utf8(text).ok()?.parse().ok()?;
    number.is_finite().then_some(number)
}

/// Adds the hints of a target to those of the request.
fn read_target(target: &str, hints: &mut Hints) {
    visit(target, &mut |part| {
        hints.push_first(part.hint());
        !hints.is_full()
    });
}

/// Returns the hash of `path.N`, for N below 1000.
fn segment_name(number: usize) -> u32 {
    let digit = |unit: usize| b'0' + (number / unit % 10) as u8;
    let digits = [digit(100), digit(10), digit(1)];
    let zeros = usize::from(number < 100) + usize::from(number < 10);
    hash_both(b"path.", &digits[zeros..])
}

/// Passes the parts of a target that are hints to `each`, in their order, as long as it returns true.
fn visit(target: &str, each: &mut dyn FnMut(Part<'_>) -> bool) {
    let is_cut = target.len() > MOST_BYTES;
    let bytes = &target.as_bytes()[..target.len().min(MOST_BYTES)];
    let (path, query) = match bytes.iter().position(|byte| *byte == b'?') {
        Some(place) => (&bytes[..place], Some(&bytes[place + 1..])),
        None => (bytes, None),
    };
    let path = whole(path, b'/', is_cut && query.is_none());
    let path = path.strip_prefix(b"/").unwrap_or(path);
    for (place, segment) in path.split(|byte| *byte == b'/').take(MOST_SEGMENTS).enumerate() {
        if varies(segment) && !each(Part::Segment(place + 1, segment)) {
            return;
        }
    }
    for parameter in whole(query.unwrap_or_default(), b'&', is_cut).split(|byte| *byte == b'&') {
        let place = parameter.iter().position(|byte| *byte == b'=').unwrap_or(parameter.len());
        let (name, value) = parameter.split_at(place);
        let value = value.strip_prefix(b"=").unwrap_or(value);
        if !name.is_empty() && !each(Part::Parameter(name, value)) {
            return;
        }
    }
}

/// Returns `text` without its last part if that is cut.
fn whole(text: &[u8], separator: u8, is_cut: bool) -> &[u8] {
    if !is_cut {
        return text;
    }
    let end = text.iter().rposition(|byte| *byte == separator);
    &text[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hints::MOST;
    use proptest::prelude::*;

    fn reader(headers: &[&str]) -> Reader {
        let headers: Vec<String> = headers.iter().map(|name| (*name).to_owned()).collect();
        Reader::new(&headers).expect("sound headers")
    }

    fn read(target: &str) -> Vec<(u32, Said)> {
        let hints = reader(&[]).read(target, None, |_| None);
        hints.as_slice().iter().map(|hint| (hint.name, hint.said)).collect()
    }

    fn numbers(pairs: &[(&str, f32)]) -> Vec<(u32, Said)> {
        pairs.iter().map(|(name, number)| (hash(name.as_bytes()), Said::Number(*number))).collect()
    }

    fn word(name: &str, text: &str) -> (u32, Said) {
        (hash(name.as_bytes()), Said::Word(hash(text.as_bytes())))
    }

    #[test]
    fn parameters_and_variable_segments_are_read() {
        assert_eq!(
            read("/items?limit=500&offset=-2.5"),
            numbers(&[("query.limit", 500.0), ("query.offset", -2.5)])
        );
        assert_eq!(read("/api/v2/users/42/orders/7"), numbers(&[("path.4", 42.0), ("path.6", 7.0)]));
        assert_eq!(read("/users/u-123"), [word("path.2", "u-123")]);
        assert_eq!(read("/a/b"), [], "fixed segments belong to the route");
        assert_eq!(read("?a=1"), numbers(&[("query.a", 1.0)]), "there may be no path");
        assert_eq!(read("42/x"), numbers(&[("path.1", 42.0)]), "the first `/` may be missing");
        assert_eq!(read("//5"), numbers(&[("path.2", 5.0)]), "an empty segment counts");
        assert_eq!(
            read("/?sort=price&verbose&x=a=b&=7&&q="),
            [
                word("query.sort", "price"),
                word("query.verbose", ""),
                word("query.x", "a=b"),
                word("query.q", ""),
            ]
        );
        assert_eq!(read("/?a=%35"), [word("query.a", "%35")], "escapes are not decoded");
        assert_eq!(read("/?a=1?b=2"), [word("query.a", "1?b=2")], "only the first `?` begins the query");
        assert_eq!(read(""), []);
        let deep = format!("{}/9", "/x".repeat(99));
        assert_eq!(read(&deep), numbers(&[("path.100", 9.0)]));
    }

    #[test]
    fn only_finite_decimal_numbers_are_numbers() {
        for (text, expected) in
            [("0", 0.0), ("-0", 0.0), ("1.5", 1.5), ("+3", 3.0), ("5.", 5.0), (".5", 0.5), ("1e3", 1_000.0)]
        {
            assert_eq!(said(text.as_bytes()), Said::Number(expected), "{text}");
        }
        let long = "9".repeat(LONGEST_NUMBER + 1);
        for text in [
            "", "inf", "-inf", "nan", "NaN", "infinity", "1e400", "-1e400", "e", "-", ".", "0x10", "1_000",
            "1,5", "5 ", &long,
        ] {
            assert_eq!(said(text.as_bytes()), Said::Word(hash(text.as_bytes())), "{text}");
        }
    }

    #[test]
    fn the_first_of_parameters_with_one_name_counts() {
        assert_eq!(read("/?limit=1&limit=1000000&limit=x"), numbers(&[("query.limit", 1.0)]));
    }

    #[test]
    fn what_was_configured_comes_before_what_the_client_adds() {
        let reader = reader(&["X-Batch", "hash:cookie"]);
        let header = |name: &str| match name {
            "x-batch" => Some(&b" 64 "[..]),
            "cookie" => Some(&b"12345"[..]),
            _ => None,
        };
        let target = format!("/?{}", (0..1_000).map(|i| format!("p{i}={i}&")).collect::<String>());
        let hints = reader.read(&target, Some(2_048), header);
        let list: Vec<(u32, Said)> = hints.as_slice().iter().map(|hint| (hint.name, hint.said)).collect();
        assert_eq!(list.len(), MOST);
        assert_eq!(list[..2], numbers(&[("body.bytes", 2_048.0), ("header.x-batch", 64.0)]));
        assert_eq!(list[2], word("header.cookie", "12345"), "a secret is a hash, even if it is a number");
        assert_eq!(list[3..5], numbers(&[("query.p0", 0.0), ("query.p1", 1.0)]));
        let salted = reader.with_salt(7).read("/", None, header);
        assert_ne!(salted.as_slice()[1].said, list[2].1, "a salt hides which value it is");
        assert_eq!(salted.as_slice()[0].said, Said::Number(64.0), "and changes nothing else");
    }

    #[test]
    fn a_target_without_end_is_read_to_a_limit() {
        let same = format!("/?{}", "a=1&".repeat(1_000_000));
        assert_eq!(read(&same), numbers(&[("query.a", 1.0)]));
        let padded = format!("/?{}&b=1234", "a".repeat(MOST_BYTES - 7));
        assert_eq!(padded.len(), MOST_BYTES + 2);
        assert_eq!(read(&padded).len(), 1, "`b=12` would be wrong: a parameter that is cut is not read");
        assert_eq!(read(&format!("/{}?a=1", "x".repeat(MOST_BYTES))), [], "nor is anything behind the limit");
        assert_eq!(read(&format!("/1{}", "2".repeat(MOST_BYTES))), [], "nor a segment that is cut");
        let exact = format!("/?{}=1", "a".repeat(MOST_BYTES - 4));
        assert_eq!((exact.len(), read(&exact).len()), (MOST_BYTES, 1), "what just fits is read");
    }

    #[test]
    fn names_can_be_told_to_people() {
        let mut told = Vec::new();
        reader(&["x-batch"]).describe("/users/42?limit=5&limit=6", &mut |name, text| {
            assert_eq!(name, hash(text.as_bytes()));
            told.push(text.to_owned());
        });
        assert_eq!(told, ["body.bytes", "header.x-batch", "path.2", "query.limit", "query.limit"]);
    }

    proptest! {
        /// Whatever a client sends, hints are few, finite, and each has a name that can be told.
        #[test]
        fn any_target_gives_hints_whose_names_can_be_told(target in "[/?&=a-c0-9.e+%é-]{0,80}", body in any::<Option<u64>>()) {
            let reader = reader(&["x-batch"]);
            let hints = reader.read(&target, body, |_| Some(&b"\xff 5"[..]));
            let mut names = Vec::new();
            reader.describe(&target, &mut |name, _| names.push(name));
            for (place, hint) in hints.as_slice().iter().enumerate() {
                prop_assert!(names.contains(&hint.name));
                prop_assert!(!matches!(hint.said, Said::Number(number) if !number.is_finite()));
                prop_assert!(hints.as_slice()[..place].iter().all(|other| other.name != hint.name), "each name once");
            }
        }
    }
}
