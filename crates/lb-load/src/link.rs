//! A connection of either protocol, as a client uses it: for one request at a time.

use crate::failed::Failed;
use crate::http1;
use crate::http2::connection::Connection;
use crate::http2::request::Translator;
use crate::http2::stream::Stream;
use crate::met::Met;
use crate::reply::{Expect, Reply};
use crate::tls::Connector;
use crate::transport::{Opening, Transport};
use lb_clock::Clock;
use lb_core::connections::HttpChoice;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll};

/// A connection, or a place on one that several users share. Matching on it costs a request one predicted branch.
pub(crate) enum Link {
    /// HTTP/1.1.
    One(http1::connection::Connection),
    /// HTTP/2.
    Two(Stream),
}

impl Link {
    /// Opens a connection to the first of these addresses that accepts one, over TLS with `tls`. `shared` says whether
    /// several users are to share it.
    pub(crate) async fn open(
        addresses: &[SocketAddr],
        tls: Option<&Connector>,
        clock: Clock,
        http: HttpChoice,
        shared: bool,
    ) -> io::Result<(Self, Opening)> {
        let (transport, opening) = Transport::open(addresses, tls, clock).await?;
        // On plain TCP nothing is negotiated: who says `2` knows it beforehand.
        let is_two = if tls.is_some() { transport.chose_http2() } else { http == HttpChoice::Two };
        if is_two {
            let connection = Connection::open(transport, shared).await.map_err(io::Error::other)?;
            return Ok((Self::Two(Stream::on(connection).0), opening));
        }
        if http == HttpChoice::Two {
            return Err(io::Error::other("the server does not speak HTTP/2"));
        }
        Ok((Self::One(http1::connection::Connection::new(transport)), opening))
    }

    /// Returns whether the connection cannot carry another request.
    #[inline]
    pub(crate) fn is_stale(&mut self) -> bool {
        match self {
            Self::One(connection) => connection.is_stale(),
            Self::Two(stream) => stream.connection().is_gone(),
        }
    }

    /// Returns whether a reply from this backend changes nothing about the backends that the connection has met.
    #[inline]
    pub(crate) fn is_settled(&mut self, backend: Option<u16>) -> bool {
        self.met().is_settled(backend)
    }

    /// Returns the backends that answered on this connection.
    #[inline]
    pub(crate) fn met(&mut self) -> Met {
        match self {
            Self::One(connection) => *connection.met(),
            Self::Two(stream) => stream.connection().met.get(),
        }
    }

    /// Changes the backends that answered on this connection.
    pub(crate) fn set_met(&mut self, met: Met) {
        match self {
            Self::One(connection) => *connection.met() = met,
            Self::Two(stream) => stream.connection().met.set(met),
        }
    }

    /// Returns the connection if others can share it.
    pub(crate) fn shareable(&self) -> Option<Rc<Connection>> {
        match self {
            Self::One(_) => None,
            Self::Two(stream) => Some(Rc::clone(stream.connection())),
        }
    }

    /// Continues to write `request` and to read the reply. `buffer` is used only during the call.
    #[inline]
    pub(crate) fn poll_exchange(
        &mut self,
        cx: &mut Context<'_>,
        request: &[u8],
        expect: &mut Expect<'_>,
        shared: (&std::cell::RefCell<Box<[u8]>>, &std::cell::RefCell<Translator>),
    ) -> Poll<Result<Reply, Failed>> {
        match self {
            Self::One(connection) => {
                let mut buffer = shared.0.borrow_mut();
                connection.poll_exchange(cx, request, expect, &mut buffer).map_err(|_| {
                    if connection.was_closed_before_the_request() {
                        Failed::Unanswered
                    } else {
                        Failed::Broken
                    }
                })
            }
            Self::Two(stream) => stream.poll_exchange(cx, request, &mut shared.1.borrow_mut(), expect),
        }
    }
}
