//! What a run leaves on disk: the folder, the summary, the trials, and the formats of other tools.
//!
//! Every file is written beside its place, synced and renamed, so that an interrupted or failing run
//! leaves no half-written file under a final name.

mod evidence;
mod folder;
mod locust;
mod noise;
mod read;
mod requests;
mod summary;
mod trial;
mod trial_file;
mod writer;

pub use evidence::{
    AaMetric, AaSummary, Comparison, FaultMark, FaultResponse, GeneratorSummary, MaxRateSummary, Metric,
    MetricComparison, MetricValue, OracleSummary, PairComparison, PhaseSummary, RateProbe, SeriesPoint,
    StageMark, ThresholdResult, TrialSummary, Verdict,
};
pub use folder::{ResultsFolder, run_id, write_whole};
pub use noise::{NoiseFloors, machine};
pub use read::{ReadError, read_summary};
pub use requests::RequestsFile;
pub use summary::{
    ActionSummary, AlgorithmSummary, BackendSummary, ConfigSummary, GuardSummary, Host, Latency, Overhead,
    OverheadEstimate, PolicySummary, ProcessSummary, SCHEMA_VERSION, ScenarioSummary, Skipped,
    SteeringSummary, Summary, TRACES, TracesSummary, WeightPoint,
};
pub use trial::{
    BalancerCount, ListedBackend, MachineUse, ProcessTime, SteeringRecord, SteeringStep, Trial, pooled_step,
};
pub use writer::{trial_stem, write_scenario, write_summary, write_trial};
