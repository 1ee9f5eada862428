//! Handles one request: which backends are tried, what is sent to them, and what is returned to the client.

use crate::config::HostField;
use crate::health;
use crate::metrics::ErrorType;
use crate::proxy::client::Wait;
use crate::proxy::downstream::Downstream;
use crate::proxy::fields::Kind;
use crate::proxy::in_flight::{InFlight, not_sent};
use crate::proxy::listen;
use crate::proxy::own::{self, Own};
use crate::proxy::relay::Relay;
use crate::proxy::reply::Head;
use crate::proxy::request::{self, Added, Upload};
use crate::proxy::requester::ClientError;
use crate::proxy::target::{PREFIX, Target};
use crate::proxy::thread::Thread;
use crate::proxy::tunnel::{Closing, Tunnel};
use crate::proxy::upstream::{ExchangeError, Upstream};
use http::{HeaderValue, Method, StatusCode};
use lb_core::policy::{ReplyKind, RequestInfo};
use lb_core::rng::hash_name;
use std::future::poll_fn;
use std::io::ErrorKind;
use std::rc::Rc;

/// Maximum number of backends that are tried when connections are refused. A backend that refuses is marked
/// at once, and a load balancer can do little if more than two fail at the same moment.
const ATTEMPTS: usize = 3;

/// Returns whether `target` names a service, so that its requests are forwarded whatever else is served.
pub(crate) fn is_proxied(target: &[u8]) -> bool {
    target.starts_with(PREFIX.as_bytes())
}

/// How an exchange with a client ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The client has its reply.
    Replied,
    /// The client has no reply, or only a part of one.
    BrokenOff,
}

/// The reason why an attempt did not lead to a complete reply.
enum Failure {
    /// No connection could be opened, so another backend may be tried.
    Unreachable(std::io::Error),
    /// It was the client.
    Client(ClientError),
    /// The backend broke its reply off.
    BrokenOff,
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}

/// The state of one request that all attempts to forward it share.
struct Exchange<'a> {
    thread: &'a Rc<Thread>,
    down: &'a mut Downstream,
}

/// Forwards the request of `down`, whose path [`is_proxied`] unless a pool is mounted at `/`, and answers it.
pub(crate) async fn forward(down: &mut Downstream) -> Ending {
    let thread = Rc::clone(&down.thread);
    let target = down.request.target.clone();
    let target = std::str::from_utf8(&target).unwrap_or(PREFIX);
    let target = Target::of(target, thread.state.config.root.as_deref());
    Exchange { thread: &thread, down }.run(target).await
}

impl Exchange<'_> {
    /// Finds a backend that accepts the request for `target`, and returns its reply to the client.
    async fn run(mut self, target: Target<'_>) -> Ending {
        let Some(route) = self.thread.route(target.service) else {
            return self.unavailable(&target, " (unknown service)").await;
        };
        let class = self.thread.route_class(&route.shared.pool, &self.down.request.method, &target);
        let booked = self.thread.state.benchmark.counts(target.path);
        let hints = listen::hints(self.thread, &route.shared.pool, &self.down.request, target.rest);
        let info = RequestInfo { client_key: self.client_key(), route: class, hints };
        let mut failure = None;
        for _ in 0..ATTEMPTS {
            let Some(in_flight) = InFlight::pick(self.thread, &route, &info, booked) else {
                break;
            };
            if let Some(prober) = &self.thread.prober {
                prober.on_request(&route.shared, in_flight.sent());
            }
            match self.attempt(in_flight, target.rest).await {
                Ok(()) => return Ending::Replied,
                Err(Failure::BrokenOff) => return Ending::BrokenOff,
                Err(Failure::Client(error)) => {
                    route.metrics.client_abort();
                    return self.reproach(error).await;
                }
                Err(Failure::Unreachable(error)) if is_own(&error) => {
                    failure = Some(error);
                    break;
                }
                Err(Failure::Unreachable(error)) => failure = Some(error),
            }
        }
        let (status, cause) = match &failure {
            None => (StatusCode::SERVICE_UNAVAILABLE, ErrorType::NoInstance),
            Some(error) if is_own(error) => (StatusCode::SERVICE_UNAVAILABLE, ErrorType::Connection),
            Some(error) if error.kind() == ErrorKind::TimedOut => {
                (StatusCode::GATEWAY_TIMEOUT, ErrorType::Timeout)
            }
            Some(_) => (StatusCode::BAD_GATEWAY, ErrorType::Connection),
        };
        not_sent(self.thread, &route, booked, cause, status.as_u16());
        match failure {
            None => self.unavailable(&target, "").await,
            Some(error) => self.refuse(status, &format!("Failed to forward request: {error}")).await,
        }
    }

    /// Returns the identity that policies with affinity hash: the first address of `X-Forwarded-For` if the
    /// header is trusted, else the peer's address.
    fn client_key(&self) -> u64 {
        if !self.thread.state.config.trust_forwarded_for {
            return self.down.client.key;
        }
        match self.down.request.fields.values(Kind::ForwardedFor).next() {
            Some(value) => {
                let first = value.split(|byte| *byte == b',').next().unwrap_or(value);
                hash_name(first.trim_ascii())
            }
            None => self.down.client.key,
        }
    }

    /// Sends the request to the backend that was picked for it, and passes its reply on.
    async fn attempt(&mut self, in_flight: InFlight, rest: &str) -> Result<(), Failure> {
        let slot = in_flight.backend().slot;
        if let Some(mut upstream) = self.idle(slot) {
            self.wait_since(in_flight.sent());
            match self.exchange(&mut upstream, &in_flight, rest).await {
                Ok(head) => return self.reply(head, upstream, in_flight).await,
                // The backend may have closed the connection while it was idle.
                Err(error) if self.may_repeat(&upstream, &error) => {}
                Err(error) => return self.failed(in_flight, error).await,
            }
        }
        let limit = self.thread.state.config.timeouts.connect;
        // Dropped, the request counts as cancelled: it is not the backend's fault.
        let Some(counted) = self.thread.make_room() else {
            let text = "there are too many connections to backends";
            return Err(Failure::Unreachable(std::io::Error::new(ErrorKind::AddrNotAvailable, text)));
        };
        let mut upstream = match Upstream::connect(in_flight.backend(), limit, counted).await {
            Ok(upstream) => Box::new(upstream),
            Err(error) if is_own(&error) => return Err(Failure::Unreachable(error)),
            Err(error) => {
                if error.kind() == ErrorKind::ConnectionRefused {
                    let state = &self.thread.state;
                    health::refused(state, in_flight.route(), in_flight.backend());
                }
                in_flight.unsent();
                return Err(Failure::Unreachable(error));
            }
        };
        self.down.client.is_known.set(true);
        self.wait_since(self.thread.state.now());
        match self.exchange(&mut upstream, &in_flight, rest).await {
            Ok(head) => self.reply(head, upstream, in_flight).await,
            Err(error) => self.failed(in_flight, error).await,
        }
    }

    /// Takes an idle connection to the backend of `slot`, unless this is the client's first request. That one gets
    /// a connection of its own, which replaces the idle one that has been idle for longest: should a backend send
    /// something late, it reaches no client that has only just come.
    fn idle(&self, slot: usize) -> Option<Box<Upstream>> {
        if self.down.client.is_known.get() {
            return self.thread.idle(slot);
        }
        self.thread.discard_idle(slot);
        None
    }

    /// Waits for the backend since `begin`.
    fn wait_since(&self, begin: lb_core::Time) {
        let client = &self.down.client;
        client.wait_for(Wait::Backend, begin + client.limits.response);
    }

    /// Sends the request over `upstream` and waits for the head of the reply.
    async fn exchange(
        &mut self,
        upstream: &mut Upstream,
        in_flight: &InFlight,
        rest: &str,
    ) -> Result<Head, ExchangeError> {
        let member = in_flight.member();
        let config = &self.thread.state.config;
        let (request, client) = (&self.down.request, &self.down.client);
        let origin = &member.backend.origin;
        let added = Added {
            prefix: &origin.prefix,
            rest,
            host: (config.host == HostField::Backend || !request.fields.has(Kind::Host))
                .then_some(origin.authority.as_str()),
            fields: &member.fields,
            peer: &client.peer,
            trusted: config.trust_forwarded_for,
            secure: client.secure,
        };
        upstream
            .begin(request.upload, request.upgrade, |output| request::write_head(request, &added, output));
        let is_head = request.method == Method::HEAD;
        let down = &mut *self.down;
        poll_fn(|cx| upstream.poll_head(cx, down, is_head)).await
    }

    /// Returns whether the request can be sent again after `upstream` failed. If so, its body is complete.
    fn may_repeat(&self, upstream: &Upstream, error: &ExchangeError) -> bool {
        if matches!(error, ExchangeError::Timeout | ExchangeError::Client(_)) {
            return false;
        }
        let request = &self.down.request;
        let bodiless = matches!(request.upload, Upload::None | Upload::Length(0));
        upstream.is_untouched() || (upstream.is_unanswered() && bodiless && request.method.is_idempotent())
    }

    /// Passes the reply of a backend on to the client.
    async fn reply(
        &mut self,
        head: Head,
        mut upstream: Box<Upstream>,
        mut in_flight: InFlight,
    ) -> Result<(), Failure> {
        if head.status == StatusCode::SWITCHING_PROTOCOLS {
            return self.tunnel(&head, upstream, in_flight).await;
        }
        if let Some(reports) = &self.thread.state.config.load_reports {
            in_flight.hear(&mut upstream.fields, reports);
        }
        let down = &mut *self.down;
        let status = head.status.as_u16();
        let chunked = own::write_reply(down, &head, &upstream.fields, &in_flight);
        if upstream.take_whole_body(&mut down.output) {
            in_flight.over(self.thread, upstream, status);
            return Ok(poll_fn(|cx| down.poll_flush(cx)).await?);
        }
        let mut relay = Relay::new(upstream, in_flight, status, chunked);
        match poll_fn(|cx| relay.poll(cx, down)).await {
            Ok(()) => Ok(()),
            Err(ExchangeError::Client(error)) => Err(error.into()),
            Err(error) => {
                let kind = match error {
                    ExchangeError::Timeout => ReplyKind::Timeout,
                    _ => ReplyKind::ConnectionError,
                };
                relay.fail(kind);
                Err(Failure::BrokenOff)
            }
        }
    }

    /// Lets client and backend talk in the protocol that they have agreed on, until one of them ends.
    async fn tunnel(
        &mut self,
        head: &Head,
        mut upstream: Box<Upstream>,
        in_flight: InFlight,
    ) -> Result<(), Failure> {
        let opened = in_flight.tunnelled();
        let down = &mut *self.down;
        own::write_switch(down, head, &upstream.fields, &in_flight);
        let mut tunnel = Tunnel::default();
        let closing = match poll_fn(|cx| down.poll_flush(cx)).await {
            Ok(()) => poll_fn(|cx| tunnel.poll(cx, down, &mut upstream)).await,
            Err(_) => Closing::Client,
        };
        let kind = match closing {
            Closing::Backend => ReplyKind::ConnectionError,
            Closing::Orderly | Closing::Idle | Closing::Client => ReplyKind::Success,
        };
        in_flight.end_tunnel(kind, opened);
        match closing {
            Closing::Orderly => Ok(()),
            _ => Err(Failure::BrokenOff),
        }
    }

    /// Answers a request that got no reply from its backend. If it was the client's fault, the request is released
    /// as cancelled.
    async fn failed(&mut self, in_flight: InFlight, error: ExchangeError) -> Result<(), Failure> {
        let (status, kind) = match error {
            ExchangeError::Client(error) => return Err(error.into()),
            ExchangeError::Timeout => (StatusCode::GATEWAY_TIMEOUT, ReplyKind::Timeout),
            _ => (StatusCode::BAD_GATEWAY, ReplyKind::ConnectionError),
        };
        let text = format!("Failed to forward request: {error}");
        let algorithm = in_flight.algorithm_header().clone();
        in_flight.end(kind, status.as_u16());
        Ok(self.own(status, &text, algorithm).await?)
    }

    /// Tells a client what it did wrong, if it can still be told.
    async fn reproach(&mut self, error: ClientError) -> Ending {
        let status = match error {
            ClientError::Slow => StatusCode::REQUEST_TIMEOUT,
            ClientError::Malformed(_) => StatusCode::BAD_REQUEST,
            ClientError::Gone => return Ending::BrokenOff,
        };
        if self.down.is_replying() {
            return Ending::BrokenOff;
        }
        self.refuse(status, &error.to_string()).await
    }

    async fn unavailable(&mut self, target: &Target<'_>, detail: &str) -> Ending {
        let text = format!("No healthy instances available for service: {}{detail}", target.service);
        self.refuse(StatusCode::SERVICE_UNAVAILABLE, &text).await
    }

    /// Gives our own reply to a request that no backend answered.
    async fn refuse(&mut self, status: StatusCode, text: &str) -> Ending {
        let algorithm = self.thread.state.current().header();
        match self.own(status, text, algorithm).await {
            Ok(()) => Ending::Replied,
            Err(_) => Ending::BrokenOff,
        }
    }

    async fn own(
        &mut self,
        status: StatusCode,
        text: &str,
        algorithm: HeaderValue,
    ) -> Result<(), ClientError> {
        own::send(self.down, Own { algorithm: Some(algorithm), ..Own::error(status, text) }).await
    }
}

/// Returns whether a connection could not be opened for a reason that lies in this process: it has no descriptors or
/// no ports left.
fn is_own(error: &std::io::Error) -> bool {
    /// `EMFILE` and `ENFILE` of Linux.
    const NO_DESCRIPTORS: [i32; 2] = [24, 23];
    error.kind() == ErrorKind::AddrNotAvailable
        || error.raw_os_error().is_some_and(|code| NO_DESCRIPTORS.contains(&code))
}
