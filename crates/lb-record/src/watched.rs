//! What is handed over of each second while a phase is watched: counts and latencies by step, replies by backend, and
//! failures.
//!
//! Nothing here exists unless a phase is watched. Then each request costs one more histogram increment, in a histogram of
//! a few kilobytes. A receiver that is too slow never holds up the load: what it does not take stays with the recorder
//! and comes with a later second.

use crate::failures::{FailureRecord, Failures};
use crate::histogram::{add_histogram, quantile, record_latency};
use hdrhistogram::Histogram;
use lb_core::Span;
use lb_core::workload::Sample;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

/// The number of seconds that may wait for the receiver, over all workers.
const BACKLOG: usize = 256;

/// The number of significant decimal digits of latencies.
const DIGITS: u8 = 2;

/// What one worker recorded in one second, or in several if the receiver was slow.
#[derive(Clone, Debug)]
pub struct WatchedSecond {
    /// The number of the worker, from 0.
    pub worker: usize,
    /// The number of the second within the phase, from 0. Each worker sends its seconds in order.
    pub second: u32,
    /// The requests that ended, by [`StepIndex`](lb_core::workload::StepIndex).
    pub steps: Vec<StepSecond>,
    /// The number of replies of each backend and of those that were not the expected ones, by backend number.
    pub backends: Vec<[u64; 2]>,
    /// The failed requests by kind.
    pub failures: Vec<FailureRecord>,
}

/// The requests of one step, with the latencies of all of them, whether or not they succeeded.
#[derive(Clone, Debug, Default)]
pub struct StepSecond {
    requests: u64,
    failures: u64,
    sum_ns: u64,
    min_ns: u64,
    max_ns: u64,
    /// `None` without requests.
    latencies: Option<Box<Histogram<u32>>>,
}

/// The destination of watched seconds.
#[derive(Clone, Debug)]
pub struct WatchSink(SyncSender<WatchedSecond>);

impl WatchSink {
    /// Creates a sink and the receiver. The channel closes when the sink and all of its clones are dropped.
    pub fn new() -> (Self, Receiver<WatchedSecond>) {
        let (sender, receiver) = sync_channel(BACKLOG);
        (Self(sender), receiver)
    }
}

impl StepSecond {
    #[inline]
    fn record(&mut self, latency: Span, success: bool) {
        let nanos = latency.as_nanos();
        self.min_ns = if self.requests == 0 { nanos } else { self.min_ns.min(nanos) };
        self.requests += 1;
        self.failures += u64::from(!success);
        self.sum_ns = self.sum_ns.saturating_add(nanos);
        self.max_ns = self.max_ns.max(nanos);
        let latencies = self.latencies.get_or_insert_with(|| Box::new(new_latencies()));
        record_latency(latencies, latency);
    }

    /// Adds the requests of `other`.
    pub fn merge(&mut self, other: &Self) {
        if other.requests == 0 {
            return;
        }
        self.min_ns = if self.requests == 0 { other.min_ns } else { self.min_ns.min(other.min_ns) };
        self.requests += other.requests;
        self.failures += other.failures;
        self.sum_ns = self.sum_ns.saturating_add(other.sum_ns);
        self.max_ns = self.max_ns.max(other.max_ns);
        if let Some(theirs) = &other.latencies {
            let mine = self.latencies.get_or_insert_with(|| Box::new(new_latencies()));
            add_histogram(mine, theirs);
        }
    }

    /// Returns the number of requests that ended.
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// Returns the number of those that did not get the expected reply.
    pub fn failures(&self) -> u64 {
        self.failures
    }

    /// Returns the exact mean latency; `None` without requests.
    pub fn mean(&self) -> Option<Span> {
        self.sum_ns.checked_div(self.requests).map(Span::from_nanos)
    }

    /// Returns the exact minimum latency; `None` without requests.
    pub fn min(&self) -> Option<Span> {
        (self.requests > 0).then_some(Span::from_nanos(self.min_ns))
    }

    /// Returns the exact maximum latency; `None` without requests.
    pub fn max(&self) -> Option<Span> {
        (self.requests > 0).then_some(Span::from_nanos(self.max_ns))
    }

    /// Returns the latency that the fraction `fraction` (0..=1) of requests did not exceed, within 1 % and never above
    /// [`Self::max`]; `None` without requests.
    pub fn quantile(&self, fraction: f64) -> Option<Span> {
        self.latencies.as_ref().map(|latencies| quantile(latencies, self.max_ns, fraction))
    }
}

/// What a recorder keeps for the receiver of watched seconds.
#[derive(Debug)]
pub(crate) struct Watched {
    sink: WatchSink,
    steps: Vec<StepSecond>,
    backends: Vec<[u64; 2]>,
    failures: Failures,
}

impl Watched {
    pub(crate) fn new(sink: WatchSink, steps: usize, backends: usize) -> Self {
        Self {
            sink,
            steps: vec![StepSecond::default(); steps],
            backends: vec![[0; 2]; backends],
            failures: Failures::default(),
        }
    }

    /// Adds a request. `why` is what a failed check found.
    #[inline]
    pub(crate) fn record(&mut self, sample: &Sample, latency: Span, success: bool, why: Option<&str>) {
        let step = usize::from(sample.step.0);
        if step >= self.steps.len() {
            self.steps.resize_with(step + 1, StepSecond::default);
        }
        self.steps[step].record(latency, success);
        if let Some(backend) = sample.backend.map(usize::from) {
            if backend >= self.backends.len() {
                self.backends.resize(backend + 1, [0; 2]);
            }
            self.backends[backend][0] += 1;
            self.backends[backend][1] += u64::from(!success);
        }
        if !success {
            self.failures.sample(sample, why.map(str::to_owned));
        }
    }

    /// Hands over what was recorded up to the end of `second`. If the receiver has no room, everything stays for the next
    /// second.
    #[cold]
    pub(crate) fn hand_over(&mut self, worker: usize, second: u32) {
        let steps = vec![StepSecond::default(); self.steps.len()];
        let backends = vec![[0; 2]; self.backends.len()];
        let full = WatchedSecond {
            worker,
            second,
            steps: std::mem::replace(&mut self.steps, steps),
            backends: std::mem::replace(&mut self.backends, backends),
            failures: std::mem::take(&mut self.failures).into_records(),
        };
        if let Err(TrySendError::Full(kept)) = self.sink.0.try_send(full) {
            self.steps = kept.steps;
            self.backends = kept.backends;
            self.failures = Failures::of(kept.failures);
        }
    }
}

/// Creates an empty histogram of latencies in microseconds, which grows as needed.
fn new_latencies() -> Histogram<u32> {
    Histogram::new(DIGITS).expect("2 significant digits are within HdrHistogram's 0..=5")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Recording, RecordingSpec};
    use lb_core::workload::{ActionIndex, Observer, StepIndex, UserId};
    use lb_core::{Outcome, Time};

    fn sample(at_ms: u64, ms: u64, outcome: Outcome) -> Sample {
        let done = Time::ZERO + Span::from_millis(at_ms);
        let sent = Time::ZERO + Span::from_millis(at_ms - ms);
        Sample {
            user: UserId(0),
            action: ActionIndex(0),
            step: StepIndex(1),
            intended: sent,
            sent,
            done,
            outcome,
            status: if outcome == Outcome::Ok { 200 } else { 503 },
            backend: Some(1),
            bytes: 10,
        }
    }

    #[test]
    fn each_second_is_handed_over_and_the_record_stays_whole() {
        let (sink, seconds) = WatchSink::new();
        let spec = || RecordingSpec { steps: 2, backends: 2, ..RecordingSpec::default() };
        let play = |spec: RecordingSpec| {
            let (recording, mut recorders) = Recording::start(spec, 1);
            for ms in 1..=100 {
                recorders[0].sample(&sample(200 + ms, ms, Outcome::Ok));
            }
            recorders[0].sample(&sample(1_500, 7, Outcome::BackendError));
            recording.finish(recorders, Span::from_secs(2))
        };
        let watched = play(RecordingSpec { watch: Some(sink), ..spec() });
        assert_eq!(watched, play(spec()), "watching changes no result");
        let seconds: Vec<WatchedSecond> = seconds.try_iter().collect();
        assert_eq!(seconds.iter().map(|second| second.second).collect::<Vec<_>>(), [0, 1]);
        let first = &seconds[0].steps[1];
        assert_eq!((first.requests(), first.failures()), (100, 0));
        assert_eq!((first.min(), first.max()), (Some(Span::from_millis(1)), Some(Span::from_millis(100))));
        let p95 = first.quantile(0.95).expect("there were requests").as_millis_f64();
        assert!((p95 - 95.0).abs() < 1.0, "within 1 %: {p95}");
        assert_eq!((seconds[0].backends[1], seconds[1].backends[1]), ([100, 0], [1, 1]));
        assert!(seconds[0].steps[0].requests() == 0 && seconds[0].failures.is_empty());
        assert_eq!(seconds[1].failures[0].status, Some(503));
        let mut sum = first.clone();
        sum.merge(&seconds[1].steps[1]);
        assert_eq!((sum.requests(), sum.failures(), sum.min()), (101, 1, Some(Span::from_millis(1))));
    }

    #[test]
    fn a_receiver_that_is_too_slow_holds_up_nothing_and_loses_nothing() {
        let (sink, seconds) = WatchSink::new();
        let spec = RecordingSpec { steps: 2, backends: 2, watch: Some(sink), ..RecordingSpec::default() };
        let (recording, mut recorders) = Recording::start(spec, 1);
        let long = BACKLOG as u64 + 50;
        for second in 0..long {
            recorders[0].sample(&sample(1_000 * second + 500, 5, Outcome::Ok));
        }
        assert_eq!(seconds.try_iter().count(), BACKLOG, "the others found no room");
        recorders[0].sample(&sample(1_000 * long + 500, 5, Outcome::Ok));
        let late: u64 = seconds.try_iter().map(|one| one.steps[1].requests()).sum();
        assert_eq!(late, long - BACKLOG as u64, "they come with the next second");
        recording.finish(recorders, Span::from_secs(long + 1));
    }
}
