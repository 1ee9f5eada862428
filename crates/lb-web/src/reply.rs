//! Replies and their bodies.

use crate::live::Live;
use bytes::Bytes;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::Full;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{self, Read as _};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc;

/// The size of a piece of a file.
const PIECE: usize = 64 << 10;

/// The body of a reply.
#[derive(Debug)]
pub(crate) enum Body {
    /// All of it.
    Whole(Full<Bytes>),
    /// A stream of events.
    Live(Live),
    /// A file that is read while it is sent, with the bytes that are left.
    File(mpsc::Receiver<io::Result<Bytes>>, u64),
}

/// A reply.
pub(crate) type Reply = Response<Body>;

impl HttpBody for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match &mut *self {
            Self::Whole(whole) => Pin::new(whole).poll_frame(cx).map_err(|never| match never {}),
            Self::Live(live) => live.poll_message(cx).map_err(|never| match never {}),
            Self::File(pieces, left) => pieces.poll_recv(cx).map(|piece| {
                piece.map(|piece| {
                    piece.map(|piece| {
                        *left = left.saturating_sub(piece.len() as u64);
                        Frame::data(piece)
                    })
                })
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(whole) => whole.is_end_stream(),
            Self::Live(_) => false,
            Self::File(_, left) => *left == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(whole) => whole.size_hint(),
            Self::Live(_) => SizeHint::default(),
            Self::File(_, left) => SizeHint::with_exact(*left),
        }
    }
}

/// Makes a reply of bytes with a media type.
pub(crate) fn bytes(status: StatusCode, media: &'static str, bytes: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Body::Whole(Full::new(bytes.into())));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media));
    reply
}

/// Makes a reply without a body.
pub(crate) fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(Body::Whole(Full::default()));
    *reply.status_mut() = status;
    reply
}

/// Makes a reply of JSON.
pub(crate) fn json(status: StatusCode, value: &Value) -> Reply {
    bytes(status, "application/json", value.to_string())
}

/// Makes a reply that says what is wrong.
pub(crate) fn error(status: StatusCode, text: &str) -> Reply {
    json(status, &json!({ "error": text }))
}

/// Makes a stream of events.
pub(crate) fn live(live: Live) -> Reply {
    let mut reply = Response::new(Body::Live(live));
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    reply
}

/// Makes a reply of an open file, to be kept under the given name. It is read on a thread that may wait, at most two pieces
/// ahead of what the client takes.
pub(crate) fn file(file: File, length: u64, media: &'static str, name: &str) -> Reply {
    let (sender, pieces) = mpsc::channel(2);
    tokio::task::spawn_blocking(move || {
        let mut rest = file.take(length);
        let mut left = length;
        while left > 0 {
            let mut piece = vec![0; PIECE.min(usize::try_from(left).unwrap_or(PIECE))];
            let read = match rest.read(&mut piece) {
                Ok(0) => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter")),
                Ok(count) => {
                    piece.truncate(count);
                    left -= count as u64;
                    Ok(Bytes::from(piece))
                }
                Err(error) => Err(error),
            };
            let is_last = read.is_err();
            if sender.blocking_send(read).is_err() || is_last {
                return;
            }
        }
    });
    let mut reply = Response::new(Body::File(pieces, length));
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._+-".contains(c) { c } else { '-' };
    let name: String = name.chars().map(plain).collect();
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(CONTENT_DISPOSITION, value);
    }
    reply
}
