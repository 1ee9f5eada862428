//! A connection that writes a request and reads its reply, both within the task of its user.

use crate::http1::codec::{Decoder, NotHttp};
use crate::met::Met;
use crate::reply::{Expect, Reply};
use crate::transport::Transport;
use std::io;
use std::task::{Context, Poll, ready};
use tokio::io::ReadBuf;

/// An HTTP/1.1 connection, which carries one request at a time.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: Transport,
    decoder: Decoder,
    /// How many bytes of the current request have been written.
    written: usize,
    /// Whether bytes of the reply to the current request have come.
    begun: bool,
    /// Whether a request was answered before the current one.
    reused: bool,
    met: Met,
}

/// The connection broke, or the reply is not HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broken;

impl From<io::Error> for Broken {
    fn from(_: io::Error) -> Self {
        Self
    }
}

impl From<NotHttp> for Broken {
    fn from(_: NotHttp) -> Self {
        Self
    }
}

impl Connection {
    /// Begins HTTP/1.1 on an open stream of bytes.
    pub(crate) fn new(stream: Transport) -> Self {
        let decoder = Decoder::default();
        Self { stream, decoder, written: 0, begun: false, reused: false, met: Met::Nobody }
    }

    /// Returns whether the other side has closed the connection or sent unsolicited bytes since the last
    /// reply. Costs no system call while nothing has arrived.
    #[inline]
    pub(crate) fn is_stale(&mut self) -> bool {
        !self.stream.is_idle()
    }

    /// Returns whether the connection broke as a kept one does that the other side had closed before the request
    /// arrived: without one byte of a reply, after an earlier request was answered.
    pub(crate) fn was_closed_before_the_request(&self) -> bool {
        self.reused && !self.begun
    }

    /// Returns the backends that answered on this connection, for the caller to update.
    #[inline]
    pub(crate) fn met(&mut self) -> &mut Met {
        &mut self.met
    }

    /// Continues to write `request` and to read the reply. `buffer` is used only during the call, so all
    /// connections of a worker can share it.
    #[inline]
    pub(crate) fn poll_exchange(
        &mut self,
        cx: &mut Context<'_>,
        request: &[u8],
        expect: &mut Expect<'_>,
        buffer: &mut [u8],
    ) -> Poll<Result<Reply, Broken>> {
        while self.written < request.len() {
            let rest = &request[self.written..];
            match ready!(self.stream.poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(Broken)),
                count => self.written += count,
            }
        }
        // A flush that has to wait does not keep us from reading: the reply may be an early refusal.
        if let Poll::Ready(Err(error)) = self.stream.poll_flush(cx) {
            return Poll::Ready(Err(error.into()));
        }
        loop {
            let mut read = ReadBuf::new(buffer);
            ready!(self.stream.poll_read(cx, &mut read))?;
            let reply = match read.filled() {
                [] => Some(self.decoder.end()?),
                data => {
                    self.begun = true;
                    self.decoder.feed(data, expect)?
                }
            };
            if let Some(reply) = reply {
                (self.written, self.begun, self.reused) = (0, false, true);
                return Poll::Ready(Ok(reply));
            }
        }
    }
}

#[cfg(test)]
impl Connection {
    /// Waits until the other side has sent something, or has closed the connection.
    pub(crate) async fn arrival(&self) {
        self.stream.readable().await.expect("the socket is ours");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;
    use tokio::net::{TcpListener, TcpStream};

    /// Opens a connection and returns it with its other end.
    async fn pair() -> (Connection, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let opened = TcpStream::connect(address).await.expect("the listener accepts");
        let (other, _) = listener.accept().await.expect("it has connected");
        (Connection::new(Transport::Tcp(opened)), other)
    }

    #[tokio::test]
    async fn a_connection_that_the_other_side_closes_between_requests_is_stale() {
        let (mut connection, other) = pair().await;
        assert!(!connection.is_stale(), "an idle connection can be reused");
        drop(other);
        connection.arrival().await;
        assert!(connection.is_stale(), "the next request needs a new one");
    }

    #[tokio::test]
    async fn a_connection_with_bytes_that_answer_no_request_is_stale() {
        let (mut connection, mut other) = pair().await;
        other.write_all(b"HTTP/1.1 408 Too slow\r\n\r\n").await.expect("we listen");
        connection.arrival().await;
        assert!(connection.is_stale(), "the bytes would be taken for the next reply");
    }
}
