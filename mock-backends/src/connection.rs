//! One connection to a backend, from its first byte to its end: TLS if the backends speak it, then HTTP/1.1, HTTP/2 or,
//! after an upgrade, a WebSocket.
//!
//! HTTP/2 is agreed on with TLS (ALPN), or begins with its preface where HTTP/1.1 was expected. When the backend goes
//! down, the connection is reset.

use crate::echo;
use crate::server::{Broken, Instance, handle};
use crate::socket::{Tcp, reset_on_drop};
use crate::tls::HTTP2;
use bytes::Bytes;
use lb_listen::{End, Ended, Limits, Newcomer, Prefixed, Seat, serve, serve_http2};
use std::cell::Cell;
use std::os::fd::AsFd as _;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// Load balancers keep connections for minutes, and what they reuse must not end under their hands.
const IDLE: Duration = Duration::from_secs(900);

/// Serves a connection until either side ends it or the backend goes down, which `incarnation` tells.
pub(crate) async fn converse(
    instance: Rc<Instance>,
    newcomer: Newcomer,
    mut incarnation: watch::Receiver<u64>,
    tls: Option<TlsAcceptor>,
) {
    let Newcomer { stream, seat, .. } = newcomer;
    // Replies are sent immediately; Nagle's algorithm would add to the service time.
    let _ = stream.set_nodelay(true);
    let connection = Connection { instance, seat, limits: Limits { idle: IDLE, ..Limits::default() } };
    let Some(tls) = tls else {
        return connection.speak_http1(stream, incarnation).await;
    };
    let accepted = tokio::select! {
        accepted = timeout(connection.limits.head, tls.accept(stream)) => accepted,
        _ = incarnation.changed() => return,
    };
    match accepted {
        Ok(Ok(stream)) if stream.get_ref().1.alpn_protocol() == Some(HTTP2) => {
            connection.speak_http2(stream, Bytes::new(), incarnation).await;
        }
        Ok(Ok(stream)) => connection.speak_http1(stream, incarnation).await,
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => tracing::debug!("a TLS handshake took too long"),
    }
}

/// What serving a connection needs.
struct Connection {
    instance: Rc<Instance>,
    seat: Seat,
    limits: Limits,
}

impl Connection {
    async fn speak_http1(self, stream: impl Tcp, mut incarnation: watch::Receiver<u64>) {
        let upgraded = Cell::new(false);
        let down = async { drop(incarnation.changed().await) };
        let answer = |request| handle(Rc::clone(&self.instance), request, Some(&upgraded));
        let Ended { mut stream, why, rest } = serve(stream, &self.limits, &self.seat, down, answer).await;
        let reset = match why {
            End::Closed if upgraded.get() => {
                self.seat.occupy();
                tokio::select! {
                    () = echo::serve(&mut stream, rest, IDLE) => false,
                    _ = incarnation.changed() => true,
                }
            }
            End::Failed(error) if error.is_parse_version_h2() => {
                return self.speak_http2(stream, rest, incarnation).await;
            }
            End::Stopped => true,
            End::Failed(error) => is_broken(&error),
            End::Closed | End::Overdue(_) | End::Dismissed => false,
        };
        if reset {
            reset_on_drop(stream.tcp());
        }
    }

    /// Serves HTTP/2; `rest` was already read.
    async fn speak_http2(self, stream: impl Tcp, rest: Bytes, mut incarnation: watch::Receiver<u64>) {
        let Self { instance, seat, limits } = self;
        // hyper keeps the stream to its end.
        let socket = stream.tcp().as_fd().try_clone_to_owned();
        let down = async {
            let _ = incarnation.changed().await;
            if let Ok(socket) = &socket {
                reset_on_drop(socket);
            }
        };
        let answer = move |request| handle(Rc::clone(&instance), request, None);
        let why = serve_http2(Prefixed::new(rest, stream), &limits, &seat, down, answer).await;
        tracing::trace!(?why, "a connection with HTTP/2 ended");
    }
}

fn is_broken(error: &hyper::Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<Broken>())
}
