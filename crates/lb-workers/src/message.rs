//! What leader and workers say to each other: JSON on core NATS. Subjects begin with `bench.NAME.`:
//!
//! | subject | from, to | payload |
//! |---|---|---|
//! | `workers` | leader, all workers | [`FromLeader`] |
//! | `worker.ID` | leader, one worker | [`FromLeader`] |
//! | `leader` | workers, leader | [`FromWorker`] |
//! | `worker.ID.episodes` | leader asks one worker | an episode of a training run ([`lb_cases::episode::Episode::to_bytes`]); the answer is its outcome, or why there is none |
//! | `clock` | a worker asks | the leader's monotonic clock in nanoseconds, in decimal |
//!
//! Plans, workloads and records are too large for a message. They are objects in the bucket `bench-NAME` of JetStream, by
//! whose names messages refer to them.

use crate::clock::Offset;
use lb_load::{LoadPlan, Shard};
use lb_record::Snapshot;
use serde::{Deserialize, Serialize};

/// The version of what is said here. A leader takes only workers that say the same and were built from the same commit.
const PROTOCOL: u32 = 2;

/// Returns what a worker and its leader must have in common.
pub(crate) fn version() -> String {
    format!("{} ({}, protocol {PROTOCOL})", env!("CARGO_PKG_VERSION"), harness::COMMIT)
}

/// Returns the rest of the subject on which a worker is given episodes.
pub(crate) fn episodes_of(worker: &str) -> String {
    format!("worker.{worker}.episodes")
}

/// The numbers of phases count up within a run, and tell what is about an earlier one.
pub(crate) type PhaseNumber = u64;

/// What a leader says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct FromLeader {
    /// The leader, who has another id in each run.
    pub(crate) leader: String,
    pub(crate) order: Order,
}

/// What workers should do.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    /// Say that you are there. It is said every second, so that workers notice when their leader is gone.
    Muster,
    /// Make the schedule of a phase ready, and measure the leader's clock.
    Prepare {
        phase: PhaseNumber,
        /// The object with the [`DealtPlan`].
        plan: String,
        shard: Shard,
    },
    /// Begin the phase at this time of the leader's clock.
    Begin { phase: PhaseNumber, at_ns: u64 },
    /// End the phase at once, and hand over what was recorded.
    Stop { phase: PhaseNumber },
    /// The run is over.
    Dismiss,
}

/// What a worker says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct FromWorker {
    /// The id of the worker, which no other process has.
    pub(crate) worker: String,
    pub(crate) news: News,
}

/// What a worker has to tell.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum News {
    /// The worker is there. It is said every second, with how far the phase is.
    Here { name: String, version: String, threads: usize, phase: Option<PhaseNumber>, now: Progress },
    /// The phase can begin.
    Ready { phase: PhaseNumber, schedule_sha256: String, clock: Offset },
    /// The phase is over; its record is this object.
    Finished { phase: PhaseNumber, object: String, begun_ns: u64, clock: Offset, cpu_s: f64 },
    /// The worker cannot play its share.
    Failed { phase: PhaseNumber, why: String },
    /// The worker leaves.
    Leaving { why: String },
}

/// How far a phase is.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Progress(pub(crate) Snapshot);

/// The plan of a phase, with what the schedule is made of in its place.
pub(crate) type DealtPlan = LoadPlan<DealtSchedule>;

/// What a schedule is made of.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct DealtSchedule {
    /// The object with the workload.
    pub(crate) workload: String,
    pub(crate) seed: u64,
    pub(crate) sha256: String,
}
