//! One stream of HTTP/2 as a connection of HTTP/1.1: its request can be read as text, and the text of the reply that is
//! written is sent as frames.
//!
//! So a request of HTTP/2 goes through the same code as any other, with the same rules, limits and counters, and to
//! backends it is HTTP/1.1 in any case. The text stays within the process, and its framing is chosen here: what a client
//! sends as fields of HTTP/2 is checked as a head of HTTP/1.1 before a backend sees it (RFC 9113, 10.3).

mod head;

use crate::proxy::chunked::{self, Decoder, Piece};
use bytes::{Buf, Bytes, BytesMut};
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{Method, Request, StatusCode};
use std::io;
use std::task::{Context, Poll, ready};
use tokio::io::ReadBuf;

/// Number of bytes of a reply that may wait here until the client makes room for them.
const MOST_WAITING: usize = 64 * 1024;

/// One request of HTTP/2, and its reply.
pub(crate) struct Bridge {
    respond: SendResponse<Bytes>,
    /// The text of the request that has not been read.
    request: BytesMut,
    upload: Upload,
    is_head: bool,
    /// The text of the reply that has not been looked at.
    reply: BytesMut,
    /// The part of the reply's body that is to be sent next, and whether it is the last.
    next: Option<(Bytes, bool)>,
    download: Download,
}

/// What is left of the request.
enum Upload {
    /// A body, which is passed on as chunks or as it is.
    Body { stream: RecvStream, chunked: bool },
    /// Nothing.
    Over,
}

/// What is left of the reply.
enum Download {
    /// The head.
    Head,
    /// This many bytes of the body.
    Length(SendStream<Bytes>, u64),
    /// The chunks of the body.
    Chunks(SendStream<Bytes>, Decoder),
    /// Nothing.
    Over(Option<SendStream<Bytes>>),
}

/// Returns the error of a stream that the client, or its whole connection, has given up.
fn gone() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

impl Bridge {
    /// Begins with a request whose head has arrived.
    pub(crate) fn new(request: Request<RecvStream>, respond: SendResponse<Bytes>) -> Self {
        let (head, stream) = request.into_parts();
        let has_body = !stream.is_end_stream();
        let mut text = BytesMut::with_capacity(1024);
        let chunked = head::write_request(&head, has_body, &mut text);
        Self {
            respond,
            request: text,
            upload: if has_body { Upload::Body { stream, chunked } } else { Upload::Over },
            is_head: head.method == Method::HEAD,
            reply: BytesMut::new(),
            next: None,
            download: Download::Head,
        }
    }

    /// Resets the stream, so that the client does not take what it has for the whole reply.
    pub(super) fn break_off(&mut self) {
        let reason = Reason::INTERNAL_ERROR;
        match &mut self.download {
            Download::Head => self.respond.send_reset(reason),
            Download::Length(stream, _) | Download::Chunks(stream, _) => stream.send_reset(reason),
            Download::Over(_) => {}
        }
    }

    /// Reads some text of the request. After its end this is pending, until the client gives up.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.request.is_empty() {
            let Upload::Body { stream, chunked } = &mut self.upload else {
                return self.poll_given_up(cx);
            };
            match ready!(stream.poll_data(cx)) {
                Some(Ok(data)) => {
                    let _ = stream.flow_control().release_capacity(data.len());
                    head::write_data(&data, *chunked, &mut self.request);
                }
                Some(Err(_)) => return Poll::Ready(Err(gone())),
                None => {
                    let trailers = ready!(stream.poll_trailers(cx)).map_err(|_| gone())?;
                    if *chunked {
                        head::write_end(trailers.as_ref(), &mut self.request);
                    }
                    self.upload = Upload::Over;
                }
            }
        }
        let count = buffer.remaining().min(self.request.len());
        buffer.put_slice(&self.request[..count]);
        self.request.advance(count);
        Poll::Ready(Ok(()))
    }

    /// Waits until the client gives its request up.
    fn poll_given_up(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let reset = match &mut self.download {
            Download::Head => self.respond.poll_reset(cx),
            Download::Length(stream, _) | Download::Chunks(stream, _) | Download::Over(Some(stream)) => {
                stream.poll_reset(cx)
            }
            Download::Over(None) => return Poll::Pending,
        };
        reset.map(|_| Err(gone()))
    }

    /// Takes some text of the reply.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>, text: &[u8]) -> Poll<io::Result<usize>> {
        if self.reply.len() >= MOST_WAITING {
            ready!(self.poll_flush(cx))?;
        }
        self.reply.extend_from_slice(text);
        match self.poll_flush(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(text.len())),
        }
    }

    /// Sends all of the reply that has been written.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.next.is_some() {
                ready!(self.poll_send(cx))?;
            }
            let is_idle = match &mut self.download {
                Download::Head => !self.send_head()?,
                Download::Length(_, left) => {
                    let count = usize::try_from(*left).unwrap_or(usize::MAX).min(self.reply.len());
                    *left -= count as u64;
                    let data = self.reply.split_to(count).freeze();
                    let is_last = *left == 0;
                    let is_idle = data.is_empty() && !is_last;
                    self.next = (!is_idle).then_some((data, is_last));
                    is_idle
                }
                Download::Chunks(_, decoder) => {
                    match decoder.next(&mut self.reply).map_err(|error| io::Error::other(error.0))? {
                        Piece::Data(count) => {
                            self.next = Some((self.reply.split_to(count).freeze(), false));
                            false
                        }
                        Piece::End(trailers) => {
                            self.end(&trailers)?;
                            false
                        }
                        Piece::More => true,
                    }
                }
                Download::Over(_) => {
                    self.reply.clear();
                    true
                }
            };
            if is_idle {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Sends the head of a reply, interim or final, if all of it has been written. Returns whether it was.
    fn send_head(&mut self) -> io::Result<bool> {
        let Some((head, body)) = head::read_reply(&mut self.reply, self.is_head)? else {
            return Ok(false);
        };
        let failed = |_: h2::Error| gone();
        if head.status().is_informational() {
            // What the client does not want to know is no reason to end its request.
            let _ = self.respond.send_informational(head);
            return Ok(true);
        }
        let is_over = matches!(body, head::Body::None);
        let stream = self.respond.send_response(head, is_over).map_err(failed)?;
        self.download = match body {
            head::Body::None => Download::Over(Some(stream)),
            head::Body::Length(length) => Download::Length(stream, length),
            head::Body::Chunks => Download::Chunks(stream, Decoder::Size),
        };
        Ok(true)
    }

    /// Sends the next part of the body, as the client makes room for it.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (Download::Length(stream, _) | Download::Chunks(stream, _)) = &mut self.download else {
            self.next = None;
            return Poll::Ready(Ok(()));
        };
        while let Some((data, is_last)) = &mut self.next {
            let mut room = stream.capacity();
            if !data.is_empty() && room == 0 {
                stream.reserve_capacity(data.len());
                room = match ready!(stream.poll_capacity(cx)) {
                    Some(Ok(room)) => room,
                    Some(Err(_)) | None => return Poll::Ready(Err(gone())),
                };
                if room == 0 {
                    continue;
                }
            }
            let part = data.split_to(room.min(data.len()));
            let is_last = *is_last;
            if data.is_empty() {
                self.next = None;
            }
            let ends = is_last && self.next.is_none();
            stream.send_data(part, ends).map_err(|_| gone())?;
            if ends {
                self.over();
                break;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Ends the body, with the lines of its trailers.
    fn end(&mut self, trailers: &[u8]) -> io::Result<()> {
        if let Download::Chunks(stream, _) = &mut self.download {
            let fields = head::read_trailers(trailers);
            let ended = if fields.is_empty() {
                stream.send_data(Bytes::new(), true)
            } else {
                stream.send_trailers(fields)
            };
            ended.map_err(|_| gone())?;
        }
        self.over();
        Ok(())
    }

    /// Notes that all of the reply has been sent.
    fn over(&mut self) {
        let before = std::mem::replace(&mut self.download, Download::Over(None));
        self.download = match before {
            Download::Length(stream, _) | Download::Chunks(stream, _) => Download::Over(Some(stream)),
            other => other,
        };
    }
}

/// Returns whether a reply with this status has no body, whatever its fields say.
fn is_bodiless(status: StatusCode) -> bool {
    status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED
}

/// Appends data as one chunk.
fn write_chunk(data: &[u8], output: &mut BytesMut) {
    let mut chunk = Vec::with_capacity(data.len() + 16);
    chunked::encode(data, &mut chunk);
    output.extend_from_slice(&chunk);
}
