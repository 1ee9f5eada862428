//! Writes `trials/<scenario>-<algorithm>-<block>.json`: one trial, with its time series.

use crate::resources::ResourceRecord;
use crate::summary::algorithm::AlgorithmSummary;
use crate::summary::run::SCHEMA_VERSION;
use crate::trial::{BalancerCount, MachineUse, ProcessTime, Trial, WorkerShare};
use lb_core::trace_summary::TraceSummary;
use lb_core::workload::{Schedule, Workload};
use lb_core::{Span, plain};
use lb_record::SecondRecord;
use serde::Serialize;
use std::borrow::Cow;
use std::fmt::Write;

/// The file of one trial.
#[derive(Debug, Serialize)]
pub(super) struct TrialFile<'a> {
    schema_version: u32,
    run_id: &'a str,
    scenario: &'a str,
    block: u32,
    position: usize,
    schedule_sha256: &'a str,
    started_at: String,
    /// Whether the user ended the trial early. An interrupted trial is in no summary.
    interrupted: bool,
    /// 0 for a first attempt, one more for each repetition of an invalid trial.
    attempt: u32,
    /// Why the trial is invalid; empty for a trial that counts.
    problems: &'a [String],
    /// Why the trial is invalid although it counts; empty for a valid trial.
    accepted: &'a [String],
    /// How busy the machine was.
    machine: MachineUse,
    /// Length of the measured phase in seconds.
    measured_s: f64,
    /// 99th percentile of the lateness of users: the delay that the generator itself adds.
    lateness_p99_ms: Option<f64>,
    /// The same figures as in the summary, for this trial alone.
    result: AlgorithmSummary,
    balancer: &'a [BalancerCount],
    processes: &'a [ProcessTime],
    /// What each worker on other machines did; empty if one process played the load.
    workers: &'a [WorkerShare],
    seconds: Vec<Second>,
    users: Vec<User<'a>>,
    trace: Option<&'a TraceSummary>,
    /// What scraped targets said; null if nothing was scraped.
    resources: Option<&'a ResourceRecord>,
    notes: &'a [String],
}

/// One second of the time series; latencies in milliseconds, null without requests.
#[derive(Debug, Serialize)]
struct Second {
    second: u32,
    users: u32,
    requests: u64,
    errors: u64,
    mean_ms: Option<f64>,
    p50_ms: Option<f64>,
    p95_ms: Option<f64>,
    p99_ms: Option<f64>,
    max_ms: Option<f64>,
    /// Number of replies of each backend, in the order of `result.backends`.
    backends: Vec<u32>,
}

/// The results of one virtual user.
#[derive(Debug, Serialize)]
struct User<'a> {
    id: u32,
    class: &'a str,
    stage: &'a str,
    requests: u32,
    errors: u32,
}

impl<'a> TrialFile<'a> {
    pub(super) fn new(
        run_id: &'a str,
        scenario: &'a str,
        trial: &'a Trial,
        result: AlgorithmSummary,
        schedule: &'a Schedule,
        workload: &'a Workload,
    ) -> Self {
        let record = &trial.record;
        let users = schedule
            .users()
            .iter()
            .zip(&record.users)
            .map(|(plan, user)| User {
                id: plan.id.0,
                class: &workload.classes()[plan.class].name,
                stage: &workload.stages()[plan.stage].name,
                requests: user.requests,
                errors: user.errors,
            })
            .collect();
        Self {
            schema_version: SCHEMA_VERSION,
            run_id,
            scenario,
            block: trial.block,
            position: trial.position,
            schedule_sha256: &trial.schedule_sha256,
            started_at: trial.started.to_string(),
            interrupted: record.interrupted,
            attempt: trial.attempt,
            problems: &trial.problems,
            accepted: &trial.accepted,
            machine: trial.machine,
            measured_s: record.wall.as_secs_f64(),
            lateness_p99_ms: record.lateness.quantile(0.99).map(Span::as_millis_f64),
            result,
            balancer: &trial.balancer,
            processes: &trial.processes,
            workers: &trial.workers,
            seconds: record.seconds.iter().map(Second::from).collect(),
            users,
            trace: trial.trace.as_ref(),
            resources: trial.resources.as_ref(),
            notes: &trial.notes,
        }
    }
}

impl From<&SecondRecord> for Second {
    fn from(second: &SecondRecord) -> Self {
        let latency = second.latency.as_ref();
        let millis = |pick: fn(&lb_record::SecondLatency) -> Span| latency.map(|l| pick(l).as_millis_f64());
        Self {
            second: second.second,
            users: second.users,
            requests: second.requests,
            errors: second.errors,
            mean_ms: millis(|l| l.mean),
            p50_ms: millis(|l| l.p50),
            p95_ms: millis(|l| l.p95),
            p99_ms: millis(|l| l.p99),
            max_ms: millis(|l| l.max),
            backends: second.backends.to_vec(),
        }
    }
}

/// Quotes a field of a CSV file if it needs that (RFC 4180).
fn quoted(field: &str) -> Cow<'_, str> {
    match field.contains(['"', ',', '\r', '\n']) {
        true => Cow::Owned(format!("\"{}\"", field.replace('"', "\"\""))),
        false => Cow::Borrowed(field),
    }
}

/// Lists the requests of every user in the order in which they finished: `user,position,request`.
pub(super) fn actions_csv(trial: &Trial, workload: &Workload) -> Option<String> {
    let sequences = trial.record.actions.as_ref()?;
    let mut csv = String::from("user,position,request\r\n");
    for (user, steps) in sequences.iter().enumerate() {
        for (position, step) in steps.iter().enumerate() {
            let name = plain::cell(&workload.steps()[usize::from(step.0)].name);
            let _ = write!(csv, "{user},{position},{}\r\n", quoted(&name));
        }
    }
    Some(csv)
}
