//! Listening sockets that can be taken down and brought up again on the same port.
//!
//! While a backend is down its port stays bound without listening: the kernel then refuses
//! connections, and no other socket of the machine can be given the port in the meantime.

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// Connections that the kernel completes before they are accepted.
const BACKLOG: i32 = 1024;

/// A bound port that refuses connections.
#[derive(Debug)]
pub(crate) struct Reserved(Socket);

impl Reserved {
    /// Binds the port; port 0 lets the system choose.
    pub(crate) fn bind(address: SocketAddr) -> io::Result<Self> {
        let kind = Type::STREAM;
        let socket = Socket::new(Domain::for_address(address), kind, Some(Protocol::TCP))?;
        // Connections of the time before linger in the kernel and would keep the port.
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        Ok(Self(socket))
    }

    /// Accepts connections from now on.
    pub(crate) fn listen(self) -> io::Result<TcpListener> {
        self.0.listen(BACKLOG)?;
        TcpListener::from_std(self.0.into())
    }
}

/// Makes dropping the connection send a reset instead of a polite end.
pub(crate) fn reset_on_drop(stream: &TcpStream) {
    if let Err(error) = SockRef::from(stream).set_linger(Some(Duration::ZERO)) {
        tracing::debug!(%error, "failed to prepare a reset");
    }
}
