//! A config of any shape, and the published schema.

use super::bench::Bench;
use super::flat::FlatFile;
use super::requests::RequestsFile;
use super::sequence::SequenceFile;
use super::training::TrainingFile;
use lb_admin_client::Declaration;
use schemars::JsonSchema;
use serde_json::Value;

/// A config of any shape.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
#[schemars(title = "bench config")]
#[allow(clippy::large_enum_variant, reason = "one per process")]
pub(crate) enum File {
    /// Scenarios in sequence.
    Sequence(SequenceFile),
    /// Scenarios of overlapping traffic patterns, stress scenarios, or both.
    Training(TrainingFile),
    /// Steady users with bursts.
    Flat(FlatFile),
    /// Recorded requests.
    Requests(RequestsFile),
}

impl File {
    /// Returns the `bench` block; `None` for a list of recorded requests, which has no room for one.
    pub(crate) fn bench(&self) -> Option<&Bench> {
        match self {
            Self::Sequence(file) => Some(&file.bench),
            Self::Training(file) => Some(&file.bench),
            Self::Flat(file) => Some(&file.bench),
            Self::Requests(_) => None,
        }
    }
}

/// Returns the published schema: every shape, with the `bench` block.
pub fn schema() -> Value {
    schemars::schema_for!(File).to_value()
}

/// Returns the published schema of a file that declares a load balancer.
pub fn load_balancer_schema() -> Value {
    schemars::schema_for!(Declaration).to_value()
}
