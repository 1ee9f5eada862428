//! One trial as it came out: what the generator recorded, what the load balancer counted, what it
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
    /// What decided.
    pub algorithm: Algorithm,
    /// What results call it: the algorithm's name, or a label of its own in an A/A comparison.
    pub label: String,
    /// 0, or 1 when it repeats one that was invalid.
    pub attempt: u32,
    /// Why it cannot be believed; empty: it is valid.
    pub problems: Vec<String>,
    /// Seconds cut off its beginning as warm-up.
    pub cut_s: f64,
    /// How busy the machine was.
    pub machine: MachineUse,
    /// The pass over all algorithms that it belongs to.
    pub block: u32,
    /// Its place within the block.
    pub position: usize,
    /// SHA-256 of the schedule that its users followed.
    pub schedule_sha256: String,
    /// When its measured phase began.
    pub started: jiff::Timestamp,
    /// What the generator recorded.
    pub record: TrialRecord,
    /// What the numbers of the record's backends stand for.
    pub backends: Vec<ListedBackend>,
    /// What the load balancer counted in the measured phase, by backend.
    pub balancer: Vec<BalancerCount>,
    /// How often guards overruled a learned policy in the measured phase; none under other algorithms, and
    /// where the load balancer does not tell.
    pub guards: Option<GuardCounts>,
    /// The trace of its decisions.
    pub trace: Option<TraceSummary>,
    /// Who counted requests by backend besides the generator: the load balancer's name; none when it does not
    /// tell, and the `X-Backend` of replies is all there is.
    pub counted_by: Option<String>,
    /// What the agent did that set its weights.
    pub steering: Option<SteeringRecord>,
    /// CPU time of each process over the measured phase.
    pub processes: Vec<ProcessTime>,
    /// How the switch was verified; a simulated trial has nothing to verify.
    pub evidence: serde_json::Value,
    /// What was noticed on the way.
    pub notes: Vec<String>,
}

/// How busy the machine was over the measured phase; none where the system does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct MachineUse {
    /// Share of the phase in which generator threads wanted a CPU and had none, the worst thread.
    pub cpu_wait_share: Option<f64>,
    /// Share of the time in use, by anybody, of the CPUs that are open to the generator.
    pub busy_share: Option<f64>,
}

/// A backend that was known before the trial.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedBackend {
    /// Its id.
    pub id: String,
    /// Number of its pool; backends of different pools never compete.
    pub pool: usize,
    /// What the load balancer is told it is worth.
    pub weight: f64,
}

impl ListedBackend {
    /// The backends of a topology, in its order.
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
    /// Backend.
    pub id: String,
    /// Requests that it sent there.
    pub requests: u64,
    /// Those of them that failed: 5xx, timeouts, broken and refused connections. None when it does not
    /// tell.
    pub errors: Option<u64>,
    /// Most in flight there at once; none when it does not tell.
    pub peak_in_flight: Option<u32>,
    /// Whether it took requests when the trial ended; none when the load balancer does not tell.
    pub up: Option<bool>,
}

/// What an agent did in the measured phase that sets weights.
#[derive(Clone, Debug, PartialEq)]
pub struct SteeringRecord {
    /// The backends, in the order of the weights.
    pub ids: Vec<String>,
    /// Time from one look to the next, as asked for.
    pub period: Span,
    /// In order of time.
    pub steps: Vec<SteeringStep>,
    /// Looks or settings that failed.
    pub failures: u64,
    /// The last of them.
    pub last_failure: Option<String>,
}

/// One look, and what followed.
#[derive(Clone, Debug, PartialEq)]
pub struct SteeringStep {
    /// When it looked, in seconds from the beginning of the measured phase.
    pub at_s: f64,
    /// How old the look was when the weights were in force, in milliseconds.
    pub age_ms: f64,
    /// Weights, the greatest of which is 1.
    pub weights: Vec<f64>,
}

/// CPU time of one process over the measured phase.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProcessTime {
    /// `generator`, `load-balancer`, `mock-backends` or `simulator`.
    pub name: &'static str,
    /// User and system CPU seconds.
    pub cpu_s: f64,
}

/// What became of one kind of request, by its number in the workload, over all trials.
pub fn pooled_step(trials: &[&Trial], number: usize) -> StepRecord {
    let mut sum = StepRecord::default();
    for record in trials.iter().filter_map(|trial| trial.record.steps.get(number)) {
        sum.merge(record);
    }
    sum
}
