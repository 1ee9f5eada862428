//! The heads of replies: how a backend's is read, and how one is written to the client.
//!
//! Replies are parsed by `httparse` (the parser that hyper uses). Hop-by-hop fields are not passed on, and the
//! framing is chosen anew.

use crate::proxy::chunked::Decoder;
use crate::proxy::fields::{Fields, Kind, Persistence, write_field};
use crate::proxy::framing::Framing;
use bytes::BytesMut;
use http::StatusCode;
use lb_core::framing::{self, Coding, LONGEST_HEAD, MOST_FIELDS};
use std::io::Write;
use std::mem::MaybeUninit;

/// The head of a reply, without its header fields.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    pub(crate) framing: Framing,
    /// Whether the connection can take another request after this reply.
    pub(crate) keep_alive: bool,
    /// Whether the reply has no body whatever its fields say.
    pub(crate) bodiless: bool,
}

/// The bytes received are not a valid reply.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the backend sent invalid HTTP: {0}")]
pub(crate) struct Malformed(&'static str);

/// Takes the head of a reply from `input` once it is complete, and then replaces `fields`. `is_head` says that
/// the request was a HEAD request, whose reply has no body, and `upgrade` that it asked for another protocol.
pub(crate) fn read_head(
    input: &mut BytesMut,
    fields: &mut Fields,
    is_head: bool,
    upgrade: bool,
) -> Result<Option<Head>, Malformed> {
    let mut parsed = [const { MaybeUninit::uninit() }; MOST_FIELDS];
    let mut reply = httparse::Response::new(&mut []);
    let parser = httparse::ParserConfig::default();
    let length = match parser.parse_response_with_uninit_headers(&mut reply, &input[..], &mut parsed) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if input.len() < LONGEST_HEAD => return Ok(None),
        Ok(httparse::Status::Partial) => return Err(Malformed("the head is too long")),
        Err(httparse::Error::TooManyHeaders) => return Err(Malformed("too many header fields")),
        Err(_) => return Err(Malformed("the head cannot be parsed")),
    };
    let status = reply.code.and_then(|code| StatusCode::from_u16(code).ok()).ok_or(Malformed("no status"))?;
    let switches = status == StatusCode::SWITCHING_PROTOCOLS;
    if switches && !upgrade {
        return Err(Malformed("another protocol, which nobody asked for"));
    }
    let is_current = reply.version == Some(1);
    let mut named = false;
    let (mut length_given, mut coding, mut said) = (None, Coding::None, Persistence::default());
    fields.clear();
    for field in reply.headers.iter() {
        match fields.push(field, &input[..]) {
            Kind::ContentLength => {
                let length = framing::content_length(field.value);
                let length = length.ok_or(Malformed("content-length is not a number"))?;
                if length_given.is_some_and(|other| other != length) {
                    return Err(Malformed("content-length is given twice, with different values"));
                }
                length_given = Some(length);
            }
            Kind::TransferEncoding => coding = coding.with(field.value),
            Kind::Connection => fields.connection(field.value, &mut said),
            Kind::Upgrade => named = true,
            _ => {}
        }
    }
    fields.take(input, length);
    if switches && !(said.upgrade && named) {
        return Err(Malformed("another protocol, which it does not name"));
    }
    let chunked = match coding {
        Coding::None => false,
        Coding::Chunked if is_current => true,
        Coding::Chunked => return Err(Malformed("a transfer coding in HTTP/1.0")),
        _ => return Err(Malformed("a transfer coding other than chunked")),
    };
    let bodiless = is_head
        || status.is_informational()
        || status == StatusCode::NO_CONTENT
        || status == StatusCode::NOT_MODIFIED;
    let framing = match length_given {
        _ if bodiless => Framing::OVER,
        _ if chunked => Framing::Chunked(Decoder::Size),
        Some(length) => Framing::Length(length),
        None => Framing::Close,
    };
    // If both are given, the length is wrong or an attack: the sender is not trusted with another request.
    let is_clear = !(chunked && length_given.is_some());
    let keep_alive = !said.close && (is_current || said.keep_alive) && framing != Framing::Close && is_clear;
    Ok(Some(Head { status, framing, keep_alive, bodiless }))
}

/// How the body of a reply to the client is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Download {
    /// There is no body.
    None,
    /// The body has this many bytes.
    Length(u64),
    /// The body is chunked.
    Chunked,
    /// The body ends with the connection, because the client does not know chunks.
    Close,
}

/// Writes the status line.
pub(crate) fn write_status(status: StatusCode, output: &mut Vec<u8>) {
    output.extend_from_slice(b"HTTP/1.1 ");
    output.extend_from_slice(status.as_str().as_bytes());
    output.push(b' ');
    output.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    output.extend_from_slice(b"\r\n");
}

/// Writes the fields of a backend's reply that cross. If there is no body whose length is written anew, its own
/// statement about the length is among them, as for HEAD.
pub(crate) fn write_fields(fields: &Fields, head: &Head, output: &mut Vec<u8>) {
    fields.write(output, crosses);
    if head.bodiless
        && head.status != StatusCode::NO_CONTENT
        && let Some(length) = fields.values(Kind::ContentLength).next()
    {
        write_field(b"content-length", length, output);
    }
}

/// Writes an interim reply (RFC 9110, 15.2), such as 103 with the links of the final one.
pub(crate) fn write_interim(head: &Head, fields: &Fields, output: &mut Vec<u8>) {
    write_status(head.status, output);
    fields.write(output, crosses);
    output.extend_from_slice(b"\r\n");
}

/// Writes the fields with which a backend takes up another protocol.
pub(crate) fn write_upgrade(fields: &Fields, output: &mut Vec<u8>) {
    output.extend_from_slice(b"connection: upgrade\r\n");
    for protocol in fields.values(Kind::Upgrade) {
        write_field(b"upgrade", protocol, output);
    }
}

/// Writes the field that frames the body.
pub(crate) fn write_framing(download: Download, output: &mut Vec<u8>) {
    match download {
        Download::None | Download::Close => {}
        Download::Chunked => output.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        Download::Length(length) => {
            write!(output, "content-length: {length}\r\n").expect("a vector takes all");
        }
    }
}

/// Returns whether a field of a reply is passed on to the client. What names backend, algorithm and trace is not,
/// because the load balancer sets it.
fn crosses(kind: Kind) -> bool {
    use Kind::{
        BinaryLoadReport, Date, ForwardedFor, ForwardedHost, ForwardedProto, Host, LoadReport, Other, Service,
    };
    let is_forwarded = matches!(kind, ForwardedFor | ForwardedHost | ForwardedProto);
    is_forwarded || matches!(kind, Other | Date | Host | Service | LoadReport | BinaryLoadReport)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reads a head from `text`: what it says, what crosses, and what is left over.
    fn read(text: &[u8], is_head: bool) -> Result<Option<(Head, String, Vec<u8>)>, Malformed> {
        let mut input = BytesMut::from(text);
        let mut fields = Fields::default();
        let head = read_head(&mut input, &mut fields, is_head, false)?;
        Ok(head.map(|head| {
            let mut output = Vec::new();
            write_fields(&fields, &head, &mut output);
            (head, String::from_utf8_lossy(&output).into_owned(), input.to_vec())
        }))
    }

    #[test]
    fn the_framing_of_a_reply_follows_the_rfc() {
        let chunked = Framing::Chunked(Decoder::Size);
        for (text, is_head, framing, keep_alive, rule) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", false, Framing::Length(7), true, "a length"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", true, Framing::OVER, true, "HEAD"),
            ("HTTP/1.1 204 x\r\nContent-Length: 7\r\n\r\n", false, Framing::OVER, true, "204"),
            ("HTTP/1.1 304 x\r\nContent-Length: 7\r\n\r\n", false, Framing::OVER, true, "304"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n", false, chunked, true, "chunked"),
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
            let (head, crossed, _) = read(text.as_bytes(), is_head).expect(rule).expect(rule);
            assert_eq!((head.framing, head.keep_alive), (framing, keep_alive), "{rule}");
            let is_stated = is_head || head.status == StatusCode::NOT_MODIFIED;
            let expected = if is_stated { "content-length: 7\r\n" } else { "" };
            assert_eq!(crossed, expected, "{rule}: framing is written anew, and only once");
        }
    }

    #[test]
    fn fields_for_this_hop_end_here() {
        let text = "HTTP/1.1 200 OK\r\nConnection: X-A, close\r\nX-A: 1\r\nKeep-Alive: timeout=5\r\nX-Backend: me\r\n\
                    Set-Cookie: a\r\nSet-Cookie: b\r\nX-LB-Algorithm: mine\r\nX-Trace-Id: 1\r\nDate: now\r\n\r\n";
        let (_, crossed, _) = read(text.as_bytes(), false).expect("it is HTTP").expect("it is complete");
        assert_eq!(crossed, "Set-Cookie: a\r\nSet-Cookie: b\r\nDate: now\r\n");
    }

    #[test]
    fn what_is_no_reply_is_refused() {
        for (text, rule) in [
            ("SSH-2.0-OpenSSH_9.2\r\n", "another protocol"),
            ("HTTP/1.1 2000 OK\r\n\r\n", "a status has three digits"),
            ("HTTP/1.1 101 Switching Protocols\r\n\r\n", "nobody asked for another protocol"),
            ("HTTP/1.1 200 OK\r\nContent-Length: +7\r\n\r\n", "a length has no sign"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 7x\r\n\r\n", "a length is a number"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n", "a length fits"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 7\r\nContent-Length: 8\r\n\r\n", "lengths agree"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "only chunked"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", "chunked last"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n", "only chunked"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", "chunked once"),
            ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.0 knows no chunks"),
            ("HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n", "names have no blanks"),
        ] {
            assert!(read(text.as_bytes(), false).is_err(), "{rule}");
        }
        let endless = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(LONGEST_HEAD));
        assert!(read(endless.as_bytes(), false).is_err(), "a head has an end");
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(MOST_FIELDS + 1));
        assert!(read(many.as_bytes(), false).is_err(), "a head has not too many fields");
        let enough = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(MOST_FIELDS));
        assert!(read(enough.as_bytes(), false).is_ok(), "but it may have a hundred");
    }

    /// Replies, and what every reader of this project must make of them.
    #[derive(serde::Deserialize)]
    struct Case {
        reply: String,
        is_head: bool,
        /// Whether the connection ends after it.
        closed: bool,
        /// `refused`, `incomplete`, or status, body and what becomes of the connection.
        result: String,
    }

    /// Reads a whole reply that comes in `pieces`, as a connection to a backend does.
    fn result(case: &Case, pieces: &[&[u8]]) -> String {
        let refused = || "refused".to_owned();
        let (mut input, mut fields, mut body) = (BytesMut::new(), Fields::default(), Vec::new());
        let mut head: Option<Head> = None;
        for piece in pieces {
            input.extend_from_slice(piece);
            while head.as_ref().is_none_or(|head| head.status.is_informational()) && !input.is_empty() {
                match read_head(&mut input, &mut fields, case.is_head, false) {
                    Ok(Some(read)) => head = Some(read),
                    Ok(None) => break,
                    Err(_) => return refused(),
                }
            }
            if let Some(head) = head.as_mut().filter(|head| !head.status.is_informational()) {
                if !head.framing.is_over() && head.framing.transfer(&mut input, &mut body, false).is_err() {
                    return refused();
                }
                if head.framing.is_over() {
                    break;
                }
            }
        }
        match head {
            Some(head) if head.framing.is_over() || (case.closed && head.framing == Framing::Close) => {
                let connection = if head.keep_alive && input.is_empty() { "kept" } else { "closed" };
                format!("{} `{}` {connection}", head.status.as_u16(), String::from_utf8_lossy(&body))
            }
            _ if case.closed => refused(),
            _ => "incomplete".to_owned(),
        }
    }

    #[test]
    fn replies_are_read_as_the_load_generator_reads_them() {
        let cases = include_str!("../../../lb-core/tests/framing/replies.json");
        let cases: Vec<Case> = serde_json::from_str(cases).expect("the cases are JSON");
        assert!(cases.len() > 70, "{} cases", cases.len());
        for case in &cases {
            let text = case.reply.as_bytes();
            assert_eq!(result(case, &[text]), case.result, "{:?}", case.reply);
            let bytes: Vec<_> = text.chunks(1).collect();
            // Bytes after the end are then not seen any more.
            let without_connection =
                |result: &str| result.rsplit_once("` ").map_or(result, |it| it.0).to_owned();
            let result = result(case, &bytes);
            assert_eq!(without_connection(&result), without_connection(&case.result), "{:?}", case.reply);
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
            let (head, _, rest) = read(&whole, false)?.expect("all of it is there");
            prop_assert_eq!(head.status.as_u16(), status);
            prop_assert_eq!(rest, body);
        }
    }
}
