//! The stream of server-sent events (WHATWG HTML, "Server-sent events"): the whole board, and then changes.
//!
//! A message is made when the connection has room for it, and not before. A page that reads slowly, or not at all, therefore
//! costs one message at most, and gets everything that it missed in one change when it reads again.

use crate::board::{News, Seen};
use crate::runs::Runs;
use bytes::Bytes;
use http_body::Frame;
use serde_json::Value;
use std::cell::Cell;
use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

/// The shortest time between two messages.
const PERIOD: Duration = Duration::from_millis(250);
/// The time after which a comment says that the connection lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long a browser waits before it connects again.
const RETRY: &str = "retry: 1000\n\n";

type Next = Pin<Box<dyn Future<Output = Option<(Bytes, Reader)>>>>;

/// The body of the reply.
pub(crate) struct Live {
    next: Option<Next>,
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").finish_non_exhaustive()
    }
}

/// One page that watches.
struct Reader {
    runs: Rc<Runs>,
    changes: watch::Receiver<u64>,
    seen: Seen,
    last: Option<Instant>,
    /// Says whether the page is still signed in.
    may_go_on: Box<dyn Fn() -> bool>,
    _counted: Counted,
}

/// Counts readers while they live.
#[derive(Debug)]
pub(crate) struct Counted(Rc<Cell<usize>>);

impl Counted {
    /// Counts one more; `None` if there are `most` already.
    pub(crate) fn one_of(count: &Rc<Cell<usize>>, most: usize) -> Option<Self> {
        (count.get() < most).then(|| {
            count.set(count.get() + 1);
            Self(Rc::clone(count))
        })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

impl Live {
    /// Begins a stream. It ends when `may_go_on` says no.
    pub(crate) fn new(runs: &Rc<Runs>, counted: Counted, may_go_on: Box<dyn Fn() -> bool>) -> Self {
        let reader = Reader {
            runs: Rc::clone(runs),
            changes: runs.watch(),
            seen: Seen::default(),
            last: None,
            may_go_on,
            _counted: counted,
        };
        Self { next: Some(Box::pin(reader.next())) }
    }

    /// Returns the next message; `None` when the stream has ended. It is not made before this is polled.
    pub(crate) fn poll_message(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(next) = &mut self.next else { return Poll::Ready(None) };
        let Some((message, reader)) = ready!(next.as_mut().poll(cx)) else {
            self.next = None;
            return Poll::Ready(None);
        };
        self.next = Some(Box::pin(reader.next()));
        Poll::Ready(Some(Ok(Frame::data(message))))
    }
}

impl Reader {
    /// Waits for news and tells them.
    async fn next(mut self) -> Option<(Bytes, Self)> {
        if let Some(last) = self.last {
            sleep_until(last + PERIOD).await;
        }
        loop {
            if !(self.may_go_on)() {
                return None;
            }
            // What changes from here on wakes the wait below.
            self.changes.mark_unchanged();
            let news = self.runs.look(|board| board.since(self.seen));
            if let Some((news, seen)) = news {
                let message = match (&news, self.last) {
                    (News::Board(board), None) => format!("{RETRY}{}", event("board", board)),
                    (News::Board(board), _) => event("board", board),
                    (News::Change(change), _) => event("change", change),
                };
                (self.seen, self.last) = (seen, Some(Instant::now()));
                return Some((Bytes::from(message), self));
            }
            match timeout(KEEP_ALIVE, self.changes.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return None,
                Err(_) => return Some((Bytes::from_static(b": alive\n\n"), self)),
            }
        }
    }
}

/// Writes an event. JSON has no line breaks outside of texts, where they are escaped.
fn event(name: &str, data: &Value) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::Run;
    use crate::results::Root;
    use std::future::poll_fn;
    use std::path::Path;

    async fn message(live: &mut Live) -> Option<String> {
        let frame = poll_fn(|cx| live.poll_message(cx)).await?;
        let data = frame.ok()?.into_data().ok()?;
        Some(String::from_utf8_lossy(&data).into_owned())
    }

    fn watched() -> (Rc<Runs>, Rc<Cell<usize>>) {
        (Runs::new(Root::new(Path::new("results"))), Rc::default())
    }

    fn live(runs: &Rc<Runs>, count: &Rc<Cell<usize>>) -> Live {
        Live::new(runs, Counted::one_of(count, 2).expect("there is room"), Box::new(|| true))
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_gets_the_board_then_changes_at_most_four_times_a_second_and_signs_of_life() {
        let (runs, count) = watched();
        let mut live = live(&runs, &count);
        let begin = Instant::now();
        let first = message(&mut live).await.expect("the board");
        assert!(first.starts_with("retry: 1000\n\nevent: board\ndata: {\"run\":null"), "{first}");
        runs.change(|board| board.begin(Run { id: "r1".to_owned(), ..Run::default() }));
        let board = message(&mut live).await.expect("another board");
        assert!(board.starts_with("event: board\n") && board.contains("\"r1\""), "{board}");
        assert_eq!(begin.elapsed(), PERIOD);
        // A hundred changes while the page does not read are one message.
        for line in 0..100 {
            runs.change(|board| board.add_line(&format!("line {line}")));
        }
        let change = message(&mut live).await.expect("a change");
        assert!(change.starts_with("event: change\ndata: {\"log\":[\"line 0\",\"line 1\""), "{change}");
        assert!(change.contains("line 99") && change.ends_with("]}\n\n"), "{change}");
        assert_eq!(message(&mut live).await.as_deref(), Some(": alive\n\n"));
        assert!(begin.elapsed() >= KEEP_ALIVE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_ends_with_its_session_and_gives_its_place_back() {
        let (runs, count) = watched();
        let signed_in = Rc::new(Cell::new(true));
        let still = Rc::clone(&signed_in);
        let counted = Counted::one_of(&count, 1).expect("there is room");
        let mut live = Live::new(&runs, counted, Box::new(move || still.get()));
        assert!(Counted::one_of(&count, 1).is_none(), "one is the most");
        assert!(message(&mut live).await.is_some());
        signed_in.set(false);
        runs.change(|board| board.add_line("a secret"));
        assert_eq!(message(&mut live).await, None);
        assert_eq!(count.get(), 0);
    }
}
