//! The record of a phase, and the figures computed from it.

use crate::cell::Cell;
use crate::connections::ConnectionTimes;
use crate::failures::FailureRecord;
use crate::observed::Observed;
use crate::series::{Interval, SecondRecord};
use lb_core::workload::StepIndex;
use lb_core::{Outcome, Span, Time};
use serde::{Deserialize, Serialize};

/// Everything recorded in one phase of load: plain data that can be compared, serialised and read back.
///
/// Two records become one in two ways: [`append`](Self::append) for phases that followed each other,
/// [`absorb`](Self::absorb) for parts of one phase that ran side by side.
///
/// # Serialised form
///
/// With serde, points in time and lengths are whole nanoseconds, outcomes are keys such as `"ok"`, and a
/// histogram is a string: HdrHistogram's V2 encoding, not compressed, in base64. Reading returns an equal
/// record; only the capacity of histograms is not kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrialRecord {
    /// Requests of each step by outcome, by [`StepIndex`].
    pub steps: Vec<StepRecord>,
    /// Replies of each backend, by backend number; those that the topology does not list come last.
    pub backends: Vec<BackendRecord>,
    /// Number of `backends` that the topology lists; they come first.
    pub listed_backends: usize,
    /// Names of backends that replies named but the topology does not list, in the order of their numbers;
    /// the first one follows the last listed backend.
    pub unlisted_backends: Vec<String>,
    /// The time series, second by second, without gaps.
    pub seconds: Vec<SecondRecord>,
    /// The histograms of each second and class, in order. A class without requests in a second is left out.
    pub intervals: Vec<Interval>,
    /// Requests of each user of closed stages, by user number. Arrivals, which are numbered after the users,
    /// are not listed.
    pub users: Vec<UserRecord>,
    /// The steps of each user, by user number, in the order in which they finished; `None` unless the
    /// recording kept them.
    #[serde(with = "sequences")]
    pub actions: Option<Vec<Vec<StepIndex>>>,
    /// How late the generator started users and arrivals, over all arrivals and wake-ups. The time for
    /// connecting is not included, because it is not the generator's. Reply sizes are not counted here.
    pub lateness: Cell,
    /// Latencies of successful requests from when they were sent, not from when they were intended. Empty in
    /// a closed model, where both are the same.
    pub service: Cell,
    /// How long it took to open connections; empty in a simulation, and in records written before this field
    /// existed.
    #[serde(default)]
    pub connections: ConnectionTimes,
    /// Failed requests by step, outcome, status and text. Empty in records written before this field existed.
    #[serde(default)]
    pub failures: Vec<FailureRecord>,
    /// Replies by the value of an observed header; `None` if none was observed, and in records written before this
    /// field existed.
    #[serde(default)]
    pub observed: Option<Observed>,
    /// Arrivals of open stages: due, begun and dropped.
    pub arrivals: ArrivalCounts,
    /// The number of requests sent to each backend, by the tenth of a second in which they were sent. Only
    /// requests whose replies name the backend are counted.
    pub sent: Vec<Box<[u32]>>,
    /// The number of successful requests and the sum of their latencies in nanoseconds, by the tenth of a
    /// second in which they ended.
    pub tenths: Vec<(u32, u64)>,
    /// The share of the phase (0..=1) that the worst generator thread spent waiting for a CPU; `None` in a
    /// simulation, or if the system does not report it.
    pub cpu_wait_share: Option<f64>,
    /// Number of replies that named the intended algorithm, and of those that named another one.
    pub named: NamedAlgorithm,
    /// The length of the phase in which requests were sent; rates are over this time.
    pub wall: Span,
    /// When the last request finished, as an offset from the start of the phase; zero without requests.
    pub last_done: Time,
    /// Whether the phase was stopped before its end.
    pub interrupted: bool,
}

/// The number of arrivals of open stages that were due, begun and dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArrivalCounts {
    /// Number of arrivals that were due within the phase.
    pub due: u64,
    /// Number of arrivals that began.
    pub begun: u64,
    /// Number of arrivals dropped because too many sessions were in flight or the system had no connection
    /// left. The remaining arrivals were due when the phase was stopped, or the generator was too late for
    /// them.
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

/// Number of replies whose header named the intended algorithm, and of those that named another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedAlgorithm {
    /// Number of replies that named the intended algorithm.
    pub right: u64,
    /// Number of replies that named another algorithm.
    pub wrong: u64,
}

impl NamedAlgorithm {
    /// Adds the counts of `other`.
    pub fn merge(&mut self, other: Self) {
        self.right += other.right;
        self.wrong += other.wrong;
    }
}

/// The requests of one step, by outcome.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// The requests by outcome, at [`Outcome::index`]; `None` for an outcome that did not occur.
    #[serde(with = "by_outcome")]
    pub outcomes: [Option<Box<Cell>>; Outcome::ALL.len()],
}

/// The replies of one backend.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BackendRecord {
    /// The latencies of all replies of the backend.
    pub latency: Cell,
    /// Number of replies that were not the expected ones.
    pub errors: u64,
    /// Number of attempts at the backend that failed and that the load balancer repeated elsewhere, as far as
    /// replies list them.
    #[serde(default)]
    pub retries: u64,
}

/// The requests of one user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRecord {
    /// The number of requests that finished.
    pub requests: u32,
    /// The number of those requests that did not get the expected reply.
    pub errors: u32,
    /// The number of replies that named their backend.
    #[serde(default)]
    pub named: u32,
    /// The number of those replies that came from another backend than the user's reply before.
    #[serde(default)]
    pub moves: u32,
    /// The backend of the last of those replies, by its number in the recording; `None` before the first.
    #[serde(default)]
    pub last_backend: Option<u16>,
}

impl StepRecord {
    /// Returns the requests with one outcome; `None` if it did not occur.
    pub fn outcome(&self, outcome: Outcome) -> Option<&Cell> {
        self.outcomes[outcome.index()].as_deref()
    }

    /// Adds up the requests whose outcome `wanted` accepts.
    pub fn over(&self, wanted: impl Fn(Outcome) -> bool) -> Cell {
        let mut sum = Cell::default();
        for outcome in Outcome::ALL.into_iter().filter(|outcome| wanted(*outcome)) {
            if let Some(cell) = self.outcome(outcome) {
                sum.merge(cell);
            }
        }
        sum
    }

    /// Adds up all requests of the step.
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
    /// Returns the number of replies of the backend.
    pub fn requests(&self) -> u64 {
        self.latency.count()
    }

    /// Adds the counts of `other`.
    pub fn merge(&mut self, other: &Self) {
        self.latency.merge(&other.latency);
        self.errors += other.errors;
        self.retries += other.retries;
    }
}

impl UserRecord {
    /// Adds the counts of `other`. A move from the last backend of one to the first of the other is not counted.
    pub fn merge(&mut self, other: Self) {
        self.requests += other.requests;
        self.errors += other.errors;
        self.named += other.named;
        self.moves += other.moves;
        self.last_backend = other.last_backend.or(self.last_backend);
    }
}

impl TrialRecord {
    /// Adds up all requests: count, bytes and latencies.
    pub fn total(&self) -> Cell {
        self.over(|_| true)
    }

    /// Adds up the requests that got the expected reply.
    pub fn successes(&self) -> Cell {
        self.over(Outcome::is_success)
    }

    /// Adds up the requests of all steps whose outcome `wanted` accepts.
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

    /// Returns the number of requests that ended in `outcome`.
    pub fn count(&self, outcome: Outcome) -> u64 {
        self.steps.iter().filter_map(|step| step.outcome(outcome)).map(Cell::count).sum()
    }

    /// Returns the number of requests.
    pub fn requests(&self) -> u64 {
        Outcome::ALL.into_iter().map(|outcome| self.count(outcome)).sum()
    }

    /// Returns the number of requests that did not get the expected reply.
    pub fn errors(&self) -> u64 {
        Outcome::ALL
            .into_iter()
            .filter(|outcome| !outcome.is_success())
            .map(|outcome| self.count(outcome))
            .sum()
    }

    /// Returns the number of requests per second of the phase.
    pub fn throughput_rps(&self) -> f64 {
        per_second(self.requests(), self.wall)
    }

    /// Returns the number of ordinary requests that succeeded, per second of the phase.
    pub fn goodput_rps(&self) -> f64 {
        per_second(self.count(Outcome::Ok), self.wall)
    }
}

/// Returns a rate per second; zero when no time has passed.
fn per_second(count: u64, wall: Span) -> f64 {
    if wall.is_zero() { 0.0 } else { count as f64 / wall.as_secs_f64() }
}

/// Serialises cells by outcome as a map from the outcome's name to its cell.
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

/// Serialises sequences of steps as lists of the steps' numbers.
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
