//! A config of any dialect, and the published schema.

use super::bench::Bench;
use super::guide::GuideFile;
use super::requests::RequestsFile;
use super::traffic::TrafficFile;
use super::training::TrainingFile;
use schemars::JsonSchema;
use serde_json::Value;

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

impl File {
    /// The `bench` block; `None` for a list of recorded requests, which has no room for one.
    pub(crate) fn bench(&self) -> Option<&Bench> {
        match self {
            Self::Guide(file) => Some(&file.bench),
            Self::Training(file) => Some(&file.bench),
            Self::Traffic(file) => Some(&file.bench),
            Self::Requests(_) => None,
        }
    }
}

/// The published schema: every dialect, with the `bench` block.
pub fn schema() -> Value {
    schemars::schema_for!(File).to_value()
}
