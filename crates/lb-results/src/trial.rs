//! The raw result of one trial: what the generator recorded, what the load balancer counted, the CPU time
//! used, and how the switch was verified.

use crate::resources::ResourceRecord;
use lb_core::Algorithm;
use lb_core::Span;
use lb_core::policy::GuardCounts;
use lb_core::topology::Topology;
use lb_core::trace_summary::TraceSummary;
use lb_record::{StepRecord, TrialRecord};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One finished trial. `records/` stores it in full, so that a run can be resumed.
#[derive(Debug, Serialize, Deserialize)]
pub struct Trial {
    /// Index of the scenario in the plan.
    pub scenario: usize,
    /// The algorithm under test.
    pub algorithm: Algorithm,
    /// Label of the trial in results: the name of the algorithm, or a separate label in an A/A comparison.
    pub label: String,
    /// 0 for a first attempt, one more for each repetition of an invalid trial.
    pub attempt: u32,
    /// Why the trial is invalid, one sentence per problem. Empty for a trial that counts.
    pub problems: Vec<String>,
    /// Why the trial is invalid although it counts (`--accept-invalid`). Empty for a valid trial.
    #[serde(default)]
    pub accepted: Vec<String>,
    /// Seconds cut off the beginning of the trial as warm-up.
    pub cut_s: f64,
    /// How busy the machine was.
    pub machine: MachineUse,
    /// Number of the block, a pass over all algorithms, that contains the trial, from 0.
    pub block: u32,
    /// Position of the trial within its block, from 0.
    pub position: usize,
    /// SHA-256 of the schedule of the trial.
    pub schedule_sha256: String,
    /// Time at which the measured phase began.
    pub started: jiff::Timestamp,
    /// What the generator recorded.
    pub record: TrialRecord,
    /// The backends that the indices of the record refer to.
    pub backends: Vec<ListedBackend>,
    /// What the load balancer counted in the measured phase, by backend.
    pub balancer: Vec<BalancerCount>,
    /// Number of failed attempts that the load balancer repeated in the measured phase, where it does not count
    /// them by backend. `None` if it does not report them so.
    #[serde(default)]
    pub retries: Option<u64>,
    /// How often guards overrode a learned policy in the measured phase. `None` under other algorithms, or if
    /// the load balancer does not report it.
    pub guards: Option<GuardCounts>,
    /// The recording of the trial's decisions. `None` if decisions were not recorded.
    pub trace: Option<TraceSummary>,
    /// Name of the load balancer, if it counted requests by backend itself. `None` if only the `X-Backend`
    /// header of replies names the backend.
    pub counted_by: Option<String>,
    /// How an agent set the weights. `None` without an agent.
    pub steering: Option<SteeringRecord>,
    /// What scraped targets said over the measured phase. `None` if nothing was scraped.
    #[serde(default)]
    pub resources: Option<ResourceRecord>,
    /// CPU time of each process over the measured phase.
    pub processes: Vec<ProcessTime>,
    /// What each worker on other machines did, in the order of their shares. Empty if one process played the load.
    #[serde(default)]
    pub workers: Vec<WorkerShare>,
    /// The evidence for the switch, as JSON; null in a simulated trial.
    pub evidence: serde_json::Value,
    /// Notes for the reader of the results.
    pub notes: Vec<String>,
}

impl Trial {
    /// Lists the backends by their names in `X-Backend`, if replies name some backends but none of those that
    /// the load balancer lists. Returns a note about the change; `None` if nothing changed.
    pub fn list_by_replies(&mut self) -> Option<String> {
        let names = self.record.list_by_replies()?;
        let weights: Vec<f64> = self.backends.iter().map(|backend| backend.weight).collect();
        // Which weight belongs to which name is not known, unless all are the same.
        let weight = weights.first().copied().filter(|first| weights.iter().all(|weight| weight == first));
        let listed: Vec<String> = std::mem::take(&mut self.backends).into_iter().map(|one| one.id).collect();
        let listing = |id: &String| ListedBackend { id: id.clone(), pool: 0, weight: weight.unwrap_or(1.0) };
        self.backends = names.iter().map(listing).collect();
        // One that answered nothing has no name, but is there: shares are not even without it.
        let distinct: BTreeSet<&String> = listed.iter().collect();
        let silent =
            (1..=distinct.len().saturating_sub(names.len())).map(|number| format!("unnamed {number}"));
        self.backends.extend(silent.map(|id| listing(&id)));
        Some(format!(
            "`X-Backend` names the backends {}, but the load balancer lists them as {}; tables use the \
            names in `X-Backend` and omit the load balancer's own counters",
            names.join(", "),
            listed.join(", ")
        ))
    }
}

/// How busy the machine was over the measured phase. Fields are `None` if the system does not report them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MachineUse {
    /// Share of the phase that the worst generator thread was ready to run but waited for a CPU, from 0 to 1.
    pub cpu_wait_share: Option<f64>,
    /// Share of the time in which the generator's CPUs were used by any program, from 0 to 1.
    pub busy_share: Option<f64>,
}

/// A backend of the topology.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ListedBackend {
    /// Id of the backend.
    pub id: String,
    /// Index of the pool of the backend; backends of different pools never compete.
    pub pool: usize,
    /// Weight of the backend in the load balancer's configuration.
    pub weight: f64,
}

impl ListedBackend {
    /// Lists the backends of a topology, in its order.
    pub fn of_topology(topology: &Topology) -> Vec<Self> {
        let pools = topology.pools.iter().enumerate();
        pools
            .flat_map(|(pool, spec)| spec.backends.iter().map(move |backend| (pool, backend)))
            .map(|(pool, backend)| Self { id: backend.id.clone(), pool, weight: backend.weight })
            .collect()
    }
}

/// What the load balancer counted for one backend in the measured phase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalancerCount {
    /// Id of the backend.
    pub id: String,
    /// Number of requests that the load balancer sent to the backend.
    pub requests: u64,
    /// Number of those requests that failed: 5xx, timeouts, broken and refused connections. `None` if the
    /// load balancer does not report it.
    pub errors: Option<u64>,
    /// Number of failed attempts at the backend that the load balancer repeated, here or elsewhere. `None` if
    /// the load balancer does not report it.
    #[serde(default)]
    pub retries: Option<u64>,
    /// Highest number of requests in flight at the same time. `None` if the load balancer does not report it.
    pub peak_in_flight: Option<u32>,
    /// Whether the backend accepted requests when the trial ended. `None` if the load balancer does not
    /// report it.
    pub up: Option<bool>,
}

/// How an agent set weights in the measured phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SteeringRecord {
    /// The backends, in the order of the weights.
    pub ids: Vec<String>,
    /// Intended time between two observations.
    pub period: Span,
    /// The steps of the agent, in order of time.
    pub steps: Vec<SteeringStep>,
    /// Number of observations or settings of weights that failed.
    pub failures: u64,
    /// Message of the last failure. `None` without failures.
    pub last_failure: Option<String>,
}

/// One observation, and the weights that followed from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SteeringStep {
    /// Time of the observation, in seconds from the start of the measured phase.
    pub at_s: f64,
    /// Age of the observation when the weights were in force, in milliseconds.
    pub age_ms: f64,
    /// The weights, scaled so that the greatest is 1.
    pub weights: Vec<f64>,
}

/// CPU time of one process over the measured phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProcessTime {
    /// Name of the process: `generator`, `load-balancer`, `mock-backends` or `simulator`.
    pub name: String,
    /// User and system CPU time, in seconds.
    pub cpu_s: f64,
}

/// What one of several workers did in a trial.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WorkerShare {
    /// Name of the worker: its host and the number of its process, unless it was given another.
    pub name: String,
    /// Number of its share, from 0: it played users and arrivals `share`, `share + of` and so on.
    pub share: u32,
    /// Number of shares.
    pub of: u32,
    /// Number of requests that it sent; 0 if it was lost.
    pub requests: u64,
    /// How much its clock was ahead of the leader's, in milliseconds, on clocks that count from when each machine was
    /// started. Times are converted with it. `None` if the worker was lost.
    pub clock_offset_ms: Option<f64>,
    /// Half of the shortest time for a question about the clock and its answer: the offset is off by no more, in
    /// milliseconds.
    pub clock_error_ms: Option<f64>,
    /// By how much the offset changed from before the phase to after it, in milliseconds.
    pub clock_drift_ms: Option<f64>,
    /// How late it began after the common start, on the leader's clock and by the offset after the phase, in milliseconds.
    pub start_skew_ms: Option<f64>,
    /// 99th percentile of how late it was to send, in milliseconds; `None` without requests.
    pub lateness_p99_ms: Option<f64>,
    /// Share of the phase that its worst thread waited for a CPU, from 0 to 1; `None` if the system does not tell.
    pub cpu_wait_share: Option<f64>,
    /// CPU time of the worker over the phase, in seconds; `None` if the worker was lost.
    pub cpu_s: Option<f64>,
    /// What makes its share invalid, one sentence per problem.
    pub problems: Vec<String>,
}

/// Adds up the records of one kind of request, by its index in the workload, over all trials.
pub fn pooled_step(trials: &[&Trial], number: usize) -> StepRecord {
    let mut sum = StepRecord::default();
    for record in trials.iter().filter_map(|trial| trial.record.steps.get(number)) {
        sum.merge(record);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_core::workload::{ActionIndex, Observer, Sample, StepIndex, UserId};
    use lb_core::{Outcome, Time};
    use lb_record::{Recording, RecordingSpec};

    /// A trial whose load balancer lists three backends, while all replies name `10.0.0.1:80` and `10.0.0.2:80`.
    fn trial() -> Trial {
        let spec = RecordingSpec { steps: 1, backends: 3, ..RecordingSpec::default() };
        let (recording, mut recorders) = Recording::start(spec, 1);
        for backend in [3, 4, 4] {
            let at = Time::ZERO + Span::from_millis(10);
            recorders[0].sample(&Sample {
                user: UserId(0),
                action: ActionIndex(0),
                step: StepIndex(0),
                intended: Time::ZERO,
                sent: Time::ZERO,
                done: at,
                outcome: Outcome::Ok,
                status: 200,
                backend: Some(backend),
                bytes: 0,
            });
        }
        let mut record = recording.finish(recorders, Span::from_secs(1));
        record.unlisted_backends = vec!["10.0.0.1:80".to_owned(), "10.0.0.2:80".to_owned()];
        let listed = |id: &str| ListedBackend { id: id.to_owned(), pool: 0, weight: 1.0 };
        Trial {
            scenario: 0,
            algorithm: "p2c".parse().expect("a known algorithm"),
            label: "p2c".to_owned(),
            attempt: 0,
            problems: Vec::new(),
            accepted: Vec::new(),
            cut_s: 0.0,
            machine: MachineUse::default(),
            block: 0,
            position: 0,
            schedule_sha256: String::new(),
            started: jiff::Timestamp::UNIX_EPOCH,
            record,
            backends: ["a", "b", "c"].map(listed).to_vec(),
            balancer: Vec::new(),
            retries: None,
            guards: None,
            trace: None,
            counted_by: None,
            steering: None,
            resources: None,
            processes: Vec::new(),
            workers: Vec::new(),
            evidence: serde_json::Value::Null,
            notes: Vec::new(),
        }
    }

    #[test]
    fn a_backend_that_no_reply_names_stays_in_the_list() {
        let mut trial = trial();
        let note = trial.list_by_replies().expect("the names differ");
        assert!(note.contains("but the load balancer lists them as a, b, c"), "{note}");
        let ids: Vec<&str> = trial.backends.iter().map(|backend| backend.id.as_str()).collect();
        assert_eq!(ids, ["10.0.0.1:80", "10.0.0.2:80", "unnamed 1"], "three are listed, two were named");
        let counts: Vec<u64> = trial.record.backends.iter().map(|backend| backend.requests()).collect();
        assert_eq!(counts, [1, 2]);
    }
}
