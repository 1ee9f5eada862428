//! One connection: writes a request, reads its reply, both within the task of its user.

use super::codec::{Decoder, Expect, NotHttp, Reply};
use super::target::Target;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// One HTTP/1.1 connection.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    decoder: Decoder,
    /// Bytes of the current request that are on their way.
    written: usize,
}

/// The connection broke, or what came back is not HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken;

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
    /// Opens a connection.
    pub(super) async fn open(target: &Target, timeout: Duration) -> io::Result<Self> {
        let connect = TcpStream::connect(target.addresses.as_slice());
        let stream = tokio::time::timeout(timeout, connect).await??;
        // Each request is one write; nothing is gained by waiting for more (Nagle).
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            decoder: Decoder::default(),
            written: 0,
        })
    }

    /// Whether the other side has closed the connection, or sent what nobody asked for, since the
    /// last reply. Costs no system call while nothing has arrived.
    #[inline]
    pub(super) fn is_stale(&self) -> bool {
        !matches!(self.stream.try_read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Goes on with writing `request` and reading the reply to it. `buffer` is only used within the
    /// call, so that all connections of a worker can share it.
    #[inline]
    pub(super) fn poll_exchange(
        &mut self,
        cx: &mut Context<'_>,
        request: &[u8],
        expect: &mut Expect<'_>,
        buffer: &mut [u8],
    ) -> Poll<Result<Reply, Broken>> {
        while self.written < request.len() {
            let rest = &request[self.written..];
            match ready!(Pin::new(&mut self.stream).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(Broken)),
                count => self.written += count,
            }
        }
        loop {
            let mut read = ReadBuf::new(buffer);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read))?;
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
