//! Writes replies to clients: the heads of those that come from backends, and all of our own.

use crate::proxy::downstream::Downstream;
use crate::proxy::fields::{Fields, Kind, TRACE_ID, write_field};
use crate::proxy::framing::Framing;
use crate::proxy::in_flight::InFlight;
use crate::proxy::reply::{self, Download, Head};
use crate::proxy::request::Refusal;
use crate::proxy::requester::ClientError;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use lb_core::headers;
use std::future::poll_fn;

/// A complete reply that the load balancer gives itself.
#[derive(Default)]
pub(crate) struct Own {
    pub(crate) status: StatusCode,
    pub(crate) fields: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// The algorithm to be named, for requests that would have been forwarded.
    pub(crate) algorithm: Option<HeaderValue>,
    /// Whether the reply says by which id the request is followed.
    pub(crate) is_traced: bool,
}

impl Own {
    /// Returns an error as JSON.
    pub(crate) fn error(status: StatusCode, text: &str) -> Self {
        let body = serde_json::json!({ "error": text }).to_string().into_bytes();
        let mut fields = HeaderMap::new();
        fields.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self { status, fields, body, algorithm: None, is_traced: true }
    }

    /// Returns the reply to a request that is refused unread.
    pub(crate) fn refusal(refusal: Refusal) -> Self {
        let mut own = Self { is_traced: false, ..Self::error(refusal.status, refusal.text) };
        if refusal.status == StatusCode::METHOD_NOT_ALLOWED {
            let methods = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
            own.fields.insert(http::header::ALLOW, methods);
        }
        own
    }
}

/// Sends a reply of our own.
pub(crate) async fn send(down: &mut Downstream, own: Own) -> Result<(), ClientError> {
    down.skip_body();
    down.begin_reply();
    let is_head = down.request.method == Method::HEAD;
    let output = &mut down.output;
    reply::write_status(own.status, output);
    for (name, value) in &own.fields {
        write_field(name.as_str().as_bytes(), value.as_bytes(), output);
    }
    if let Some(algorithm) = &own.algorithm {
        write_field(headers::ALGORITHM.as_bytes(), algorithm.as_bytes(), output);
    }
    if own.is_traced {
        write_trace(down);
    }
    let states_length = own.status == StatusCode::NO_CONTENT
        || own.status == StatusCode::NOT_MODIFIED
        || own.fields.contains_key(http::header::CONTENT_LENGTH);
    if !states_length {
        reply::write_framing(Download::Length(own.body.len() as u64), &mut down.output);
    }
    write_date(down, own.fields.contains_key(http::header::DATE));
    end_head(down, false);
    if !is_head {
        down.output.extend_from_slice(&own.body);
    }
    poll_fn(|cx| down.poll_flush(cx)).await
}

/// Writes the head of a backend's reply to the output of `down`. Returns whether the client gets the body as chunks.
pub(crate) fn write_reply(down: &mut Downstream, head: &Head, fields: &Fields, in_flight: &InFlight) -> bool {
    let download = match head.framing {
        _ if head.bodiless => Download::None,
        Framing::Length(length) => Download::Length(length),
        _ if down.request.is_current => Download::Chunked,
        _ => Download::Close,
    };
    down.begin_reply();
    let output = &mut down.output;
    reply::write_status(head.status, output);
    reply::write_fields(fields, head, output);
    write_names(fields, in_flight, output);
    write_trace(down);
    reply::write_framing(download, &mut down.output);
    write_date(down, fields.has(Kind::Date));
    end_head(down, download == Download::Close);
    download == Download::Chunked
}

/// Writes the head with which a backend takes up another protocol.
pub(crate) fn write_switch(down: &mut Downstream, head: &Head, fields: &Fields, in_flight: &InFlight) {
    down.request.keep_alive = false;
    down.begin_reply();
    let output = &mut down.output;
    reply::write_status(head.status, output);
    reply::write_fields(fields, head, output);
    reply::write_upgrade(fields, output);
    write_names(fields, in_flight, output);
    write_trace(down);
    down.output.extend_from_slice(b"\r\n");
}

/// Writes the names of backend and algorithm. A backend's own name gives way, so that counters and replies use the same
/// names; if it is another one, it is kept under another field.
fn write_names(fields: &Fields, in_flight: &InFlight, output: &mut Vec<u8>) {
    let name = in_flight.backend_header().as_bytes();
    for own in fields.values(Kind::Backend).filter(|own| *own != name) {
        write_field(headers::BACKEND_OF_ORIGIN.as_bytes(), own, output);
    }
    write_field(headers::BACKEND.as_bytes(), name, output);
    write_field(headers::ALGORITHM.as_bytes(), in_flight.algorithm_header().as_bytes(), output);
}

/// Writes the trace id of the client, or a new one.
fn write_trace(down: &mut Downstream) {
    match down.request.fields.values(Kind::Trace).next() {
        Some(id) => write_field(TRACE_ID.as_bytes(), id, &mut down.output),
        None => write_field(TRACE_ID.as_bytes(), &down.thread.trace_id(), &mut down.output),
    }
}

/// Writes the date unless the reply has one (RFC 9110, 6.6.1).
fn write_date(down: &mut Downstream, has_one: bool) {
    if !has_one {
        write_field(b"date", &down.thread.date(), &mut down.output);
    }
}

/// Writes what the connection does after the reply, and the end of the head. `close` says that the reply ends with
/// the connection.
fn end_head(down: &mut Downstream, close: bool) {
    if close || !down.may_continue() {
        down.request.keep_alive = false;
        down.output.extend_from_slice(b"connection: close\r\n");
    } else if !down.request.is_current {
        down.output.extend_from_slice(b"connection: keep-alive\r\n");
    }
    down.output.extend_from_slice(b"\r\n");
}
