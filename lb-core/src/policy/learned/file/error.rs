//! Why a policy file cannot be served, and what to do about it.

use super::{FORMAT_VERSION, KIND, METADATA_KEY, TOLERANCE};
use crate::policy::learned::features::FEATURE_SET;
use crate::policy::learned::network::HIDDEN;

/// Why a policy file cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum PolicyFileError {
    /// The bytes are not a complete safetensors file.
    #[error("policy file is not a complete safetensors file: {0}; export the policy again")]
    NotSafetensors(#[from] safetensors::SafeTensorError),
    /// The JSON metadata is missing or not valid.
    #[error("policy file has no valid metadata `{METADATA_KEY}`: {0}; export the policy again")]
    Metadata(String),
    /// The file has another major version of the format.
    #[error(
        "policy file has format version `{found}`, but this build reads {FORMAT_VERSION}; {}",
        way_out(found)
    )]
    Version {
        /// Format version in the file.
        found: String,
    },
    /// The file holds another kind of network.
    #[error(
        "policy file holds a `{found}`, but this build serves only `{KIND}` with hidden layers of {HIDDEN} and {HIDDEN} units"
    )]
    Kind {
        /// Description of the network in the file.
        found: String,
    },
    /// The policy was trained on another set of features.
    #[error(
        "policy was trained on feature set `{found}`, but this build computes `{FEATURE_SET}`; retrain it or use the matching build"
    )]
    FeatureSet {
        /// Feature set named in the file.
        found: String,
    },
    /// A tensor is missing or has another shape or type.
    #[error("policy file: tensor `{name}` {problem}")]
    Tensor {
        /// Name of the tensor in the file.
        name: &'static str,
        /// What is wrong, as the end of a sentence, such as `is missing`.
        problem: String,
    },
    /// The pool profile in the file is not valid.
    #[error("policy file: `profile`: {0}; export the policy again with a sound profile or without one")]
    Profile(String),
    /// A weight is NaN or infinite, or a deviation is not above zero.
    #[error(
        "policy file holds weights that are not finite; the training diverged: export an earlier checkpoint"
    )]
    NotFinite,
    /// The weights do not match the hash in the metadata.
    #[error(
        "policy file: the weights have SHA-256 {found}, but the metadata names {expected}; the file was changed after export"
    )]
    Hash {
        /// SHA-256 of the weights in the file, in hex.
        found: String,
        /// SHA-256 in the metadata, in hex.
        expected: String,
    },
    /// The network does not reproduce the golden scores.
    #[error(
        "policy file: golden row {row} gets score {found}, but must get {expected} within {TOLERANCE}; this build computes scores differently from the one that exported it"
    )]
    Golden {
        /// Position of the golden row, from 0.
        row: usize,
        /// The score that this build computes.
        found: f32,
        /// The score at export.
        expected: f32,
    },
}

/// Says how to get a file of the right version: an older one was trained on other features and cannot be converted.
fn way_out(found: &str) -> &'static str {
    let major = |version: &str| version.split('.').next().and_then(|number| number.parse::<u32>().ok());
    if major(found) < major(FORMAT_VERSION) {
        "older policies see other features and cannot be converted: train a new one with `rl-train`, or serve the one \
         that comes with `bench`"
    } else {
        "serve it with the version that exported it, or export it with the matching `rl-train`"
    }
}
