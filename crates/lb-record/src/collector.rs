//! The collector: one thread that merges the workers' seconds while the load runs, and the end of a
//! recording, where everything becomes one [`TrialRecord`].
//!
//! The channel to it is bounded: a simulation that produces seconds faster than they can be packed
//! waits instead of filling the memory. A live worker would have to be 64 seconds ahead.

use super::cell::{add_histogram, quantile};
use super::population::{Population, SECOND_NS};
use super::progress::Progress;
use super::recorder::{Recorder, grown};
use super::requests::RequestSink;
use super::sendings::TENTH_NS;
use super::slice::Slice;
use super::trial::{Interval, IntervalClass, SecondLatency, SecondRecord, TrialRecord, merge_lists};
use hdrhistogram::serialization::{Serializer, V2Serializer};
use lb_core::{Span, Time};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::thread::JoinHandle;

/// Seconds that may wait for the collector.
const BACKLOG: usize = 64;

/// What a recording has room for.
#[derive(Clone, Debug, Default)]
pub struct RecordingSpec {
    /// Steps of the workload.
    pub steps: usize,
    /// Backends that are announced; others are added as they appear.
    pub backends: usize,
    /// Who is there when.
    pub population: Population,
    /// Whether the schedule has arrivals: then latency and service time are two things.
    pub open: bool,
    /// Whether to keep every user's sequence of steps (8 bytes a request).
    pub keep_actions: bool,
    /// Where every single request goes, if anywhere.
    pub requests: Option<RequestSink>,
    /// Where to show complete seconds.
    pub progress: Option<Arc<Progress>>,
}

/// A recording that runs.
#[derive(Debug)]
pub struct Recording {
    population: Population,
    collector: JoinHandle<Series>,
}

impl Recording {
    /// Starts the collector and makes a recorder for each of `workers` threads.
    pub fn start(spec: RecordingSpec, workers: usize) -> (Self, Vec<Recorder>) {
        let (full, slices) = sync_channel(BACKLOG);
        let mut recorders = Vec::with_capacity(workers);
        let mut spares = Vec::with_capacity(workers);
        for worker in 0..workers {
            let (give_back, spare) = channel();
            spares.push(give_back);
            recorders.push(Recorder::new(worker, &spec, full.clone(), spare));
        }
        let progress = spec.progress;
        let collector = std::thread::Builder::new()
            .name("collector".to_owned())
            .spawn(move || Collector::new(spares, progress).run(&slices))
            .expect("the system has room for one more thread");
        (Self { population: spec.population, collector }, recorders)
    }

    /// Merges what all recorders counted. `wall` is the length of the phase in which requests were
    /// sent: the planned one, or the time until the stop. Replies that were waited for after its end
    /// count without making it longer, or a single hanging request would halve a short trial's rates.
    pub fn finish(self, mut recorders: Vec<Recorder>, wall: Span) -> TrialRecord {
        for recorder in &mut recorders {
            recorder.close();
        }
        let last_done = recorders.iter().map(|recorder| recorder.last_done).max();
        let mut record = TrialRecord { wall, ..TrialRecord::default() };
        let mut sendings = Vec::new();
        for recorder in recorders {
            merge_lists(&mut record.steps, recorder.steps, |mine, theirs| mine.merge(&theirs));
            merge_lists(&mut record.backends, recorder.backends, |mine, theirs| mine.merge(&theirs));
            merge_lists(&mut record.users, recorder.users, |mine, theirs| mine.merge(theirs));
            record.lateness.merge(&recorder.lateness);
            record.service.merge(&recorder.service.unwrap_or_default());
            record.arrivals.merge(recorder.arrivals);
            record.named.merge(recorder.named);
            sendings.push(recorder.sendings);
            if let Some(log) = recorder.actions {
                let sequences =
                    record.actions.get_or_insert_with(|| vec![Vec::new(); self.population.users()]);
                for (user, step) in log {
                    grown(sequences, user.0 as usize).push(step);
                }
            }
            // Dropping the recorder here closes its end of the channel.
        }
        let series = self.collector.join().expect("the collector does not panic");
        record.seconds = series.seconds;
        record.intervals = series.intervals;
        record.tenths = series.tenths;
        for sendings in sendings {
            sendings.add_to(&mut record.sent, record.backends.len());
        }
        for second in &mut record.seconds {
            second.users = self.population.active(second.second);
            let mut backends = std::mem::take(&mut second.backends).into_vec();
            backends.resize(record.backends.len(), 0);
            second.backends = backends.into_boxed_slice();
        }
        trim(&mut record, last_done.unwrap_or_default());
        record
    }
}

/// Drops the empty second and tenths that closing adds when the phase ends on a boundary, and cuts the last
/// interval to where the phase, or its last reply, ended.
fn trim(record: &mut TrialRecord, last_done: Time) {
    let end = last_done.max(Time::ZERO + record.wall);
    let begin = |second: u32| Time::from_nanos(u64::from(second) * SECOND_NS);
    record.tenths.truncate(end.as_nanos().div_ceil(TENTH_NS) as usize);
    while record.seconds.last().is_some_and(|last| last.requests == 0 && begin(last.second) >= end) {
        record.seconds.pop();
    }
    for interval in record.intervals.iter_mut().rev().take(IntervalClass::ALL.len()) {
        let left = end.since(interval.start);
        if !left.is_zero() {
            interval.length = interval.length.min(left);
        }
    }
}

/// A second that is not complete: which workers' slices are still missing is only counted.
struct Pending {
    slice: Box<Slice>,
    received: usize,
}

/// What the collector makes of the slices.
#[derive(Debug, Default)]
struct Series {
    seconds: Vec<SecondRecord>,
    intervals: Vec<Interval>,
    tenths: Vec<(u32, u64)>,
}

struct Collector {
    spares: Vec<Sender<Box<Slice>>>,
    progress: Option<Arc<Progress>>,
    pending: VecDeque<Pending>,
    series: Series,
    serializer: V2Serializer,
}

impl Collector {
    fn new(spares: Vec<Sender<Box<Slice>>>, progress: Option<Arc<Progress>>) -> Self {
        Self {
            spares,
            progress,
            pending: VecDeque::new(),
            series: Series::default(),
            serializer: V2Serializer::new(),
        }
    }

    /// Merges slices until all recorders are gone. Each worker sends each of its seconds once and in
    /// order, so a second is complete with the last worker's slice, and seconds complete in order.
    fn run(mut self, slices: &Receiver<Box<Slice>>) -> Series {
        while let Ok(slice) = slices.recv() {
            let position = slice.second as usize - self.series.seconds.len();
            match self.pending.get_mut(position) {
                Some(pending) => {
                    pending.slice.merge(&slice);
                    pending.received += 1;
                    self.give_back(slice);
                }
                None => self.pending.push_back(Pending { slice, received: 1 }),
            }
            while self.pending.front().is_some_and(|first| first.received == self.spares.len()) {
                self.complete_first();
            }
        }
        // Workers end in different seconds; what is left is complete as it is.
        while !self.pending.is_empty() {
            self.complete_first();
        }
        self.series
    }

    fn give_back(&self, mut slice: Box<Slice>) {
        slice.clear();
        // A recorder that has finished takes nothing back.
        let _ = self.spares[slice.worker].send(slice);
    }

    fn complete_first(&mut self) {
        let Some(Pending { mut slice, .. }) = self.pending.pop_front() else {
            return;
        };
        for class in IntervalClass::ALL {
            let histogram = match class {
                IntervalClass::Ok => &slice.ok,
                IntervalClass::Error => &slice.error,
            };
            if !histogram.is_empty() {
                let mut packed = Vec::new();
                self.serializer
                    .serialize(histogram, &mut packed)
                    .expect("writing a histogram to memory does not fail");
                self.series.intervals.push(Interval {
                    start: Time::from_nanos(u64::from(slice.second) * SECOND_NS),
                    length: Span::from_nanos(SECOND_NS),
                    class,
                    packed: packed.into_boxed_slice(),
                });
            }
        }
        let second = summarise(&mut slice);
        if let Some(progress) = &self.progress {
            let p95 = second.latency.map_or(Span::ZERO, |latency| latency.p95);
            progress.second(second.requests, second.errors, p95);
        }
        self.series.seconds.push(second);
        self.series.tenths.extend(slice.tenths);
        self.give_back(slice);
    }
}

/// One row of the time series. Leaves successes and errors added up in the slice.
fn summarise(slice: &mut Slice) -> SecondRecord {
    let errors = slice.error.len();
    if errors > 0 {
        let Slice { ok, error, .. } = slice;
        add_histogram(ok, error);
    }
    let requests = slice.ok.len();
    let at = |fraction| quantile(&slice.ok, slice.max_ns, fraction);
    let latency = slice.sum_ns.checked_div(requests).map(|mean| SecondLatency {
        mean: Span::from_nanos(mean),
        p50: at(0.5),
        p95: at(0.95),
        p99: at(0.99),
        max: Span::from_nanos(slice.max_ns),
    });
    SecondRecord {
        second: slice.second,
        users: 0,
        requests,
        errors,
        latency,
        backends: slice.backends.as_slice().into(),
    }
}
