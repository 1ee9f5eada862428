//! Where a message of HTTP/1.1 ends (RFC 9112, sections 6 and 7), as far as the programs of this project must
//! agree on it.
//!
//! The load generator and the reference load balancer read the same bytes. If they disagreed about the end of
//! a message, one of them would take a part of a body for the next message. The rules on which this depends,
//! and the limits beyond which a message is refused, are therefore defined only here. They are stricter than
//! the RFC where it lets a recipient be lenient: only digits are a length, only CR LF ends a line of a chunked
//! body, and `chunked` is the only transfer coding.

/// Maximum number of fields in a head or in a trailer section.
pub const MOST_FIELDS: usize = 100;

/// Maximum length of a head in bytes.
pub const LONGEST_HEAD: usize = 64 * 1024;

/// Maximum length in bytes of the line with a chunk's size and extensions.
pub const LONGEST_CHUNK_LINE: usize = 1024;

/// Maximum length of a trailer section in bytes.
pub const LONGEST_TRAILERS: usize = 16 * 1024;

/// Reads the value of a `Content-Length` field: digits and nothing else. `None` if it is not a number, or if
/// the number is too large.
pub fn content_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0_u64, |length, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        length.checked_mul(10)?.checked_add(digit)
    })
}

/// The bytes violate the chunked coding; the text says how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

/// Reads the line with which a chunk begins: its length in bytes with CR LF, and the size of the chunk. `None`
/// until all of the line is there.
///
/// # Errors
/// The line is too long, does not end with CR LF, or does not begin with a size.
pub fn chunk_line(input: &[u8]) -> Result<Option<(usize, u64)>, Malformed> {
    let line = &input[..input.len().min(LONGEST_CHUNK_LINE)];
    match line.iter().position(|byte| *byte == b'\n') {
        Some(end) => {
            let line = line[..end].strip_suffix(b"\r").ok_or(Malformed("a line ends without a CR"))?;
            let size = chunk_size(line).ok_or(Malformed("the size of a chunk is no number that fits"))?;
            Ok(Some((end + 1, size)))
        }
        None if input.len() >= LONGEST_CHUNK_LINE => Err(Malformed("a line is too long")),
        None => Ok(None),
    }
}

/// Returns the length in bytes of the section that follows the last chunk, with the empty line that ends it;
/// 2 if there are no trailers. `None` until all of it is there.
///
/// # Errors
/// The section is too long, or a line does not end with CR LF.
pub fn trailer_section(input: &[u8]) -> Result<Option<usize>, Malformed> {
    let mut begin = 0;
    while let Some(length) = input[begin..].iter().position(|byte| *byte == b'\n') {
        let end = begin + length;
        let line = input[begin..end].strip_suffix(b"\r").ok_or(Malformed("a trailer ends without a CR"))?;
        if end >= LONGEST_TRAILERS {
            break;
        }
        begin = end + 1;
        if line.is_empty() {
            return Ok(Some(begin));
        }
    }
    if input.len() >= LONGEST_TRAILERS { Err(Malformed("the trailers are too long")) } else { Ok(None) }
}

/// Reads the first line of a chunk, without its CR LF: hexadecimal digits, optionally followed by blanks or
/// extensions, which are ignored. `None` if the size is missing or too large, or if the line contains a
/// control character, such as a CR or LF that another recipient could take for the end of the line.
fn chunk_size(line: &[u8]) -> Option<u64> {
    /// Fifteen digits fit into 64 bits with room to spare.
    const MOST_DIGITS: usize = 15;
    let digits = line.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(line.len());
    if digits == 0 || digits > MOST_DIGITS {
        return None;
    }
    let (size, rest) = line.split_at(digits);
    let extension = rest.iter().find(|byte| !matches!(byte, b' ' | b'\t'));
    let is_text = |byte: &u8| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f);
    if extension.is_some_and(|byte| *byte != b';') || !rest.iter().all(is_text) {
        return None;
    }
    size.iter().try_fold(0, |size, digit| Some(size << 4 | u64::from(char::from(*digit).to_digit(16)?)))
}

/// The transfer codings of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Coding {
    /// The message has no `Transfer-Encoding`.
    #[default]
    None,
    /// The message is chunked, and nothing else.
    Chunked,
    /// The message names `chunked` more than once, which no sender may do.
    Repeated,
    /// The message has a coding that is not implemented, or an empty `Transfer-Encoding`.
    Unknown,
}

impl Coding {
    /// Adds the codings that one `Transfer-Encoding` field lists.
    #[must_use]
    pub fn with(self, value: &[u8]) -> Self {
        let mut named = value.split(|byte| *byte == b',').map(trim).filter(|coding| !coding.is_empty());
        let Some(first) = named.next() else { return Self::Unknown };
        std::iter::once(first).chain(named).fold(self, |all, coding| {
            match (all, coding.eq_ignore_ascii_case(b"chunked")) {
                (Self::None, true) => Self::Chunked,
                (Self::Chunked | Self::Repeated, true) => Self::Repeated,
                (Self::Unknown, _) | (_, false) => Self::Unknown,
            }
        })
    }
}

/// Removes the blanks around an element of a list.
fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_digits_that_fit() {
        for (text, length) in [
            ("0", Some(0)),
            ("007", Some(7)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("", None),
            ("+1", None),
            ("-1", None),
            ("1 ", None),
            ("1,1", None),
            ("0x1", None),
            ("1e3", None),
            ("١", None),
        ] {
            assert_eq!(content_length(text.as_bytes()), length, "`{text}`");
        }
    }

    #[test]
    fn a_chunk_begins_with_a_hexadecimal_size() {
        for (line, size) in [
            ("0", Some(0)),
            ("1f", Some(31)),
            ("1F", Some(31)),
            ("000", Some(0)),
            ("5;name=value", Some(5)),
            ("5 \t;name", Some(5)),
            ("5 ", Some(5)),
            ("fffffffffffffff", Some((1 << 60) - 1)),
            ("1000000000000000", None),
            ("", None),
            (" 5", None),
            (";x", None),
            ("5x", None),
            ("5 x", None),
            ("0x5", None),
            ("+5", None),
            ("-5", None),
            ("5_0", None),
            ("5\n;x", None),
            ("5;x\r", None),
            ("5;x\ny", None),
            ("5;\0", None),
        ] {
            assert_eq!(chunk_size(line.as_bytes()), size, "`{}`", line.escape_debug());
        }
    }

    #[test]
    fn lines_of_a_chunked_body_end_with_cr_and_lf() {
        assert_eq!(chunk_line(b"1f;x\r\nrest"), Ok(Some((6, 31))));
        assert_eq!(trailer_section(b"\r\nrest"), Ok(Some(2)));
        assert_eq!(trailer_section(b"a: b\r\nc: d\r\n\r\nrest"), Ok(Some(14)));
        for part in ["", "5", "5;x", "5\r"] {
            assert_eq!(chunk_line(part.as_bytes()), Ok(None), "{part:?} is not all of it");
        }
        for part in ["", "\r", "a: b", "a: b\r\n", "a: b\r\n\r"] {
            assert_eq!(trailer_section(part.as_bytes()), Ok(None), "{part:?} is not all of it");
        }
        for bad in ["5\n", "\r\n", "5\n\r\n", "\n"] {
            assert!(chunk_line(bad.as_bytes()).is_err(), "{bad:?}");
        }
        for bad in ["\n", "a: b\n\r\n", "a: b\r\n\n"] {
            assert!(trailer_section(bad.as_bytes()).is_err(), "{bad:?}");
        }
        assert!(chunk_line(&[b'1'; LONGEST_CHUNK_LINE]).is_err(), "a line has an end");
        assert!(trailer_section(&[b'x'; LONGEST_TRAILERS]).is_err(), "trailers have an end");
    }

    #[test]
    fn chunked_is_the_only_coding_and_stands_once() {
        for (values, coding) in [
            (&[][..], Coding::None),
            (&["chunked"], Coding::Chunked),
            (&["Chunked"], Coding::Chunked),
            (&[" ,\tCHUNKED ,"], Coding::Chunked),
            (&["chunked, chunked"], Coding::Repeated),
            (&["chunked", "chunked"], Coding::Repeated),
            (&["gzip, chunked"], Coding::Unknown),
            (&["chunked, gzip"], Coding::Unknown),
            (&["chunked", "identity"], Coding::Unknown),
            (&["identity", "chunked"], Coding::Unknown),
            (&["xchunked"], Coding::Unknown),
            (&["chunked;q=1"], Coding::Unknown),
            (&["\"chunked\""], Coding::Unknown),
            (&["\x0bchunked"], Coding::Unknown),
            (&[""], Coding::Unknown),
            (&["chunked", ""], Coding::Unknown),
        ] {
            let all = values.iter().fold(Coding::None, |all, value| all.with(value.as_bytes()));
            assert_eq!(all, coding, "{values:?}");
        }
    }
}
