//! The heads of requests: how a client's is read, and how it is written to a backend.
//!
//! Reading is strict, because a head that two recipients understand differently can hide a second request
//! (RFC 9112, 11.2). What is refused never reaches a backend. The head for the backend is written anew: request
//! line, `Host` and framing are our own, and the fields that cross are copied in their order.

use crate::proxy::chunked::Decoder;
use crate::proxy::fields::{Fields, Kind, Persistence, tokens, write_field};
use crate::proxy::framing::Framing;
use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Method, StatusCode};
use lb_core::framing::{self, Coding, LONGEST_HEAD, MOST_FIELDS};
use std::io::Write;
use std::mem::MaybeUninit;

/// How the body of a request is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Upload {
    /// There is no body.
    None,
    /// The body has this many bytes.
    Length(u64),
    /// The body is chunked and has any length.
    Chunked,
}

impl Upload {
    /// Returns the framing of a body of which nothing has been read.
    pub(crate) fn framing(self) -> Framing {
        match self {
            Self::None => Framing::OVER,
            Self::Length(length) => Framing::Length(length),
            Self::Chunked => Framing::Chunked(Decoder::Size),
        }
    }
}

/// The head of a request.
pub(crate) struct Request {
    pub(crate) method: Method,
    /// Path and query, as the client sent them; they are ASCII.
    pub(crate) target: Bytes,
    pub(crate) fields: Fields,
    pub(crate) upload: Upload,
    /// Whether the client speaks HTTP/1.1, and not HTTP/1.0.
    pub(crate) is_current: bool,
    /// Whether another request may follow on the connection.
    pub(crate) keep_alive: bool,
    /// Whether the client waits for `100 Continue` before it sends the body.
    pub(crate) expects_continue: bool,
    /// Whether the client would rather speak another protocol, which is the backend's to decide.
    pub(crate) upgrade: bool,
}

/// A request that is refused: the status of the reply, and what is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) text: &'static str,
}

/// Returns the refusal of a malformed request.
const fn bad(text: &'static str) -> Refusal {
    Refusal { status: StatusCode::BAD_REQUEST, text }
}

impl Default for Request {
    fn default() -> Self {
        Self {
            method: Method::GET,
            target: Bytes::new(),
            fields: Fields::default(),
            upload: Upload::None,
            is_current: true,
            keep_alive: true,
            expects_continue: false,
            upgrade: false,
        }
    }
}

impl Request {
    /// Forgets the head, so that its memory can be used again.
    pub(crate) fn clear(&mut self) {
        self.target = Bytes::new();
        self.fields.clear();
    }

    /// Forgets a head that was refused, after which no request follows.
    pub(crate) fn refuse(&mut self) {
        *self = Self { keep_alive: false, ..Self::default() };
    }

    /// Takes the head of a request from `input`; false while it is incomplete.
    pub(crate) fn read(&mut self, input: &mut BytesMut) -> Result<bool, Refusal> {
        let mut fields = [const { MaybeUninit::uninit() }; MOST_FIELDS];
        let mut head = httparse::Request::new(&mut []);
        let length = match head.parse_with_uninit_headers(input, &mut fields) {
            Ok(httparse::Status::Complete(length)) if length <= LONGEST_HEAD => length,
            Ok(httparse::Status::Partial) if input.len() < LONGEST_HEAD => return Ok(false),
            Ok(_) => return Err(too_long(input)),
            Err(error) => return Err(refusal(error)),
        };
        let (Some(method), Some(target), Some(minor)) = (head.method, head.path, head.version) else {
            return Err(bad("the request line is incomplete"));
        };
        self.method = Method::from_bytes(method.as_bytes()).map_err(|_| bad("the method is invalid"))?;
        self.is_current = minor == 1;
        self.fields.clear();
        let said = self.note(head.headers, &input[..length])?;
        self.keep_alive = !said.close && (self.is_current || said.keep_alive);
        let start = target.as_ptr() as usize - input.as_ptr() as usize;
        let target = start..start + target.len();
        self.fields.take(input, length);
        self.upgrade = self.upgrade && !self.wants_http2();
        self.target = self.path_of(self.fields.text().slice(target))?;
        Ok(true)
    }

    /// Reads what the fields say about host, framing and connection, and keeps their positions.
    fn note(&mut self, fields: &[httparse::Header<'_>], text: &[u8]) -> Result<Persistence, Refusal> {
        let (mut hosts, mut length, mut coding) = (0, None, Coding::None);
        let mut said = Persistence::default();
        self.expects_continue = false;
        self.upgrade = false;
        for field in fields {
            let start = field.name.as_ptr() as usize - text.as_ptr() as usize;
            // The parser also takes a bare LF for the end of a line; other recipients may not.
            if !text[..start].ends_with(b"\r\n") {
                return Err(bad("a line ends without a CR"));
            }
            match self.fields.push(field, text) {
                Kind::Host if is_host(field.value) => hosts += 1,
                Kind::Host => return Err(bad("`Host` is not a host")),
                Kind::ContentLength if length.is_some() => {
                    return Err(bad("`Content-Length` is given more than once"));
                }
                Kind::ContentLength => {
                    let value = framing::content_length(field.value);
                    length = Some(value.ok_or(bad("`Content-Length` is not a number"))?);
                }
                Kind::TransferEncoding => coding = coding.with(field.value),
                Kind::Connection => self.fields.connection(field.value, &mut said),
                Kind::Upgrade => self.upgrade = true,
                Kind::Expect => self.expects_continue |= field.value.eq_ignore_ascii_case(b"100-continue"),
                _ => {}
            }
        }
        if !text.ends_with(b"\r\n\r\n") {
            return Err(bad("a line ends without a CR"));
        }
        match hosts {
            1 => {}
            0 if !self.is_current => {}
            0 => return Err(bad("`Host` is missing")),
            _ => return Err(bad("`Host` is given more than once")),
        }
        self.upload = match coding {
            Coding::None => length.map_or(Upload::None, Upload::Length),
            _ if length.is_some() => {
                return Err(bad("`Content-Length` and `Transfer-Encoding` exclude each other"));
            }
            _ if !self.is_current => return Err(bad("HTTP/1.0 has no transfer codings")),
            Coding::Chunked => Upload::Chunked,
            Coding::Repeated => return Err(bad("`chunked` is given more than once")),
            Coding::Unknown => {
                let text = "the only transfer coding that is understood is `chunked`";
                return Err(Refusal { status: StatusCode::NOT_IMPLEMENTED, text });
            }
        };
        self.expects_continue &= self.is_current && self.upload.framing() != Framing::OVER;
        self.upgrade &= said.upgrade && self.is_current && self.upload.framing() == Framing::OVER;
        Ok(said)
    }

    /// Returns whether `Upgrade` names HTTP/2, which is spoken by prior knowledge or over TLS only. A backend that took
    /// such an offer would answer further requests that nobody here sees.
    fn wants_http2(&self) -> bool {
        self.fields.values(Kind::Upgrade).flat_map(tokens).any(|token| token.eq_ignore_ascii_case(b"h2c"))
    }

    /// Returns path and query of the target of the request line (RFC 9112, 3.2).
    fn path_of(&self, target: Bytes) -> Result<Bytes, Refusal> {
        if self.method == Method::CONNECT {
            let text = "this is no tunnel; CONNECT is not supported";
            return Err(Refusal { status: StatusCode::METHOD_NOT_ALLOWED, text });
        }
        if !target.iter().all(|byte| TARGET[usize::from(*byte)]) {
            return Err(bad("the request target has characters that must be percent-encoded"));
        }
        if target.starts_with(b"/") || (target == "*" && self.method == Method::OPTIONS) {
            return Ok(target);
        }
        if !target.get(..SCHEME.len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME)) {
            return Err(bad("the request target is neither a path nor an http URL"));
        }
        let rest = target.slice(SCHEME.len()..);
        let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
        let (authority, path) = (rest.slice(..end), rest.slice(end..));
        // A recipient that looks only at `Host` must not see another one.
        let mut hosts = self.fields.values(Kind::Host);
        if !is_host(&authority) || hosts.any(|host| !host.eq_ignore_ascii_case(&authority)) {
            return Err(bad("the URL in the request line and `Host` disagree"));
        }
        Ok(if path.starts_with(b"/") { path } else { [&b"/"[..], &path[..]].concat().into() })
    }
}

/// What an absolute target begins with.
const SCHEME: &[u8] = b"http://";

/// The characters of a request target: printable ASCII, but none that begins a fragment or that no client
/// leaves unencoded.
static TARGET: [bool; 256] = table(b"!\"$%&'()*+,-./0123456789:;=?@[\\]^_{|}~");
/// The characters of a host and its port (RFC 3986, 3.2.2).
static HOST: [bool; 256] = table(b"!$%&'()*+,-.0123456789:;=[]_~");

/// Returns a table of letters and `others`.
const fn table(others: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut at = 0;
    while at < others.len() {
        table[others[at] as usize] = true;
        at += 1;
    }
    let mut letter = b'a';
    while letter <= b'z' {
        table[letter as usize] = true;
        table[letter.to_ascii_uppercase() as usize] = true;
        letter += 1;
    }
    table
}

/// Returns whether `text` is a host, optionally with a port: a name, an IPv4 address, or something in brackets.
fn is_host(text: &[u8]) -> bool {
    if !text.iter().all(|byte| HOST[usize::from(*byte)]) {
        return false;
    }
    let (host, port) = match text.iter().rposition(|byte| *byte == b']') {
        Some(end) => text.split_at(end + 1),
        None => text.split_at(text.iter().position(|byte| *byte == b':').unwrap_or(text.len())),
    };
    let is_name = !host.is_empty() && !host.contains(&b'[') && !host.contains(&b']');
    let is_literal = match host {
        [b'[', inner @ .., b']'] => {
            !inner.is_empty() && inner.iter().all(|byte| byte.is_ascii_alphanumeric() || b":.".contains(byte))
        }
        _ => false,
    };
    let is_port = match port {
        [] => true,
        [b':', digits @ ..] => digits.len() <= 5 && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    (is_name || is_literal) && is_port
}

/// Returns the refusal of a head that is too long.
fn too_long(input: &[u8]) -> Refusal {
    if input[..LONGEST_HEAD.min(input.len())].contains(&b'\n') {
        let text = "the head is too long";
        Refusal { status: StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, text }
    } else {
        Refusal { status: StatusCode::URI_TOO_LONG, text: "the request line is too long" }
    }
}

/// Returns the refusal of a head that cannot be parsed.
#[cold]
fn refusal(error: httparse::Error) -> Refusal {
    match error {
        httparse::Error::TooManyHeaders => Refusal {
            status: StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            text: "the head has more than 100 fields",
        },
        httparse::Error::Version => Refusal {
            status: StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            text: "only HTTP/1.1 and HTTP/1.0 are understood",
        },
        httparse::Error::HeaderName => bad("the name of a field is invalid"),
        httparse::Error::HeaderValue => bad("the value of a field is invalid"),
        httparse::Error::NewLine => bad("a line ends without CR LF"),
        _ => bad("the request line is invalid"),
    }
}

/// The parts of a request's head that do not come from the client's head.
pub(crate) struct Added<'a> {
    /// The path prefix of the backend, which comes before the path.
    pub(crate) prefix: &'a str,
    /// Path and query at the backend.
    pub(crate) rest: &'a str,
    /// The backend's host and port if it is to see them as `Host`, or if the client named no host.
    pub(crate) host: Option<&'a str>,
    /// The line of `X-Service`, ready to be written.
    pub(crate) fields: &'a [u8],
    /// The address of the client.
    pub(crate) peer: &'a HeaderValue,
    /// Whether the client's own `X-Forwarded-*` are trusted.
    pub(crate) trusted: bool,
    /// Whether the client speaks TLS.
    pub(crate) secure: bool,
}

/// Writes the head of a request to a backend.
pub(crate) fn write_head(request: &Request, added: &Added<'_>, output: &mut Vec<u8>) {
    output.extend_from_slice(request.method.as_str().as_bytes());
    output.push(b' ');
    output.extend_from_slice(added.prefix.as_bytes());
    if !added.rest.starts_with('/') {
        output.push(b'/');
    }
    output.extend_from_slice(added.rest.as_bytes());
    output.extend_from_slice(b" HTTP/1.1\r\n");
    let named = request.fields.values(Kind::Host).next();
    output.extend_from_slice(b"host: ");
    output.extend_from_slice(added.host.map(str::as_bytes).or(named).unwrap_or_default());
    output.extend_from_slice(b"\r\n");
    output.extend_from_slice(added.fields);
    request.fields.write(output, crosses);
    if request.upgrade {
        output.extend_from_slice(b"connection: upgrade\r\n");
        for protocol in request.fields.values(Kind::Upgrade) {
            write_field(b"upgrade", protocol, output);
        }
    }
    write_forwarded(request, added, named, output);
    match request.upload {
        Upload::None => output.extend_from_slice(b"\r\n\r\n"),
        Upload::Chunked => output.extend_from_slice(b"\r\ntransfer-encoding: chunked\r\n\r\n"),
        Upload::Length(length) => {
            write!(output, "\r\ncontent-length: {length}\r\n\r\n").expect("a vector takes all");
        }
    }
}

/// Writes who asked, for which host, and how, without the end of the last line. What the client says of that itself is kept if it is trusted: its
/// addresses come first, and its host and scheme are those that the first proxy saw.
fn write_forwarded(request: &Request, added: &Added<'_>, named: Option<&[u8]>, output: &mut Vec<u8>) {
    output.extend_from_slice(b"x-forwarded-for: ");
    if added.trusted {
        for value in request.fields.values(Kind::ForwardedFor) {
            output.extend_from_slice(value);
            output.extend_from_slice(b", ");
        }
    }
    output.extend_from_slice(added.peer.as_bytes());
    let given = |kind| request.fields.values(kind).next().filter(|_| added.trusted);
    if let Some(host) = given(Kind::ForwardedHost).or(named) {
        output.extend_from_slice(b"\r\nx-forwarded-host: ");
        output.extend_from_slice(host);
    }
    output.extend_from_slice(b"\r\nx-forwarded-proto: ");
    let own: &[u8] = if added.secure { b"https" } else { b"http" };
    output.extend_from_slice(given(Kind::ForwardedProto).unwrap_or(own));
}

/// Returns whether a field of a request is passed on to the backend. `Expect` is not, because it is answered
/// here.
fn crosses(kind: Kind) -> bool {
    use Kind::{Algorithm, Backend, BinaryLoadReport, Date, LoadReport, Other, Trace};
    matches!(kind, Other | Date | Trace | Backend | Algorithm | LoadReport | BinaryLoadReport)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &[u8]) -> Result<Option<(Request, Vec<u8>)>, Refusal> {
        let (mut request, mut input) = (Request::default(), BytesMut::from(text));
        let complete = request.read(&mut input)?;
        Ok(complete.then(|| (request, input.to_vec())))
    }

    #[test]
    fn the_framing_of_a_request_follows_the_rfc() {
        for (text, upload, keep_alive, rule) in [
            ("GET / HTTP/1.1\r\nHost: h\r\n\r\n", Upload::None, true, "nothing is said"),
            ("GET / HTTP/1.0\r\n\r\n", Upload::None, false, "HTTP/1.0 needs no host"),
            ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", Upload::None, true, "HTTP/1.0, kept"),
            (
                "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
                Upload::Length(0),
                true,
                "a length of 0",
            ),
            ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n\r\n", Upload::Length(7), true, "a length"),
            (
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n",
                Upload::Chunked,
                true,
                "chunked",
            ),
            ("GET / HTTP/1.1\r\nHost: h\r\nConnection: x, Close\r\n\r\n", Upload::None, false, "close"),
        ] {
            let (request, rest) = read(text.as_bytes()).expect(rule).expect(rule);
            assert_eq!((request.upload, request.keep_alive), (upload, keep_alive), "{rule}");
            assert_eq!((&request.target[..], rest.len()), (&b"/"[..], 0), "{rule}");
        }
    }

    #[test]
    fn a_target_is_a_path_or_a_url_that_agrees_with_host() {
        for (line, host, target) in [
            ("GET /a/b?c=/d HTTP/1.1", "h", Some("/a/b?c=/d")),
            ("GET http://h:1/a HTTP/1.1", "H:1", Some("/a")),
            ("GET HTTP://h HTTP/1.1", "h", Some("/")),
            ("GET http://h?q HTTP/1.1", "h", Some("/?q")),
            ("OPTIONS * HTTP/1.1", "h", Some("*")),
            ("GET * HTTP/1.1", "h", None),
            ("GET http://other/a HTTP/1.1", "h", None),
            ("GET http://u@h/a HTTP/1.1", "h", None),
            ("GET http:///a HTTP/1.1", "h", None),
            ("GET https://h/a HTTP/1.1", "h", None),
            ("GET a HTTP/1.1", "h", None),
            ("GET /a#b HTTP/1.1", "h", None),
            ("GET /ä HTTP/1.1", "h", None),
            ("CONNECT h:1 HTTP/1.1", "h:1", None),
        ] {
            let read = read(format!("{line}\r\nHost: {host}\r\n\r\n").as_bytes());
            let found = read.map(|read| read.expect("all of it is there").0.target);
            assert_eq!(found.as_deref().ok(), target.map(str::as_bytes), "{line}");
        }
    }

    #[test]
    fn hosts_have_the_form_of_hosts() {
        for host in ["h", "h:", "h:80", "a.b-c_d.example", "127.0.0.1:1", "[::1]", "[::1]:80", "%41", "a!b"] {
            assert!(is_host(host.as_bytes()), "{host}");
        }
        for host in [
            "", ":80", "h:x", "h:123456", "a b", "a,b ", "u@h", "h/", "[::1", "::1]", "[]", "[::1]x", "h:1:2",
        ] {
            assert!(!is_host(host.as_bytes()), "{host}");
        }
    }

    #[test]
    fn refusals_say_what_is_wrong_with_a_fitting_status() {
        let host = "GET / HTTP/1.1\r\nHost: h\r\n";
        let many = "x: y\r\n".repeat(MOST_FIELDS);
        let long = "y".repeat(LONGEST_HEAD);
        for (text, status, rule) in [
            ("GET / HTTP/1.1\r\n\r\n".to_owned(), 400, "a host"),
            (format!("{host}Host: h\r\n\r\n"), 400, "one host"),
            (format!("{host}Host: g\r\n\r\n"), 400, "one host"),
            ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n".to_owned(), 400, "a valid host"),
            (format!("{host}Content-Length: 1\r\nContent-Length: 1\r\n\r\n"), 400, "one length"),
            (format!("{host}Content-Length: 1, 1\r\n\r\n"), 400, "one length"),
            (format!("{host}Content-Length: +1\r\n\r\n"), 400, "a length is digits"),
            (format!("{host}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"), 400, "one framing"),
            (format!("{host}Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n"), 400, "one framing"),
            ("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(), 400, "no coding in HTTP/1.0"),
            (format!("{host}Transfer-Encoding: chunked, chunked\r\n\r\n"), 400, "chunked once"),
            (format!("{host}Transfer-Encoding: gzip\r\n\r\n"), 501, "no other coding"),
            (format!("{host}Transfer-Encoding: gzip, chunked\r\n\r\n"), 501, "no other coding"),
            (format!("{host}Transfer-Encoding: chunked, gzip\r\n\r\n"), 501, "chunked last"),
            (format!("{host}x : y\r\n\r\n"), 400, "no blank before the colon"),
            (format!("{host}x: y\r\n z\r\n\r\n"), 400, "no folded lines"),
            (format!("{host}x: y\n\r\n"), 400, "no bare LF"),
            (format!("{host}x: y\r\n\n"), 400, "no bare LF"),
            ("GET / HTTP/1.1\nHost: h\r\n\r\n".to_owned(), 400, "no bare LF"),
            (format!("{host}x: y\rz\r\n\r\n"), 400, "no bare CR"),
            (format!("{host}x: y\0z\r\n\r\n"), 400, "no NUL"),
            ("GET  / HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(), 400, "single blanks"),
            ("GET / HTTP/2.0\r\nHost: h\r\n\r\n".to_owned(), 505, "the version"),
            ("CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n".to_owned(), 405, "no tunnel"),
            (format!("{host}{many}\r\n"), 431, "a number of fields"),
            (format!("{host}x: {long}"), 431, "a length of the head"),
            (format!("GET /{long}"), 414, "a length of the request line"),
        ] {
            let refusal = read(text.as_bytes()).err();
            assert_eq!(
                refusal.map(|it| it.status.as_u16()),
                Some(status),
                "{rule}: {:.60}",
                text.escape_debug()
            );
        }
    }

    /// Returns a request with these fields, as a backend sees it.
    fn written(fields: &str, trusted: bool) -> String {
        let head = format!("PUT /proxy/s/a?b HTTP/1.1\r\nHost: evil\r\n{fields}\r\n");
        let (request, _) = read(head.as_bytes()).expect("it is well-formed").expect("all of it is there");
        let peer = HeaderValue::from_static("10.0.0.1");
        let added = Added {
            prefix: "/base",
            rest: "/a?b",
            host: Some("h"),
            fields: b"x-service: s\r\n",
            peer: &peer,
            trusted,
            secure: false,
        };
        let mut output = Vec::new();
        write_head(&request, &added, &mut output);
        String::from_utf8(output).expect("all of it is text")
    }

    #[test]
    fn a_request_is_framed_anew() {
        assert_eq!(
            written("Content-Length: 003\r\nX-Service: x\r\nX-Empty:\r\nx-OWS: \t a  b \t\r\n", true),
            "PUT /base/a?b HTTP/1.1\r\nhost: h\r\nx-service: s\r\nX-Empty: \r\nx-OWS: a  b\r\nx-forwarded-for: 10.0.0.1\r\nx-forwarded-host: evil\r\nx-forwarded-proto: http\r\ncontent-length: 3\r\n\r\n",
            "what the client said of the framing is for its hop"
        );
        let chunked = "Transfer-Encoding: chunked\r\n";
        let text =
            written(&format!("{chunked}X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2\r\n"), true);
        assert!(text.contains("\r\nx-forwarded-for: 1.1.1.1, 2.2.2.2, 10.0.0.1\r\n"), "{text}");
        assert!(text.ends_with("\r\ntransfer-encoding: chunked\r\n\r\n"), "{text}");
        let text = written("X-Forwarded-For: 1.1.1.1\r\n", false);
        assert!(text.contains("\r\nx-forwarded-for: 10.0.0.1\r\n"), "not believed: {text}");
    }

    #[test]
    fn connection_names_fields_that_end_here() {
        let text = written(
            "Connection: X-A, x-b\r\nConnection: x-c\r\nX-A: 1\r\nX-B: 2\r\nX-C: 3\r\nX-D: 4\r\n",
            true,
        );
        for (name, crosses) in
            [("X-A", false), ("X-B", false), ("X-C", false), ("X-D", true), ("Connection", false)]
        {
            assert_eq!(text.contains(&format!("\r\n{name}: ")), crosses, "{name} in {text}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_head_a_refusal_or_too_few(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            // No panic is the rule; a head, if there is one, is never longer than the bytes.
            if let Ok(Some((_, rest))) = read(&bytes) {
                prop_assert!(rest.len() < bytes.len());
            }
        }

        #[test]
        fn a_head_is_found_only_when_all_of_it_is_there(
            fields in prop::collection::vec(("x-[a-z]{1,8}", "[!-~]{0,20}"), 0..20),
            body in prop::collection::vec(any::<u8>(), 0..50),
        ) {
            let mut text = format!("POST /p HTTP/1.1\r\nhost: h\r\ncontent-length: {}\r\n", body.len());
            for (name, value) in &fields {
                text.push_str(&format!("{name}: {value}\r\n"));
            }
            text.push_str("\r\n");
            for cut in 0..text.len() {
                prop_assert!(matches!(read(&text.as_bytes()[..cut]), Ok(None)));
            }
            let whole = [text.as_bytes(), &body].concat();
            let (request, rest) = read(&whole).ok().flatten().expect("all of it is there");
            prop_assert_eq!(rest, body);
            prop_assert_eq!(request.fields.iter().count(), fields.len() + 2);
        }
    }
}
