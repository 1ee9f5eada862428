//! Configs as written: one type per dialect, not interpreted yet.
//!
//! The doc comments and ranges here are the published schema (`configs/schema/`), and [`lb_document`]
//! enforces them; rules that span several keys are checked when the plan is drafted.
//!
//! - [`SequenceFile`]: `scenarios` run in sequence, with a traffic mix and user profiles.
//! - [`TrainingFile`]: scenarios of overlapping traffic patterns, stress
//!   scenarios with faults, user behaviour profiles.
//! - [`FlatFile`]: one flat object, steady users with bursts.
//! - [`RequestsFile`]: recorded requests, replayed.
//! - [`Bench`]: the `bench` block, settings of the experiment, in every shape that is an object.

mod arrivals;
mod bench;
mod file;
mod flat;
mod limits;
mod profile;
mod requests;
mod scenario;
mod scrape;
mod sequence;
mod training;

pub(crate) use arrivals::{
    ArrivalSettings, Arrivals, Expect, Files, HostChoice, MOST_PER_SECOND, Process, RateStage,
    RecordingFormat, Spacing, Spread, Start,
};
pub(crate) use bench::{Bench, Condition, LoadBalancerBlock, Source, SwitchingName};
pub(crate) use file::File;
pub use file::{load_balancer_schema, schema};
pub(crate) use flat::FlatFile;
pub(crate) use limits::{LONGEST_SECONDS, MOST_USERS};
pub(crate) use profile::Profile;
pub(crate) use requests::RequestsFile;
pub(crate) use scenario::{
    Chaos, Conditions, Pattern, Quantity, ServiceLoad, TimelineEvent, TrainingScenario, Weights,
};
pub(crate) use scrape::{Scrape, ScrapeSettings};
pub(crate) use sequence::{SequenceFile, TrafficMix, UserProfile};
pub(crate) use training::{
    AlgorithmComparison, BaseConfig, ErrorSimulation, RoutingStrategy, StressScenarios, TestProduct,
    TrainingFile,
};
