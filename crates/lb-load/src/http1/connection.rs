//! A connection: writes a request and reads its reply, both within the task of its user.

use crate::http1::codec::{Decoder, Expect, NotHttp, Reply};
use crate::transport::Transport;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};
use tokio::io::ReadBuf;

/// An HTTP/1.1 connection, which carries one request at a time.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: Transport,
    decoder: Decoder,
    /// How many bytes of the current request have been written.
    written: usize,
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
    /// Opens a connection to the first of these addresses that accepts one.
    pub(crate) async fn open(addresses: &[SocketAddr]) -> io::Result<Self> {
        let stream = Transport::open(addresses).await?;
        Ok(Self { stream, decoder: Decoder::default(), written: 0 })
    }

    /// Whether, since the last reply, the other side has closed the connection or sent bytes without a
    /// request. Costs no system call while nothing has arrived.
    #[inline]
    pub(crate) fn is_stale(&self) -> bool {
        !self.stream.is_idle()
    }

    /// Continues to write `request` and to read the reply. `buffer` is only used within the call, so that
    /// all connections of a worker can share it.
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
        loop {
            let mut read = ReadBuf::new(buffer);
            ready!(self.stream.poll_read(cx, &mut read))?;
            let reply = match read.filled() {
                [] => Some(self.decoder.end()?),
                data => self.decoder.feed(data, expect)?,
            };
            if let Some(reply) = reply {
                self.written = 0;
                return Poll::Ready(Ok(reply));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;
    use tokio::net::{TcpListener, TcpStream};

    /// A connection and the other side of it.
    async fn pair() -> (Connection, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let connection = Connection::open(&[address]).await.expect("a listener is there");
        let (other, _) = listener.accept().await.expect("it has connected");
        (connection, other)
    }

    async fn arrival(connection: &Connection) {
        connection.stream.readable().await.expect("the socket is ours");
    }

    #[tokio::test]
    async fn a_connection_that_the_other_side_closes_between_requests_is_stale() {
        let (connection, other) = pair().await;
        assert!(!connection.is_stale(), "an idle connection is as good as new");
        drop(other);
        arrival(&connection).await;
        assert!(connection.is_stale(), "the next request needs a new one");
    }

    #[tokio::test]
    async fn a_connection_with_bytes_that_answer_no_request_is_stale() {
        let (connection, mut other) = pair().await;
        other.write_all(b"HTTP/1.1 408 Too slow\r\n\r\n").await.expect("we listen");
        arrival(&connection).await;
        assert!(connection.is_stale(), "they would be taken for the next reply");
    }
}
