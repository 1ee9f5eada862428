//! Serves one HTTP/1.1 connection within limits of time and size.
//!
//! hyper limits the time of a head only together with the time between requests, and says nothing to the
//! client; it limits nothing while a reply is written. So the stream reports here what moves, and one alarm
//! for each connection, which is set again only when a limit comes nearer, ends what does not.

use crate::activity::{Activity, Phase};
use crate::seats::Seat;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::error::Error;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::time::{Instant, sleep_until, timeout};

/// What a client gets whose head takes too long.
const TOO_LATE: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-type: application/json\r\n\
                          content-length: 43\r\n\r\n{\"error\":\"the head of the request is late\"}";
/// The longest wait for a client to take that reply.
const FAREWELL: Duration = Duration::from_millis(500);
/// The longest time for which a connection that was closed here is still read.
const LINGER: Duration = Duration::from_secs(2);

/// How long a client may take, and how much it may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Time for a head, from its first byte to its last; then the reply is 408.
    pub head: Duration,
    /// Size of a head in bytes, at least 8192; a longer one gets 431.
    pub head_bytes: usize,
    /// Time for each further piece of a body ([`crate::read`]).
    pub body: Duration,
    /// Time during which a client takes nothing of its reply.
    pub write: Duration,
    /// Time without a request.
    pub idle: Duration,
}

impl Default for Limits {
    /// Allows what browsers, probes and scripts need many times over.
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            head_bytes: 64 * 1024,
            body: Duration::from_secs(30),
            write: Duration::from_secs(30),
            idle: Duration::from_secs(60),
        }
    }
}

/// The limit that a client exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overdue {
    /// [`Limits::head`].
    Head,
    /// [`Limits::write`].
    Write,
    /// [`Limits::idle`].
    Idle,
}

/// The reason why a connection ended.
#[derive(Debug)]
pub enum End {
    /// Either side closed it between requests.
    Closed,
    /// It broke, or the client does not speak HTTP.
    Failed(hyper::Error),
    /// The client took too long.
    Overdue(Overdue),
    /// It was idle, and its seat was needed.
    Dismissed,
    /// The caller ended it.
    Stopped,
}

/// A connection that ended.
#[derive(Debug)]
pub struct Ended<I> {
    /// The stream, which is closed when it is dropped.
    pub stream: I,
    /// Why it ended.
    pub why: End,
    /// What the client sent and HTTP/1.1 did not use: after a reply with 101, or if the error is that the client speaks
    /// HTTP/2 ([`hyper::Error::is_parse_version_h2`]), the beginning of the other protocol.
    pub rest: Bytes,
}

/// Serves a connection until either side closes it, a limit is exceeded, its seat is needed, or `stop`
/// resolves. `answer` is called for each request.
pub async fn serve<I, A, R, B, E>(
    stream: I,
    limits: &Limits,
    seat: &Seat,
    stop: impl Future<Output = ()>,
    answer: A,
) -> Ended<I>
where
    I: AsyncRead + AsyncWrite + Unpin,
    A: Fn(Request<Incoming>) -> R,
    R: Future<Output = Result<Response<B>, E>>,
    B: Body + Unpin + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    let activity = &seat.activity;
    let upgraded = &AtomicBool::new(false);
    let service = service_fn(|request| {
        activity.begin();
        let reply = answer(request);
        let busy = Busy(Arc::clone(activity));
        async move {
            let reply = reply.await?;
            upgraded.store(reply.status() == StatusCode::SWITCHING_PROTOCOLS, Relaxed);
            Ok::<_, E>(reply.map(|body| Reply { body, _busy: busy }))
        }
    });
    let watched = Watched { stream, activity: Arc::clone(activity), heads: true };
    let mut connection = http1::Builder::new()
        .max_buf_size(limits.head_bytes)
        .serve_connection(TokioIo::new(watched), service);
    let mut stop = pin!(stop);
    let mut why = watch(&mut connection, activity, limits, stop.as_mut()).await;
    let parts = connection.into_parts();
    let (mut stream, rest) = (parts.io.into_inner().stream, parts.read_buf);
    match why {
        End::Overdue(Overdue::Head) => {
            let _ = timeout(FAREWELL, async {
                stream.write_all(TOO_LATE).await?;
                stream.shutdown().await
            })
            .await;
        }
        End::Closed if !upgraded.load(Relaxed) => tokio::select! {
            () = linger(&mut stream) => {}
            () = stop => why = End::Stopped,
        },
        _ => {}
    }
    Ended { stream, why, rest }
}

/// Reads and discards what a client still sends, until it closes the connection too.
///
/// A reply can precede the end of its request, as 413 does. If the connection were closed while bytes of that request
/// are unread, the system would reset it, and the client could lose the reply.
///
/// Source: RFC 9112, section 9.6.
async fn linger(stream: &mut (impl AsyncRead + Unpin)) {
    let discard = async {
        let mut buffer = [0; 4096];
        while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
    };
    let _ = timeout(LINGER, discard).await;
}

/// Drives a connection until it ends, a limit is exceeded, its seat is needed, or `stop` resolves.
pub(crate) async fn watch<C>(
    connection: &mut C,
    activity: &Activity,
    limits: &Limits,
    stop: impl Future<Output = ()>,
) -> End
where
    C: Future<Output = hyper::Result<()>> + Unpin,
{
    let mut stop = pin!(stop);
    let mut alarm = pin!(sleep_until(Instant::now() + limits.idle.min(limits.head)));
    poll_fn(|cx| {
        if stop.as_mut().poll(cx).is_ready() {
            return Poll::Ready(End::Stopped);
        }
        if let Poll::Ready(ended) = Pin::new(&mut *connection).poll(cx) {
            return Poll::Ready(ended.map_or_else(End::Failed, |()| End::Closed));
        }
        activity.remember(cx.waker());
        if activity.is_dismissed() && activity.phase() != Phase::Busy {
            return Poll::Ready(End::Dismissed);
        }
        loop {
            let next = deadline(activity, limits);
            if let Some((at, _)) = next
                && at < alarm.deadline()
            {
                alarm.as_mut().reset(at);
            }
            ready!(alarm.as_mut().poll(cx));
            match next {
                Some((at, overdue)) if at <= Instant::now() => return Poll::Ready(End::Overdue(overdue)),
                Some((at, _)) => alarm.as_mut().reset(at),
                None => alarm.as_mut().reset(Instant::now() + limits.idle),
            }
        }
    })
    .await
}

/// Returns when the next limit is exceeded, and which; `None` while a request is being answered and the client
/// takes what it gets.
fn deadline(activity: &Activity, limits: &Limits) -> Option<(Instant, Overdue)> {
    let write = activity.blocked().map(|since| (since + limits.write, Overdue::Write));
    let phase = match activity.phase() {
        Phase::Idle => Some((activity.since() + limits.idle, Overdue::Idle)),
        Phase::Head => Some((activity.since() + limits.head, Overdue::Head)),
        Phase::Busy => None,
    };
    // A client that does not read is neither idle nor late.
    write.or(phase)
}

/// A stream that reports what moves.
pub(crate) struct Watched<I> {
    pub(crate) stream: I,
    pub(crate) activity: Arc<Activity>,
    /// Whether the first bytes after a reply begin a head.
    pub(crate) heads: bool,
}

impl<I: AsyncRead + Unpin> AsyncRead for Watched<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if self.heads && buffer.filled().len() > before {
            self.activity.received();
        }
        polled
    }
}

impl<I: AsyncWrite + Unpin> Watched<I> {
    fn note<T>(&self, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.activity.wrote(polled.is_ready());
        polled
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Watched<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buffer);
        self.note(polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, buffers);
        self.note(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Marks the request as answered when it is dropped.
struct Busy(Arc<Activity>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// The body of a reply. hyper drops it when it has taken the last of it.
pub(crate) struct Reply<B, G> {
    pub(crate) body: B,
    /// Is dropped with it.
    pub(crate) _busy: G,
}

impl<B: Body + Unpin, G: Unpin> Body for Reply<B, G> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
