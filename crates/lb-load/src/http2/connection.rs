//! A connection, and the task that reads and writes for its streams.

use crate::failed::Failed;
use crate::met::Met;
use crate::transport::Transport;
use bytes::Bytes;
use h2::Reason;
use h2::client::{Builder, SendRequest};
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

/// The window of a stream in bytes: large enough that a reply of usual size never waits for a window update.
const STREAM_WINDOW: u32 = 16 * 1024 * 1024;
/// The window of a connection in bytes. Replies are read at once, so it limits no memory.
const CONNECTION_WINDOW: u32 = 1 << 30;
/// How many streams that timed out are remembered, so that late replies to them are no protocol error.
const REMEMBERED: usize = 4096;

/// A connection that carries the requests of one or several users.
pub(crate) struct Connection {
    pub(super) send: RefCell<SendRequest<Bytes>>,
    /// Number of users that have a stream on it or are about to open one.
    streams: Cell<u32>,
    /// The greatest number of streams at once so far.
    most: Cell<u32>,
    /// Whether it takes no more requests: it is closed, or the other side is about to close it.
    gone: Rc<Cell<bool>>,
    /// Whether a request was answered.
    answered: Cell<bool>,
    pub(crate) met: Cell<Met>,
}

impl Connection {
    /// Begins HTTP/2 on an open stream of bytes. A connection that several users share waits for the settings of the
    /// other side, which say how many streams it accepts; others do not.
    pub(crate) async fn open(transport: Transport, shared: bool) -> Result<Rc<Self>, h2::Error> {
        let mut builder = Builder::new();
        if shared {
            builder.initial_max_send_streams(0);
        }
        let (send, mut connection) = builder
            .enable_push(false)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_concurrent_reset_streams(REMEMBERED)
            .max_local_error_reset_streams(None)
            .handshake(transport)
            .await?;
        if shared {
            poll_fn(|cx| match Pin::new(&mut connection).poll(cx) {
                Poll::Ready(ended) => Poll::Ready(ended.and(Err(Reason::CONNECT_ERROR.into()))),
                Poll::Pending if connection.max_concurrent_send_streams() > 0 => Poll::Ready(Ok(())),
                Poll::Pending => Poll::Pending,
            })
            .await?;
        }
        let gone = Rc::new(Cell::new(false));
        let ended = Rc::clone(&gone);
        // It ends when the connection is closed, or nobody has a handle of it any more.
        tokio::task::spawn_local(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "an HTTP/2 connection broke");
            }
            ended.set(true);
        });
        Ok(Rc::new(Self {
            send: RefCell::new(send),
            streams: Cell::new(0),
            most: Cell::new(0),
            gone,
            answered: Cell::new(false),
            met: Cell::default(),
        }))
    }

    /// Returns whether the connection takes no more requests.
    #[inline]
    pub(crate) fn is_gone(&self) -> bool {
        self.gone.get()
    }

    /// Returns the number of streams in use.
    #[inline]
    pub(crate) fn streams(&self) -> u32 {
        self.streams.get()
    }

    /// Returns whether the other side accepts another stream now (`SETTINGS_MAX_CONCURRENT_STREAMS`).
    pub(crate) fn has_room(&self) -> bool {
        (self.streams.get() as usize) < self.send.borrow().current_max_send_streams()
    }

    /// Adds a stream; returns the number of streams at once if there were never as many.
    #[inline]
    pub(super) fn add_stream(&self) -> Option<u32> {
        let streams = self.streams.get() + 1;
        self.streams.set(streams);
        (streams > self.most.get()).then(|| {
            self.most.set(streams);
            streams
        })
    }

    pub(super) fn remove_stream(&self) {
        self.streams.set(self.streams.get().saturating_sub(1));
    }

    #[inline]
    pub(super) fn was_answered(&self) -> bool {
        self.answered.get()
    }

    #[inline]
    pub(super) fn set_answered(&self) {
        self.answered.set(true);
    }

    /// Decides what an error means for a request: `reused` says whether the connection had carried another one,
    /// `sent` whether the request was handed over, `begun` whether its reply had begun.
    #[cold]
    pub(super) fn failed(&self, error: &h2::Error, reused: bool, sent: bool, begun: bool) -> Failed {
        if !error.is_reset() {
            self.gone.set(true);
        }
        // An error of a whole connection comes to a stream by a GOAWAY only if the stream is above its last one, or
        // was never opened.
        let declined = !sent || (error.is_go_away() && error.is_remote());
        if begun {
            Failed::Broken
        } else if declined && !error.is_reset() {
            Failed::Unprocessed
        } else if error.is_reset() && error.is_remote() && error.reason() == Some(Reason::REFUSED_STREAM) {
            Failed::Refused
        } else if error.is_io() && reused {
            Failed::Unanswered
        } else {
            Failed::Broken
        }
    }
}
