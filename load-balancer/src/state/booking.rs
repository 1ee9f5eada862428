//! The counters behind `/api/benchmark`: requests, errors and latencies by the algorithm that placed them.
//!
//! Booking is part of the hot path whenever a measurement is on, so it takes no lock and shares no cache
//! line: each data thread writes to its own [`Block`], and the blocks are added up when they are read.
//! Counters only grow. A reset does not write to them, since their thread could overwrite that, but stores
//! their values.

use hdrhistogram::Histogram;
use lb_core::{Span, Time};
use parking_lot::{Mutex, MutexGuard};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::SystemTime;

/// Whether requests are counted, and since when.
#[derive(Default)]
pub(crate) struct Benchmark {
    active: AtomicBool,
    session: Mutex<Session>,
}

/// One measurement, from start to stop; the default stands for none.
#[derive(Default)]
pub(crate) struct Session {
    /// Intended duration in minutes. The measurement does not stop by itself.
    pub(crate) minutes: i64,
    /// The wall-clock time at which it started; `None` before the first start.
    pub(crate) started: Option<SystemTime>,
    /// The time at which it started, by the clock of [`super::State`].
    pub(crate) began: Time,
}

impl Benchmark {
    /// Returns whether a request for `path` is counted now.
    pub(crate) fn counts(&self, path: &str) -> bool {
        self.is_active() && !is_of_operations(path)
    }

    /// Returns whether a session is active.
    pub(crate) fn is_active(&self) -> bool {
        self.active.load(Ordering::Relaxed)
    }

    /// Opens or closes the session. Returns whether one was active before.
    pub(crate) fn set_active(&self, active: bool) -> bool {
        self.active.swap(active, Ordering::Relaxed)
    }

    /// Returns the latest session. It cannot be started, stopped or read elsewhere while the guard lives.
    pub(crate) fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock()
    }
}

/// Returns whether a path belongs to probes or operators, wherever in the path this shows. A separate search
/// for each text would cost as much as the rest of booking.
fn is_of_operations(path: &str) -> bool {
    let path = path.as_bytes();
    let says = |at: usize| path[at..].starts_with(b"/actuator/") || path[at..].starts_with(b"/health");
    path.iter().enumerate().any(|(at, byte)| *byte == b'/' && says(at))
}

/// The counters of one algorithm.
pub(crate) struct AlgorithmStats {
    /// One block for each data thread, by its number.
    blocks: Box<[Block]>,
    stint: Mutex<Stint>,
}

/// When the algorithm was current in this session, and what was booked before it.
#[derive(Default)]
struct Stint {
    /// Whether it was current in this session.
    entered: bool,
    /// How long it was current in earlier stints of the session.
    past: Span,
    /// When the current stint began; `None` while another algorithm is current.
    current_since: Option<Time>,
    /// The totals of the blocks at the last reset.
    forgotten: Totals,
}

/// The counts of one data thread. Only that thread writes to them.
#[derive(Default)]
#[repr(align(128))]
struct Block {
    requests: AtomicU64,
    errors: AtomicU64,
    nanos: AtomicU64,
    latencies: Latencies,
}

/// Number of requests by latency in whole microseconds, with three significant digits: the first 2048 buckets
/// have a width of 1, and each further 1024 are twice as wide as those before.
#[derive(Default)]
struct Latencies {
    /// Each segment is allocated with the first latency that falls into it.
    segments: [OnceLock<Box<Segment>>; Self::SEGMENTS],
}

type Segment = [AtomicU64; Latencies::SEGMENT];

impl Latencies {
    /// Number of buckets in a segment; they all have the same width.
    const SEGMENT: usize = 1024;
    /// Number of segments, enough for `u32::MAX` microseconds (71 minutes). Longer latencies count as that.
    const SEGMENTS: usize = 23;

    fn record(&self, latency: Span) {
        let bucket = Self::bucket(latency.as_micros());
        let segment = self.segments[bucket / Self::SEGMENT].get_or_init(|| {
            let zeros: Vec<AtomicU64> = (0..Self::SEGMENT).map(|_| AtomicU64::new(0)).collect();
            let segment: Result<Box<Segment>, _> = zeros.into_boxed_slice().try_into();
            segment.unwrap_or_else(|_| unreachable!("it has the length of a segment"))
        });
        add(&segment[bucket % Self::SEGMENT], 1);
    }

    /// Returns the bucket of a latency.
    fn bucket(micros: u64) -> usize {
        let micros = micros.min(u32::MAX.into());
        // The number of bits beyond the eleven that a bucket distinguishes.
        let shift = (u64::BITS - micros.leading_zeros()).saturating_sub(11);
        shift as usize * Self::SEGMENT + (micros >> shift) as usize
    }

    /// Returns the shortest latency of a bucket in microseconds.
    fn micros(bucket: usize) -> u64 {
        let shift = (bucket / Self::SEGMENT).saturating_sub(1);
        ((bucket - shift * Self::SEGMENT) as u64) << shift
    }

    /// Adds the counts to `sums`, which is extended as needed.
    fn add_to(&self, sums: &mut Vec<u64>) {
        for (number, segment) in self.segments.iter().enumerate() {
            let Some(segment) = segment.get() else { continue };
            let first = number * Self::SEGMENT;
            if sums.len() < first + Self::SEGMENT {
                sums.resize(first + Self::SEGMENT, 0);
            }
            for (sum, count) in sums[first..].iter_mut().zip(segment.iter()) {
                *sum += count.load(Ordering::Relaxed);
            }
        }
    }
}

/// Adds to a counter that only this thread writes.
fn add(counter: &AtomicU64, by: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(by), Ordering::Relaxed);
}

/// The sum of several blocks.
#[derive(Default)]
struct Totals {
    requests: u64,
    errors: u64,
    nanos: u64,
    /// Counts by bucket of [`Latencies`].
    latencies: Vec<u64>,
}

impl Totals {
    fn of(blocks: &[Block]) -> Self {
        let mut totals = Self::default();
        for block in blocks {
            // These are read in the opposite order of writing, so that no error is seen without its request.
            totals.errors += block.errors.load(Ordering::Acquire);
            totals.requests += block.requests.load(Ordering::Acquire);
            totals.nanos += block.nanos.load(Ordering::Relaxed);
            block.latencies.add_to(&mut totals.latencies);
        }
        totals
    }
}

/// The counts of one algorithm at one moment.
pub(crate) struct Stats {
    /// Requests that ended.
    pub(crate) requests: u64,
    /// Requests that failed.
    pub(crate) errors: u64,
    /// Latencies of the requests in microseconds, with three digits; `None` if there were none.
    pub(crate) latencies: Option<Histogram<u64>>,
    sum: Span,
    past: Span,
    current_since: Option<Time>,
}

impl AlgorithmStats {
    /// Creates counters at zero for this many data threads.
    pub(crate) fn new(threads: usize) -> Self {
        Self { blocks: (0..threads).map(|_| Block::default()).collect(), stint: Mutex::default() }
    }

    /// Books one request that ended on data thread `thread`.
    pub(crate) fn record(&self, thread: usize, latency: Span, error: bool) {
        let block = &self.blocks[thread];
        block.latencies.record(latency);
        add(&block.nanos, latency.as_nanos());
        block.requests.store(block.requests.load(Ordering::Relaxed) + 1, Ordering::Release);
        if error {
            block.errors.store(block.errors.load(Ordering::Relaxed) + 1, Ordering::Release);
        }
    }

    /// Makes the algorithm current from `now` on, if it was not already.
    pub(crate) fn enter(&self, now: Time) {
        let mut stint = self.stint.lock();
        stint.entered = true;
        stint.current_since.get_or_insert(now);
    }

    /// Ends the stint of the algorithm.
    pub(crate) fn leave(&self, now: Time) {
        let mut stint = self.stint.lock();
        if let Some(since) = stint.current_since.take() {
            stint.past += now.since(since);
        }
    }

    /// Forgets all counts; a current stint starts over.
    pub(crate) fn clear(&self, now: Time) {
        let mut stint = self.stint.lock();
        let current_since = stint.current_since.map(|_| now);
        *stint = Stint {
            entered: current_since.is_some(),
            past: Span::ZERO,
            current_since,
            forgotten: Totals::of(&self.blocks),
        };
    }

    /// Forgets all counts, and that the algorithm is current.
    pub(crate) fn forget(&self) {
        *self.stint.lock() = Stint { forgotten: Totals::of(&self.blocks), ..Stint::default() };
    }

    /// Returns the counts since the last reset. `None` if the algorithm has no part in the session: it was
    /// never current, and no request was booked under it.
    pub(crate) fn read(&self) -> Option<Stats> {
        let stint = self.stint.lock();
        let now = Totals::of(&self.blocks);
        let requests = now.requests - stint.forgotten.requests;
        (stint.entered || requests > 0).then(|| Stats {
            requests,
            errors: now.errors.saturating_sub(stint.forgotten.errors),
            latencies: histogram(&now.latencies, &stint.forgotten.latencies),
            sum: Span::from_nanos(now.nanos.saturating_sub(stint.forgotten.nanos)),
            past: stint.past,
            current_since: stint.current_since,
        })
    }
}

/// Builds a histogram of the latencies that were counted since the counts were `before`.
fn histogram(now: &[u64], before: &[u64]) -> Option<Histogram<u64>> {
    let mut latencies = Histogram::new(3).expect("three digits are allowed");
    let before = before.iter().copied().chain(std::iter::repeat(0));
    for (bucket, (now, before)) in now.iter().zip(before).enumerate() {
        if now - before > 0 {
            latencies
                .record_n(Latencies::micros(bucket), now - before)
                .expect("the histogram grows as it must");
        }
    }
    (!latencies.is_empty()).then_some(latencies)
}

impl Stats {
    /// Returns the mean latency in milliseconds; 0 if there were no requests.
    pub(crate) fn mean_ms(&self) -> f64 {
        if self.requests == 0 { 0.0 } else { self.sum.as_millis_f64() / self.requests as f64 }
    }

    /// Returns the errors per hundred requests; 0 if there were no requests.
    pub(crate) fn error_percent(&self) -> f64 {
        if self.requests == 0 { 0.0 } else { self.errors as f64 * 100.0 / self.requests as f64 }
    }

    /// Returns how long the algorithm was current, until `now` if it still is.
    pub(crate) fn duration(&self, now: Time) -> Span {
        self.past + self.current_since.map_or(Span::ZERO, |since| now.since(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Span {
        Span::from_millis(millis)
    }

    #[test]
    fn paths_of_probes_and_operators_do_not_count() {
        for path in ["/proxy/shop/health", "/proxy/shop/actuator/info", "/proxy/healthy/x", "//health"] {
            assert!(is_of_operations(path), "{path}");
        }
        for path in ["/proxy/shop/items", "/proxy/shop/actuator", "/proxy/shop?health", "", "/"] {
            assert!(!is_of_operations(path), "{path}");
        }
    }

    #[test]
    fn a_bucket_is_within_a_thousandth_of_what_falls_into_it() {
        let mut before = 0;
        for micros in (0..5_000).chain((5_000..u64::from(u32::MAX)).step_by(999_331)) {
            let bucket = Latencies::bucket(micros);
            assert!(bucket >= before && bucket < Latencies::SEGMENTS * Latencies::SEGMENT, "{micros}");
            let least = Latencies::micros(bucket);
            assert!(least <= micros && (micros - least) * 1000 <= micros, "{micros} is booked as {least}");
            assert_eq!(Latencies::bucket(least), bucket, "a bucket begins where it says");
            before = bucket;
        }
        let longest = Latencies::bucket(u64::MAX);
        assert_eq!(longest, Latencies::bucket(u32::MAX.into()), "longer ones count as the longest");
        assert_eq!(longest, Latencies::SEGMENTS * Latencies::SEGMENT - 1);
    }

    #[test]
    fn what_threads_have_booked_is_added_up() {
        let stats = AlgorithmStats::new(3);
        assert!(stats.read().is_none(), "it has no part in the session");
        for (thread, millis) in [(0, 10), (1, 20), (2, 30), (0, 40)] {
            stats.record(thread, ms(millis), millis == 40);
        }
        let read = stats.read().expect("four requests");
        assert_eq!((read.requests, read.errors, read.mean_ms()), (4, 1, 25.0));
        let latencies = read.latencies.expect("four latencies");
        assert_eq!(latencies.len(), 4);
        for (quantile, millis) in [(0.25, 10.0), (0.5, 20.0), (1.0, 40.0)] {
            let read = latencies.value_at_quantile(quantile) as f64 / 1000.0;
            assert!((read / millis - 1.0).abs() < 0.001, "{quantile}: {read} ms, not {millis} ms");
        }
    }

    #[test]
    fn a_reset_leaves_nothing_and_a_stint_that_is_under_way_begins_anew() {
        let stats = AlgorithmStats::new(2);
        let at = |millis| Time::ZERO + ms(millis);
        stats.enter(at(0));
        stats.record(0, ms(3_000), true);
        stats.record(1, ms(1), false);
        stats.clear(at(100));
        let read = stats.read().expect("it is current");
        assert_eq!((read.requests, read.errors, read.mean_ms()), (0, 0, 0.0));
        assert!(read.latencies.is_none());
        assert_eq!(read.duration(at(150)), ms(50));
        stats.record(0, ms(2), false);
        let read = stats.read().expect("one request");
        assert_eq!((read.requests, read.errors, read.mean_ms()), (1, 0, 2.0));
        assert!(read.latencies.expect("one").max() < 2_010, "what was forgotten does not come back");
        stats.forget();
        assert!(stats.read().is_none(), "it has no part in the next session");
    }

    #[test]
    fn the_time_of_all_stints_counts() {
        let stats = AlgorithmStats::new(1);
        let at = |millis| Time::ZERO + ms(millis);
        stats.enter(at(0));
        stats.enter(at(5));
        stats.leave(at(10));
        stats.leave(at(11));
        stats.enter(at(100));
        assert_eq!(stats.read().expect("it was current").duration(at(103)), ms(13));
    }
}
