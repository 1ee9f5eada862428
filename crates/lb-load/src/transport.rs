//! The byte stream below a protocol: how it is opened, read and written.
//!
//! Matching on the arm of [`Transport`] costs a request one predicted branch; a trait object would cost an
//! indirect call. The scheme of a target's URL selects the arm ([`Scheme`]).

use crate::tls::{ALPN_HTTP_2, Connector};
use lb_clock::Clock;
use lb_core::Span;
use serde::{Deserialize, Serialize};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// The scheme of a target's URL, which selects a transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Scheme {
    /// `http`: plain TCP.
    Http,
    /// `https`: TLS.
    Https,
}

impl Scheme {
    const ALL: [Self; 2] = [Self::Http, Self::Https];

    /// Returns the scheme with this name; `None` if it is not supported.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| scheme.name() == name)
    }

    /// Returns the scheme as written in a URL, without `://`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// Returns the port of a URL that does not name one.
    pub(crate) const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// An open byte stream to the target.
#[derive(Debug)]
pub(crate) enum Transport {
    /// Plain TCP.
    Tcp(TcpStream),
    /// TLS over TCP. Its state is large, so it lies elsewhere: plain connections do not pay for it.
    Tls(Box<TlsStream<TcpStream>>),
}

/// How long it took to open a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opening {
    /// Until the TCP connection was open.
    pub(crate) connect: Span,
    /// The TLS handshake that followed; `None` without TLS.
    pub(crate) handshake: Option<Handshake>,
}

/// A TLS handshake.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handshake {
    pub(crate) took: Span,
    /// Whether it resumed a session.
    pub(crate) resumed: bool,
}

impl Transport {
    /// Connects to the first of these addresses that accepts, and opens TLS with `tls`.
    pub(crate) async fn open(
        addresses: &[SocketAddr],
        tls: Option<&Connector>,
        clock: Clock,
    ) -> io::Result<(Self, Opening)> {
        let begin = clock.now();
        let stream = TcpStream::connect(addresses).await?;
        // Each request is one write, so waiting for more data (Nagle's algorithm) gains nothing.
        stream.set_nodelay(true)?;
        let connected = clock.now();
        let connect = connected.since(begin);
        let Some(tls) = tls else {
            return Ok((Self::Tcp(stream), Opening { connect, handshake: None }));
        };
        // Boxed, so that the tasks of users without TLS have no room for its state.
        let (stream, resumed) = Box::pin(tls.open(stream)).await?;
        let handshake = Some(Handshake { took: clock.now().since(connected), resumed });
        Ok((Self::Tls(Box::new(stream)), Opening { connect, handshake }))
    }

    /// Returns whether the server chose HTTP/2 in the TLS handshake.
    pub(crate) fn chose_http2(&self) -> bool {
        match self {
            Self::Tcp(_) => false,
            Self::Tls(stream) => stream.get_ref().1.alpn_protocol() == Some(ALPN_HTTP_2),
        }
    }

    /// Returns whether the stream is open and has nothing to read. Costs no system call while nothing has
    /// arrived since the last read.
    #[inline]
    pub(crate) fn is_idle(&mut self) -> bool {
        match self {
            Self::Tcp(stream) => {
                matches!(stream.try_read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
            }
            // Only reading tells bytes of a reply from what belongs to TLS itself, such as tickets of sessions.
            // The next exchange registers its own waker.
            Self::Tls(stream) => {
                let mut byte = [0];
                let mut cx = Context::from_waker(Waker::noop());
                Pin::new(&mut **stream).poll_read(&mut cx, &mut ReadBuf::new(&mut byte)).is_pending()
            }
        }
    }

    /// Writes some of `data`; returns the number of bytes written.
    #[inline]
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, data),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_write(cx, data),
        }
    }

    /// Sends what was written but is still here. TCP keeps nothing back.
    #[inline]
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(_) => Poll::Ready(Ok(())),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_flush(cx),
        }
    }

    /// Reads the available bytes; adds nothing to `buffer` when the other side has closed the stream.
    #[inline]
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_read(cx, buffer),
        }
    }

    /// Waits until there is something to read, or the other side has closed the stream.
    #[cfg(test)]
    pub(crate) async fn readable(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.readable().await,
            Self::Tls(stream) => stream.get_ref().0.readable().await,
        }
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Self::poll_read(self.get_mut(), cx, buffer)
    }
}

impl AsyncWrite for Transport {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Self::poll_write(self.get_mut(), cx, data)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, pieces),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_write_vectored(cx, pieces),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Self::poll_flush(self.get_mut(), cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_shutdown(cx),
        }
    }
}
