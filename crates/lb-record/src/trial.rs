//! The record of a phase, and what can be read from it.

use crate::cell::Cell;
use crate::series::{Interval, SecondRecord};
use lb_core::workload::StepIndex;
use lb_core::{Outcome, Span, Time};
use serde::{Deserialize, Serialize};

/// All that one phase of load left behind: plain data, which can be compared, written down and read back.
///
/// Two records become one in two ways: [`append`](Self::append) for phases that followed each other,
/// [`absorb`](Self::absorb) for parts of one phase that ran side by side.
///
/// # Written down
///
/// With serde, points in time and lengths are whole nanoseconds, outcomes are keys such as `"ok"`, and a
/// histogram is a string: HdrHistogram's V2 encoding, not compressed, in base64. Reading gives back an
/// equal record; only what a histogram had room for is not kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrialRecord {
    /// What became of the requests of each step, by [`StepIndex`].
    pub steps: Vec<StepRecord>,
    /// What each backend answered, by backend number; those that no topology lists come after the others.
    pub backends: Vec<BackendRecord>,
    /// How many of `backends`, from the first on, the topology lists.
    pub listed_backends: usize,
    /// Names of the backends that replies named and no topology lists, in the order of their
    /// numbers; the first one follows the last listed backend.
    pub unlisted_backends: Vec<String>,
    /// The time series, second by second, without gaps.
    pub seconds: Vec<SecondRecord>,
    /// The histograms of each second and class, in order. A class without requests in a second has none.
    pub intervals: Vec<Interval>,
    /// What each user of closed stages did, by user number. Arrivals, which are numbered after the users,
    /// are not listed.
    pub users: Vec<UserRecord>,
    /// The steps of each user, by user number, in the order in which they were done; `None` unless the
    /// recording was to keep them.
    #[serde(with = "sequences")]
    pub actions: Option<Vec<Vec<StepIndex>>>,
    /// How late the generator started users and arrivals, over all arrivals and wake-ups. The time
    /// for making a connection is not included, because it is not the generator's. The size of replies is
    /// not counted here.
    pub lateness: Cell,
    /// Successful requests, timed from when they were sent, not from when they should have been. Empty in
    /// a closed model, where both are the same.
    pub service: Cell,
    /// What became of the arrivals of open stages.
    pub arrivals: ArrivalCounts,
    /// The number of requests sent to each backend, by tenth of a second of their sending. Only requests
    /// whose replies name the backend are counted.
    pub sent: Vec<Box<[u32]>>,
    /// The number of successful requests and the sum of their latencies in nanoseconds, by tenth of a
    /// second of their end.
    pub tenths: Vec<(u32, u64)>,
    /// The share of the phase (0..=1) that the worst generator thread spent waiting for a CPU; `None` where
    /// the system does not report it, and in a simulation.
    pub cpu_wait_share: Option<f64>,
    /// How many replies named the intended algorithm, and how many named another one.
    pub named: NamedAlgorithm,
    /// The length of the phase in which requests were sent; rates are over this time.
    pub wall: Span,
    /// When the last request was done, as an offset from the start of the phase; zero without requests.
    pub last_done: Time,
    /// Whether the phase was stopped before its end.
    pub interrupted: bool,
}

/// What became of the arrivals of open stages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArrivalCounts {
    /// How many were due within the phase.
    pub due: u64,
    /// How many were begun.
    pub begun: u64,
    /// How many were dropped because too many sessions were in flight or the system had no connection
    /// left. Arrivals that were neither begun nor dropped were due when the phase was stopped, or the
    /// generator was too late for them.
    pub dropped: u64,
}

impl ArrivalCounts {
    /// Adds the counts of `other`.
    pub fn merge(&mut self, other: Self) {
        self.due += other.due;
        self.begun += other.begun;
        self.dropped += other.dropped;
    }
}

/// How many replies named the intended algorithm in their header, and how many named another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedAlgorithm {
    /// Replies that named the intended algorithm.
    pub right: u64,
    /// Replies that named another algorithm.
    pub wrong: u64,
}

impl NamedAlgorithm {
    /// Adds the counts of `other`.
    pub fn merge(&mut self, other: Self) {
        self.right += other.right;
        self.wrong += other.wrong;
    }
}

/// What became of the requests of one step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// The requests by outcome, at [`Outcome::index`]; `None` for an outcome that never happened.
    #[serde(with = "by_outcome")]
    pub outcomes: [Option<Box<Cell>>; Outcome::ALL.len()],
}

/// What one backend answered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BackendRecord {
    /// The latencies of all its replies.
    pub latency: Cell,
    /// How many of them were not what was expected.
    pub errors: u64,
}

/// What one user did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRecord {
    /// The number of requests that finished.
    pub requests: u32,
    /// How many of them did not get what was expected of them.
    pub errors: u32,
}

impl StepRecord {
    /// The requests with one outcome; `None` if it never happened.
    pub fn outcome(&self, outcome: Outcome) -> Option<&Cell> {
        self.outcomes[outcome.index()].as_deref()
    }

    /// The requests whose outcome `wanted` accepts, as one cell.
    pub fn over(&self, wanted: impl Fn(Outcome) -> bool) -> Cell {
        let mut sum = Cell::default();
        for outcome in Outcome::ALL.into_iter().filter(|outcome| wanted(*outcome)) {
            if let Some(cell) = self.outcome(outcome) {
                sum.merge(cell);
            }
        }
        sum
    }

    /// All requests of the step, as one cell.
    pub fn all(&self) -> Cell {
        self.over(|_| true)
    }

    /// Adds the counts of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.outcomes.iter_mut().zip(&other.outcomes) {
            if let Some(theirs) = theirs {
                mine.get_or_insert_default().merge(theirs);
            }
        }
    }
}

impl BackendRecord {
    /// The number of its replies.
    pub fn requests(&self) -> u64 {
        self.latency.count()
    }

    /// Adds the counts of `other`.
    pub fn merge(&mut self, other: &Self) {
        self.latency.merge(&other.latency);
        self.errors += other.errors;
    }
}

impl UserRecord {
    /// Adds the counts of `other`.
    pub fn merge(&mut self, other: Self) {
        self.requests += other.requests;
        self.errors += other.errors;
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

    /// The number of requests that ended in `outcome`.
    pub fn count(&self, outcome: Outcome) -> u64 {
        self.steps.iter().filter_map(|step| step.outcome(outcome)).map(Cell::count).sum()
    }

    /// The number of requests.
    pub fn requests(&self) -> u64 {
        Outcome::ALL.into_iter().map(|outcome| self.count(outcome)).sum()
    }

    /// The number of requests that did not get what was expected of them.
    pub fn errors(&self) -> u64 {
        Outcome::ALL
            .into_iter()
            .filter(|outcome| !outcome.is_success())
            .map(|outcome| self.count(outcome))
            .sum()
    }

    /// The number of requests per second of the phase.
    pub fn throughput_rps(&self) -> f64 {
        per_second(self.requests(), self.wall)
    }

    /// The number of ordinary requests that succeeded, per second of the phase.
    pub fn goodput_rps(&self) -> f64 {
        per_second(self.count(Outcome::Ok), self.wall)
    }
}

/// A rate per second; zero when no time has passed.
fn per_second(count: u64, wall: Span) -> f64 {
    if wall.is_zero() { 0.0 } else { count as f64 / wall.as_secs_f64() }
}

/// Cells by outcome, written as a map from the outcome's name to its cell.
mod by_outcome {
    use crate::cell::Cell;
    use lb_core::Outcome;
    use serde::{Deserialize, Deserializer, Serializer};
    use std::collections::BTreeMap;

    type Outcomes = [Option<Box<Cell>>; Outcome::ALL.len()];

    pub(super) fn serialize<S: Serializer>(cells: &Outcomes, serializer: S) -> Result<S::Ok, S::Error> {
        let outcomes = Outcome::ALL.into_iter().zip(cells);
        serializer.collect_map(outcomes.filter_map(|(outcome, cell)| Some((outcome, cell.as_ref()?))))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Outcomes, D::Error> {
        let mut cells = BTreeMap::<Outcome, Box<Cell>>::deserialize(deserializer)?;
        Ok(Outcome::ALL.map(|outcome| cells.remove(&outcome)))
    }
}

/// Sequences of steps, written as lists of the steps' numbers.
mod sequences {
    use lb_core::workload::StepIndex;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    type Sequences = Option<Vec<Vec<StepIndex>>>;

    pub(super) fn serialize<S: Serializer>(users: &Sequences, serializer: S) -> Result<S::Ok, S::Error> {
        let numbers = |steps: &Vec<StepIndex>| steps.iter().map(|step| step.0).collect();
        let users: Option<Vec<Vec<u16>>> = users.as_ref().map(|users| users.iter().map(numbers).collect());
        users.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Sequences, D::Error> {
        let steps = |numbers: Vec<u16>| numbers.into_iter().map(StepIndex).collect();
        let users = Option::<Vec<Vec<u16>>>::deserialize(deserializer)?;
        Ok(users.map(|users| users.into_iter().map(steps).collect()))
    }
}
