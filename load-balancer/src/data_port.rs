//! The data port: accepts clients, over TLS if it has a certificate, and has each of their requests answered. What
//! begins with the preface of HTTP/2 is HTTP/2, with TLS or without.
//!
//! The number of connections is limited, so that descriptors remain for backends, health checks and the admin API.
//! When there are too many, those that have been without a request for longest make room: idle connections and
//! heads that do not arrive are what an attacker has most of.

use crate::answer::{answer, send};
use crate::http2;
use crate::proxy::{Client, Downstream, Ending, Next, Own, Thread, Transport, Wait};
use rustls::ServerConfig;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// How long to wait for descriptors or connections to become free.
const BACK_OFF: Duration = Duration::from_millis(20);
/// Least time between two warnings that no connection can be accepted.
const WARNING_INTERVAL: Duration = Duration::from_secs(5);

/// Accepts clients until it is cancelled.
pub(crate) async fn accept(thread: &Rc<Thread>, admin: Option<&axum::Router>, listener: &TcpListener) {
    let mut warned: Option<Instant> = None;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let open = Open::new(thread);
                make_room(thread).await;
                tokio::task::spawn_local(serve(open, admin.cloned(), stream, peer));
            }
            Err(error) => {
                // The usual reason is a lack of descriptors: free some, and do not fill the log meanwhile.
                if warned.is_none_or(|at| at.elapsed() >= WARNING_INTERVAL) {
                    warned = Some(Instant::now());
                    tracing::warn!("cannot accept a connection: {error}");
                }
                thread.forget_idle();
                thread.end_longest_idle();
                tokio::time::sleep(BACK_OFF).await;
            }
        }
    }
}

/// Waits until there are not too many connections any more.
async fn make_room(thread: &Thread) {
    while thread.is_full() {
        if thread.end_longest_idle() {
            // Its task ends it.
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(BACK_OFF).await;
        }
    }
}

/// Serves one client, from its first request to its last.
async fn serve(open: Open, admin: Option<axum::Router>, stream: TcpStream, peer: SocketAddr) {
    let Ok(local) = stream.local_addr() else {
        return;
    };
    // Otherwise, a reply in two writes would wait for the client's delayed acknowledgement.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let tls = open.0.state.config.tls.as_ref();
    let client = open.0.client(peer.ip(), local.ip(), tls.is_some());
    poll_fn(|cx| {
        client.remember(cx.waker());
        Poll::Ready(())
    })
    .await;
    let stream = match tls.map(|tls| tls.current()) {
        None => Transport::Tcp(stream),
        Some(config) => match shake_hands(&open.0, &client, config, stream).await {
            Some(stream) => stream,
            None => return tracing::debug!(%peer, "no TLS"),
        },
    };
    let mut down = Downstream::new(stream, Rc::clone(&open.0), client);
    loop {
        let ending = match poll_fn(|cx| down.poll_request(cx)).await {
            Next::Request => answer(&mut down, admin.as_ref()).await,
            Next::Refused(refusal) => send(&mut down, Own::refusal(refusal)).await,
            Next::Http2 => {
                let (stream, client) = down.rewind();
                // Boxed, so that the tasks of other connections have no room for its state.
                return Box::pin(http2::serve(Rc::clone(&open.0), client, stream, admin, peer)).await;
            }
            Next::End => return,
        };
        match ending {
            Ending::Replied if down.may_continue() => down.finish(),
            Ending::Replied => return down.close().await,
            Ending::BrokenOff => {
                tracing::debug!(%peer, "an exchange broke off");
                return down.break_off();
            }
        }
    }
}

/// Opens TLS. The client has as long for it as for a head, and makes room as one that has sent half of a head.
async fn shake_hands(
    thread: &Thread,
    client: &Client,
    config: Arc<ServerConfig>,
    stream: TcpStream,
) -> Option<Transport> {
    client.wait_for(Wait::Head, thread.state.now() + client.limits.head);
    // Boxed, so that the tasks of plain connections have no room for its state.
    let mut opening = Box::pin(TlsAcceptor::from(config).accept(stream));
    let opened = poll_fn(|cx| match opening.as_mut().poll(cx) {
        Poll::Ready(opened) => Poll::Ready(opened.ok()),
        Poll::Pending if client.close.get() || client.is_overdue(Wait::Head) => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    });
    let stream = opened.await?;
    client.rest(thread.coarse());
    Some(Transport::Tls(Box::new(stream)))
}

/// An open client connection, counted.
struct Open(Rc<Thread>);

impl Open {
    fn new(thread: &Rc<Thread>) -> Self {
        thread.opened();
        thread.state.metrics.connections.fetch_add(1, Relaxed);
        Self(Rc::clone(thread))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.closed();
        self.0.state.metrics.connections.fetch_sub(1, Relaxed);
    }
}
