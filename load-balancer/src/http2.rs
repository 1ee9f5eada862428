//! A client that speaks HTTP/2: the connection, and a task for each of its requests.
//!
//! The connection belongs to `h2`, which bounds what a client can make it hold: streams at once, the size of heads, and
//! resets (with its defaults against rapid reset). Each request is answered by the same code as one of HTTP/1.1, see
//! [`crate::proxy::Bridge`]; so limits of time, refusals and counters are the same as well. The connection itself is
//! only without a request or not, and it never ends without a `GOAWAY`, unless its client does not read.

use crate::answer::answer;
use crate::proxy::{self, Bridge, Client, Downstream, Ending, Next, Own, Thread, Transport, Wait};
use bytes::Bytes;
use h2::Reason;
use h2::server::{Builder, Connection};
use http::Request;
use lb_core::Span;
use lb_core::framing::LONGEST_HEAD;
use lb_listen::Prefixed;
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// The most requests of one client at the same time. Browsers ask for up to a hundred.
const MOST_STREAMS: u32 = 128;
/// Number of bytes of a body that may arrive before they are passed on, for each request.
const STREAM_WINDOW: u32 = 256 * 1024;
/// The same for all requests of a connection.
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// How long a client may take to read the end of a connection.
const LINGER: Span = Span::from_millis(2_000);

/// What serves the requests of a connection.
struct Server {
    thread: Rc<Thread>,
    /// The connection, as the sweep sees it.
    client: Rc<Client>,
    admin: Option<axum::Router>,
    peer: SocketAddr,
    /// Number of requests that are being answered.
    streams: Rc<Cell<usize>>,
}

/// A request that is being answered, counted.
struct Counted {
    streams: Rc<Cell<usize>>,
    client: Rc<Client>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.streams.set(self.streams.get() - 1);
        // The connection may now be without a request.
        self.client.wake();
    }
}

/// Serves a client from the preface on.
pub(crate) async fn serve(
    thread: Rc<Thread>,
    client: Rc<Client>,
    stream: Prefixed<Transport>,
    admin: Option<axum::Router>,
    peer: SocketAddr,
) {
    client.wait_for(Wait::Head, thread.state.now() + client.limits.head);
    let mut handshake = pin!(
        Builder::new()
            .max_concurrent_streams(MOST_STREAMS)
            .max_header_list_size(LONGEST_HEAD as u32)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .handshake::<_, Bytes>(stream)
    );
    let shaken = poll_fn(|cx| match handshake.as_mut().poll(cx) {
        Poll::Ready(shaken) => Poll::Ready(shaken.ok()),
        Poll::Pending if client.close.get() || client.is_overdue(Wait::Head) => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    });
    let Some(mut connection) = shaken.await else {
        return tracing::debug!(%peer, "no HTTP/2 after its preface");
    };
    client.rest(thread.coarse());
    let server = Server { thread, client, admin, peer, streams: Rc::default() };
    let mut told = false;
    while let Some(accepted) = poll_fn(|cx| server.poll_next(cx, &mut connection, &mut told)).await {
        match accepted {
            // Resets make room for new streams before the old ones are put away here.
            Ok(_) if server.streams.get() >= 2 * MOST_STREAMS as usize => {
                connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
            }
            Ok((request, respond)) => server.begin(Bridge::new(request, respond)),
            // The client was told by a GOAWAY, if it still listens.
            Err(error) => return tracing::debug!(%peer, "HTTP/2: {error}"),
        }
    }
}

type Accepted = Result<(Request<h2::RecvStream>, h2::server::SendResponse<Bytes>), h2::Error>;

impl Server {
    /// Drives the connection until the next request; `None` at its end. `told` says whether the client knows that it
    /// ends.
    fn poll_next(
        &self,
        cx: &mut Context<'_>,
        connection: &mut Connection<Prefixed<Transport>, Bytes>,
        told: &mut bool,
    ) -> Poll<Option<Accepted>> {
        let (client, now) = (&self.client, self.thread.coarse());
        let (is_idle, is_overdue) = (self.streams.get() == 0, client.is_overdue(Wait::Idle));
        if is_overdue && *told {
            return Poll::Ready(None);
        }
        let has_to_end = is_overdue || client.close.get();
        if has_to_end && !*told {
            // Without a request, the end is one message; otherwise the client gets its replies first.
            match is_idle && !connection.has_streams() {
                true => connection.abrupt_shutdown(Reason::NO_ERROR),
                false => connection.graceful_shutdown(),
            }
            *told = true;
            if is_idle {
                client.wait_for(Wait::Idle, now + LINGER);
            }
        }
        if is_idle && client.wait() != Wait::Idle {
            match *told {
                true => client.wait_for(Wait::Idle, now + LINGER),
                false => client.rest(now),
            }
        }
        connection.poll_accept(cx)
    }

    /// Answers a request in a task of its own.
    fn begin(&self, bridge: Bridge) {
        self.streams.set(self.streams.get() + 1);
        let counted = Counted { streams: Rc::clone(&self.streams), client: Rc::clone(&self.client) };
        self.client.wait_for(Wait::Backend, lb_core::Time::MAX);
        let client = self.thread.stream(&self.client);
        let stream = Transport::Stream(Box::new(bridge));
        let down = Downstream::new(stream, Rc::clone(&self.thread), client);
        let (admin, peer) = (self.admin.clone(), self.peer);
        tokio::task::spawn_local(async move {
            let _counted = counted;
            reply(down, admin, peer).await;
        });
    }
}

/// Answers the only request of a stream.
async fn reply(mut down: Downstream, admin: Option<axum::Router>, peer: SocketAddr) {
    poll_fn(|cx| {
        down.client.remember(cx.waker());
        Poll::Ready(())
    })
    .await;
    let ending = match poll_fn(|cx| down.poll_request(cx)).await {
        Next::Request => answer(&mut down, admin.as_ref()).await,
        Next::Refused(refusal) => match proxy::send(&mut down, Own::refusal(refusal)).await {
            Ok(()) => Ending::Replied,
            Err(_) => Ending::BrokenOff,
        },
        Next::Http2 | Next::End => Ending::BrokenOff,
    };
    if ending == Ending::BrokenOff {
        tracing::debug!(%peer, "an exchange over HTTP/2 broke off");
        down.break_off();
    }
}
