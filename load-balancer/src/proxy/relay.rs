//! Passes a reply on while it arrives, and the rest of the request if the reply began before its end.

use crate::proxy::client::Wait;
use crate::proxy::downstream::Downstream;
use crate::proxy::framing::MOST_UNWRITTEN;
use crate::proxy::in_flight::InFlight;
use crate::proxy::requester::Requester;
use crate::proxy::upstream::{ExchangeError, Upstream};
use lb_core::policy::ReplyKind;
use std::task::{Context, Poll};

/// A reply that is being passed on.
pub(super) struct Relay {
    /// Where it comes from, until all of it is here.
    source: Option<Source>,
    status: u16,
    /// Whether the client gets it as chunks.
    chunked: bool,
}

struct Source {
    upstream: Box<Upstream>,
    in_flight: InFlight,
}

impl Relay {
    /// Creates the relay of a reply whose head has been written.
    pub(super) fn new(upstream: Box<Upstream>, in_flight: InFlight, status: u16, chunked: bool) -> Self {
        Self { source: Some(Source { upstream, in_flight }), status, chunked }
    }

    /// Passes on what can be passed on; ready when the client has everything.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        down: &mut Downstream,
    ) -> Poll<Result<(), ExchangeError>> {
        let mut arrived = false;
        loop {
            let mut uploaded = true;
            let mut more = false;
            if let Some(Source { upstream, .. }) = &mut self.source {
                uploaded = upstream.poll_send(cx, down)?.is_ready();
                // What waits to be written comes first; the backend is asked again once there is room.
                more = down.output.len() >= MOST_UNWRITTEN;
                if !more {
                    more = upstream.poll_body(cx, &mut down.output, self.chunked)?.is_ready();
                    arrived |= more;
                }
                if upstream.is_over() {
                    self.complete(down);
                }
            }
            match down.poll_flush(cx) {
                Poll::Ready(Ok(())) if self.source.is_none() => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(())) if more => {}
                Poll::Ready(Ok(())) => {
                    if down.client.is_overdue(Wait::Backend) && !arrived {
                        return Poll::Ready(Err(ExchangeError::Timeout));
                    }
                    if uploaded {
                        down.watch(cx)?;
                    }
                    // Otherwise, the client is to send the rest of its request.
                    if uploaded || down.client.wait() == Wait::Backend {
                        down.wait_for_backend(arrived);
                    }
                    return Poll::Pending;
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error.into())),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Ends the request at its backend, which is done even if the client reads slowly.
    fn complete(&mut self, down: &Downstream) {
        if let Some(Source { upstream, in_flight }) = self.source.take() {
            in_flight.over(&down.thread, upstream, self.status);
        }
    }

    /// Books the failure of the backend.
    pub(super) fn fail(self, kind: ReplyKind) {
        if let Some(source) = self.source {
            source.in_flight.end(kind, self.status);
        }
    }
}
