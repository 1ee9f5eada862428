//! A client's connection: reads its requests and writes the replies to them, one after the other.
//!
//! It takes the place of hyper's server, whose connection cannot tell a slow client from a slow backend, gives up
//! when a client ends its side, and answers nothing but 400. All waiting is bounded by the deadlines of
//! [`Client`], and everything runs in the task of the connection, so that a request costs no channel and no
//! wake-up within the process.
//!
//! # A client that ends its side
//!
//! A client may send its request, end its side of the connection and read the reply. A client that has gone looks
//! the same at first. So that it does not occupy a backend, the first bytes that any reply begins with are then
//! sent ahead: the system of a client that has gone refuses them, which is noticed at the next sweep.

mod end;

use crate::proxy::client::{Client, Wait};
use crate::proxy::fields::Fields;
use crate::proxy::framing::{Framing, MOST_UNWRITTEN};
use crate::proxy::reply::{self, Head};
use crate::proxy::request::{Refusal, Request};
use crate::proxy::requester::{ClientError, Requester};
use crate::proxy::thread::Thread;
use crate::proxy::transport::Transport;
use bytes::BytesMut;
use http::StatusCode;
use lb_core::Time;
use lb_core::framing::LONGEST_HEAD;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncReadExt, AsyncWrite};

/// Size of the buffer for reading, in bytes; usual requests fit.
const READ: usize = 8 * 1024;
/// Size of the buffer while a long body is read, in bytes: it gives fewer, larger pieces.
const READ_LONG: usize = 64 * 1024;
/// Least room in the buffer for another read.
const LEAST_ROOM: usize = 2 * 1024;
/// Number of bytes of further requests that are read while one is being answered.
const MOST_AHEAD: usize = 4 * 1024;
/// What every reply begins with.
const BEGINNING: &[u8] = b"HTTP/1.1 ";
/// What a connection of HTTP/2 begins with (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// One client connection.
pub(crate) struct Downstream {
    stream: Transport,
    /// Whether no request has come yet.
    is_first: bool,
    pub(crate) thread: Rc<Thread>,
    pub(crate) client: Rc<Client>,
    /// Bytes received but not yet used.
    input: BytesMut,
    /// Length of the input when it was last found to be an incomplete head; 0 if it was not.
    incomplete: usize,
    /// Bytes to send, of which the first `written` are already sent.
    pub(crate) output: Vec<u8>,
    written: usize,
    /// The current request.
    pub(crate) request: Request,
    /// What is left of its body.
    body: Framing,
    /// Whether some of it has arrived since the client was last waited for.
    arrived: bool,
    /// Whether the client waits for `100 Continue`.
    continue_due: bool,
    /// Whether the reply to the current request has begun.
    replying: bool,
    /// Number of bytes of the current reply that were sent ahead.
    ahead: usize,
    /// Whether the client has ended its side.
    ended: bool,
}

/// What a client does next.
pub(crate) enum Next {
    /// It has sent the head of a request.
    Request,
    /// It has sent something that is answered with a refusal, after which the connection ends.
    Refused(Refusal),
    /// It speaks HTTP/2.
    Http2,
    /// The connection ends.
    End,
}

impl Downstream {
    pub(crate) fn new(stream: Transport, thread: Rc<Thread>, client: Rc<Client>) -> Self {
        Self {
            stream,
            is_first: true,
            thread,
            client,
            input: BytesMut::with_capacity(READ),
            incomplete: 0,
            output: Vec::with_capacity(1024),
            written: 0,
            request: Request::default(),
            body: Framing::OVER,
            arrived: false,
            continue_due: false,
            replying: false,
            ahead: 0,
            ended: false,
        }
    }

    /// Waits for the head of the next request.
    pub(crate) fn poll_request(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        loop {
            match self.take_request() {
                Ok(true) => return Poll::Ready(Next::Request),
                Ok(false) => {}
                // Only here, so that a request pays nothing for it.
                Err(_) if self.is_first && self.input.starts_with(PREFACE) => {
                    return Poll::Ready(Next::Http2);
                }
                Err(_) if self.is_preface_so_far() => self.note_incomplete(),
                Err(refusal) => return self.refuse(refusal.status, refusal.text),
            }
            if self.ended {
                return Poll::Ready(Next::End);
            }
            match self.poll_fill(cx) {
                Poll::Ready(Ok(0)) => self.ended = true,
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(Next::End),
                // Only now, so that a request that has arrived is still served.
                Poll::Pending if self.client.close.get() || self.client.is_overdue(Wait::Idle) => {
                    return Poll::Ready(Next::End);
                }
                Poll::Pending if self.client.is_overdue(Wait::Head) => {
                    let text = "the head of the request did not arrive in time";
                    return self.refuse(StatusCode::REQUEST_TIMEOUT, text);
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn refuse(&mut self, status: StatusCode, text: &'static str) -> Poll<Next> {
        self.request.refuse();
        self.replying = false;
        Poll::Ready(Next::Refused(Refusal { status, text }))
    }

    /// Takes the head of a request from the input, if it is complete.
    fn take_request(&mut self) -> Result<bool, Refusal> {
        // Some clients send an empty line after a request (RFC 9112, 2.2).
        while self.incomplete == 0 && self.input.starts_with(b"\r\n") {
            let _ = self.input.split_to(2);
        }
        if self.input.is_empty() || !self.is_worth_parsing() {
            return Ok(false);
        }
        if !self.request.read(&mut self.input)? {
            self.note_incomplete();
            return Ok(false);
        }
        (self.incomplete, self.is_first) = (0, false);
        self.client.wait_for(Wait::Backend, Time::MAX);
        self.body = self.request.upload.framing();
        self.continue_due = self.request.expects_continue;
        self.replying = false;
        Ok(true)
    }

    /// Waits for the rest of a head.
    fn note_incomplete(&mut self) {
        if self.incomplete == 0 {
            self.client.wait_for(Wait::Head, self.thread.state.now() + self.client.limits.head);
        }
        self.incomplete = self.input.len();
    }

    /// Returns whether the input may become the preface of HTTP/2. Nothing is left of a head that was refused for what
    /// it says.
    fn is_preface_so_far(&self) -> bool {
        self.is_first && !self.input.is_empty() && PREFACE.starts_with(&self.input)
    }

    /// Returns whether a head that was incomplete may now be complete. A client that sends single bytes must not
    /// make the load balancer parse the same head thousands of times.
    fn is_worth_parsing(&self) -> bool {
        let fresh = &self.input[self.incomplete.saturating_sub(3)..];
        self.incomplete == 0
            || self.input.len() >= LONGEST_HEAD.min(2 * self.incomplete)
            || fresh.windows(2).any(|pair| pair == b"\n\n")
            || fresh.windows(3).any(|three| three == b"\n\r\n")
    }

    /// Reads once and returns the number of bytes, which is zero at the end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.input.capacity() - self.input.len() < LEAST_ROOM {
            self.input.reserve(if self.body.is_over() { READ } else { READ_LONG });
        }
        pin!(self.stream.read_buf(&mut self.input)).poll(cx)
    }

    /// Waits until the client sends or reads something; `renew` says that it just did.
    fn wait_for_client<T>(&self, renew: bool) -> Poll<Result<T, ClientError>> {
        if self.client.is_overdue(Wait::Client) && !renew {
            return Poll::Ready(Err(ClientError::Slow));
        }
        if renew || self.client.wait() != Wait::Client {
            self.client.wait_for(Wait::Client, self.thread.state.now() + self.client.limits.client);
        }
        Poll::Pending
    }

    /// Sends what the reply begins with in any case.
    fn send_ahead(&mut self, cx: &mut Context<'_>) -> Result<(), ClientError> {
        if !self.replying && self.output.is_empty() {
            match Pin::new(&mut self.stream).poll_write(cx, BEGINNING) {
                Poll::Ready(Ok(count)) => self.ahead = count,
                // The system tells only once.
                Poll::Ready(Err(_)) => return Err(ClientError::Gone),
                Poll::Pending => {}
            }
        }
        Ok(())
    }

    /// Returns the stream, and what the client has sent on it, after another protocol was taken up.
    pub(crate) fn tunnel(&mut self) -> (&mut Transport, &mut BytesMut) {
        (&mut self.stream, &mut self.input)
    }

    /// Begins the reply to the current request, which is then written to [`Self::output`].
    pub(crate) fn begin_reply(&mut self) {
        self.replying = true;
        self.written += std::mem::take(&mut self.ahead);
    }

    /// Returns whether the reply to the current request has begun.
    pub(crate) fn is_replying(&self) -> bool {
        self.replying
    }

    /// Returns whether another request can follow the current one, as far as is known when its reply begins.
    pub(crate) fn may_continue(&self) -> bool {
        let may_send = !self.ended || !self.input.is_empty();
        self.request.keep_alive && !self.client.close.get() && self.body.is_over() && may_send
    }

    /// Forgets a body that nobody will read, as far as it has arrived.
    pub(crate) fn skip_body(&mut self) {
        let mut skipped = Vec::new();
        while !self.body.is_over() && self.body.transfer(&mut self.input, &mut skipped, false).is_ok() {
            if skipped.is_empty() {
                break;
            }
            skipped.clear();
        }
    }

    /// Sends all of the output; the wait is the client's.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ClientError>> {
        let before = self.written;
        match self.poll_write(cx) {
            Poll::Pending => self.wait_for_client(self.written > before),
            done => done,
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ClientError>> {
        while self.written < self.output.len() {
            let rest = &self.output[self.written..];
            match ready!(Pin::new(&mut self.stream).poll_write(cx, rest)) {
                Ok(count) if count > 0 => self.written += count,
                _ => return Poll::Ready(Err(ClientError::Gone)),
            }
        }
        if self.stream.keeps_back() && ready!(Pin::new(&mut self.stream).poll_flush(cx)).is_err() {
            return Poll::Ready(Err(ClientError::Gone));
        }
        self.output.clear();
        self.written = 0;
        Poll::Ready(Ok(()))
    }
}

impl Requester for Downstream {
    #[inline]
    fn is_overdue(&self) -> bool {
        self.client.is_overdue(Wait::Backend)
    }

    fn wait_for_backend(&self, renew: bool) {
        if renew || self.client.wait() != Wait::Backend {
            self.client.wait_for(Wait::Backend, self.thread.state.now() + self.client.limits.response);
        }
    }

    fn has_whole_request(&self) -> bool {
        self.body.is_over()
    }

    fn poll_body(
        &mut self,
        cx: &mut Context<'_>,
        output: &mut Vec<u8>,
        chunked: bool,
    ) -> Poll<Result<(), ClientError>> {
        loop {
            let before = output.len();
            self.body.transfer(&mut self.input, output, chunked)?;
            if output.len() > before || self.body.is_over() {
                return Poll::Ready(Ok(()));
            }
            if std::mem::take(&mut self.continue_due) && self.input.is_empty() {
                self.output.extend_from_slice(CONTINUE);
            }
            if !self.output.is_empty()
                && let Poll::Ready(Err(error)) = self.poll_write(cx)
            {
                return Poll::Ready(Err(error));
            }
            match self.poll_fill(cx) {
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Err(ClientError::Gone)),
                Poll::Ready(Ok(_)) => self.arrived = true,
                Poll::Pending => {
                    let arrived = std::mem::take(&mut self.arrived);
                    return self.wait_for_client(arrived);
                }
            }
        }
    }

    fn watch(&mut self, cx: &mut Context<'_>) -> Result<(), ClientError> {
        while !self.ended && self.input.len() < MOST_AHEAD {
            match self.poll_fill(cx) {
                Poll::Pending => return Ok(()),
                Poll::Ready(Ok(0)) => {
                    self.ended = true;
                    self.client.half_closed.set(true);
                    self.send_ahead(cx)?;
                }
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(_)) => return Err(ClientError::Gone),
            }
        }
        match self.ended.then(|| self.stream.take_error()) {
            None | Some(Ok(None)) => Ok(()),
            Some(_) => Err(ClientError::Gone),
        }
    }

    fn pass_interim(
        &mut self,
        cx: &mut Context<'_>,
        head: &Head,
        fields: &Fields,
    ) -> Result<(), ClientError> {
        let is_wanted = self.request.is_current && head.status != StatusCode::CONTINUE;
        if !is_wanted || self.output.len() >= MOST_UNWRITTEN {
            return Ok(());
        }
        self.written += std::mem::take(&mut self.ahead);
        reply::write_interim(head, fields, &mut self.output);
        match self.poll_write(cx) {
            Poll::Ready(result) => result,
            Poll::Pending => Ok(()),
        }
    }
}
