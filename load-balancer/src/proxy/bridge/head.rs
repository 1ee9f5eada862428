//! The heads of HTTP/2 as text of HTTP/1.1, and back.

use super::{is_bodiless, write_chunk};
use bytes::{Buf, BytesMut};
use http::header::{CONTENT_LENGTH, COOKIE, HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use lb_core::framing::MOST_FIELDS;
use std::io;

/// How the body of a reply ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// There is none.
    None,
    /// After this many bytes.
    Length(u64),
    /// With its last chunk.
    Chunks,
}

/// Fields that belong to a connection of HTTP/1.1, and of which HTTP/2 knows nothing (RFC 9113, 8.2.2).
const OF_CONNECTION: [&str; 5] =
    ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];

/// Writes the head of a request. Returns whether its body has to be sent as chunks, since no length is known.
pub(super) fn write_request(head: &Parts, has_body: bool, text: &mut BytesMut) -> bool {
    let uri = &head.uri;
    text.extend_from_slice(head.method.as_str().as_bytes());
    text.extend_from_slice(b" ");
    let target = uri.path_and_query().map_or("", |target| target.as_str());
    let authority = uri.authority().map(|authority| authority.as_str());
    // CONNECT has no path; it is refused in any case.
    text.extend_from_slice(if target.is_empty() { authority.unwrap_or("*") } else { target }.as_bytes());
    text.extend_from_slice(b" HTTP/1.1\r\n");
    if let Some(authority) = authority {
        write_line(b"host", authority.as_bytes(), text);
    }
    let agrees = |value: &HeaderValue| {
        authority.is_some_and(|authority| value.as_bytes().eq_ignore_ascii_case(authority.as_bytes()))
    };
    for (name, value) in &head.headers {
        // A host that disagrees with the authority is written as well, so that the request is refused.
        let is_said = (name == HOST && agrees(value)) || name == COOKIE;
        if !is_said && !OF_CONNECTION.contains(&name.as_str()) {
            write_line(name.as_str().as_bytes(), value.as_bytes(), text);
        }
    }
    write_cookies(&head.headers, text);
    let chunked = has_body && !head.headers.contains_key(CONTENT_LENGTH);
    if chunked {
        text.extend_from_slice(b"transfer-encoding: chunked\r\n");
    }
    text.extend_from_slice(b"\r\n");
    chunked
}

/// Writes the cookies, which HTTP/2 may bring as many fields, as the only one that HTTP/1.1 allows (RFC 9113, 8.2.3).
fn write_cookies(fields: &HeaderMap, text: &mut BytesMut) {
    let mut separator: &[u8] = b"cookie: ";
    for cookie in fields.get_all(COOKIE) {
        text.extend_from_slice(separator);
        text.extend_from_slice(cookie.as_bytes());
        separator = b"; ";
    }
    if fields.contains_key(COOKIE) {
        text.extend_from_slice(b"\r\n");
    }
}

fn write_line(name: &[u8], value: &[u8], text: &mut BytesMut) {
    text.extend_from_slice(name);
    text.extend_from_slice(b": ");
    text.extend_from_slice(value);
    text.extend_from_slice(b"\r\n");
}

/// Writes a part of a request's body.
pub(super) fn write_data(data: &[u8], chunked: bool, text: &mut BytesMut) {
    match chunked {
        true => write_chunk(data, text),
        false => text.extend_from_slice(data),
    }
}

/// Writes the end of a chunked body.
pub(super) fn write_end(trailers: Option<&HeaderMap>, text: &mut BytesMut) {
    text.extend_from_slice(b"0\r\n");
    for (name, value) in trailers.into_iter().flatten() {
        write_line(name.as_str().as_bytes(), value.as_bytes(), text);
    }
    text.extend_from_slice(b"\r\n");
}

/// Takes the head of a reply from `text` once all of it is there. `is_head` says that it answers HEAD.
pub(super) fn read_reply(text: &mut BytesMut, is_head: bool) -> io::Result<Option<(Response<()>, Body)>> {
    // The load balancer adds a few fields to those of a backend.
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS + 16];
    let mut head = httparse::Response::new(&mut fields);
    let length = match head.parse(text) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(error) => return Err(io::Error::other(error)),
    };
    let status = head.code.and_then(|code| StatusCode::from_u16(code).ok());
    let mut reply = Response::new(());
    *reply.status_mut() = status.ok_or_else(|| io::Error::other("a reply without a status"))?;
    let (mut stated, mut chunked) = (None, false);
    for field in head.headers.iter() {
        let Some((name, value)) = read_field(field) else { continue };
        if name == TRANSFER_ENCODING {
            chunked = true;
        } else if name == CONTENT_LENGTH {
            stated = std::str::from_utf8(field.value).ok().and_then(|length| length.parse().ok());
        }
        if !OF_CONNECTION.contains(&name.as_str()) {
            reply.headers_mut().append(name, value);
        }
    }
    text.advance(length);
    let body = match stated {
        _ if is_head || is_bodiless(reply.status()) => Body::None,
        _ if chunked => Body::Chunks,
        Some(length) if length > 0 => Body::Length(length),
        _ => Body::None,
    };
    Ok(Some((reply, body)))
}

/// Returns the fields in the lines of trailers.
pub(super) fn read_trailers(lines: &[u8]) -> HeaderMap {
    let text = [lines, b"\r\n"].concat();
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    match httparse::parse_headers(&text, &mut fields) {
        Ok(httparse::Status::Complete((_, fields))) => fields.iter().filter_map(read_field).collect(),
        _ => HeaderMap::new(),
    }
}

fn read_field(field: &httparse::Header<'_>) -> Option<(HeaderName, HeaderValue)> {
    Some((HeaderName::from_bytes(field.name.as_bytes()).ok()?, HeaderValue::from_bytes(field.value).ok()?))
}
