//! A tunnel: what becomes of a connection whose client and backend have agreed on another protocol by `Upgrade`
//! (RFC 9110, 7.8), such as WebSocket. Bytes are passed on in both directions and not looked at.
//!
//! Each side may end on its own, which the other gets to know; the tunnel is over when both have. Once one has ended,
//! the other has only as long as a client has for a piece of its body.

use crate::proxy::client::Wait;
use crate::proxy::downstream::Downstream;
use crate::proxy::upstream::Upstream;
use bytes::{Buf, BytesMut};
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

/// Least room in the buffer for another read, in bytes.
const ROOM: usize = 16 * 1024;

/// How a tunnel ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closing {
    /// Both sides have ended.
    Orderly,
    /// Nothing was said for too long.
    Idle,
    /// The connection to the client broke.
    Client,
    /// The connection to the backend broke.
    Backend,
}

/// A tunnel.
#[derive(Default)]
pub(super) struct Tunnel {
    /// From the client to the backend.
    up: Way,
    /// From the backend to the client.
    down: Way,
}

/// One direction of a tunnel.
#[derive(Default)]
struct Way {
    /// Whether the sender has ended.
    ended: bool,
    /// Whether the recipient knows.
    told: bool,
    /// Whether a byte has moved since this was last asked.
    moved: bool,
}

/// Which end of a way is broken.
enum Broken {
    Sender,
    Recipient,
}

impl Tunnel {
    /// Passes on what can be passed on; ready when the tunnel is over.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        down: &mut Downstream,
        upstream: &mut Upstream,
    ) -> Poll<Closing> {
        let ((client, from_client), (backend, from_backend)) = (down.tunnel(), upstream.tunnel());
        let up = match self.up.poll(cx, client, backend, from_client) {
            Poll::Ready(Err(Broken::Sender)) => return Poll::Ready(Closing::Client),
            Poll::Ready(Err(Broken::Recipient)) => return Poll::Ready(Closing::Backend),
            Poll::Ready(Ok(())) => true,
            Poll::Pending => false,
        };
        let back = match self.down.poll(cx, backend, client, from_backend) {
            Poll::Ready(Err(Broken::Sender)) => return Poll::Ready(Closing::Backend),
            Poll::Ready(Err(Broken::Recipient)) => return Poll::Ready(Closing::Client),
            Poll::Ready(Ok(())) => true,
            Poll::Pending => false,
        };
        if up && back {
            return Poll::Ready(Closing::Orderly);
        }
        let moved = std::mem::take(&mut self.up.moved) | std::mem::take(&mut self.down.moved);
        let (client, now) = (&down.client, down.thread.coarse());
        if moved || client.wait() != Wait::Tunnel {
            let limit = if up || back { client.limits.client } else { client.limits.tunnel };
            client.wait_for(Wait::Tunnel, now + limit);
        } else if client.is_overdue(Wait::Tunnel) {
            return Poll::Ready(Closing::Idle);
        }
        Poll::Pending
    }
}

impl Way {
    /// Passes on what `sender` says, which waits in `buffer`; ready when it has ended and `recipient` knows.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        sender: &mut (impl AsyncRead + Unpin),
        recipient: &mut (impl AsyncWrite + Unpin),
        buffer: &mut BytesMut,
    ) -> Poll<Result<(), Broken>> {
        while !self.told {
            while !buffer.is_empty() {
                match ready!(Pin::new(&mut *recipient).poll_write(cx, buffer)) {
                    Ok(count) if count > 0 => buffer.advance(count),
                    _ => return Poll::Ready(Err(Broken::Recipient)),
                }
                self.moved = true;
            }
            if ready!(Pin::new(&mut *recipient).poll_flush(cx)).is_err() {
                return Poll::Ready(Err(Broken::Recipient));
            }
            if self.ended {
                // A recipient that has gone in the meantime need not be told.
                let _ = ready!(Pin::new(&mut *recipient).poll_shutdown(cx));
                self.told = true;
                // The other way has less time from now on.
                self.moved = true;
                break;
            }
            buffer.reserve(ROOM);
            match ready!(pin!(sender.read_buf(buffer)).poll(cx)) {
                Ok(count) => self.ended = count == 0,
                Err(_) => return Poll::Ready(Err(Broken::Sender)),
            }
        }
        Poll::Ready(Ok(()))
    }
}
