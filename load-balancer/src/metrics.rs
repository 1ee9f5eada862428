//! Counters for Prometheus, built for a hot path: they are plain atomics, and are looked up before a request
//! arrives, so that counting is one addition. Rendering bears the other costs.

use lb_core::Span;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering::Relaxed};

/// Counters that each data thread has for itself, so that no two threads write the same ones: counting needs
/// no locked instruction and moves no cache line. They are added up when they are read.
pub(crate) struct PerThread<T>(Mutex<Vec<Option<Arc<T>>>>);

impl<T> Default for PerThread<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Default> PerThread<T> {
    /// Returns the counters of data thread `thread`. Only that thread may write them.
    pub(crate) fn of(&self, thread: usize) -> Arc<T> {
        let mut all = self.0.lock();
        if all.len() <= thread {
            all.resize_with(thread + 1, || None);
        }
        Arc::clone(all[thread].get_or_insert_default())
    }

    /// Returns the sum of all threads' counters, computed with `add`.
    pub(crate) fn sum(&self, add: impl Fn(&T, &T)) -> T {
        let sum = T::default();
        self.0.lock().iter().flatten().for_each(|counters| add(&sum, counters));
        sum
    }
}

/// Adds to a counter that no other thread writes at the same time.
pub(crate) fn add(counter: &AtomicU64, by: u64) {
    counter.store(counter.load(Relaxed).wrapping_add(by), Relaxed);
}

/// Count and summed latency of each status, for a small number of statuses.
///
/// A slot is claimed by the first request with its status and never released. If a service answers with more
/// statuses than there are slots, the last slot counts the rest as `other`.
#[derive(Default)]
pub(crate) struct StatusTable {
    slots: [StatusSlot; Self::SLOTS],
}

#[derive(Default)]
struct StatusSlot {
    status: AtomicU32,
    count: AtomicU64,
    nanos: AtomicU64,
}

impl StatusSlot {
    fn add(&self, count: u64, nanos: u64) {
        add(&self.count, count);
        add(&self.nanos, nanos);
    }
}

impl StatusTable {
    const SLOTS: usize = 16;
    const FREE: u32 = 0;
    const OTHER: u32 = u32::MAX;

    /// Counts one request.
    pub(crate) fn record(&self, status: u16, latency: Span) {
        self.slot(u32::from(status)).add(1, latency.as_nanos());
    }

    /// Adds the counts of `other`.
    fn plus(&self, other: &Self) {
        for slot in &other.slots {
            let status = slot.status.load(Relaxed);
            if status != Self::FREE {
                self.slot(status).add(slot.count.load(Relaxed), slot.nanos.load(Relaxed));
            }
        }
    }

    fn slot(&self, status: u32) -> &StatusSlot {
        let (last, slots) = self.slots.split_last().expect("the table has slots");
        for slot in slots {
            let found = slot.status.load(Relaxed);
            if found == status {
                return slot;
            }
            if found == Self::FREE {
                slot.status.store(status, Relaxed);
                return slot;
            }
        }
        last.status.store(Self::OTHER, Relaxed);
        last
    }

    /// Returns the label, count and summed seconds of each status seen.
    pub(crate) fn read(&self) -> impl Iterator<Item = (String, u64, f64)> {
        self.slots.iter().filter_map(|slot| {
            let label = match slot.status.load(Relaxed) {
                Self::FREE => return None,
                Self::OTHER => "other".to_owned(),
                status => status.to_string(),
            };
            Some((label, slot.count.load(Relaxed), seconds(slot.nanos.load(Relaxed))))
        })
    }
}

/// Latencies in fixed buckets.
#[derive(Default)]
pub(crate) struct Histogram {
    buckets: [AtomicU64; Self::BOUNDS.len() + 1],
    nanos: AtomicU64,
}

impl Histogram {
    /// Upper bounds in nanoseconds: 1, 2.5 and 5 per decade, from the time of a reply over loopback to the
    /// longest usual timeout.
    const BOUNDS: [u64; 17] = [
        100_000,
        250_000,
        500_000,
        1_000_000,
        2_500_000,
        5_000_000,
        10_000_000,
        25_000_000,
        50_000_000,
        100_000_000,
        250_000_000,
        500_000_000,
        1_000_000_000,
        2_500_000_000,
        5_000_000_000,
        10_000_000_000,
        30_000_000_000,
    ];

    /// Counts one latency.
    pub(crate) fn record(&self, latency: Span) {
        let nanos = latency.as_nanos();
        let bucket = Self::BOUNDS.partition_point(|bound| *bound < nanos);
        add(&self.buckets[bucket], 1);
        add(&self.nanos, nanos);
    }

    /// Adds the counts of `other`.
    fn plus(&self, other: &Self) {
        for (bucket, other) in self.buckets.iter().zip(&other.buckets) {
            add(bucket, other.load(Relaxed));
        }
        add(&self.nanos, other.nanos.load(Relaxed));
    }

    /// Returns the upper bound of each bucket in seconds, and the number of latencies up to it. The last
    /// bucket has no bound and counts all latencies.
    pub(crate) fn read(&self) -> impl Iterator<Item = (Option<f64>, u64)> {
        let bounds = Self::BOUNDS.into_iter().map(|bound| Some(seconds(bound))).chain([None]);
        bounds.zip(&self.buckets).scan(0, |seen, (bound, bucket)| {
            *seen += bucket.load(Relaxed);
            Some((bound, *seen))
        })
    }

    /// Returns the sum of all latencies in seconds.
    pub(crate) fn seconds(&self) -> f64 {
        seconds(self.nanos.load(Relaxed))
    }
}

/// The reason why a request failed, as given in the label `error_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorType {
    /// The backend answered with 5xx.
    Backend,
    /// The backend did not answer in time.
    Timeout,
    /// The connection to the backend failed or broke.
    Connection,
    /// No backend could be picked.
    NoInstance,
}

impl ErrorType {
    /// All causes, in the order of their numbers.
    pub(crate) const ALL: [Self; 4] = [Self::Backend, Self::Timeout, Self::Connection, Self::NoInstance];

    /// Returns the value of the label.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Backend => "backend",
            Self::Timeout => "timeout",
            Self::Connection => "connection",
            Self::NoInstance => "no_instance",
        }
    }
}

/// The counters of one service.
#[derive(Default)]
#[repr(align(128))]
pub(crate) struct ServiceMetrics {
    /// Replies by status.
    pub(crate) requests: StatusTable,
    /// Time from the arrival of a request to the end of its reply.
    pub(crate) duration: Histogram,
    errors: [StatusTable; 4],
    client_aborts: AtomicU64,
    tunnels_opened: AtomicU64,
    tunnels_closed: AtomicU64,
    tunnel_nanos: AtomicU64,
}

impl ServiceMetrics {
    /// Counts one request that ended because its client went away, was too slow, or sent a malformed body. No
    /// backend is to blame for it.
    pub(crate) fn client_abort(&self) {
        add(&self.client_aborts, 1);
    }

    /// Returns the number of requests that ended because of their client.
    pub(crate) fn client_aborts(&self) -> u64 {
        self.client_aborts.load(Relaxed)
    }

    /// Counts a request that became a tunnel.
    pub(crate) fn tunnel_opened(&self) {
        add(&self.tunnels_opened, 1);
    }

    /// Counts a tunnel that has ended, `lasted` after its request was sent.
    pub(crate) fn tunnel_closed(&self, lasted: Span) {
        add(&self.tunnels_closed, 1);
        add(&self.tunnel_nanos, lasted.as_nanos());
    }

    /// Returns the number of tunnels that have ended, and the seconds that they lasted.
    pub(crate) fn tunnels_closed(&self) -> (u64, f64) {
        (self.tunnels_closed.load(Relaxed), seconds(self.tunnel_nanos.load(Relaxed)))
    }

    /// Returns the number of open tunnels.
    pub(crate) fn tunnels(&self) -> u64 {
        self.tunnels_opened.load(Relaxed).wrapping_sub(self.tunnels_closed.load(Relaxed))
    }

    /// Counts one failed request.
    pub(crate) fn error(&self, kind: ErrorType, status: u16, latency: Span) {
        self.errors[kind as usize].record(status, latency);
    }

    /// Returns the failed requests of one cause, by status.
    pub(crate) fn errors(&self, kind: ErrorType) -> &StatusTable {
        &self.errors[kind as usize]
    }

    /// Adds the counts of `other`.
    pub(crate) fn plus(&self, other: &Self) {
        self.requests.plus(&other.requests);
        self.duration.plus(&other.duration);
        for (errors, other) in self.errors.iter().zip(&other.errors) {
            errors.plus(other);
        }
        add(&self.client_aborts, other.client_aborts());
        add(&self.tunnels_opened, other.tunnels_opened.load(Relaxed));
        add(&self.tunnels_closed, other.tunnels_closed.load(Relaxed));
        add(&self.tunnel_nanos, other.tunnel_nanos.load(Relaxed));
    }
}

/// The counters of one backend of a service.
#[derive(Default)]
#[repr(align(128))]
pub(crate) struct MemberMetrics {
    /// Replies by status.
    pub(crate) replies: StatusTable,
    errors: AtomicU64,
}

impl MemberMetrics {
    /// Counts one request without a usable reply, or with a 5xx.
    pub(crate) fn error(&self) {
        add(&self.errors, 1);
    }

    /// Returns the number of requests that got no usable reply or a 5xx.
    pub(crate) fn errors(&self) -> u64 {
        self.errors.load(Relaxed)
    }

    /// Adds the counts of `other`.
    pub(crate) fn plus(&self, other: &Self) {
        self.replies.plus(&other.replies);
        add(&self.errors, other.errors());
    }
}

/// The counters of the whole process.
#[derive(Default)]
pub(crate) struct GlobalMetrics {
    /// Open client connections.
    pub(crate) connections: AtomicI64,
}

fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_threads_have_counted_is_added_up_by_status() {
        let counted = PerThread::<ServiceMetrics>::default();
        let ms = Span::from_millis;
        for (thread, status, millis) in [(2, 200, 1), (0, 503, 2), (2, 503, 3), (0, 200, 40)] {
            let metrics = counted.of(thread);
            metrics.requests.record(status, ms(millis));
            metrics.duration.record(ms(millis));
            if status == 503 {
                metrics.error(ErrorType::Backend, status, ms(millis));
            }
        }
        let sum = counted.sum(ServiceMetrics::plus);
        let mut requests: Vec<_> = sum.requests.read().collect();
        requests.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(requests, [("200".to_owned(), 2, 0.041), ("503".to_owned(), 2, 0.005)]);
        let errors: Vec<_> = sum.errors(ErrorType::Backend).read().collect();
        assert_eq!(errors, [("503".to_owned(), 2, 0.005)]);
        assert_eq!(sum.duration.read().last(), Some((None, 4)));
        assert_eq!(sum.duration.read().find(|(bound, _)| *bound == Some(0.005)), Some((Some(0.005), 3)));
        assert_eq!(sum.duration.seconds(), 0.046);
    }

    #[test]
    fn statuses_beyond_the_slots_are_counted_as_other() {
        let table = StatusTable::default();
        for status in 200..240 {
            table.record(status, Span::from_millis(1));
        }
        let sum = StatusTable::default();
        sum.plus(&table);
        for table in [&table, &sum] {
            let read: Vec<_> = table.read().collect();
            assert_eq!(read.len(), StatusTable::SLOTS);
            assert_eq!(read.last().map(|(status, count, _)| (status.as_str(), *count)), Some(("other", 25)));
        }
    }
}
