//! Requests that are held on demand for a known time, to test how a load balancer counts requests in flight
//! and whether it breaks them.
//!
//! `ms=N` is the duration; with `chunks=N` the reply begins at once and arrives in N parts over that time. Parts can
//! also be server-sent events (`/api/events`), which may come over a longer time.

use crate::uri::parameter;
use bytes::Bytes;
use http_body::{Body, Frame};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

/// Longest time that a request can be held, in milliseconds.
const LIMIT_MS: u64 = 10_000;
/// Longest time over which events can come, in milliseconds.
const EVENTS_LIMIT_MS: u64 = 120_000;
/// Maximum number of parts in the reply.
const MOST_CHUNKS: u32 = 1000;

/// How to hold a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hold {
    /// Duration in milliseconds.
    pub(crate) ms: u64,
    /// Number of parts of the reply; `None` to send the whole reply at the end.
    pub(crate) chunks: Option<u32>,
}

impl Hold {
    /// Parses a query, or returns what is wrong with it.
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

/// Parses the query of a stream of server-sent events: its duration in milliseconds and their number.
pub(crate) fn parse_events(query: &str) -> Result<(u64, u32), &'static str> {
    let Ok(ms @ ..=EVENTS_LIMIT_MS) = parameter(query, "ms").unwrap_or("1000").parse() else {
        return Err("ms must be a whole number from 0 to 120000");
    };
    match parameter(query, "count").unwrap_or("10").parse() {
        Ok(count @ 1..=MOST_CHUNKS) => Ok((ms, count)),
        _ => Err("count must be a whole number from 1 to 1000"),
    }
}

/// What the parts of a body look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// A line of JSON.
    Line,
    /// A server-sent event with its number as id, and JSON as data.
    Event,
}

/// A body that arrives at equal intervals, one part at a time.
#[derive(Debug)]
pub(crate) struct Trickle {
    part: Part,
    chunks: u32,
    sent: u32,
    step: Duration,
    next: Pin<Box<Sleep>>,
}

impl Trickle {
    pub(crate) fn new(part: Part, ms: u64, chunks: u32) -> Self {
        let step = Duration::from_millis(ms) / chunks;
        Self { part, chunks, sent: 0, step, next: Box::pin(sleep(step)) }
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
        let (number, all) = (self.sent, self.chunks);
        let text = match self.part {
            Part::Line => format!("{{\"chunk\":{number},\"of\":{all}}}\n"),
            Part::Event => format!("id: {number}\ndata: {{\"event\":{number},\"of\":{all}}}\n\n"),
        };
        Poll::Ready(Some(Ok(Frame::data(text.into()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;

    #[test]
    fn a_query_says_how_long_and_in_how_many_parts() {
        let whole = |ms| Ok(Hold { ms, chunks: None });
        assert_eq!(Hold::parse(""), whole(500), "the default is half a second");
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
    async fn events_have_numbers_and_a_blank_line_after_each() {
        assert_eq!(parse_events(""), Ok((1000, 10)));
        assert_eq!(parse_events("ms=120000&count=1000"), Ok((120_000, 1000)));
        assert_eq!(parse_events("ms=120001"), Err("ms must be a whole number from 0 to 120000"));
        assert_eq!(parse_events("count=0"), Err("count must be a whole number from 1 to 1000"));
        let body = Trickle::new(Part::Event, 2, 2).collect().await.expect("nothing fails");
        let expected = "id: 1\ndata: {\"event\":1,\"of\":2}\n\nid: 2\ndata: {\"event\":2,\"of\":2}\n\n";
        assert_eq!(body.to_bytes(), expected.as_bytes());
    }

    #[tokio::test]
    async fn parts_come_one_by_one_and_the_last_at_the_end() {
        let begun = Instant::now();
        let mut body = Trickle::new(Part::Line, 60, 3);
        for number in 1..=3 {
            let Ok(frame) = body.frame().await.expect("a part");
            assert!(begun.elapsed() >= Duration::from_millis(20 * number), "part {number} is not early");
            let line = format!("{{\"chunk\":{number},\"of\":3}}\n");
            assert_eq!(frame.into_data().expect("data"), line.as_bytes());
        }
        assert!(body.frame().await.is_none(), "the body has three parts");
    }
}
