//! Handles one request up to the head of its reply: which backends are tried, what they are sent, and
//! what the client is told.

use crate::health;
use crate::metrics::ErrorType;
use crate::proxy::body::{ReplyBody, Source};
use crate::proxy::client::Client;
use crate::proxy::in_flight::{InFlight, not_sent};
use crate::proxy::target::{PREFIX, Target};
use crate::proxy::thread::Thread;
use crate::proxy::upstream::{ExchangeError, Upstream};
use crate::proxy::wire::{self, Added, Head, Upload, X_BACKEND, X_FORWARDED_FOR};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;
use hyper::body::Incoming;
use lb_core::policy::{ReplyKind, RequestInfo};
use lb_core::rng::hash_name;
use std::future::poll_fn;
use std::io::ErrorKind;
use std::rc::Rc;

const X_LB_ALGORITHM: HeaderName = HeaderName::from_static(lb_core::headers::ALGORITHM);
const X_TRACE_ID: HeaderName = HeaderName::from_static("x-trace-id");

/// Backends that are tried when one refuses the connection: a second and a third, as one that
/// refuses is marked at once, and a load balancer can do little if more than two fail at the same moment.
const ATTEMPTS: usize = 3;

/// The state of one request that all attempts to forward it share.
struct Exchange {
    thread: Rc<Thread>,
    client: Rc<Client>,
    parts: Parts,
    body: Option<Incoming>,
    upload: Upload,
    /// Path and query as the client sent them.
    path: PathAndQuery,
    trace: HeaderValue,
}

/// Whether requests for `path` are forwarded to backends.
pub(crate) fn is_proxied(path: &str) -> bool {
    path.starts_with(PREFIX)
}

/// The reply to a request that is not forwarded, on a port that serves nothing else.
pub(crate) fn not_proxied(thread: &Thread, request: &Request<Incoming>) -> Response<ReplyBody> {
    let trace = trace(thread, request.headers());
    error(StatusCode::NOT_FOUND, "only paths below /proxy/ are served here", None, trace)
}

/// Forwards one request, whose path [`is_proxied`], and answers it.
pub(crate) async fn forward(
    thread: Rc<Thread>,
    client: Rc<Client>,
    request: Request<Incoming>,
) -> Response<ReplyBody> {
    let trace = trace(&thread, request.headers());
    let (mut parts, body) = request.into_parts();
    let Some(path) = std::mem::take(&mut parts.uri).into_parts().path_and_query else {
        client.done(thread.coarse());
        return error(StatusCode::BAD_REQUEST, "request has no path", None, trace);
    };
    let upload = upload(&parts.headers, &body);
    let body = Some(body).filter(|body| !body.is_end_stream());
    Exchange { thread, client, parts, body, upload, path, trace }.run().await
}

/// How the body of a request is framed.
fn upload(headers: &HeaderMap, body: &Incoming) -> Upload {
    if body.is_end_stream() {
        // A client that says that there is nothing may mean it: POST without a length is unusual.
        return if headers.contains_key(CONTENT_LENGTH) { Upload::Length(0) } else { Upload::None };
    }
    body.size_hint().exact().map_or(Upload::Chunked, Upload::Length)
}

impl Exchange {
    /// Finds a backend that takes the request.
    async fn run(mut self) -> Response<ReplyBody> {
        let target = Target::of(&self.path);
        let Some(route) = self.thread.route(target.service) else {
            return self.unavailable(" (unknown service)");
        };
        let class = self.thread.route_class(&route.shared.pool, &self.parts.method, &target);
        let booked = self.thread.state.benchmark.counts(self.path.path());
        let info = RequestInfo { client_key: self.client_key(), route: class };
        let mut failure = None;
        for _ in 0..ATTEMPTS {
            let Some(in_flight) = InFlight::pick(&self.thread, &route, &info, booked) else {
                break;
            };
            match self.attempt(in_flight).await {
                Ok(reply) => return reply,
                Err(error) => failure = Some(error),
            }
        }
        let (status, cause) = match &failure {
            None => (StatusCode::SERVICE_UNAVAILABLE, ErrorType::NoInstance),
            Some(error) if error.kind() == ErrorKind::TimedOut => {
                (StatusCode::GATEWAY_TIMEOUT, ErrorType::Timeout)
            }
            Some(_) => (StatusCode::BAD_GATEWAY, ErrorType::Connection),
        };
        not_sent(&self.thread, &route, booked, cause, status.as_u16());
        match failure {
            None => self.unavailable(""),
            Some(error) => self.refuse(status, &format!("Failed to forward request: {error}")),
        }
    }

    /// The identity that policies with affinity hash: the first address of `X-Forwarded-For` if that
    /// can be trusted, else the peer's.
    fn client_key(&self) -> u64 {
        match self.parts.headers.get(X_FORWARDED_FOR) {
            Some(value) if self.thread.state.config.trust_forwarded_for => {
                let value = value.as_bytes();
                let first = value.split(|byte| *byte == b',').next().unwrap_or(value);
                hash_name(first.trim_ascii())
            }
            _ => self.client.key,
        }
    }

    /// Sends the request to the backend that was picked for it. It is an error if no connection could be
    /// opened, so that another backend may have the request, even if it is not idempotent.
    async fn attempt(&mut self, in_flight: InFlight) -> Result<Response<ReplyBody>, std::io::Error> {
        let slot = in_flight.backend().slot;
        if let Some(mut upstream) = self.thread.idle(slot) {
            self.client.wait_until(self.thread.deadline(in_flight.sent()));
            match self.exchange(&mut upstream, &in_flight).await {
                Ok(head) => {
                    return Ok(self.reply(&head, Source { upstream, in_flight }));
                }
                // The backend may have closed the connection while it was idle.
                Err(_) if self.may_repeat(&mut upstream) => {}
                Err(error) => return Ok(self.failed(in_flight, &error)),
            }
        }
        let limit = self.thread.state.config.timeouts.connect;
        let mut upstream = match Upstream::connect(in_flight.backend(), limit).await {
            Ok(upstream) => Box::new(upstream),
            Err(error) => {
                if error.kind() == ErrorKind::ConnectionRefused {
                    let state = &self.thread.state;
                    health::refused(state, in_flight.route(), in_flight.backend());
                }
                in_flight.unsent();
                return Err(error);
            }
        };
        self.client.wait_until(self.thread.deadline(self.thread.state.now()));
        match self.exchange(&mut upstream, &in_flight).await {
            Ok(head) => Ok(self.reply(&head, Source { upstream, in_flight })),
            Err(error) => Ok(self.failed(in_flight, &error)),
        }
    }

    /// Sends the request over `upstream` and waits for the head of the reply, whose fields replace
    /// those of the request.
    async fn exchange(
        &mut self,
        upstream: &mut Upstream,
        in_flight: &InFlight,
    ) -> Result<Head, ExchangeError> {
        let member = in_flight.member();
        let added = Added {
            prefix: &member.backend.origin.prefix,
            rest: Target::of(&self.path).rest,
            fields: &member.fields,
            peer: &self.client.peer,
            trusted: self.thread.state.config.trust_forwarded_for,
        };
        let (parts, upload) = (&self.parts, self.upload);
        upstream.begin(upload, self.body.take(), |output| {
            wire::write_head(parts, upload, &added, output);
        });
        let bodiless = self.parts.method == Method::HEAD;
        let (client, headers) = (&self.client, &mut self.parts.headers);
        poll_fn(|cx| upstream.poll_head(cx, client, headers, bodiless)).await
    }

    /// Whether the request can be sent again after `upstream` has failed. If so, it is whole again.
    fn may_repeat(&mut self, upstream: &mut Upstream) -> bool {
        if self.client.is_overdue() {
            return false;
        }
        if upstream.is_untouched() {
            self.body = upstream.take_body();
            return true;
        }
        let bodiless = matches!(self.upload, Upload::None | Upload::Length(0));
        upstream.is_unanswered() && bodiless && self.parts.method.is_idempotent()
    }

    /// A backend's reply, on its way to the client.
    fn reply(&mut self, head: &Head, source: Source) -> Response<ReplyBody> {
        let mut headers = std::mem::take(&mut self.parts.headers);
        let in_flight = &source.in_flight;
        headers.entry(X_BACKEND).or_insert_with(|| in_flight.backend_header().clone());
        headers.insert(X_LB_ALGORITHM, in_flight.algorithm_header().clone());
        headers.insert(X_TRACE_ID, self.trace.clone());
        let status = head.status.as_u16();
        let body = ReplyBody::proxied(source, &self.thread, &self.client, status);
        let mut reply = Response::new(body);
        *reply.status_mut() = head.status;
        *reply.headers_mut() = headers;
        reply
    }

    /// The reply of our own to a request that got none from its backend.
    fn failed(&self, in_flight: InFlight, error: &ExchangeError) -> Response<ReplyBody> {
        let (status, kind) = match error {
            ExchangeError::Timeout => (StatusCode::GATEWAY_TIMEOUT, Some(ReplyKind::Timeout)),
            // The client is gone: the request is released as cancelled.
            ExchangeError::Client => (StatusCode::BAD_REQUEST, None),
            _ => (StatusCode::BAD_GATEWAY, Some(ReplyKind::ConnectionError)),
        };
        let text = format!("Failed to forward request: {error}");
        let reply = self.own(status, &text, in_flight.algorithm_header().clone());
        if let Some(kind) = kind {
            in_flight.end(kind, status.as_u16());
        }
        reply
    }

    fn unavailable(&self, detail: &str) -> Response<ReplyBody> {
        let service = Target::of(&self.path).service;
        let text = format!("No healthy instances available for service: {service}{detail}");
        self.refuse(StatusCode::SERVICE_UNAVAILABLE, &text)
    }

    /// The reply of our own to a request that no backend has seen.
    fn refuse(&self, status: StatusCode, text: &str) -> Response<ReplyBody> {
        self.own(status, text, self.thread.state.current().header())
    }

    fn own(&self, status: StatusCode, text: &str, algorithm: HeaderValue) -> Response<ReplyBody> {
        self.client.done(self.thread.coarse());
        error(status, text, Some(algorithm), self.trace.clone())
    }
}

/// The trace id of the client, or a new one.
fn trace(thread: &Thread, headers: &HeaderMap) -> HeaderValue {
    headers.get(X_TRACE_ID).cloned().unwrap_or_else(|| thread.trace_id())
}

/// An error reply of our own: JSON, and no backend is named.
fn error(
    status: StatusCode,
    text: &str,
    algorithm: Option<HeaderValue>,
    trace: HeaderValue,
) -> Response<ReplyBody> {
    let body = serde_json::json!({ "error": text }).to_string();
    let mut reply = Response::new(ReplyBody::Whole(Some(Bytes::from(body))));
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(algorithm) = algorithm {
        headers.insert(X_LB_ALGORITHM, algorithm);
    }
    headers.insert(X_TRACE_ID, trace);
    reply
}
