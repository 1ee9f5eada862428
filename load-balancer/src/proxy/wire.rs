//! Writes the heads of requests to backends and reads the heads of their replies (HTTP/1.1).
//!
//! Requests are written straight from the client's headers, skipping what ends at this hop, so
//! nothing is removed from or inserted into a map per request. Replies are parsed by `httparse` (the
//! parser below hyper) into slices of the read buffer. Which headers cross: hop-by-hop fields end at
//! each hop (RFC 9110, 7.6.1): a fixed list, and the fields that `Connection` names; how a message is framed
//! is decided anew on the other side.

use crate::proxy::chunked::Decoder;
use bytes::BytesMut;
use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderName, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE,
    TRANSFER_ENCODING, UPGRADE,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode};
use lb_core::headers;
use std::io::Write;
use std::mem::MaybeUninit;

pub(crate) const X_BACKEND: HeaderName = HeaderName::from_static(headers::BACKEND);
pub(crate) const X_FORWARDED_FOR: HeaderName = HeaderName::from_static(headers::FORWARDED_FOR);
const X_SERVICE: HeaderName = HeaderName::from_static(headers::SERVICE);
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// Longest head of a reply.
const LONGEST_HEAD: usize = 64 * 1024;
/// Most header fields of a reply.
const MOST_FIELDS: usize = 100;

/// Fields that are added to each reply, which the map had better have room for.
const ADDED_FIELDS: usize = 4;

/// How the body of a request is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Upload {
    /// There is none.
    None,
    /// So many bytes.
    Length(u64),
    /// As many as come.
    Chunked,
}

/// Whether a field ends at this hop. `Expect` does because it is answered here, by the server side,
/// when the body is read; what frames the message does because it is written anew.
fn ends_here(name: &HeaderName) -> bool {
    [
        CONNECTION,
        KEEP_ALIVE,
        PROXY_CONNECTION,
        PROXY_AUTHENTICATE,
        PROXY_AUTHORIZATION,
        TE,
        TRANSFER_ENCODING,
        UPGRADE,
        EXPECT,
    ]
    .contains(name)
}

/// Whether the peer's `Connection` names this field.
fn is_named(headers: &HeaderMap, name: &HeaderName) -> bool {
    headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(tokens)
        .any(|named| named.eq_ignore_ascii_case(name.as_str().as_bytes()))
}

/// What the head of a request says beside what the client said.
pub(crate) struct Added<'a> {
    /// Comes before the path.
    pub(crate) prefix: &'a str,
    /// Path and query at the backend.
    pub(crate) rest: &'a str,
    /// `Host` and `X-Service`, ready to be written.
    pub(crate) fields: &'a [u8],
    /// The address of the client.
    pub(crate) peer: &'a HeaderValue,
    /// Whether the client's own `X-Forwarded-For` is believed.
    pub(crate) trusted: bool,
}

/// Writes the head of a request.
pub(crate) fn write_head(parts: &Parts, upload: Upload, added: &Added<'_>, output: &mut Vec<u8>) {
    output.extend_from_slice(parts.method.as_str().as_bytes());
    output.push(b' ');
    output.extend_from_slice(added.prefix.as_bytes());
    if !added.rest.starts_with('/') {
        output.push(b'/');
    }
    output.extend_from_slice(added.rest.as_bytes());
    output.extend_from_slice(b" HTTP/1.1\r\n");
    output.extend_from_slice(added.fields);
    let names_others = parts.headers.contains_key(CONNECTION);
    for (name, value) in &parts.headers {
        let written_anew = *name == HOST
            || *name == CONTENT_LENGTH
            || *name == X_FORWARDED_FOR
            || *name == X_SERVICE
            || ends_here(name);
        let for_this_hop = names_others && is_named(&parts.headers, name);
        if !written_anew && !for_this_hop {
            write_field(name, value.as_bytes(), output);
        }
    }
    output.extend_from_slice(b"x-forwarded-for: ");
    if added.trusted {
        for value in parts.headers.get_all(X_FORWARDED_FOR) {
            output.extend_from_slice(value.as_bytes());
            output.extend_from_slice(b", ");
        }
    }
    output.extend_from_slice(added.peer.as_bytes());
    match upload {
        Upload::None => output.extend_from_slice(b"\r\n\r\n"),
        Upload::Chunked => output.extend_from_slice(b"\r\ntransfer-encoding: chunked\r\n\r\n"),
        Upload::Length(length) => {
            write!(output, "\r\ncontent-length: {length}\r\n\r\n").expect("a vector takes all");
        }
    }
}

fn write_field(name: &HeaderName, value: &[u8], output: &mut Vec<u8>) {
    output.extend_from_slice(name.as_str().as_bytes());
    output.extend_from_slice(b": ");
    output.extend_from_slice(value);
    output.extend_from_slice(b"\r\n");
}

/// How the body of a reply is framed, and how much of it is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// So many bytes.
    Length(u64),
    /// In chunks.
    Chunked(Decoder),
    /// Until the backend closes the connection.
    Close,
}

impl Framing {
    /// Whether nothing is to come.
    pub(crate) fn is_over(self) -> bool {
        matches!(self, Self::Length(0) | Self::Chunked(Decoder::Done))
    }
}

/// The head of a reply, beside its header fields.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    pub(crate) framing: Framing,
    /// Whether the connection can take another request after this reply.
    pub(crate) keep_alive: bool,
}

/// The bytes received are not a valid reply.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the backend sent invalid HTTP: {0}")]
pub(crate) struct Malformed(&'static str);

/// What the fields of a reply say about its framing.
struct Frame {
    length: Option<u64>,
    chunked: bool,
    coded: bool,
    keep_alive: bool,
}

/// Takes the head of a reply out of `input` once all of it is there, and then replaces `headers` (the
/// request's, as a rule: the map's memory serves again) by those of its fields that cross. `bodiless` says that the request was one whose reply has no body (HEAD).
pub(crate) fn read_head(
    input: &mut BytesMut,
    headers: &mut HeaderMap,
    bodiless: bool,
) -> Result<Option<Head>, Malformed> {
    let mut fields = [const { MaybeUninit::uninit() }; MOST_FIELDS];
    let mut reply = httparse::Response::new(&mut []);
    let parsed =
        httparse::ParserConfig::default().parse_response_with_uninit_headers(&mut reply, input, &mut fields);
    let length = match parsed {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if input.len() < LONGEST_HEAD => return Ok(None),
        Ok(httparse::Status::Partial) => return Err(Malformed("the head is too long")),
        Err(httparse::Error::TooManyHeaders) => return Err(Malformed("too many header fields")),
        Err(_) => return Err(Malformed("the head cannot be parsed")),
    };
    let status = reply.code.and_then(|code| StatusCode::from_u16(code).ok()).ok_or(Malformed("no status"))?;
    let mut frame =
        Frame { length: None, chunked: false, coded: false, keep_alive: reply.version == Some(1) };
    // Positions, because the text can be shared only after the parser has let go of it.
    let mut positions = [Position::default(); MOST_FIELDS];
    let positions = &mut positions[..reply.headers.len()];
    for (position, field) in positions.iter_mut().zip(reply.headers.iter()) {
        *position = Position::of(field, input);
    }
    let text = input.split_to(length).freeze();
    headers.clear();
    headers.reserve(positions.len() + ADDED_FIELDS);
    let mut connection = Vec::new();
    for position in positions {
        let name = HeaderName::from_bytes(&text[position.name.0..position.name.1])
            .map_err(|_| Malformed("a field has an invalid name"))?;
        let value = HeaderValue::from_maybe_shared(text.slice(position.value.0..position.value.1))
            .map_err(|_| Malformed("a field has an invalid value"))?;
        if frame.note(&name, &value)? {
            headers.append(name, value);
        } else if name == CONNECTION {
            connection.push(value);
        }
    }
    for named in connection.iter().flat_map(tokens) {
        if let Ok(named) = HeaderName::from_bytes(named)
            && named != CONTENT_LENGTH
        {
            headers.remove(named);
        }
    }
    frame.head(status, headers, bodiless).map(Some)
}

/// Where name and value of a field lie in the head.
#[derive(Clone, Copy, Default)]
struct Position {
    name: (usize, usize),
    value: (usize, usize),
}

impl Position {
    fn of(field: &httparse::Header<'_>, head: &[u8]) -> Self {
        let place = |part: &[u8]| {
            let start = part.as_ptr() as usize - head.as_ptr() as usize;
            (start, start + part.len())
        };
        Self { name: place(field.name.as_bytes()), value: place(field.value) }
    }
}

/// The elements of a field that is a list.
fn tokens(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

impl Frame {
    /// Notes what a field says. Whether the field crosses.
    fn note(&mut self, name: &HeaderName, value: &HeaderValue) -> Result<bool, Malformed> {
        if *name == CONTENT_LENGTH {
            let length = length(value).ok_or(Malformed("content-length is not a number"))?;
            if self.length.is_some_and(|other| other != length) {
                return Err(Malformed("content-length is given twice and differs"));
            }
            // A second one, equal, is not passed on.
            return Ok(self.length.replace(length).is_none());
        }
        if *name == TRANSFER_ENCODING {
            self.coded = true;
            self.chunked = tokens(value).last().is_some_and(|it| it.eq_ignore_ascii_case(b"chunked"));
        } else if *name == CONNECTION {
            for token in tokens(value) {
                if token.eq_ignore_ascii_case(b"close") {
                    self.keep_alive = false;
                } else if token.eq_ignore_ascii_case(b"keep-alive") {
                    self.keep_alive = true;
                }
            }
        }
        Ok(!ends_here(name))
    }

    /// The framing by RFC 9112, 6.3.
    fn head(&self, status: StatusCode, headers: &mut HeaderMap, bodiless: bool) -> Result<Head, Malformed> {
        let empty = bodiless
            || status.is_informational()
            || status == StatusCode::NO_CONTENT
            || status == StatusCode::NOT_MODIFIED;
        let framing = if self.coded {
            // The length, if both are given, is a lie or an attack.
            headers.remove(CONTENT_LENGTH);
            if self.chunked { Framing::Chunked(Decoder::Size) } else { Framing::Close }
        } else {
            self.length.map_or(Framing::Close, Framing::Length)
        };
        let framing = if empty { Framing::Length(0) } else { framing };
        let keep_alive =
            self.keep_alive && framing != Framing::Close && !(self.coded && self.length.is_some());
        Ok(Head { status, framing, keep_alive })
    }
}

fn length(value: &HeaderValue) -> Option<u64> {
    let text = value.to_str().ok()?;
    // Rust's parser takes a sign; HTTP does not.
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reads a head from `text`: what it says, its fields, and what is left over.
    fn read(text: &[u8], bodiless: bool) -> Result<Option<(Head, HeaderMap, Vec<u8>)>, Malformed> {
        let mut input = BytesMut::from(text);
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("of the request"));
        let head = read_head(&mut input, &mut headers, bodiless)?;
        Ok(head.map(|head| (head, headers, input.to_vec())))
    }

    #[test]
    fn the_framing_of_a_reply_follows_the_rfc() {
        let chunked = Framing::Chunked(Decoder::Size);
        for (text, bodiless, framing, keep_alive, rule) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", false, Framing::Length(7), true, "a length"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", true, Framing::Length(0), true, "HEAD"),
            ("HTTP/1.1 204 x\r\nContent-Length: 7\r\n\r\n", false, Framing::Length(0), true, "204"),
            ("HTTP/1.1 304 x\r\nContent-Length: 7\r\n\r\n", false, Framing::Length(0), true, "304"),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n",
                false,
                chunked,
                true,
                "last coding",
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
                false,
                Framing::Close,
                false,
                "chunked is not last",
            ),
            ("HTTP/1.1 200 OK\r\n\r\n", false, Framing::Close, false, "nothing is said"),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n",
                false,
                chunked,
                false,
                "both: the coding counts, and the connection is not trusted again",
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: x, Close\r\n\r\n",
                false,
                Framing::Length(7),
                false,
                "close",
            ),
            ("HTTP/1.0 200 OK\r\nContent-Length: 7\r\n\r\n", false, Framing::Length(7), false, "HTTP/1.0"),
            (
                "HTTP/1.0 200 OK\r\nContent-Length: 7\r\nConnection: keep-alive\r\n\r\n",
                false,
                Framing::Length(7),
                true,
                "HTTP/1.0 with keep-alive",
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nContent-Length: 7\r\n\r\n",
                false,
                Framing::Length(7),
                true,
                "twice the same",
            ),
        ] {
            let (head, headers, _) = read(text.as_bytes(), bodiless).expect(rule).expect(rule);
            assert_eq!((head.framing, head.keep_alive), (framing, keep_alive), "{rule}");
            assert!(!headers.contains_key(TRANSFER_ENCODING), "{rule}: the coding is for this hop");
            assert!(!headers.contains_key(HOST), "{rule}: nothing of the request is left");
            let length = headers.get_all(CONTENT_LENGTH).iter().count();
            assert!(length <= 1 && (length == 0 || framing != chunked), "{rule}: one framing crosses");
        }
    }

    #[test]
    fn what_is_no_reply_is_refused() {
        for (text, rule) in [
            ("SSH-2.0-OpenSSH_9.2\r\n", "another protocol"),
            ("HTTP/1.1 2000 OK\r\n\r\n", "a status has three digits"),
            ("HTTP/1.1 200 OK\r\nContent-Length: +7\r\n\r\n", "a length has no sign"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 7x\r\n\r\n", "a length is a number"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n", "a length fits"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 7\r\nContent-Length: 8\r\n\r\n", "lengths agree"),
            ("HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n", "names have no blanks"),
        ] {
            assert!(read(text.as_bytes(), false).is_err(), "{rule}");
        }
        let endless = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(LONGEST_HEAD));
        assert!(read(endless.as_bytes(), false).is_err(), "a head has an end");
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(MOST_FIELDS + 1));
        assert!(read(many.as_bytes(), false).is_err(), "a head has not too many fields");
    }

    /// A request with these fields, as a backend sees it.
    fn written(fields: &[(&str, &str)], upload: Upload, trusted: bool) -> String {
        let mut request = http::Request::put("/");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).expect("a valid request").into_parts();
        let peer = HeaderValue::from_static("10.0.0.1");
        let added = Added {
            prefix: "/base",
            rest: "/a?b",
            fields: b"host: h\r\nx-service: s\r\n",
            peer: &peer,
            trusted,
        };
        let mut output = Vec::new();
        write_head(&parts, upload, &added, &mut output);
        String::from_utf8(output).expect("all of it is text")
    }

    #[test]
    fn a_request_is_framed_anew() {
        let smuggled =
            [("Content-Length", "5"), ("Transfer-Encoding", "chunked"), ("Host", "evil"), ("X-Service", "x")];
        assert_eq!(
            written(&smuggled, Upload::Length(3), true),
            "PUT /base/a?b HTTP/1.1\r\nhost: h\r\nx-service: s\r\nx-forwarded-for: 10.0.0.1\r\ncontent-length: 3\r\n\r\n",
            "what the client said of the framing is for its hop"
        );
        let text =
            written(&[("X-Forwarded-For", "1.1.1.1"), ("X-Forwarded-For", "2.2.2.2")], Upload::Chunked, true);
        assert!(text.contains("\r\nx-forwarded-for: 1.1.1.1, 2.2.2.2, 10.0.0.1\r\n"), "{text}");
        assert!(text.ends_with("\r\ntransfer-encoding: chunked\r\n\r\n"), "{text}");
        let text = written(&[("X-Forwarded-For", "1.1.1.1")], Upload::None, false);
        assert!(text.ends_with("\r\nx-forwarded-for: 10.0.0.1\r\n\r\n"), "not believed: {text}");
    }

    #[test]
    fn connection_names_fields_that_end_here() {
        let fields = [
            ("Connection", "X-A, x-b"),
            ("Connection", "x-c"),
            ("X-A", "1"),
            ("X-B", "2"),
            ("X-C", "3"),
            ("X-D", "4"),
        ];
        let text = written(&fields, Upload::None, true);
        for (name, crosses) in
            [("x-a", false), ("x-b", false), ("x-c", false), ("x-d", true), ("connection", false)]
        {
            assert_eq!(text.contains(&format!("\r\n{name}: ")), crosses, "{name} in {text}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_head_an_error_or_too_few(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            // No panic is the rule; a head, if there is one, is never longer than the bytes.
            if let Ok(Some((_, _, rest))) = read(&bytes, false) {
                prop_assert!(rest.len() < bytes.len());
            }
        }

        #[test]
        fn a_head_is_found_only_when_all_of_it_is_there(
            status in 200_u16..600,
            fields in prop::collection::vec(("x-[a-z]{1,8}", "[!-~]{0,20}"), 0..20),
            body in prop::collection::vec(any::<u8>(), 0..50),
        ) {
            let mut text = format!("HTTP/1.1 {status} R\r\ncontent-length: {}\r\n", body.len());
            for (name, value) in &fields {
                text.push_str(&format!("{name}: {value}\r\n"));
            }
            text.push_str("\r\n");
            for cut in 0..text.len() {
                prop_assert_eq!(read(&text.as_bytes()[..cut], false)?, None);
            }
            let whole = [text.as_bytes(), &body].concat();
            let (head, headers, rest) = read(&whole, false)?.expect("all of it is there");
            prop_assert_eq!(head.status.as_u16(), status);
            prop_assert_eq!(rest, body);
            prop_assert_eq!(headers.len(), fields.len() + 1);
        }
    }
}
