//! `continuous.json`: what a load without end did, at its end or so far.

use crate::marks::MarkSummary;
use crate::window::WindowFigures;
use lb_core::{Outcome, Span};
use lb_record::{Cell, TrialRecord};
use lb_results::ObservedSummary;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the document, raised with every change that breaks readers.
pub const SCHEMA_VERSION: u32 = 1;

/// What a load without end did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ContinuousDocument {
    /// The version of this document.
    pub schema_version: u32,
    /// The name of the run.
    pub run_id: String,
    /// The command line, with secrets masked.
    pub command: Vec<String>,
    /// The version of `bench`.
    pub version: String,
    /// The commit that `bench` was built from.
    pub commit: String,
    /// The name of the config.
    pub config: String,
    /// The name of the scenario.
    pub scenario: String,
    /// The load balancer under test, in words.
    pub target: String,
    /// The algorithm that the load balancer was switched to. Null if it was left as it was.
    pub algorithm: Option<String>,
    /// When the load began, in RFC 3339.
    pub started_at: String,
    /// How the load ended; `running` in a document that was written on the way.
    pub ending: Ending,
    /// When it ended, or when a document of a running load was written.
    pub written_at: String,
    /// The length of the load in seconds.
    pub seconds: f64,
    /// The length of a window in seconds.
    pub window_s: u32,
    /// Everything that was counted.
    pub totals: Totals,
    /// The requests by kind, in the order of the journey.
    pub requests: Vec<RequestTotals>,
    /// The backends that replies named.
    pub backends: Vec<BackendTotals>,
    /// Kinds of failed requests, the most frequent first.
    pub failures: Vec<FailureTotals>,
    /// The marks with their verdicts, in the order in which they were set.
    pub marks: Vec<MarkSummary>,
    /// What commands changed while the load ran, in order; the last ones if there were many.
    #[serde(default)]
    pub changes: Vec<ChangeMade>,
    /// Replies by the value of the observed header, such as hits and misses of a cache. Null if none is observed, and while
    /// the load runs.
    pub observed: Option<ObservedSummary>,
    /// The windows of the last 70 minutes.
    pub recent: Vec<WindowFigures>,
    /// The hours of the last 31 days, the running one left out.
    pub hours: Vec<WindowFigures>,
    /// What else is worth knowing.
    pub notes: Vec<String>,
}

/// Something that a command changed while the load ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeMade {
    /// When, in RFC 3339.
    pub at: String,
    /// When, in seconds since the load began.
    pub at_s: f64,
    /// What was changed.
    pub what: ChangeKind,
    /// What was asked for, in words.
    pub text: String,
}

/// What a command can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// The number of users.
    Users,
    /// The algorithm of the load balancer.
    Algorithm,
    /// A fault of a mock backend.
    Fault,
}

/// How a load ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// It has not ended; a process that was killed leaves this, too.
    Running,
    /// It was stopped by a signal, or its time was up.
    Stopped,
    /// An error ended it.
    Failed,
}

/// Counts and latencies over the whole load.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Totals {
    /// Number of requests.
    pub requests: u64,
    /// Number of requests that did not get the expected reply.
    pub errors: u64,
    /// The share of those requests, from 0 to 1; 0 without requests.
    pub error_rate: f64,
    /// Requests per second.
    pub requests_per_s: f64,
    /// Number of requests by outcome; those that did not occur are left out.
    pub outcomes: BTreeMap<String, u64>,
    /// Mean latency of successful requests in milliseconds; null without any, as are the other latencies.
    pub mean_ms: Option<f64>,
    /// Smallest latency in milliseconds.
    pub min_ms: Option<f64>,
    /// Median latency in milliseconds.
    pub p50_ms: Option<f64>,
    /// 95th percentile of latency in milliseconds.
    pub p95_ms: Option<f64>,
    /// 99th percentile of latency in milliseconds.
    pub p99_ms: Option<f64>,
    /// Greatest latency in milliseconds.
    pub max_ms: Option<f64>,
    /// Size of all reply bodies in bytes.
    pub bytes: u64,
    /// Number of arrivals that were dropped because too many sessions were in flight; 0 in the closed model.
    pub dropped: u64,
}

/// The requests of one kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RequestTotals {
    /// The name of the request.
    pub name: String,
    /// The method.
    pub method: String,
    /// Counts and latencies.
    #[serde(flatten)]
    pub totals: Totals,
}

/// The replies of one backend.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BackendTotals {
    /// The name of the backend.
    pub name: String,
    /// Number of replies.
    pub replies: u64,
    /// The share of all replies that named a backend, from 0 to 1.
    pub share: f64,
    /// Number of replies that were not the expected ones.
    pub errors: u64,
    /// Mean latency in milliseconds; null without replies.
    pub mean_ms: Option<f64>,
    /// 95th percentile of latency in milliseconds.
    pub p95_ms: Option<f64>,
}

/// Failed requests of one kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FailureTotals {
    /// The name of the request.
    pub request: String,
    /// How the requests ended.
    pub outcome: String,
    /// The status of the replies; null without a reply, and for rare statuses once there are too many.
    pub status: Option<u16>,
    /// What the failed check found; null for other outcomes.
    pub message: Option<String>,
    /// Number of requests.
    pub count: u64,
    /// When the first of them ended, in seconds since the load began.
    pub first_s: f64,
    /// When the last of them ended.
    pub last_s: f64,
}

impl Totals {
    /// Computes the totals of a record over `seconds` seconds.
    pub fn of(record: &TrialRecord, seconds: f64) -> Self {
        let count = |outcome| record.count(outcome);
        let totals = Self::of_cells(&record.total(), &record.successes(), seconds, &count);
        Self { dropped: record.arrivals.dropped, ..totals }
    }

    fn of_cells(all: &Cell, successes: &Cell, seconds: f64, count: &dyn Fn(Outcome) -> u64) -> Self {
        let millis = |span: Option<Span>| span.map(Span::as_millis_f64);
        let requests = all.count();
        let errors = requests - successes.count();
        let outcomes = Outcome::ALL.into_iter().map(|outcome| (outcome.name().to_owned(), count(outcome)));
        Self {
            requests,
            errors,
            error_rate: if requests > 0 { errors as f64 / requests as f64 } else { 0.0 },
            requests_per_s: if seconds > 0.0 { requests as f64 / seconds } else { 0.0 },
            outcomes: outcomes.filter(|(_, count)| *count > 0).collect(),
            mean_ms: millis(successes.mean()),
            min_ms: millis(successes.min()),
            p50_ms: millis(successes.quantile(0.5)),
            p95_ms: millis(successes.quantile(0.95)),
            p99_ms: millis(successes.quantile(0.99)),
            max_ms: millis(successes.max()),
            bytes: all.bytes(),
            dropped: 0,
        }
    }
}

impl RequestTotals {
    /// Computes the totals of each kind of request that was sent, over `seconds` seconds.
    pub fn of(record: &TrialRecord, steps: &[crate::StepName], seconds: f64) -> Vec<Self> {
        let all = steps.iter().zip(&record.steps);
        let sent = all.filter(|(_, step)| step.outcomes.iter().any(Option::is_some));
        sent.map(|(name, step)| {
            let count = |outcome| step.outcome(outcome).map_or(0, Cell::count);
            let successes = step.over(Outcome::is_success);
            Self {
                name: name.name.clone(),
                method: name.method.clone(),
                totals: Totals::of_cells(&step.all(), &successes, seconds, &count),
            }
        })
        .collect()
    }
}

impl BackendTotals {
    /// Computes the totals of the backends with these names, by number.
    pub fn of(record: &TrialRecord, names: &[String]) -> Vec<Self> {
        let all: u64 = record.backends.iter().map(|backend| backend.requests()).sum();
        let named = names.iter().zip(&record.backends);
        named
            .map(|(name, backend)| Self {
                name: name.clone(),
                replies: backend.requests(),
                share: if all > 0 { backend.requests() as f64 / all as f64 } else { 0.0 },
                errors: backend.errors,
                mean_ms: backend.latency.mean().map(Span::as_millis_f64),
                p95_ms: backend.latency.quantile(0.95).map(Span::as_millis_f64),
            })
            .collect()
    }
}

impl FailureTotals {
    /// Lists the kinds of failures of a record, the most frequent first.
    pub fn of(record: &TrialRecord, steps: &[crate::StepName]) -> Vec<Self> {
        let name = |step: usize| steps.get(step).map_or_else(String::new, |step| step.name.clone());
        let mut all: Vec<Self> = record
            .failures
            .iter()
            .map(|failure| Self {
                request: name(usize::from(failure.step.0)),
                outcome: failure.outcome.name().to_owned(),
                status: failure.status,
                message: failure.message.clone(),
                count: failure.count,
                first_s: failure.first.as_secs_f64(),
                last_s: failure.last.as_secs_f64(),
            })
            .collect();
        all.sort_by_key(|failure| std::cmp::Reverse(failure.count));
        all
    }
}
