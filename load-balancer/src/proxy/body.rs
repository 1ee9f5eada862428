//! Bodies: what is streamed from the client to the backend, and what is streamed back.
//!
//! The body of a proxied reply owns everything that lives as long as the reply does: the connection
//! that it comes from (kept for the next request when the reply has ended) and the count in flight.

use crate::proxy::in_flight::InFlight;
use crate::proxy::thread::{Client, Thread};
use crate::proxy::upstream::{FrameError, Upstream};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use lb_core::policy::ReplyKind;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

/// The body of a request to a backend.
pub(crate) enum RequestBody {
    /// What the client sends, as it comes.
    Client(Incoming),
    /// None: the request is sent a second time.
    Empty,
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.get_mut() {
            Self::Client(body) => Pin::new(body).poll_frame(cx),
            Self::Empty => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Client(body) => body.is_end_stream(),
            Self::Empty => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Client(body) => body.size_hint(),
            Self::Empty => SizeHint::with_exact(0),
        }
    }
}

/// The body of a reply to the client.
pub(crate) enum ReplyBody {
    /// From a backend, as it comes.
    Proxied(Proxied),
    /// A few bytes of our own, or nothing.
    Own(Option<Bytes>),
    /// From the admin API.
    Admin(axum::body::Body),
}

/// A reply that is being streamed.
pub(crate) struct Proxied {
    incoming: Incoming,
    source: Option<Source>,
    thread: Rc<Thread>,
    client: Rc<Client>,
    status: u16,
}

/// Where a reply comes from, until it has ended.
pub(crate) struct Source {
    pub(crate) upstream: Box<Upstream>,
    pub(crate) in_flight: InFlight,
}

impl ReplyBody {
    /// The body of a reply from `source`. When it is empty, the request is over already.
    pub(crate) fn proxied(
        incoming: Incoming,
        source: Source,
        thread: Rc<Thread>,
        client: Rc<Client>,
        status: u16,
    ) -> Self {
        if incoming.is_end_stream() {
            source.over(&thread, status);
            client.done(&thread);
            return Self::Own(None);
        }
        Self::Proxied(Proxied {
            incoming,
            source: Some(source),
            thread,
            client,
            status,
        })
    }
}

impl Source {
    /// The reply has ended as it should: releases the request and keeps the connection.
    fn over(self, thread: &Thread, status: u16) {
        let slot = self.in_flight.backend().slot;
        let kind = if status >= 500 {
            ReplyKind::ServerError
        } else {
            ReplyKind::Success
        };
        self.in_flight.end(kind, status);
        thread.keep(slot, self.upstream);
    }
}

impl Proxied {
    fn poll_frame(&mut self, cx: &Context<'_>) -> Poll<Option<Result<Frame<Bytes>, FrameError>>> {
        let Some(source) = &mut self.source else {
            return Poll::Ready(None);
        };
        let frame = ready!(source.upstream.poll_frame(&mut self.incoming, cx));
        match &frame {
            Some(Ok(frame)) if frame.is_data() && !self.incoming.is_end_stream() => {
                source
                    .upstream
                    .extend(self.thread.deadline(self.thread.state.now()));
            }
            Some(Err(error)) => {
                let kind = match error {
                    FrameError::Timeout => ReplyKind::Timeout,
                    FrameError::Broken(_) => ReplyKind::ConnectionError,
                };
                if let Some(source) = self.source.take() {
                    source.in_flight.end(kind, self.status);
                }
            }
            _ => {
                if let Some(source) = self.source.take() {
                    source.over(&self.thread, self.status);
                }
            }
        }
        Poll::Ready(frame)
    }
}

impl Drop for Proxied {
    fn drop(&mut self) {
        self.client.done(&self.thread);
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.get_mut() {
            Self::Proxied(body) => body
                .poll_frame(cx)
                .map(|frame| frame.map(|frame| frame.map_err(Into::into))),
            Self::Own(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Admin(body) => Pin::new(body)
                .poll_frame(cx)
                .map(|frame| frame.map(|frame| frame.map_err(Into::into))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Proxied(body) => body.incoming.is_end_stream(),
            Self::Own(bytes) => bytes.is_none(),
            Self::Admin(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Proxied(body) => body.incoming.size_hint(),
            Self::Own(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Self::Admin(body) => body.size_hint(),
        }
    }
}
