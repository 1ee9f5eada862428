//! The attempts of one log entry: when each began, how long it took, and how it ended.

use lb_core::Span;
use lb_recording::{Attempt, Entry};
use lb_traces::read::End;

/// The status by which nginx marks a client that went away.
const CLIENT_CLOSED: u16 = 499;
/// The status of a load balancer that could not connect, or whose connection broke.
const BAD_GATEWAY: u16 = 502;
/// The status of a load balancer that waited in vain.
const GATEWAY_TIMEOUT: u16 = 504;

/// One attempt with its times relative to the beginning of the entry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tried {
    /// From the beginning of the request to that of the attempt.
    pub(super) offset: Span,
    /// `None` if the log does not tell.
    pub(super) latency: Option<Span>,
    pub(super) end: End,
}

/// Returns the attempts of an entry in order. Each begins when the one before ended. Attempts at backends that the
/// log does not name are left out.
pub(super) fn tried(entry: &Entry) -> impl Iterator<Item = (&Attempt, Tried)> {
    let mut offset = before_first(entry);
    let named = entry.attempts.iter().enumerate().filter(|(_, attempt)| !attempt.backend.is_empty());
    named.map(move |(place, attempt)| {
        if place > 0 {
            offset += attempt.queued.unwrap_or(Span::ZERO);
        }
        let latency = latency(entry, attempt, offset);
        let tried = Tried { offset, latency, end: end(entry, attempt, place + 1 == entry.attempts.len()) };
        offset += latency.unwrap_or(Span::ZERO);
        (attempt, tried)
    })
}

/// Returns how long a request was with the load balancer before its first attempt. A timer of the queue means that
/// the time to receive the request is known, too.
fn before_first(entry: &Entry) -> Span {
    match (&entry.attempts[..], entry.duration) {
        ([Attempt { queued: Some(queued), whole: Some(whole), .. }], Some(duration)) => {
            duration.saturating_sub(*whole).max(*queued)
        }
        ([first, ..], _) => first.queued.unwrap_or(Span::ZERO),
        ([], _) => Span::ZERO,
    }
}

fn latency(entry: &Entry, attempt: &Attempt, offset: Span) -> Option<Span> {
    let only = entry.attempts.len() == 1;
    let of_entry = || Some(entry.duration.filter(|_| only)?.saturating_sub(offset));
    let to_head = || Some(attempt.connect.unwrap_or(Span::ZERO) + attempt.head?);
    attempt.whole.or_else(of_entry).or_else(to_head)
}

fn end(entry: &Entry, attempt: &Attempt, last: bool) -> End {
    let gave_up = last && (entry.status == Some(CLIENT_CLOSED) || entry.status.is_none());
    match attempt.status {
        Some(CLIENT_CLOSED) => End::Censored,
        None if gave_up => End::Censored,
        None => End::Disconnected,
        Some(BAD_GATEWAY) if attempt.head.is_none() => End::Disconnected,
        Some(GATEWAY_TIMEOUT) if attempt.head.is_none() => End::TimedOut,
        Some(500..) => End::Failed,
        Some(_) => End::Served,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(status: Option<u16>, whole: Option<u64>) -> Attempt {
        let whole = whole.map(Span::from_millis);
        Attempt { backend: "b".to_owned(), status, whole, ..Attempt::default() }
    }

    fn ends(status: Option<u16>, attempts: Vec<Attempt>) -> Vec<Tried> {
        let duration = Some(Span::from_millis(100));
        let entry = Entry { status, duration, attempts, ..Entry::default() };
        tried(&entry).map(|(_, tried)| tried).collect()
    }

    #[test]
    fn an_attempt_begins_when_the_one_before_ended() {
        let found = ends(Some(200), vec![attempt(Some(502), Some(7)), attempt(Some(200), Some(30))]);
        let expected = [
            Tried { offset: Span::ZERO, latency: Some(Span::from_millis(7)), end: End::Disconnected },
            Tried { offset: Span::from_millis(7), latency: Some(Span::from_millis(30)), end: End::Served },
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn the_time_of_an_only_attempt_is_that_of_the_request_less_its_wait() {
        let queued = Some(Span::from_millis(40));
        let found = ends(Some(200), vec![Attempt { queued, ..attempt(Some(200), None) }]);
        assert_eq!((found[0].offset, found[0].latency), (Span::from_millis(40), Some(Span::from_millis(60))));
    }

    #[test]
    fn what_was_received_and_queued_before_is_not_the_backend() {
        // 100 ms in all: 20 to receive the request, 30 in the queue, 50 at the backend.
        let queued = Some(Span::from_millis(30));
        let found = ends(Some(200), vec![Attempt { queued, ..attempt(Some(200), Some(50)) }]);
        assert_eq!((found[0].offset, found[0].latency), (Span::from_millis(50), Some(Span::from_millis(50))));
    }

    #[test]
    fn attempts_without_a_backend_are_left_out() {
        let unnamed = Attempt::default();
        let named = Attempt { backend: "b1".to_owned(), ..attempt(Some(200), Some(30)) };
        let found = ends(Some(200), vec![unnamed, named]);
        assert_eq!(found.len(), 1, "the log does not say where the first attempt failed");
    }

    #[test]
    fn who_gave_up_is_told_from_who_failed() {
        for (status, of_attempt, end) in [
            (Some(499), None, End::Censored),
            (None, None, End::Censored),
            (Some(502), None, End::Disconnected),
            (Some(502), Some(502), End::Disconnected),
            (Some(504), Some(504), End::TimedOut),
            (Some(503), Some(503), End::Failed),
            (Some(404), Some(404), End::Served),
        ] {
            assert_eq!(ends(status, vec![attempt(of_attempt, Some(5))])[0].end, end, "{status:?}");
        }
        let from_backend = Attempt { head: Some(Span::from_millis(5)), ..attempt(Some(502), Some(5)) };
        assert_eq!(ends(Some(502), vec![from_backend])[0].end, End::Failed, "a backend sent this 502");
    }
}
