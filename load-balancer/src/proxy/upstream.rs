//! Connections to backends: opened when needed, kept idle per thread, driven by the task that uses
//! them.
//!
//! A hyper client connection is usually a task of its own, which costs two wake-ups between tasks
//! per request. Here the task that forwards a request polls the connection itself. For that each
//! connection has its own waker, a [`Relay`]: what the socket says reaches whichever task uses the
//! connection now, and nothing reaches a task that only used it before.

use crate::proxy::body::RequestBody;
use crate::state::Backend;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{Connection, SendRequest};
use hyper_util::rt::TokioIo;
use lb_core::Time;
use parking_lot::Mutex;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;
use tokio::net::TcpStream;

/// One connection to a backend.
pub(crate) struct Upstream {
    sender: SendRequest<RequestBody>,
    connection: Connection<TokioIo<TcpStream>, RequestBody>,
    relay: Arc<Relay>,
    waker: Waker,
    /// Since when it is idle.
    pub(crate) since: Time,
    closed: bool,
}

/// Forwards wake-ups to the task that waits for a connection now.
#[derive(Default)]
pub(crate) struct Relay(Mutex<RelayState>);

#[derive(Default)]
struct RelayState {
    task: Option<Waker>,
    /// Whether `task` waits; wake-ups are only noted while it does not.
    waiting: bool,
    woken: bool,
    deadline: Time,
    expired: bool,
}

impl Wake for Relay {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.lock().wake();
    }
}

impl RelayState {
    fn wake(&mut self) {
        self.woken = true;
        if self.waiting
            && let Some(task) = &self.task
        {
            self.waiting = false;
            task.wake_by_ref();
        }
    }
}

impl Relay {
    /// A task polls the connection now, so wake-ups need not reach it.
    fn begin(&self) {
        let mut state = self.0.lock();
        state.waiting = false;
        state.woken = false;
    }

    /// The task of `cx` waits from now on. Whether the deadline has passed.
    fn wait(&self, cx: &Context<'_>) -> bool {
        let mut state = self.0.lock();
        if state.expired {
            return true;
        }
        if !state
            .task
            .as_ref()
            .is_some_and(|task| task.will_wake(cx.waker()))
        {
            state.task = Some(cx.waker().clone());
        }
        if state.woken {
            // Woken while polled (hyper yields after many steps): poll again, but after others.
            cx.waker().wake_by_ref();
        } else {
            state.waiting = true;
        }
        false
    }

    /// Sets the time at which waiting ends.
    fn set_deadline(&self, deadline: Time) {
        let mut state = self.0.lock();
        state.deadline = deadline;
        state.expired = false;
    }

    /// Ends the wait when its time has come.
    pub(crate) fn sweep(&self, now: Time) {
        let mut state = self.0.lock();
        if state.deadline <= now {
            state.deadline = Time::MAX;
            state.expired = true;
            state.wake();
        }
    }
}

/// Why a request that was sent got no reply.
pub(crate) enum SendError {
    /// Nothing came in time.
    Timeout,
    /// The connection broke; the request comes back if nothing of it was written.
    Broken(hyper::Error, Option<Box<Request<RequestBody>>>),
}

impl Upstream {
    /// Opens a connection to `backend`.
    pub(crate) async fn connect(backend: &Backend, limit: Duration) -> std::io::Result<Self> {
        let timed_out =
            || std::io::Error::new(std::io::ErrorKind::TimedOut, "connecting timed out");
        let stream = tokio::time::timeout(limit, TcpStream::connect(&backend.origin.authority))
            .await
            .map_err(|_| timed_out())??;
        stream.set_nodelay(true)?;
        let (sender, connection) = hyper::client::conn::http1::Builder::new()
            .handshake(TokioIo::new(stream))
            .await
            .map_err(std::io::Error::other)?;
        let relay = Arc::new(Relay::default());
        relay.set_deadline(Time::MAX);
        let waker = Waker::from(Arc::clone(&relay));
        Ok(Self {
            sender,
            connection,
            relay,
            waker,
            since: Time::ZERO,
            closed: false,
        })
    }

    /// The waker of this connection, for sweeps.
    pub(crate) fn relay(&self) -> &Arc<Relay> {
        &self.relay
    }

    /// Lets the connection do what it can.
    fn drive(&mut self) {
        if !self.closed {
            self.relay.begin();
            let mut cx = Context::from_waker(&self.waker);
            self.closed = Pin::new(&mut self.connection).poll(&mut cx).is_ready();
        }
    }

    /// Whether the next request can be sent now. Notices a backend that closed the connection while
    /// it was idle, without a system call: the reactor has been told.
    pub(crate) fn is_ready(&mut self) -> bool {
        self.drive();
        !self.closed && self.sender.is_ready()
    }

    /// Whether the connection has come to the end of the reply and takes another request.
    pub(crate) fn is_reusable(&mut self) -> bool {
        !self.closed && (self.sender.is_ready() || self.is_ready())
    }

    /// Sends `request` and waits for the head of the reply until `deadline`.
    pub(crate) async fn send(
        &mut self,
        request: Request<RequestBody>,
        deadline: Time,
    ) -> Result<Response<Incoming>, SendError> {
        self.relay.set_deadline(deadline);
        let mut reply = pin!(self.sender.try_send_request(request));
        // Polled after the connection, in the same task: nobody needs to wake it.
        let mut idle = Context::from_waker(Waker::noop());
        poll_fn(|cx| {
            if !self.closed {
                self.relay.begin();
                let mut own = Context::from_waker(&self.waker);
                self.closed = Pin::new(&mut self.connection).poll(&mut own).is_ready();
            }
            match reply.as_mut().poll(&mut idle) {
                Poll::Ready(Ok(reply)) => Poll::Ready(Ok(reply)),
                Poll::Ready(Err(error)) => Poll::Ready(Err(SendError::from(error))),
                Poll::Pending if self.relay.wait(cx) => Poll::Ready(Err(SendError::Timeout)),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    /// Asks `body` for its next frame, and the connection for more when it has none. An error when
    /// the deadline has passed.
    pub(crate) fn poll_frame(
        &mut self,
        body: &mut Incoming,
        cx: &Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<bytes::Bytes>, FrameError>>> {
        let mut idle = Context::from_waker(Waker::noop());
        let mut poll = || http_body::Body::poll_frame(Pin::new(&mut *body), &mut idle);
        let mut frame = poll();
        if frame.is_pending() {
            self.drive();
            frame = poll();
        }
        match frame {
            Poll::Ready(frame) => Poll::Ready(frame.map(|frame| frame.map_err(FrameError::Broken))),
            Poll::Pending if self.relay.wait(cx) => Poll::Ready(Some(Err(FrameError::Timeout))),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Allows the backend to be silent until `deadline`.
    pub(crate) fn extend(&self, deadline: Time) {
        self.relay.set_deadline(deadline);
    }

    /// Idle from `now` on.
    pub(crate) fn rest(&mut self, now: Time) {
        self.since = now;
        self.relay.set_deadline(Time::MAX);
    }
}

impl From<TrySendError<Request<RequestBody>>> for SendError {
    fn from(mut error: TrySendError<Request<RequestBody>>) -> Self {
        let request = error.take_message().map(Box::new);
        Self::Broken(error.into_error(), request)
    }
}

/// Why a body ended before its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("backend fell silent in the middle of the reply")]
    Timeout,
    #[error("connection to the backend broke in the middle of the reply: {0}")]
    Broken(hyper::Error),
}
