//! The chunked coding of HTTP/1.1 (RFC 9112, 7.1), in both directions.

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};

/// Longest line of a chunk's size with its extensions.
const LONGEST_LINE: usize = 1024;
/// Longest trailer section.
const LONGEST_TRAILERS: usize = 16 * 1024;
/// Most trailer fields.
const MOST_TRAILERS: usize = 32;

/// Where in a chunked body the next byte lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decoder {
    /// Before the size of a chunk.
    Size,
    /// Within a chunk, with so many bytes to come.
    Data(u64),
    /// Before the line end that closes a chunk.
    DataEnd,
    /// After the last chunk.
    Trailers,
    /// After the end.
    Done,
}

/// What a decoder found.
#[derive(Debug, PartialEq)]
pub(crate) enum Piece {
    /// Bytes of the body.
    Data(Bytes),
    /// The end, with the trailers if there are any.
    End(Option<HeaderMap>),
    /// Nothing until more bytes come.
    More,
}

/// The body violates the chunked coding.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed chunked body: {0}")]
pub(crate) struct Malformed(&'static str);

impl Decoder {
    /// Takes the next piece out of `input`.
    pub(crate) fn next(&mut self, input: &mut BytesMut) -> Result<Piece, Malformed> {
        loop {
            match *self {
                Self::Size => {
                    let Some(line) = line_end(input, LONGEST_LINE)? else {
                        return Ok(Piece::More);
                    };
                    let size = size(&input[..line])?;
                    input.advance(line + 2);
                    *self = if size == 0 { Self::Trailers } else { Self::Data(size) };
                }
                Self::Data(left) => {
                    if input.is_empty() {
                        return Ok(Piece::More);
                    }
                    let take = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                    let left = left - take as u64;
                    *self = if left == 0 { Self::DataEnd } else { Self::Data(left) };
                    return Ok(Piece::Data(input.split_to(take).freeze()));
                }
                Self::DataEnd => {
                    if input.len() < 2 {
                        return Ok(Piece::More);
                    }
                    if &input[..2] != b"\r\n" {
                        return Err(Malformed("a chunk is longer than its size"));
                    }
                    input.advance(2);
                    *self = Self::Size;
                }
                Self::Trailers => {
                    let Some(trailers) = trailers(input)? else {
                        return Ok(Piece::More);
                    };
                    *self = Self::Done;
                    return Ok(Piece::End(trailers));
                }
                Self::Done => return Ok(Piece::End(None)),
            }
        }
    }
}

/// Where the first line ends, if all of it is there.
fn line_end(input: &[u8], longest: usize) -> Result<Option<usize>, Malformed> {
    match input.windows(2).take(longest).position(|pair| pair == b"\r\n") {
        Some(end) => Ok(Some(end)),
        None if input.len() > longest => Err(Malformed("a line is too long")),
        None => Ok(None),
    }
}

/// The size that a chunk's first line gives; extensions after `;` mean nothing here.
fn size(line: &[u8]) -> Result<u64, Malformed> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or(line).trim_ascii_end();
    if digits.is_empty() || digits.len() > 15 {
        return Err(Malformed("a chunk's size is missing or too large"));
    }
    digits.iter().try_fold(0, |size, digit| {
        let digit = char::from(*digit).to_digit(16).ok_or(Malformed("a chunk's size is not a number"))?;
        Ok(size << 4 | u64::from(digit))
    })
}

/// The trailers at the beginning of `input`, taken out, if all of them are there.
#[expect(clippy::option_option, reason = "not all there, none, some")]
fn trailers(input: &mut BytesMut) -> Result<Option<Option<HeaderMap>>, Malformed> {
    if input.starts_with(b"\r\n") {
        input.advance(2);
        return Ok(Some(None));
    }
    let mut fields = [httparse::EMPTY_HEADER; MOST_TRAILERS];
    match httparse::parse_headers(input, &mut fields) {
        Ok(httparse::Status::Complete((length, fields))) => {
            let mut map = HeaderMap::with_capacity(fields.len());
            for field in fields {
                let name = HeaderName::from_bytes(field.name.as_bytes());
                let value = HeaderValue::from_bytes(field.value);
                if let (Ok(name), Ok(value)) = (name, value) {
                    map.append(name, value);
                }
            }
            input.advance(length);
            Ok(Some(Some(map)))
        }
        Ok(httparse::Status::Partial) if input.len() <= LONGEST_TRAILERS => Ok(None),
        Ok(httparse::Status::Partial) => Err(Malformed("the trailers are too long")),
        Err(_) => Err(Malformed("the trailers are not header fields")),
    }
}

/// Appends `data` as one chunk; nothing if there is none, as an empty chunk would end the body.
pub(crate) fn encode(data: &[u8], output: &mut Vec<u8>) {
    if !data.is_empty() {
        output.extend_from_slice(format!("{:x}\r\n", data.len()).as_bytes());
        output.extend_from_slice(data);
        output.extend_from_slice(b"\r\n");
    }
}

/// Appends the end of the body.
pub(crate) fn encode_end(trailers: Option<&HeaderMap>, output: &mut Vec<u8>) {
    output.extend_from_slice(b"0\r\n");
    for (name, value) in trailers.into_iter().flatten() {
        output.extend_from_slice(name.as_str().as_bytes());
        output.extend_from_slice(b": ");
        output.extend_from_slice(value.as_bytes());
        output.extend_from_slice(b"\r\n");
    }
    output.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A body, its trailers, and what is left over.
    type Decoded = (Vec<u8>, Option<HeaderMap>, Vec<u8>);

    /// Decodes `text` given in pieces of `step` bytes.
    fn decode(text: &[u8], step: usize) -> Result<Decoded, Malformed> {
        let mut decoder = Decoder::Size;
        let mut input = BytesMut::new();
        let mut body = Vec::new();
        let mut pieces = text.chunks(step);
        loop {
            match decoder.next(&mut input)? {
                Piece::Data(data) => body.extend_from_slice(&data),
                Piece::End(trailers) => {
                    let rest = pieces.flatten().copied();
                    return Ok((body, trailers, input.iter().copied().chain(rest).collect()));
                }
                Piece::More => match pieces.next() {
                    Some(piece) => input.extend_from_slice(piece),
                    None => return Err(Malformed("ends early")),
                },
            }
        }
    }

    #[test]
    fn decodes_the_same_however_the_bytes_are_cut() {
        let text = b"4\r\nWiki\r\n6;name=value\r\npedia \r\nE\r\nin \r\n\r\nchunks.\r\n0\r\n\r\nNEXT";
        for step in 1..=text.len() {
            let (body, trailers, rest) = decode(text, step).expect("well-formed");
            assert_eq!(body, b"Wikipedia in \r\n\r\nchunks.", "cut every {step} bytes");
            assert_eq!(trailers, None, "there are no trailers");
            assert_eq!(rest, b"NEXT", "what follows the body belongs to the next message");
        }
    }

    #[test]
    fn decodes_trailers() {
        let text = b"1\r\nx\r\n0\r\nX-Sum: 7\r\nX-More: y\r\n\r\n";
        for step in 1..=text.len() {
            let (_, trailers, _) = decode(text, step).expect("well-formed");
            let trailers = trailers.expect("trailers are kept");
            assert_eq!(trailers["x-sum"], "7");
            assert_eq!(trailers["x-more"], "y");
        }
    }

    #[test]
    fn decodes_what_it_encodes() {
        for length in [0, 1, 15, 16, 4095, 70_000] {
            let data: Vec<u8> = (0..length).map(|i| i as u8).collect();
            let mut text = Vec::new();
            encode(&data, &mut text);
            encode_end(None, &mut text);
            let (body, _, rest) = decode(&text, 1000).expect("own coding is well-formed");
            assert!(body == data && rest.is_empty(), "{length} bytes come back unchanged");
        }
    }

    #[test]
    fn refuses_violations() {
        for (text, rule) in [
            (&b"x\r\n"[..], "a size is hexadecimal"),
            (b"\r\n", "a size is needed"),
            (b"-1\r\n", "a size has no sign"),
            (b"+1\r\na\r\n", "a size has no sign"),
            (b"ffffffffffffffffff\r\n", "a size fits"),
            (b"1\r\nab\r\n", "a chunk is as long as it says"),
            (b"0\r\nno colon\r\n\r\n", "trailers are fields"),
        ] {
            assert!(decode(text, 3).is_err(), "{rule}");
        }
        assert!(decode(&[b'1'; 5000], 100).is_err(), "a size line has an end");
    }
}
