//! The chunked coding of HTTP/1.1 (RFC 9112, 7.1), in both directions.

use crate::proxy::fields::write_field;
use bytes::{Buf, BytesMut};
use lb_core::framing::{self, MOST_FIELDS, Malformed};
use std::io::Write;

/// Fields that are not passed on as trailers, and the beginnings of names of such fields (RFC 9110, 6.5.1):
/// those for framing, routing, forwarding, authentication and the connection, since a recipient that merged
/// them would believe what no rule for heads has checked.
const NO_TRAILERS: &[&str] = &[
    "age",
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "cookie",
    "date",
    "expect",
    "expires",
    "forwarded",
    "host",
    "keep-alive",
    "location",
    "max-forwards",
    "pragma",
    "proxy-",
    "range",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-backend",
    "x-forwarded-",
    "x-http-",
    "x-lb-",
    "x-original-",
    "x-real-",
    "x-request-key",
    "x-rewrite-",
    "x-service",
    "x-trace-id",
];

/// The position of the next byte in a chunked body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decoder {
    /// Before the size of a chunk.
    Size,
    /// Within a chunk that has this many bytes left.
    Data(u64),
    /// Before the line end that closes a chunk.
    DataEnd,
    /// After the last chunk.
    Trailers,
    /// After the end.
    Done,
}

/// The result of one step of a decoder.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// This many bytes at the beginning of the input belong to the body. The caller takes all of them.
    Data(usize),
    /// The end, with the lines of the trailers that are passed on.
    End(Vec<u8>),
    /// Nothing until more bytes arrive.
    More,
}

impl Decoder {
    /// Takes the framing before the next piece from `input`.
    pub(crate) fn next(&mut self, input: &mut BytesMut) -> Result<Piece, Malformed> {
        loop {
            match *self {
                Self::Size => {
                    let Some((line, size)) = framing::chunk_line(input)? else {
                        return Ok(Piece::More);
                    };
                    input.advance(line);
                    *self = if size == 0 { Self::Trailers } else { Self::Data(size) };
                }
                Self::Data(left) => {
                    if input.is_empty() {
                        return Ok(Piece::More);
                    }
                    let take = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                    let left = left - take as u64;
                    *self = if left == 0 { Self::DataEnd } else { Self::Data(left) };
                    return Ok(Piece::Data(take));
                }
                Self::DataEnd => match input[..] {
                    [b'\r', b'\n', ..] => {
                        input.advance(2);
                        *self = Self::Size;
                    }
                    [] | [b'\r'] => return Ok(Piece::More),
                    _ => return Err(Malformed("a chunk is longer than its size")),
                },
                Self::Trailers => {
                    let Some(length) = framing::trailer_section(input)? else {
                        return Ok(Piece::More);
                    };
                    let trailers = trailers(&input[..length])?;
                    input.advance(length);
                    *self = Self::Done;
                    return Ok(Piece::End(trailers));
                }
                Self::Done => return Ok(Piece::End(Vec::new())),
            }
        }
    }
}

/// Returns the lines of the trailers that are passed on.
fn trailers(section: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut lines = Vec::new();
    if section == b"\r\n" {
        return Ok(lines);
    }
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let Ok(httparse::Status::Complete((_, fields))) = httparse::parse_headers(section, &mut fields) else {
        return Err(Malformed("the trailers are not fields"));
    };
    for field in fields.iter().filter(|field| is_trailer(field.name)) {
        write_field(field.name.as_bytes(), field.value, &mut lines);
    }
    Ok(lines)
}

/// Returns whether a field is passed on as a trailer.
fn is_trailer(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    !NO_TRAILERS.iter().any(|no| if no.ends_with('-') { name.starts_with(no) } else { name == *no })
}

/// Appends `data` as one chunk. Empty data is skipped, since an empty chunk would end the body.
pub(crate) fn encode(data: &[u8], output: &mut Vec<u8>) {
    if !data.is_empty() {
        write!(output, "{:x}\r\n", data.len()).expect("a vector takes all");
        output.extend_from_slice(data);
        output.extend_from_slice(b"\r\n");
    }
}

/// Appends the end of the body, with the lines of its trailers.
pub(crate) fn encode_end(trailers: &[u8], output: &mut Vec<u8>) {
    output.extend_from_slice(b"0\r\n");
    output.extend_from_slice(trailers);
    output.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A body, its trailers, and what is left over.
    type Decoded = (Vec<u8>, String, Vec<u8>);

    /// Decodes `text` given in pieces of `step` bytes.
    fn decode(text: &[u8], step: usize) -> Result<Decoded, Malformed> {
        let mut decoder = Decoder::Size;
        let mut input = BytesMut::new();
        let mut body = Vec::new();
        let mut pieces = text.chunks(step);
        loop {
            match decoder.next(&mut input)? {
                Piece::Data(count) => body.extend_from_slice(&input.split_to(count)),
                Piece::End(trailers) => {
                    let rest = pieces.flatten().copied();
                    let trailers = String::from_utf8(trailers).expect("the trailers are ASCII");
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
            assert_eq!(trailers, "", "there are no trailers");
            assert_eq!(rest, b"NEXT", "what follows the body belongs to the next message");
        }
    }

    #[test]
    fn trailers_pass_unless_they_belong_into_a_head() {
        let text =
            b"1\r\nx\r\n0\r\nSum: 7\r\nHost: evil\r\nContent-Length: 5\r\nTRANSFER-ENCODING: chunked\r\n\
                     X-Forwarded-For: 1.1.1.1\r\nX-Service: s\r\nForwarded: for=1.1.1.1\r\nCookie: a=b\r\n\
                     Authorization: x\r\nTrailer: y\r\nConnection: close\r\nServer-Timing: z\r\n\r\n";
        for step in 1..=text.len() {
            let (_, trailers, _) = decode(text, step).expect("well-formed");
            assert_eq!(trailers, "Sum: 7\r\nServer-Timing: z\r\n", "cut every {step} bytes");
        }
    }

    #[test]
    fn decodes_what_it_encodes() {
        for length in [0, 1, 15, 16, 4095, 70_000] {
            let data: Vec<u8> = (0..length).map(|i| i as u8).collect();
            let mut text = Vec::new();
            encode(&data, &mut text);
            encode_end(b"", &mut text);
            let (body, _, rest) = decode(&text, 1000).expect("own coding is well-formed");
            assert!(body == data && rest.is_empty(), "{length} bytes come back unchanged");
        }
    }

    #[test]
    fn refuses_violations() {
        let many = format!("0\r\n{}\r\n", "x: y\r\n".repeat(MOST_FIELDS + 1));
        for (text, rule) in [
            ("x\r\n", "a size is hexadecimal"),
            ("\r\n", "a size is needed"),
            ("-1\r\n", "a size has no sign"),
            ("+1\r\na\r\n", "a size has no sign"),
            ("ffffffffffffffffff\r\n", "a size fits"),
            ("1\r\nab\r\n", "a chunk is as long as it says"),
            ("1\na\r\n", "a line ends with CR LF"),
            ("1;\nx\r\na\r\n", "an extension has no line end"),
            ("1\r\na\n0\r\n\r\n", "a chunk ends with CR LF"),
            ("0\r\nno colon\r\n\r\n", "trailers are fields"),
            ("0\r\na : b\r\n\r\n", "names have no blanks"),
            (&many, "there are not too many trailers"),
        ] {
            assert!(decode(text.as_bytes(), 3).is_err(), "{rule}");
        }
        assert!(decode(&[b'1'; 5000], 100).is_err(), "a size line has an end");
    }
}
