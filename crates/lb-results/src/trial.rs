//! The raw result of one trial: what the generator recorded, what the load balancer counted, what it
//! cost, and how the switch was verified.

use lb_core::Algorithm;
use lb_core::Span;
use lb_core::policy::GuardCounts;
use lb_core::topology::Topology;
use lb_core::trace_summary::TraceSummary;
use lb_record::{StepRecord, TrialRecord};
use serde::Serialize;

/// One finished trial.
#[derive(Debug)]
pub struct Trial {
    /// Position of the scenario in the plan.
    pub scenario: usize,
    /// The algorithm that routed.
    pub algorithm: Algorithm,
    /// Label of the trial in results: the name of the algorithm, or a label of its own in an A/A comparison.
    pub label: String,
    /// 0 for a first attempt, 1 for the repeat of an invalid trial.
    pub attempt: u32,
    /// Why the trial is invalid, one sentence each. Empty for a valid trial.
    pub problems: Vec<String>,
    /// Seconds cut off the beginning of the trial as warm-up.
    pub cut_s: f64,
    /// How busy the machine was.
    pub machine: MachineUse,
    /// The block, a pass over all algorithms, that the trial belongs to, from 0.
    pub block: u32,
    /// Position of the trial within its block, from 0.
    pub position: usize,
    /// SHA-256 of the schedule that its users followed.
    pub schedule_sha256: String,
    /// Time at which the measured phase began.
    pub started: jiff::Timestamp,
    /// What the generator recorded.
    pub record: TrialRecord,
    /// The backends that the indices of the record refer to.
    pub backends: Vec<ListedBackend>,
    /// What the load balancer counted in the measured phase, by backend.
    pub balancer: Vec<BalancerCount>,
    /// How often guards overruled a learned policy in the measured phase. `None` under other algorithms, and
    /// where the load balancer does not tell.
    pub guards: Option<GuardCounts>,
    /// The recording of the decisions. `None` when none was asked for.
    pub trace: Option<TraceSummary>,
    /// Name of the load balancer, where it counted requests by backend itself. `None` where only the `X-Backend`
    /// header of replies names the backend.
    pub counted_by: Option<String>,
    /// How an agent set the weights. `None` where no agent did.
    pub steering: Option<SteeringRecord>,
    /// CPU time of each process over the measured phase.
    pub processes: Vec<ProcessTime>,
    /// The evidence on the switch as JSON; null in a simulated trial.
    pub evidence: serde_json::Value,
    /// Notes for the reader of the results.
    pub notes: Vec<String>,
}

/// How busy the machine was over the measured phase. `None` where the system does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct MachineUse {
    /// Share of the phase in which a generator thread was ready to run and waited for a CPU, the worst thread,
    /// from 0 to 1.
    pub cpu_wait_share: Option<f64>,
    /// Share of the time in which the generator's CPUs were in use by any program, from 0 to 1.
    pub busy_share: Option<f64>,
}

/// A backend that was known before the trial.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedBackend {
    /// Id of the backend.
    pub id: String,
    /// Index of the pool of the backend; backends of different pools never compete.
    pub pool: usize,
    /// Weight that the load balancer is configured with.
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BalancerCount {
    /// Id of the backend.
    pub id: String,
    /// Number of requests that the load balancer sent to the backend.
    pub requests: u64,
    /// Number of those requests that failed: 5xx, timeouts, broken and refused connections. `None` when the load
    /// balancer does not tell.
    pub errors: Option<u64>,
    /// Highest number of requests in flight at the same time. `None` when the load balancer does not tell.
    pub peak_in_flight: Option<u32>,
    /// Whether the backend took requests when the trial ended. `None` when the load balancer does not tell.
    pub up: Option<bool>,
}

/// How an agent set weights in the measured phase.
#[derive(Clone, Debug, PartialEq)]
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
#[derive(Clone, Debug, PartialEq)]
pub struct SteeringStep {
    /// Time of the observation, in seconds from the start of the measured phase.
    pub at_s: f64,
    /// Age of the observation when the weights were in force, in milliseconds.
    pub age_ms: f64,
    /// The weights, the greatest of which is 1.
    pub weights: Vec<f64>,
}

/// CPU time of one process over the measured phase.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProcessTime {
    /// `generator`, `load-balancer`, `mock-backends` or `simulator`.
    pub name: &'static str,
    /// User and system CPU time, in seconds.
    pub cpu_s: f64,
}

/// Adds up the records of one kind of request, by its index in the workload, over all trials.
pub fn pooled_step(trials: &[&Trial], number: usize) -> StepRecord {
    let mut sum = StepRecord::default();
    for record in trials.iter().filter_map(|trial| trial.record.steps.get(number)) {
        sum.merge(record);
    }
    sum
}
