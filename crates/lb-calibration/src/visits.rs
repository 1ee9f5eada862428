//! Requests of one backend as the backend saw them: arrival, queue length at arrival, and departure.
//!
//! A load balancer records when a request is sent and when its reply arrives. At the backend, the arrival is
//! half the overhead later and the departure half the overhead earlier.

use lb_traces::read::{End, Episode};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// How a visit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// Served; `failed` with a 5xx.
    Served { failed: bool },
    /// The client gave up waiting.
    GaveUp,
    /// The end is unknown; `left` is the time of arrival.
    Unknown,
}

/// Why the number of requests around a visit may be wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Doubt {
    #[default]
    None,
    /// Too many clients gave up around this time, and the backend may still have been working for them.
    Abandoned,
    /// The end of a request is not known.
    Unknown,
}

/// A request that a backend accepted. Times are in nanoseconds since the start of the episode.
#[derive(Clone, Copy, Debug)]
pub(super) struct Visit {
    pub(super) came: f64,
    pub(super) left: f64,
    /// Position of the request in the episode.
    pub(super) exchange: u32,
    pub(super) route: u16,
    pub(super) how: Left,
    /// Number of requests in the backend at arrival.
    pub(super) found: u32,
    pub(super) doubt: Doubt,
}

/// A request that a backend did not accept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refusal {
    pub(super) came: f64,
    pub(super) ended: f64,
    pub(super) found: u32,
    pub(super) kind: RefusalKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RefusalKind {
    /// An immediate 5xx.
    Error,
    /// The connection failed or broke.
    Connection,
}

/// All requests to one backend in one episode, in order of arrival.
#[derive(Clone, Debug, Default)]
pub(super) struct Visits {
    pub(super) taken_in: Vec<Visit>,
    pub(super) refused: Vec<Refusal>,
}

/// A 5xx that took less than this fraction of a typical service time counts as a refusal.
const AT_ONCE: f64 = 0.02;

/// Returns the visits of all backends. `overhead` is the time that a request spends outside its backend, and `unit`
/// that to which times were cut off, both in nanoseconds.
pub(super) fn visits(episode: &Episode, backends: usize, overhead: f64, unit: f64) -> Vec<Visits> {
    let typical = typical_latencies(episode, backends, overhead);
    let mut all = vec![Visits::default(); backends];
    for (place, exchange) in (0..).zip(&episode.exchanges) {
        let backend = usize::from(exchange.backend);
        let sent = exchange.sent.as_nanos() as f64;
        let stay = exchange.latency.map(|latency| (latency.as_nanos() as f64 - overhead).max(0.0));
        let came = sent + overhead / 2.0;
        let at_once =
            stay.is_some_and(|stay| stay <= (AT_ONCE * typical[backend]).max(overhead).max(1.5 * unit));
        let refusal = match exchange.end {
            End::Failed if at_once => Some(RefusalKind::Error),
            End::Disconnected => Some(RefusalKind::Connection),
            _ => None,
        };
        if let Some(kind) = refusal {
            let ended = came + stay.unwrap_or(0.0);
            all[backend].refused.push(Refusal { came, ended, found: 0, kind });
            continue;
        }
        let how = match (exchange.end, stay) {
            (_, None) => Left::Unknown,
            // A client that disconnected counts as one that gave up.
            (End::TimedOut | End::Censored, _) => Left::GaveUp,
            (End::Failed, _) => Left::Served { failed: true },
            _ => Left::Served { failed: false },
        };
        let left = came + stay.filter(|_| how != Left::Unknown).unwrap_or(0.0);
        let visit =
            Visit { came, left, exchange: place, route: exchange.route, how, found: 0, doubt: Doubt::None };
        all[backend].taken_in.push(visit);
    }
    all.iter_mut().for_each(count_and_doubt);
    all
}

/// Returns the median latency of the requests that each backend served, minus the overhead.
fn typical_latencies(episode: &Episode, backends: usize, overhead: f64) -> Vec<f64> {
    let mut latencies = vec![Vec::new(); backends];
    for exchange in episode.exchanges.iter().filter(|exchange| exchange.end == End::Served) {
        if let Some(latency) = exchange.latency {
            latencies[usize::from(exchange.backend)].push(latency.as_nanos() as f64 - overhead);
        }
    }
    latencies.iter_mut().map(|all| super::stats::median(all).unwrap_or(0.0)).collect()
}

/// Share of abandoned requests in the backend above which the number of requests in it is in doubt.
const HIDDEN: f64 = 0.1;

/// Fills in the number of requests that each request found, and any doubt about it.
fn count_and_doubt(visits: &mut Visits) {
    let mut inside = Inside::default();
    let mut refused = visits.refused.iter_mut().peekable();
    for visit in &mut visits.taken_in {
        while let Some(refusal) = refused.next_if(|refusal| refusal.came < visit.came) {
            refusal.found = inside.at(refusal.came);
        }
        visit.found = inside.at(visit.came);
        inside.add(visit.left);
    }
    refused.for_each(|refusal| refusal.found = inside.at(refusal.came));
    doubt_abandoned(&mut visits.taken_in);
    doubt_unknown(&mut visits.taken_in);
}

/// Marks visits that abandoned requests make doubtful. A backend may continue to work on a request after its
/// client gave up; it is assumed to do so for as long as the client waited.
fn doubt_abandoned(visits: &mut [Visit]) {
    let gave_up = visits.iter().filter(|visit| visit.how == Left::GaveUp);
    let mut gone: Vec<(f64, f64)> = gave_up.map(|visit| (visit.left, visit.left - visit.came)).collect();
    gone.sort_by(|one, other| one.0.total_cmp(&other.0));
    let patience = gone.iter().map(|(_, waited)| *waited).fold(0.0, f64::max);
    let before = |time: f64| gone.partition_point(|(left, _)| *left < time);
    let hidden = |time: f64| (before(time) - before(time - patience)) as f64;
    for visit in visits {
        if hidden(visit.came).max(hidden(visit.left)) > HIDDEN * f64::from(visit.found + 1) {
            visit.doubt = Doubt::Abandoned;
        }
    }
}

/// Marks visits as doubtful if they overlap a request whose end is unknown: those present at its arrival and
/// those that arrived before the backend was next idle.
fn doubt_unknown(visits: &mut [Visit]) {
    let first_idle = idle_times(visits);
    let mut until = f64::MIN;
    for visit in visits.iter_mut() {
        if visit.how == Left::Unknown {
            until = until.max(first_idle[first_idle.partition_point(|idle| *idle < visit.left)]);
        }
        if visit.came <= until {
            visit.doubt = Doubt::Unknown;
        }
    }
    let mut next = f64::MAX;
    for visit in visits.iter_mut().rev() {
        if visit.left >= next {
            visit.doubt = Doubt::Unknown;
        }
        if visit.how == Left::Unknown {
            next = visit.came;
        }
    }
}

/// Returns the times at which the backend became idle, ascending, followed by `f64::MAX`.
fn idle_times(visits: &[Visit]) -> Vec<f64> {
    let mut times = Vec::new();
    let mut busy_until = f64::MIN;
    for visit in visits {
        if visit.came > busy_until && busy_until > f64::MIN {
            times.push(busy_until);
        }
        busy_until = busy_until.max(visit.left);
    }
    times.push(f64::MAX);
    times
}

/// Requests in the backend, ordered by departure.
#[derive(Default)]
struct Inside(BinaryHeap<Reverse<Nanos>>);

struct Nanos(f64);

impl PartialEq for Nanos {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Nanos {}

impl PartialOrd for Nanos {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Nanos {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl Inside {
    fn add(&mut self, left: f64) {
        self.0.push(Reverse(Nanos(left)));
    }

    /// Returns the number of requests in the backend at `now`, which must not decrease between calls.
    fn at(&mut self, now: f64) -> u32 {
        while self.0.peek().is_some_and(|first| first.0.0 <= now) {
            self.0.pop();
        }
        self.0.len() as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_core::{Span, Time};
    use lb_traces::read::{Exchange, HintPlace};

    /// Builds visits of one backend from requests with send time, latency and end; times are in milliseconds.
    fn visits_of(requests: &[(u64, Option<u64>, End)]) -> Visits {
        let exchange = |(sent, latency, end): &(u64, Option<u64>, End)| Exchange {
            sent: Time::ZERO + Span::from_millis(*sent),
            latency: latency.map(Span::from_millis),
            service: None,
            backend: 0,
            route: 0,
            balancer: 0,
            hints: HintPlace::default(),
            end: *end,
        };
        let episode = Episode { exchanges: requests.iter().map(exchange).collect(), ..Episode::default() };
        visits(&episode, 1, 1e6, 0.0).remove(0)
    }

    #[test]
    fn requests_count_what_is_inside_when_they_come() {
        let seen = visits_of(&[
            (0, Some(100), End::Served),
            (10, Some(20), End::Served),
            (20, Some(100), End::Failed),
            (40, Some(50), End::Served),
        ]);
        let found: Vec<u32> = seen.taken_in.iter().map(|visit| visit.found).collect();
        assert_eq!(found, [0, 1, 2, 2], "the second had left when the fourth came");
        assert_eq!(seen.taken_in[2].how, Left::Served { failed: true }, "a 5xx after service is service");
        let stay = seen.taken_in[1].left - seen.taken_in[1].came;
        assert_eq!(stay, 19e6, "the stay excludes the overhead of 1 ms");
    }

    #[test]
    fn what_was_refused_is_not_inside() {
        let seen = visits_of(&[
            (0, Some(1_000), End::Served),
            (10, Some(1), End::Failed),
            (12, Some(5), End::Disconnected),
            (13, Some(1_000), End::Served),
        ]);
        let kinds: Vec<RefusalKind> = seen.refused.iter().map(|refusal| refusal.kind).collect();
        assert_eq!(kinds, [RefusalKind::Error, RefusalKind::Connection]);
        assert!(seen.refused.iter().all(|refusal| refusal.found == 1), "each found the first request");
        assert_eq!(seen.taken_in[1].found, 1, "the second that was taken in found only the first");
    }

    #[test]
    fn doubt_reaches_from_what_is_unknown_to_the_next_idle_moment() {
        let seen = visits_of(&[
            (0, Some(5), End::Served),
            (10, Some(30), End::Served),
            (20, None, End::Censored),
            (25, Some(30), End::Served),
            (80, Some(5), End::Served),
        ]);
        let doubts: Vec<Doubt> = seen.taken_in.iter().map(|visit| visit.doubt).collect();
        let (sure, unknown) = (Doubt::None, Doubt::Unknown);
        assert_eq!(doubts, [sure, unknown, unknown, unknown, sure]);
    }

    #[test]
    fn many_that_give_up_cast_doubt_on_those_beside_them() {
        let mut requests = vec![(0, Some(100), End::TimedOut), (1, Some(100), End::TimedOut)];
        requests.extend([(120, Some(10), End::Served), (500, Some(10), End::Served)]);
        let seen = visits_of(&requests);
        assert_eq!(seen.taken_in[2].doubt, Doubt::Abandoned, "two may still be worked on");
        assert_eq!(seen.taken_in[3].doubt, Doubt::None, "long after that, no visit is in doubt");
    }
}
