//! The merged result of a trial, and pure questions to it.

use super::cell::Cell;
use super::slice::TENTHS;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use lb_core::workload::StepIndex;
use lb_core::{Outcome, Span, Time};

/// All that a trial's measured phase left behind.
#[derive(Clone, Debug, Default)]
pub struct TrialRecord {
    /// By [`StepIndex`].
    pub steps: Vec<StepRecord>,
    /// By backend number; those that no topology lists come after the others.
    pub backends: Vec<BackendRecord>,
    /// Names of the backends that replies named and no topology lists, in the order of their
    /// numbers; the first one follows the last listed backend.
    pub unlisted_backends: Vec<String>,
    /// The time series, second by second, without gaps.
    pub seconds: Vec<SecondRecord>,
    /// Histograms of each second and class, in order; seconds without requests have none.
    pub intervals: Vec<Interval>,
    /// By user number. Arrivals of open stages, which follow the users, are not listed.
    pub users: Vec<UserRecord>,
    /// The steps of each user in the order in which they were done, by user number, where the
    /// recording was told to keep them.
    pub actions: Option<Vec<Vec<StepIndex>>>,
    /// How long after their time users and arrivals got to act, over all arrivals and wake-ups. Making a
    /// connection is not the generator's lateness and not in it. Bytes mean nothing here.
    pub lateness: Cell,
    /// Successful requests from when they were sent, not from when they should have been. Empty in a
    /// closed model, where both are the same.
    pub service: Cell,
    /// What became of the arrivals of open stages.
    pub arrivals: ArrivalCounts,
    /// Requests sent to each backend, by tenth of a second of their sending, as far as replies named
    /// it.
    pub sent: Vec<Box<[u32]>>,
    /// Count and summed latency (ns) of successful requests, by tenth of a second of their end.
    pub tenths: Vec<(u32, u64)>,
    /// Share of the phase in which a generator thread wanted a CPU and had none, the worst thread; none
    /// where the system does not tell, and in a simulation.
    pub cpu_wait_share: Option<f64>,
    /// Replies by the algorithm that they named.
    pub named: NamedAlgorithm,
    /// Length of the phase in which requests were sent: rates are over this.
    pub wall: Span,
    /// Whether the phase was stopped before its end.
    pub interrupted: bool,
}

/// What became of the arrivals of open stages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArrivalCounts {
    /// Due within the phase.
    pub due: u64,
    /// Begun.
    pub begun: u64,
    /// Dropped, because too many sessions were in flight, or the system had no connection left. The
    /// others were due when the phase was stopped, or never begun because the generator was too late.
    pub dropped: u64,
}

impl ArrivalCounts {
    /// Adds all of `other`.
    pub fn merge(&mut self, other: Self) {
        self.due += other.due;
        self.begun += other.begun;
        self.dropped += other.dropped;
    }
}

/// Replies by the algorithm that their header names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NamedAlgorithm {
    /// The one that was meant.
    pub right: u64,
    /// Another one.
    pub wrong: u64,
}

impl NamedAlgorithm {
    /// Adds all of `other`.
    pub fn merge(&mut self, other: Self) {
        self.right += other.right;
        self.wrong += other.wrong;
    }
}

/// What became of the requests of one step.
#[derive(Clone, Debug, Default)]
pub struct StepRecord {
    /// By [`Outcome::index`]; absent where it never happened.
    pub outcomes: [Option<Box<Cell>>; Outcome::ALL.len()],
}

/// What one backend answered.
#[derive(Clone, Debug, Default)]
pub struct BackendRecord {
    /// All its replies.
    pub latency: Cell,
    /// Those of them that were not what was expected.
    pub errors: u64,
}

/// What one user did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UserRecord {
    /// Requests finished.
    pub requests: u32,
    /// Those of them that did not get what was expected.
    pub errors: u32,
}

/// One second of the time series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecondRecord {
    /// Offset from the start of the phase.
    pub second: u32,
    /// Most users active at once within it, by the schedule.
    pub users: u32,
    /// Requests that were done in it.
    pub requests: u64,
    /// Those of them that did not get what was expected.
    pub errors: u64,
    /// Latency of all of them; `None` without requests.
    pub latency: Option<SecondLatency>,
    /// Replies of each backend, by number; as long as [`TrialRecord::backends`].
    pub backends: Box<[u32]>,
}

/// Latency within one second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecondLatency {
    /// Exact mean.
    pub mean: Span,
    /// Median.
    pub p50: Span,
    /// 95th percentile.
    pub p95: Span,
    /// 99th percentile.
    pub p99: Span,
    /// Exact maximum.
    pub max: Span,
}

/// The latencies of one second and class, packed: a few hundred bytes where a live histogram takes
/// tens of thousands, so that three hours stay in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interval {
    /// Offset from the start of the phase.
    pub start: Time,
    /// Length; shorter than a second where the phase ends.
    pub length: Span,
    /// Which requests.
    pub class: IntervalClass,
    /// HdrHistogram's V2 encoding, not compressed.
    pub(super) packed: Box<[u8]>,
}

/// Which requests an interval covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntervalClass {
    /// Those that got what was expected of them.
    Ok,
    /// The others.
    Error,
}

impl IntervalClass {
    /// All classes, in the order in which intervals list them.
    pub const ALL: [Self; 2] = [Self::Ok, Self::Error];

    /// The name in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
        }
    }
}

impl Interval {
    /// The latencies in microseconds.
    pub fn histogram(&self) -> Histogram<u64> {
        Deserializer::new()
            .deserialize(&mut &*self.packed)
            .expect("an interval holds what the collector packed")
    }
}

impl StepRecord {
    /// What is known about one outcome.
    pub fn outcome(&self, outcome: Outcome) -> Option<&Cell> {
        self.outcomes[outcome.index()].as_deref()
    }

    /// All outcomes that `wanted` accepts, as one cell.
    pub fn over(&self, wanted: impl Fn(Outcome) -> bool) -> Cell {
        let mut sum = Cell::default();
        for outcome in Outcome::ALL.into_iter().filter(|outcome| wanted(*outcome)) {
            if let Some(cell) = self.outcome(outcome) {
                sum.merge(cell);
            }
        }
        sum
    }

    /// All requests of the step.
    pub fn all(&self) -> Cell {
        self.over(|_| true)
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.outcomes.iter_mut().zip(&other.outcomes) {
            if let Some(theirs) = theirs {
                mine.get_or_insert_default().merge(theirs);
            }
        }
    }
}

impl BackendRecord {
    /// Replies.
    pub fn requests(&self) -> u64 {
        self.latency.count()
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        self.latency.merge(&other.latency);
        self.errors += other.errors;
    }
}

impl UserRecord {
    /// Adds all of `other`.
    pub fn merge(&mut self, other: Self) {
        self.requests += other.requests;
        self.errors += other.errors;
    }
}

/// Adds `theirs` to `mine` position by position; the longer list wins.
pub(super) fn merge_lists<T: Default>(mine: &mut Vec<T>, theirs: Vec<T>, add: impl Fn(&mut T, T)) {
    if mine.len() < theirs.len() {
        mine.resize_with(theirs.len(), T::default);
    }
    for (mine, theirs) in mine.iter_mut().zip(theirs) {
        add(mine, theirs);
    }
}

impl TrialRecord {
    /// All requests as one cell: count, bytes, latencies.
    pub fn total(&self) -> Cell {
        self.over(|_| true)
    }

    /// The requests that got what was expected of them, as one cell.
    pub fn successes(&self) -> Cell {
        self.over(Outcome::is_success)
    }

    /// The requests whose outcome `wanted` accepts, over all steps, as one cell.
    pub fn over(&self, wanted: impl Fn(Outcome) -> bool) -> Cell {
        let mut sum = Cell::default();
        for step in &self.steps {
            for outcome in Outcome::ALL.into_iter().filter(|outcome| wanted(*outcome)) {
                if let Some(cell) = step.outcome(outcome) {
                    sum.merge(cell);
                }
            }
        }
        sum
    }

    /// How many requests ended in `outcome`.
    pub fn count(&self, outcome: Outcome) -> u64 {
        self.steps.iter().filter_map(|step| step.outcome(outcome)).map(Cell::count).sum()
    }

    /// How many requests there were.
    pub fn requests(&self) -> u64 {
        Outcome::ALL.into_iter().map(|outcome| self.count(outcome)).sum()
    }

    /// How many requests did not get what was expected of them.
    pub fn errors(&self) -> u64 {
        Outcome::ALL
            .into_iter()
            .filter(|outcome| !outcome.is_success())
            .map(|outcome| self.count(outcome))
            .sum()
    }

    /// All requests per second of the phase.
    pub fn throughput_rps(&self) -> f64 {
        per_second(self.requests(), self.wall)
    }

    /// Ordinary requests that succeeded, per second of the phase.
    pub fn goodput_rps(&self) -> f64 {
        per_second(self.count(Outcome::Ok), self.wall)
    }

    /// Adds another trial of the same workload and backends, as if it had followed this one: its
    /// seconds continue where ours end. Rates are then over both.
    pub fn merge(&mut self, other: Self) {
        // Whole seconds, so that no second of the one mixes with one of the other.
        let offset = self.seconds.len() as u32;
        let shift = Span::from_secs(u64::from(offset));
        merge_lists(&mut self.steps, other.steps, |mine, theirs| mine.merge(&theirs));
        merge_lists(&mut self.backends, other.backends, |mine, theirs| mine.merge(&theirs));
        merge_lists(&mut self.users, other.users, |mine, theirs| mine.merge(theirs));
        if self.unlisted_backends.len() < other.unlisted_backends.len() {
            self.unlisted_backends = other.unlisted_backends;
        }
        self.seconds.extend(other.seconds.into_iter().map(|mut second| {
            second.second += offset;
            second
        }));
        self.intervals.extend(other.intervals.into_iter().map(|mut interval| {
            interval.start += shift;
            interval
        }));
        // Sequences of two trials do not make one.
        self.actions = None;
        self.lateness.merge(&other.lateness);
        self.service.merge(&other.service);
        self.arrivals.merge(other.arrivals);
        self.named.merge(other.named);
        self.cpu_wait_share = match (self.cpu_wait_share, other.cpu_wait_share) {
            (Some(mine), Some(theirs)) => Some(mine.max(theirs)),
            (mine, theirs) => mine.or(theirs),
        };
        let tenths = offset as usize * TENTHS;
        self.sent
            .resize_with(tenths.max(self.sent.len()), || vec![0; self.backends.len()].into_boxed_slice());
        self.sent.extend(other.sent);
        self.tenths.resize(tenths.max(self.tenths.len()), (0, 0));
        self.tenths.extend(other.tenths);
        self.wall += other.wall;
        self.interrupted |= other.interrupted;
    }
}

/// A rate; zero over no time at all.
fn per_second(count: u64, wall: Span) -> f64 {
    if wall.is_zero() { 0.0 } else { count as f64 / wall.as_secs_f64() }
}
