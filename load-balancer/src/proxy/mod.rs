//! THE HOT PATH: one request from a client to a backend and back.
//!
//! Its rules, per request: two looks at the clock; one lock, for the pick, and one for the reply;
//! no timer, no task, no log above debug; headers are moved, not copied; whatever can be made
//! ready before (header values, counters, connections) is.
//!
//! A request is sent a second time only if that cannot serve it twice: nothing of it was written, or
//! its method is idempotent, it has no body, and not a byte of a reply came back.

mod body;
mod headers;
mod in_flight;
mod thread;
mod upstream;

pub(crate) use body::ReplyBody;
pub(crate) use thread::{Client, SWEEP, Thread};

use crate::health;
use crate::metrics::ErrorType;
use crate::state::Label;
use body::{RequestBody, Source};
use bytes::{Bytes, BytesMut};
use headers::X_TRACE_ID;
use http::header::{CONTENT_TYPE, HOST};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri, Version};
use http_body::Body;
use hyper::body::Incoming;
use in_flight::InFlight;
use lb_core::policy::{ReplyKind, RequestInfo};
use std::io::ErrorKind;
use std::rc::Rc;
use upstream::{SendError, Upstream};

/// Path below which requests are forwarded.
const PREFIX: &str = "/proxy/";

/// Backends that are tried when one refuses the connection: a second and a third, as one that
/// refuses is marked at once and more than two dying in the same moment is no load balancer's matter.
const ATTEMPTS: usize = 3;

/// Answers one request: forwards it, or gives it to the admin API.
pub(crate) async fn answer(
    thread: Rc<Thread>,
    client: Rc<Client>,
    request: Request<Incoming>,
) -> Response<ReplyBody> {
    client.begin();
    if request.uri().path().starts_with(PREFIX) {
        return forward(thread, client, request).await;
    }
    let reply = match &thread.admin {
        Some(admin) => crate::admin::answer(admin.clone(), &client, request).await,
        None => {
            let trace = trace(&thread, request.headers());
            error(
                StatusCode::NOT_FOUND,
                "only paths below /proxy/ are served here",
                None,
                trace,
            )
        }
    };
    client.done(&thread);
    reply
}

/// Where a request goes: `/proxy/{service}{rest}?{query}`.
struct Target<'a> {
    service: &'a str,
    /// Path and query at the backend, with its slash unless empty or query only.
    rest: &'a str,
}

impl<'a> Target<'a> {
    fn of(uri: &'a PathAndQuery) -> Self {
        let below = &uri.as_str()[PREFIX.len()..];
        let end = below.find(['/', '?']).unwrap_or(below.len());
        let (service, rest) = below.split_at(end);
        Self { service, rest }
    }
}

/// What all attempts of one request share.
struct Exchange {
    thread: Rc<Thread>,
    client: Rc<Client>,
    trace: HeaderValue,
}

/// No connection could be opened: the request was not sent, and another backend may have it.
struct Refused {
    request: Request<RequestBody>,
    error: std::io::Error,
}

async fn forward(
    thread: Rc<Thread>,
    client: Rc<Client>,
    request: Request<Incoming>,
) -> Response<ReplyBody> {
    let trace = trace(&thread, request.headers());
    let exchange = Exchange {
        thread,
        client,
        trace,
    };
    let (mut parts, body) = request.into_parts();
    let Some(path) = std::mem::take(&mut parts.uri).into_parts().path_and_query else {
        return exchange.refuse(StatusCode::BAD_REQUEST, "request has no path");
    };
    let target = Target::of(&path);
    let Some(route) = exchange.thread.route(target.service) else {
        return exchange.unavailable(target.service, " (unknown service)");
    };
    let state = &exchange.thread.state;
    let booked = state.benchmark.counts(path.path());
    let trusted = state.config.trust_forwarded_for;
    let client_key = headers::client_key(&parts.headers, &exchange.client, trusted);
    let info = RequestInfo {
        client_key,
        route: 0,
    };
    headers::to_backend(&mut parts.headers, &body, &exchange.client, &route, trusted);
    parts.version = Version::HTTP_11;
    let mut request = Request::from_parts(parts, RequestBody::Client(body));
    let mut failure = None;
    for _ in 0..ATTEMPTS {
        let Some(in_flight) = InFlight::pick(state, &route, &info, booked) else {
            break;
        };
        match exchange.attempt(in_flight, request, target.rest).await {
            Ok(reply) => return reply,
            Err(refused) => {
                request = refused.request;
                failure = Some(refused.error);
            }
        }
    }
    let (status, cause) = match &failure {
        None => (StatusCode::SERVICE_UNAVAILABLE, ErrorType::NoInstance),
        Some(error) if error.kind() == ErrorKind::TimedOut => {
            (StatusCode::GATEWAY_TIMEOUT, ErrorType::Timeout)
        }
        Some(_) => (StatusCode::BAD_GATEWAY, ErrorType::Connection),
    };
    in_flight::not_sent(state, &route, booked, cause, status.as_u16());
    match failure {
        None => exchange.unavailable(target.service, ""),
        Some(error) => exchange.refuse(status, &format!("Failed to forward request: {error}")),
    }
}

impl Exchange {
    /// Sends `request` to the backend that was picked for it.
    async fn attempt(
        &self,
        in_flight: InFlight,
        mut request: Request<RequestBody>,
        rest: &str,
    ) -> Result<Response<ReplyBody>, Refused> {
        let thread = &self.thread;
        let backend = in_flight.backend();
        *request.uri_mut() = backend_uri(&backend.origin.prefix, rest);
        request.headers_mut().insert(HOST, backend.host.clone());
        let mut deadline = thread.deadline(in_flight.sent());
        if let Some(mut upstream) = thread.idle(backend.slot) {
            let copy = copy_if_repeatable(&request);
            match upstream.send(request, deadline).await {
                Ok(reply) => {
                    return Ok(self.reply(
                        reply,
                        Source {
                            upstream,
                            in_flight,
                        },
                    ));
                }
                Err(SendError::Timeout) => return Ok(self.timed_out(in_flight)),
                // The backend may have closed the connection while it was idle.
                Err(SendError::Broken(error, unsent)) => match unsent.map(|it| *it).or(copy) {
                    Some(again) => request = again,
                    None => return Ok(self.broken(in_flight, &error)),
                },
            }
            deadline = thread.deadline(thread.state.now());
        }
        let limit = thread.state.config.timeouts.connect;
        let mut upstream = match Upstream::connect(in_flight.backend(), limit).await {
            Ok(upstream) => Box::new(upstream),
            Err(error) => {
                if error.kind() == ErrorKind::ConnectionRefused {
                    health::refused(&thread.state, in_flight.route(), in_flight.backend());
                }
                in_flight.unsent();
                return Err(Refused { request, error });
            }
        };
        thread.watch(&upstream);
        match upstream.send(request, deadline).await {
            Ok(reply) => Ok(self.reply(
                reply,
                Source {
                    upstream,
                    in_flight,
                },
            )),
            Err(SendError::Timeout) => Ok(self.timed_out(in_flight)),
            Err(SendError::Broken(error, _)) => Ok(self.broken(in_flight, &error)),
        }
    }

    /// A backend's reply, on its way to the client.
    fn reply(&self, reply: Response<Incoming>, source: Source) -> Response<ReplyBody> {
        let (mut parts, body) = reply.into_parts();
        let in_flight = &source.in_flight;
        headers::to_client(
            &mut parts.headers,
            &body,
            in_flight.backend(),
            in_flight.label(),
            self.trace.clone(),
        );
        let status = parts.status.as_u16();
        let (thread, client) = (Rc::clone(&self.thread), Rc::clone(&self.client));
        let body = ReplyBody::proxied(body, source, thread, client, status);
        Response::from_parts(parts, body)
    }

    fn timed_out(&self, in_flight: InFlight) -> Response<ReplyBody> {
        let status = StatusCode::GATEWAY_TIMEOUT;
        let text = "Failed to forward request: no reply in time";
        let reply = self.failed(status, text, &in_flight);
        in_flight.end(ReplyKind::Timeout, status.as_u16());
        reply
    }

    fn broken(&self, in_flight: InFlight, error: &hyper::Error) -> Response<ReplyBody> {
        let status = StatusCode::BAD_GATEWAY;
        let text = format!("Failed to forward request: {}", full_text(error));
        let reply = self.failed(status, &text, &in_flight);
        in_flight.end(ReplyKind::ConnectionError, status.as_u16());
        reply
    }

    fn failed(&self, status: StatusCode, text: &str, in_flight: &InFlight) -> Response<ReplyBody> {
        self.client.done(&self.thread);
        error(status, text, Some(in_flight.label()), self.trace.clone())
    }

    fn unavailable(&self, service: &str, detail: &str) -> Response<ReplyBody> {
        let text = format!("No healthy instances available for service: {service}{detail}");
        self.refuse(StatusCode::SERVICE_UNAVAILABLE, &text)
    }

    /// A reply of our own to a request that no backend has seen.
    fn refuse(&self, status: StatusCode, text: &str) -> Response<ReplyBody> {
        self.client.done(&self.thread);
        let label = self.thread.state.current();
        error(status, text, Some(&label), self.trace.clone())
    }
}

/// The trace id of the client, or a new one.
fn trace(thread: &Thread, headers: &HeaderMap) -> HeaderValue {
    headers
        .get(X_TRACE_ID)
        .cloned()
        .unwrap_or_else(|| thread.trace_id())
}

/// A copy to send again if the connection turns out to be stale, of requests that may be repeated.
fn copy_if_repeatable(request: &Request<RequestBody>) -> Option<Request<RequestBody>> {
    if !request.method().is_idempotent() || !request.body().is_end_stream() {
        return None;
    }
    let mut copy = Request::new(RequestBody::Empty);
    copy.method_mut().clone_from(request.method());
    copy.uri_mut().clone_from(request.uri());
    copy.headers_mut().clone_from(request.headers());
    Some(copy)
}

/// The URI at the backend: what the client asked for below the service, after the backend's prefix.
fn backend_uri(prefix: &str, rest: &str) -> Uri {
    let slash = if rest.starts_with('/') { "" } else { "/" };
    let mut path = BytesMut::with_capacity(prefix.len() + slash.len() + rest.len());
    for part in [prefix, slash, rest] {
        path.extend_from_slice(part.as_bytes());
    }
    // It was part of a valid path, and each part of one after a slash is one.
    PathAndQuery::from_maybe_shared(path.freeze()).map_or_else(|_| Uri::default(), Uri::from)
}

/// An error and what caused it: hyper's own text names the kind only.
fn full_text(error: &hyper::Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// An error reply of our own: JSON, and no backend is named.
fn error(
    status: StatusCode,
    text: &str,
    label: Option<&Label>,
    trace: HeaderValue,
) -> Response<ReplyBody> {
    let body = serde_json::json!({ "error": text }).to_string();
    let mut reply = Response::new(ReplyBody::Own(Some(Bytes::from(body))));
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers::own(headers, label, trace);
    reply
}
