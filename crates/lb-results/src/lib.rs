//! The files of a run: the results folder, the summary, the trials, and formats of other tools.
//!
//! Every file is written under a temporary name, synced and renamed, so that an interrupted or failing run
//! leaves no half-written file under a final name. The crate uses `lb-record` (what a trial recorded) and
//! `lb-core`; it makes no judgements.
//!
//! # Example: a summary written and read back
//!
//! ```
//! use lb_results::{Engine, ResultsFolder, Summary, read_summary, write_summary};
//!
//! # let dir = tempfile::tempdir()?;
//! # let path = dir.path();
//! let folder = ResultsFolder::create(&path.join("20261121-101500-shop"))?;
//! let mut summary = Summary::empty("20261121-101500-shop", Engine::Sim);
//! summary.notes.push("a run without scenarios".to_owned());
//! write_summary(&folder, &summary)?;
//!
//! let read = read_summary(folder.path())?;
//! assert_eq!((read.engine, read.notes), (Engine::Sim, summary.notes));
//! # Ok::<(), anyhow::Error>(())
//! ```

mod folder;
mod histograms;
mod host;
mod locust;
mod noise;
mod observed_file;
mod read;
mod records;
mod requests;
mod resources;
mod slow;
mod suite;
mod summary;
mod trial;
mod trial_file;
mod writer;

pub use folder::{Claim, ClaimError, ResultsFolder, run_id, write_whole};
pub use histograms::{HistogramsError, read_histograms};
pub use host::Host;
pub use noise::{NoiseFloors, machine};
pub use read::{ReadError, parse_summary, read_summary};
pub use records::{RecordsError, read_records};
pub use requests::RequestsFile;
pub use resources::{ResourceRecord, SampledSeries, ScrapeTrouble, ScrapedTarget};
pub use slow::{BackendName, SlowCounts, SlowFile, SlowLines, SlowLinesHandle};
pub use suite::{SUITE_VERSION, SuiteRunState, SuiteRunSummary, SuiteState, SuiteSummary};
pub use summary::aa::{AaMetric, AaSummary};
pub use summary::algorithm::{
    ActionSummary, AlgorithmSummary, BackendConnections, BackendSummary, ConnectionSummary, FailureSummary,
    GuardSummary, ProcessSummary, SeriesPoint, SteeringSummary, WeightPoint,
};
pub use summary::answer::{Answer, Lead};
pub use summary::comparison::{Comparison, MetricComparison, PairComparison, Verdict};
pub use summary::fault::{FaultMark, FaultResponse, PhaseSummary};
pub use summary::kinds::{Engine, FaultPhase, LoadModel, ProbeStage, StageModel, WarmUp};
pub use summary::latency::Latency;
pub use summary::metric::{Metric, MetricEstimate, MetricValue};
pub use summary::objective::{MaxRateSummary, RateLimit, RateProbe, RateUnit, ThresholdResult};
pub use summary::observed::{
    HitGain, HitRatio, HitVerdict, ObservedAction, ObservedQuarter, ObservedSummary, ObservedValue,
};
pub use summary::pilot::PilotSummary;
pub use summary::recovery::{LoadPeak, LoadUnit, RecoveryReference, RecoverySummary, RecoveryVerdict};
pub use summary::resource::{ResourceCorrelation, ResourceSummary};
pub use summary::run::{ConfigSummary, PolicySummary, SCHEMA_VERSION, Summary, TRACES, TracesSummary};
pub use summary::scenario::{OracleSummary, Overhead, OverheadEstimate, ScenarioSummary, Skipped, StageMark};
pub use summary::trial_row::{GeneratorSummary, TrialSummary};
pub use trial::{
    BalancerCount, ListedBackend, MachineUse, ProcessTime, SteeringRecord, SteeringStep, Trial, WorkerShare,
    pooled_step,
};
pub use writer::{trial_stem, write_observed_files, write_scenario, write_summary, write_trial};
