//! The bodies that are streamed back to the client.
//!
//! The body of a proxied reply owns everything that lives as long as the reply does: the connection
//! that it comes from (kept for the next request when the reply has ended) and the count in flight.

use crate::proxy::client::Client;
use crate::proxy::in_flight::InFlight;
use crate::proxy::thread::Thread;
use crate::proxy::upstream::{ExchangeError, Upstream};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use lb_core::policy::ReplyKind;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

/// The body of a reply to the client.
pub(crate) enum ReplyBody {
    /// A body from a backend, streamed as it arrives.
    Proxied(Proxied),
    /// A complete body, or none.
    Whole(Option<Bytes>),
    /// From the admin API.
    Admin(axum::body::Body),
}

/// A reply that is being streamed.
pub(crate) struct Proxied {
    source: Option<Source>,
    thread: Rc<Thread>,
    client: Rc<Client>,
    status: u16,
}

/// Where a reply comes from, until it has ended.
pub(crate) struct Source {
    pub(crate) upstream: Box<Upstream>,
    pub(super) in_flight: InFlight,
}

impl ReplyBody {
    /// The body of a reply whose head `source` has brought. If the rest has come with it, as it
    /// usually has, the request is over already.
    pub(crate) fn proxied(mut source: Source, thread: &Rc<Thread>, client: &Rc<Client>, status: u16) -> Self {
        if let Some(bytes) = source.upstream.whole_body() {
            source.over(thread, status);
            client.done(thread.coarse());
            return Self::Whole(Some(bytes).filter(|bytes| !bytes.is_empty()));
        }
        let (thread, client) = (Rc::clone(thread), Rc::clone(client));
        Self::Proxied(Proxied { source: Some(source), thread, client, status })
    }
}

impl Source {
    /// The reply has ended as it should: releases the request and keeps the connection.
    fn over(self, thread: &Thread, status: u16) {
        let slot = self.in_flight.backend().slot;
        let kind = if status >= 500 { ReplyKind::ServerError } else { ReplyKind::Success };
        self.in_flight.end(kind, status);
        thread.keep(slot, self.upstream);
    }
}

impl Proxied {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ExchangeError>>> {
        let Some(source) = &mut self.source else {
            return Poll::Ready(None);
        };
        let frame = ready!(source.upstream.poll_frame(cx, &self.client));
        let kind = match &frame {
            Some(Ok(_)) if !source.upstream.is_over() => {
                self.client.wait_until(self.thread.deadline(self.thread.state.now()));
                return Poll::Ready(frame);
            }
            Some(Ok(_)) | None => None,
            Some(Err(ExchangeError::Timeout)) => Some(ReplyKind::Timeout),
            Some(Err(_)) => Some(ReplyKind::ConnectionError),
        };
        if let Some(source) = self.source.take() {
            match kind {
                None => source.over(&self.thread, self.status),
                Some(kind) => source.in_flight.end(kind, self.status),
            }
        }
        Poll::Ready(frame)
    }
}

impl Drop for Proxied {
    fn drop(&mut self) {
        self.client.done(self.thread.coarse());
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
            Self::Proxied(body) => {
                body.poll_frame(cx).map(|frame| frame.map(|frame| frame.map_err(Into::into)))
            }
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Admin(body) => {
                Pin::new(body).poll_frame(cx).map(|frame| frame.map(|frame| frame.map_err(Into::into)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Proxied(body) => body.source.is_none(),
            Self::Whole(bytes) => bytes.is_none(),
            Self::Admin(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Proxied(body) => match body.source.as_ref().map(|it| it.upstream.remaining()) {
                Some(Some(length)) => SizeHint::with_exact(length),
                Some(None) => SizeHint::default(),
                None => SizeHint::with_exact(0),
            },
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Self::Admin(body) => body.size_hint(),
        }
    }
}
