//! Reads the body of a request within limits.

use bytes::{Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt as _;
use std::pin::pin;
use std::time::Duration;

/// The reason why a body could not be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ReadError {
    /// It is longer than allowed.
    #[error("body is too large")]
    TooLarge,
    /// Nothing more of it arrived in time.
    #[error("nothing more of the body arrived in time")]
    Stalled,
    /// The client broke off.
    #[error("body is incomplete")]
    Client,
}

impl ReadError {
    /// Returns the status of the reply: 413, 408 or 400.
    pub fn status(&self) -> u16 {
        match self {
            Self::TooLarge => 413,
            Self::Stalled => 408,
            Self::Client => 400,
        }
    }
}

/// Reads a whole body of at most `most` bytes, and waits at most `patience` for each further piece.
///
/// # Errors
/// The body is too long, stops for too long, or ends early.
pub async fn read<B>(body: B, most: usize, patience: Duration) -> Result<Bytes, ReadError>
where
    B: Body<Data = Bytes>,
{
    let mut body = pin!(body);
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    if body.size_hint().lower() > most as u64 {
        return Err(ReadError::TooLarge);
    }
    let mut whole = BytesMut::new();
    loop {
        let frame = tokio::time::timeout(patience, body.frame()).await.map_err(|_| ReadError::Stalled)?;
        let Some(frame) = frame else { return Ok(whole.freeze()) };
        let frame = frame.map_err(|_| ReadError::Client)?;
        let Ok(data) = frame.into_data() else { continue };
        if whole.len() + data.len() > most {
            return Err(ReadError::TooLarge);
        }
        // Most bodies arrive in one piece, which is then not copied.
        if whole.is_empty() && body.is_end_stream() {
            return Ok(data);
        }
        whole.extend_from_slice(&data);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body::Frame;
    use http_body_util::Full;
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    /// A body that never comes.
    struct Silent;

    impl Body for Silent {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Pending
        }
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit_and_not_awaited_for_ever() {
        let long = Duration::from_secs(60);
        let text = Bytes::from_static(b"12345");
        assert_eq!(read(Full::new(text.clone()), 5, long).await, Ok(text.clone()));
        assert_eq!(read(Full::new(text), 4, long).await, Err(ReadError::TooLarge));
        assert_eq!(read(Silent, 5, Duration::from_millis(1)).await, Err(ReadError::Stalled));
    }
}
