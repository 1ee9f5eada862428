//! Listening sockets that can be taken down and brought up again on the same port.
//!
//! While a backend is down its port stays bound without listening: the kernel then refuses
//! connections, and no other socket of the machine can be given the port in the meantime.

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::server::TlsStream;

/// Maximum number of connections that wait to be accepted.
const BACKLOG: i32 = 1024;

/// A bound port that refuses connections.
#[derive(Debug)]
pub(crate) struct Reserved(Socket);

impl Reserved {
    /// Binds the port; port 0 lets the system choose.
    pub(crate) fn bind(address: SocketAddr) -> io::Result<Self> {
        let kind = Type::STREAM;
        let socket = Socket::new(Domain::for_address(address), kind, Some(Protocol::TCP))?;
        // Old connections linger in the kernel and would otherwise block the port.
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        Ok(Self(socket))
    }

    /// Starts accepting connections.
    pub(crate) fn listen(self) -> io::Result<TcpListener> {
        self.0.listen(BACKLOG)?;
        TcpListener::from_std(self.0.into())
    }
}

/// Makes dropping the connection send a reset instead of closing it gracefully.
pub(crate) fn reset_on_drop(socket: &impl AsFd) {
    if let Err(error) = SockRef::from(socket).set_linger(Some(Duration::ZERO)) {
        tracing::debug!(%error, "failed to enable reset on drop");
    }
}

/// A connection over TCP, plain or encrypted.
pub(crate) trait Tcp: AsyncRead + AsyncWrite + Unpin + 'static {
    /// Returns the connection below.
    fn tcp(&self) -> &TcpStream;
}

impl Tcp for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Tcp for TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}
