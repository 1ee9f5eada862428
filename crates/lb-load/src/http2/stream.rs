//! One request and its reply on a connection.

use super::connection::Connection;
use super::request::Translator;
use crate::failed::Failed;
use crate::reply::{ALGORITHM_HEADER, Expect, Reply};
use h2::RecvStream;
use h2::client::ResponseFuture;
use http::Response;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

/// The place of a user on a connection, with at most one request at a time.
pub(crate) struct Stream {
    connection: Rc<Connection>,
    state: State,
    reply: Reply,
    /// Whether the connection had answered a request before the current one began.
    reused: bool,
}

/// How far a request is.
enum State {
    /// None is on its way.
    Idle,
    /// The reply has not begun. The body, if there is one, is sent meanwhile.
    Sent(ResponseFuture),
    /// The body of the reply arrives.
    Body(RecvStream),
}

impl Stream {
    /// Takes a place on a connection.
    pub(crate) fn on(connection: Rc<Connection>) -> (Self, Option<u32>) {
        let most = connection.add_stream();
        (Self { connection, state: State::Idle, reply: Reply::default(), reused: false }, most)
    }

    pub(crate) fn connection(&self) -> &Rc<Connection> {
        &self.connection
    }

    /// Gives up the request on its way, if there is one: its stream is reset, and the connection stays.
    pub(crate) fn reset(&mut self) {
        self.state = State::Idle;
    }

    /// Continues to send `request`, which is laid out as HTTP/1.1, and to read the reply.
    #[inline]
    pub(crate) fn poll_exchange(
        &mut self,
        cx: &mut Context<'_>,
        request: &[u8],
        translator: &mut Translator,
        expect: &mut Expect<'_>,
    ) -> Poll<Result<Reply, Failed>> {
        loop {
            match &mut self.state {
                State::Idle => self.begin(cx, request, translator)?,
                State::Sent(response) => match ready!(std::pin::Pin::new(response).poll(cx)) {
                    Ok(response) => {
                        let body = self.take_head(response, expect);
                        if body.is_end_stream() {
                            return Poll::Ready(Ok(self.complete()));
                        }
                        self.state = State::Body(body);
                    }
                    Err(error) => return Poll::Ready(Err(self.fail(&error, true, false))),
                },
                State::Body(body) => match ready!(body.poll_data(cx)) {
                    Some(Ok(data)) => {
                        // The window of a stream that has just ended need not grow.
                        let _ = body.flow_control().release_capacity(data.len());
                        self.reply.bytes += data.len() as u64;
                        expect.keep(&data);
                    }
                    None => return Poll::Ready(Ok(self.complete())),
                    Some(Err(error)) => return Poll::Ready(Err(self.fail(&error, true, true))),
                },
            }
        }
    }

    /// Hands the request over to the connection.
    fn begin(
        &mut self,
        cx: &mut Context<'_>,
        request: &[u8],
        translator: &mut Translator,
    ) -> Result<(), Failed> {
        self.reused = self.connection.was_answered();
        let Some((request, body)) = translator.translate(request) else { return Err(Failed::Broken) };
        let begun = {
            let mut send = self.connection.send.borrow_mut();
            // A handle whose last stream could not be opened yet takes no other one, but a copy of it does. The
            // streams then begin in turn.
            if send.poll_ready(cx).is_pending() {
                let fresh = send.clone();
                *send = fresh;
            }
            send.send_request(request, body.is_empty())
        };
        let (response, mut upload) = begun.map_err(|error| self.fail(&error, false, false))?;
        if !body.is_empty() {
            // What does not fit the window is kept back and sent as it grows. An error here is also that of the reply.
            let _ = upload.send_data(body, true);
        }
        self.state = State::Sent(response);
        Ok(())
    }

    /// Takes the status and the headers that matter; returns the body.
    fn take_head(&mut self, response: Response<RecvStream>, expect: &mut Expect<'_>) -> RecvStream {
        let (head, body) = response.into_parts();
        self.reply = Reply { status: head.status.as_u16(), keep_alive: true, ..Reply::default() };
        for (name, value) in &head.headers {
            let (name, value) = (name.as_str().as_bytes(), value.as_bytes());
            expect.notes.take(name, value, expect.wanted);
            if name.eq_ignore_ascii_case(expect.backend_header) {
                self.reply.backend = expect.backends.number(value);
            } else if name == ALGORITHM_HEADER {
                self.reply.names_algorithm = expect.algorithm.map(|meant| meant.contains(&value));
            }
        }
        if let Some(observed) = &mut expect.observed {
            let headers = head.headers.iter();
            let headers = headers.map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()));
            self.reply.observed = observed.find(headers);
        }
        body
    }

    /// Ends a request that was answered.
    fn complete(&mut self) -> Reply {
        self.state = State::Idle;
        self.connection.set_answered();
        self.reply
    }

    #[cold]
    fn fail(&mut self, error: &h2::Error, sent: bool, begun: bool) -> Failed {
        self.state = State::Idle;
        tracing::debug!(%error, "a request over HTTP/2 failed");
        self.connection.failed(error, self.reused, sent, begun)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.connection.remove_stream();
    }
}
