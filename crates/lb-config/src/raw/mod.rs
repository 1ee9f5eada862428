//! Configs as typed: one shape per dialect, and nothing decided yet.
//!
//! The doc comments and ranges here are the published schema (`configs/schema/`), and
//! [`super::check`] enforces them; what spans several keys is checked when the plan is drafted.
//!
//! - [`GuideFile`] (dialect G): `scenarios` run in sequence, with a traffic mix and user profiles.
//! - [`TrainingFile`] (dialects R, S and B): scenarios of overlapping traffic patterns, stress
//!   scenarios with faults, user behaviour profiles.
//! - [`TrafficFile`] (dialect T): one flat object, steady users with bursts.
//! - [`RequestsFile`] (dialect Q): recorded requests, replayed.
//! - [`Bench`]: the `bench` block, our own superset, allowed in every dialect that is an object.

mod arrivals;
mod bench;
mod guide;
mod profile;
mod requests;
mod scenario;
mod traffic;
mod training;

pub(crate) use arrivals::{
    ArrivalSettings, Arrivals, MOST_PER_SECOND, Process, RateStage, Spacing, Start, TraceFormat,
};
pub(crate) use bench::{Bench, LoadBalancer, Source, SwitchingName};
pub(crate) use guide::{GuideFile, TrafficMix, UserProfile};
pub(crate) use profile::Profile;
pub(crate) use requests::RequestsFile;
pub(crate) use scenario::{
    Chaos, Conditions, Pattern, Quantity, ServiceLoad, TimelineEvent, TrainingScenario, Weights,
};
pub(crate) use traffic::TrafficFile;
pub(crate) use training::{
    AlgorithmComparison, BaseConfig, ErrorSimulation, RoutingStrategy, StressScenarios, TestProduct,
    TrainingFile,
};

use schemars::JsonSchema;
use serde_json::Value;

/// Most users at once: beyond it one process runs out of ports to one address.
pub(crate) const MOST_USERS: u32 = 100_000;
/// Seven days: longer is a typing error, not an experiment.
pub(crate) const LONGEST_MINUTES: f64 = 10_080.0;
/// The same in seconds.
pub(crate) const LONGEST_SECONDS: f64 = 604_800.0;

/// A config of any dialect.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
#[schemars(title = "bench config")]
#[allow(clippy::large_enum_variant, reason = "one per process")]
pub(crate) enum File {
    /// Dialect G.
    Guide(GuideFile),
    /// Dialects R, S and B.
    Training(TrainingFile),
    /// Dialect T.
    Traffic(TrafficFile),
    /// Dialect Q.
    Requests(RequestsFile),
}

/// The published schema: every dialect, with the `bench` block.
pub fn schema() -> Value {
    schemars::schema_for!(File).to_value()
}
