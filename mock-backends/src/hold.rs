//! Requests that are held on demand: tests of how a load balancer counts requests in flight, or whether it
//! breaks one, need some that stay for a known time.
//!
//! `ms=N` is the duration; with `chunks=N` the reply begins at once and arrives in N parts over that time.

use crate::uri::parameter;
use bytes::Bytes;
use http_body::{Body, Frame};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

/// Longest time that a request can be held on request.
const LIMIT_MS: u64 = 10_000;
/// Most parts that its reply can have.
const MOST_CHUNKS: u32 = 1000;

/// How a request is to be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hold {
    /// For how long.
    pub(crate) ms: u64,
    /// In how many parts the reply comes; none: whole, at the end.
    pub(crate) chunks: Option<u32>,
}

impl Hold {
    /// What a query asks for, or what is wrong with it.
    pub(crate) fn parse(query: &str) -> Result<Self, &'static str> {
        let Ok(ms @ ..=LIMIT_MS) = parameter(query, "ms").unwrap_or("500").parse() else {
            return Err("ms must be a whole number from 0 to 10000");
        };
        match parameter(query, "chunks").map(str::parse) {
            None => Ok(Self { ms, chunks: None }),
            Some(Ok(chunks @ 1..=MOST_CHUNKS)) => Ok(Self { ms, chunks: Some(chunks) }),
            Some(_) => Err("chunks must be a whole number from 1 to 1000"),
        }
    }
}

/// A body that comes in equal steps of time, a line at each.
#[derive(Debug)]
pub(crate) struct Trickle {
    chunks: u32,
    sent: u32,
    step: Duration,
    next: Pin<Box<Sleep>>,
}

impl Trickle {
    pub(crate) fn new(ms: u64, chunks: u32) -> Self {
        let step = Duration::from_millis(ms) / chunks;
        Self { chunks, sent: 0, step, next: Box::pin(sleep(step)) }
    }
}

impl Body for Trickle {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.sent == self.chunks {
            return Poll::Ready(None);
        }
        std::task::ready!(self.next.as_mut().poll(cx));
        self.sent += 1;
        let then: Instant = self.next.deadline() + self.step;
        self.next.as_mut().reset(then);
        let line = format!("{{\"chunk\":{},\"of\":{}}}\n", self.sent, self.chunks);
        Poll::Ready(Some(Ok(Frame::data(line.into()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;

    #[test]
    fn a_query_says_how_long_and_in_how_many_parts() {
        let whole = |ms| Ok(Hold { ms, chunks: None });
        assert_eq!(Hold::parse(""), whole(500), "half a second unless told");
        assert_eq!(Hold::parse("ms=0"), whole(0));
        assert_eq!(Hold::parse("chunks=15&ms=3000"), Ok(Hold { ms: 3000, chunks: Some(15) }));
        for (query, names) in [
            ("ms=10001", "ms must"),
            ("ms=soon", "ms must"),
            ("chunks=0", "chunks must"),
            ("chunks=1001", "chunks must"),
        ] {
            let problem = Hold::parse(query).expect_err("it is refused");
            assert!(problem.starts_with(names), "`{query}` is refused with what is right: {problem}");
        }
    }

    #[tokio::test]
    async fn parts_come_one_by_one_and_the_last_at_the_end() {
        let begun = Instant::now();
        let mut body = Trickle::new(60, 3);
        for number in 1..=3 {
            let Ok(frame) = body.frame().await.expect("a part");
            assert!(begun.elapsed() >= Duration::from_millis(20 * number), "part {number} is not early");
            let line = format!("{{\"chunk\":{number},\"of\":3}}\n");
            assert_eq!(frame.into_data().expect("data"), line.as_bytes());
        }
        assert!(body.frame().await.is_none(), "three were asked for");
    }
}
