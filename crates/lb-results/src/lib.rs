//! What a run leaves on disk: the folder, the summary, the trials, and the formats of other tools.
//!
//! Every file is written beside its place, synced and renamed, so that an interrupted or failing run
//! leaves no half-written file under a final name.

mod folder;
mod host;
mod locust;
mod noise;
mod read;
mod requests;
mod summary;
mod trial;
mod trial_file;
mod writer;

pub use folder::{ResultsFolder, run_id, write_whole};
pub use host::Host;
pub use noise::{NoiseFloors, machine};
pub use read::{ReadError, read_summary};
pub use requests::RequestsFile;
pub use summary::aa::{AaMetric, AaSummary};
pub use summary::algorithm::{
    ActionSummary, AlgorithmSummary, BackendSummary, GuardSummary, ProcessSummary, SeriesPoint,
    SteeringSummary, WeightPoint,
};
pub use summary::comparison::{Comparison, MetricComparison, PairComparison, Verdict};
pub use summary::fault::{FaultMark, FaultResponse, PhaseSummary};
pub use summary::latency::Latency;
pub use summary::metric::{Metric, MetricValue};
pub use summary::objective::{MaxRateSummary, RateProbe, ThresholdResult};
pub use summary::run::{ConfigSummary, PolicySummary, SCHEMA_VERSION, Summary, TRACES, TracesSummary};
pub use summary::scenario::{OracleSummary, Overhead, OverheadEstimate, ScenarioSummary, Skipped, StageMark};
pub use summary::trial_row::{GeneratorSummary, TrialSummary};
pub use trial::{
    BalancerCount, ListedBackend, MachineUse, ProcessTime, SteeringRecord, SteeringStep, Trial, pooled_step,
};
pub use writer::{trial_stem, write_scenario, write_summary, write_trial};
