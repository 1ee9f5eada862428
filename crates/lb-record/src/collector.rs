//! The collector: one thread that merges the workers' seconds while the load runs, and the end of a
//! recording, where everything becomes one [`TrialRecord`].
//!
//! The channel to the collector is bounded: a simulation that produces seconds faster than they can be packed
//! waits instead of filling the memory. A live worker waits only if it is 64 seconds ahead.

use crate::histogram::{Packer, add_histogram};
use crate::population::Population;
use crate::progress::Progress;
use crate::recorder::Recorder;
use crate::series::{Interval, IntervalClass, SecondLatency, SecondRecord};
use crate::slice::Slice;
use crate::spec::RecordingSpec;
use crate::trial::TrialRecord;
use lb_core::Span;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::thread::JoinHandle;

/// The number of slices that may wait for the collector.
const BACKLOG: usize = 64;

/// A recording in progress: the collector thread, and the data that the record needs at the end.
#[derive(Debug)]
pub struct Recording {
    population: Population,
    collector: JoinHandle<Series>,
}

impl Recording {
    /// Starts the collector and creates a recorder for each of `workers` threads.
    pub fn start(spec: RecordingSpec, workers: usize) -> (Self, Vec<Recorder>) {
        let (full, slices) = sync_channel(BACKLOG);
        let mut recorders = Vec::with_capacity(workers);
        let mut spares = Vec::with_capacity(workers);
        for worker in 0..workers {
            let (give_back, spare) = channel();
            spares.push(give_back);
            recorders.push(Recorder::new(worker, &spec, full.clone(), spare));
        }
        let (progress, keeps) = (spec.progress, spec.pieces.is_none());
        let collector = std::thread::Builder::new()
            .name("collector".to_owned())
            .spawn(move || Collector::new(spares, progress, keeps).run(&slices))
            .expect("the system has room for one more thread");
        (Self { population: spec.population, collector }, recorders)
    }

    /// Merges the counts of all recorders. `wall` is the length of the phase in which requests were sent: the
    /// planned length, or the time until the stop. Replies that arrive after its end count without making it
    /// longer, because otherwise a single hanging request would halve the rates of a short trial.
    pub fn finish(self, mut recorders: Vec<Recorder>, wall: Span) -> TrialRecord {
        for recorder in &mut recorders {
            recorder.close();
        }
        let mut record = TrialRecord::default();
        for recorder in recorders {
            record.absorb(recorder.into_record());
        }
        // All recorders are gone, and with them the senders of slices.
        let series = self.collector.join().expect("the collector does not panic");
        record.wall = wall;
        record.seconds = series.seconds;
        record.intervals = series.intervals;
        record.tenths = series.tenths;
        for second in &mut record.seconds {
            second.users = self.population.active(second.second);
        }
        record.even_rows();
        record.trim();
        record
    }
}

/// A second for which some workers' slices are still missing; only the number of missing slices is known.
struct Pending {
    slice: Box<Slice>,
    received: usize,
}

/// The time series that the collector builds from the slices.
#[derive(Debug, Default)]
struct Series {
    seconds: Vec<SecondRecord>,
    intervals: Vec<Interval>,
    tenths: Vec<(u32, u64)>,
}

struct Collector {
    spares: Vec<Sender<Box<Slice>>>,
    progress: Option<Arc<Progress>>,
    /// Whether the time series is kept; that of a recording in pieces would grow without end.
    keeps: bool,
    /// The number of complete seconds.
    complete: usize,
    pending: VecDeque<Pending>,
    series: Series,
    packer: Packer,
}

impl Collector {
    fn new(spares: Vec<Sender<Box<Slice>>>, progress: Option<Arc<Progress>>, keeps: bool) -> Self {
        let (pending, series) = (VecDeque::new(), Series::default());
        Self { spares, progress, keeps, complete: 0, pending, series, packer: Packer::new() }
    }

    /// Merges slices until all recorders are gone. Each worker sends each of its seconds once and in order,
    /// so a second is complete once the last worker's slice arrives, and seconds become complete in order.
    fn run(mut self, slices: &Receiver<Box<Slice>>) -> Series {
        while let Ok(slice) = slices.recv() {
            let position = slice.second as usize - self.complete;
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
        // Workers end in different seconds; the seconds that remain will get no more slices.
        while !self.pending.is_empty() {
            self.complete_first();
        }
        self.series
    }

    fn give_back(&self, mut slice: Box<Slice>) {
        slice.clear();
        // A recorder that has finished does not take its slice back.
        let _ = self.spares[slice.worker].send(slice);
    }

    fn complete_first(&mut self) {
        let Some(Pending { mut slice, .. }) = self.pending.pop_front() else {
            return;
        };
        self.complete += 1;
        for class in IntervalClass::ALL.into_iter().filter(|_| self.keeps) {
            let histogram = match class {
                IntervalClass::Ok => &slice.ok,
                IntervalClass::Error => &slice.error,
            };
            if !histogram.is_empty() {
                let interval = Interval::of_second(slice.second, class, histogram, &mut self.packer);
                self.series.intervals.push(interval);
            }
        }
        let second = summarise(&mut slice);
        if let Some(progress) = &self.progress {
            let p95 = second.latency.map_or(Span::ZERO, |latency| latency.p95);
            progress.second(second.requests, second.errors, p95);
        }
        if self.keeps {
            self.series.seconds.push(second);
            self.series.tenths.extend(slice.tenths);
        }
        self.give_back(slice);
    }
}

/// Turns a slice into a row of the time series. Adds the errors to the successes within the slice.
fn summarise(slice: &mut Slice) -> SecondRecord {
    let errors = slice.error.len();
    if errors > 0 {
        let Slice { ok, error, .. } = slice;
        add_histogram(ok, error);
    }
    SecondRecord {
        second: slice.second,
        users: 0,
        requests: slice.ok.len(),
        errors,
        latency: SecondLatency::of(&slice.ok, slice.sum_ns, slice.max_ns),
        backends: slice.backends.as_slice().into(),
    }
}
