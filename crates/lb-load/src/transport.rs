//! The byte stream below a protocol: how it is opened, read and written.
//!
//! Plain TCP is the only kind so far. TLS would be another arm of [`Transport`], opened by a handshake in
//! [`Transport::open`]; a match on the arm costs a request a predicted branch, where a trait object would
//! cost it an indirect call. The scheme of a target's URL says which arm is meant ([`Scheme`]).

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The scheme of a target's URL, which stands for a transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// `http`: plain TCP.
    Http,
}

impl Scheme {
    /// The scheme with this name; `None` for those that are not supported.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        (name == Self::Http.name()).then_some(Self::Http)
    }

    /// The scheme as it is written in a URL, without `://`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
        }
    }

    /// The port of a URL that names none.
    pub(crate) const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
        }
    }
}

/// An open byte stream to the target.
#[derive(Debug)]
pub(crate) enum Transport {
    /// Bytes go over the wire as they are.
    Tcp(TcpStream),
}

impl Transport {
    /// Connects to the first of these addresses that accepts.
    pub(crate) async fn open(addresses: &[SocketAddr]) -> io::Result<Self> {
        let stream = TcpStream::connect(addresses).await?;
        // Each request is one write; nothing is gained by waiting for more (Nagle).
        stream.set_nodelay(true)?;
        Ok(Self::Tcp(stream))
    }

    /// Whether the stream is open and nothing waits to be read. Costs no system call while nothing has
    /// arrived since the last read.
    #[inline]
    pub(crate) fn is_idle(&self) -> bool {
        match self {
            Self::Tcp(stream) => {
                matches!(stream.try_read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
            }
        }
    }

    /// Writes some of `data`; returns how many bytes were taken.
    #[inline]
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, data),
        }
    }

    /// Reads what has arrived; nothing is added to `buffer` when the other side has closed the stream.
    #[inline]
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }

    /// Waits until there is something to read, or the other side has closed the stream.
    #[cfg(test)]
    pub(crate) async fn readable(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.readable().await,
        }
    }
}
