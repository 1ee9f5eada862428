//! The byte stream below a client's connection: plain TCP, TLS over TCP, or one stream of HTTP/2.
//!
//! Matching on the arm costs a request one predicted branch; a trait object would cost an indirect call.

use crate::proxy::bridge::Bridge;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// An open byte stream to a client.
pub(crate) enum Transport {
    /// Plain TCP.
    Tcp(TcpStream),
    /// TLS over TCP. Its state is large, so it lies elsewhere: plain connections do not pay for it.
    Tls(Box<TlsStream<TcpStream>>),
    /// One request of HTTP/2 and its reply, as a connection of HTTP/1.1.
    Stream(Box<Bridge>),
}

impl Transport {
    /// Returns whether what was written may still be here until it is flushed.
    #[inline]
    pub(crate) fn keeps_back(&self) -> bool {
        !matches!(self, Self::Tcp(_))
    }

    /// Returns the socket; `None` if the stream shares one with others.
    fn socket(&self) -> Option<&TcpStream> {
        match self {
            Self::Tcp(stream) => Some(stream),
            Self::Tls(stream) => Some(stream.get_ref().0),
            Self::Stream(_) => None,
        }
    }

    /// Returns the error that the system has noted for the connection; `None` if there is none.
    pub(crate) fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket().map_or(Ok(None), TcpStream::take_error)
    }

    /// Breaks the stream off, so that what was sent is not taken for a whole reply.
    pub(crate) fn break_off(mut self) {
        if let Self::Stream(stream) = &mut self {
            stream.break_off();
        }
        if let Some(socket) = self.socket() {
            let _ = socket2::SockRef::from(socket).set_linger(Some(Duration::ZERO));
        }
    }
}

impl AsyncRead for Transport {
    #[inline]
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_read(cx, buffer),
            Self::Stream(stream) => stream.poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Transport {
    #[inline]
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, data),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_write(cx, data),
            Self::Stream(stream) => stream.poll_write(cx, data),
        }
    }

    #[inline]
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_flush(cx),
            Self::Stream(stream) => stream.poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_shutdown(cx),
            Self::Stream(stream) => stream.poll_flush(cx),
        }
    }
}
