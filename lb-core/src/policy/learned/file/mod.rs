//! The policy file, which training writes and a load balancer serves.
//!
//! It is a safetensors file with the tensors `scorer.{0,1,2}.{weight,bias}` (PyTorch's layout, output
//! by input) and `norm.{mean,std,clip}`, all `f32`, and a JSON text under the metadata key
//! [`METADATA_KEY`]. The text names the format, the features and the way scores become picks, records
//! the training and its evaluation, and contains golden vectors: rows with the scores that they must
//! get. It may contain the profile of the pool for which the policy was made. Loading checks everything, including
//! the golden vectors, because a slightly wrong policy would still route requests.

mod error;
mod tensors;

pub use error::PolicyFileError;

use super::features::{FEATURE_SET, FEATURES, WIDTH};
use super::guards::Guards;
use super::network::{HIDDEN, LEAK, Network};
use crate::profile::PoolProfile;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashMap;
use tensors::{TENSORS, Tensor, read_network, sha256, tensors};

/// Key of the JSON text in the file's metadata.
pub const METADATA_KEY: &str = "lbpolicy";

/// Format version of files that this build writes. A file with a different major version is rejected.
pub const FORMAT_VERSION: &str = "2.0.0";

/// Name of the only kind of network that this build serves.
const KIND: &str = "shared-scorer-mlp";

/// Formula of the prior, to which the network's output is added.
const PRIOR: &str = "-ln(first policy improvement + 100 error rate x that of an ordinary request)";

/// Allowed difference from golden scores. The order of summation differs between machines.
pub const TOLERANCE: f32 = 1e-4;

/// A trained policy, validated and ready to serve.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyFile {
    /// The network that scores backends; the highest score is best.
    pub network: Network,
    /// How scores become picks.
    pub action: Action,
    /// Limits that hold regardless of the scores.
    pub guards: Guards,
    /// What is known about the pool that it serves; `None` for a policy that suits any pool.
    pub profile: Option<PoolProfile>,
    /// Record of its training; free-form JSON.
    pub train: Value,
    /// Results of its evaluation; free-form JSON.
    pub eval: Value,
    /// SHA-256 of the weights, in hex.
    pub sha256: String,
}

/// How scores become picks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Action {
    /// Whether the best score always wins, or only with a probability.
    pub mode: ActionMode,
    /// Under softmax a backend's probability is in proportion to `exp(score / temperature)`.
    pub temperature: f32,
    /// Maximum number of backends to score; from a larger pool, this many are drawn at random.
    pub max_candidates: usize,
}

/// How a pick is made from the scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionMode {
    /// The best score wins.
    Argmax,
    /// Scores are logits, and a backend is drawn with the softmax probabilities.
    Softmax,
}

impl Default for Action {
    fn default() -> Self {
        Self { mode: ActionMode::Argmax, temperature: 1.0, max_candidates: 12 }
    }
}

/// The JSON text under [`METADATA_KEY`].
#[derive(Serialize, Deserialize)]
struct Metadata {
    format_version: String,
    kind: String,
    feature_set: String,
    features: Vec<String>,
    hidden: Vec<usize>,
    activation: String,
    prior: Prior,
    action: Action,
    guards: Guards,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    profile: Option<PoolProfile>,
    train: Value,
    eval: Value,
    golden: Golden,
    weights_sha256: String,
}

#[derive(Serialize, Deserialize)]
struct Prior {
    kind: String,
    coef: f32,
}

/// Rows, and the scores that the network gives them (without the prior).
#[derive(Serialize, Deserialize)]
struct Golden {
    inputs: Vec<Vec<f32>>,
    /// `None` if a score was not finite, which JSON cannot represent.
    logits: Vec<Option<f32>>,
}

/// Number of golden rows in a file.
const GOLDEN_ROWS: usize = 8;

impl PolicyFile {
    /// Maximum length of a policy file in bytes: a thousand times that of a usual policy.
    pub const LONGEST: u64 = 16 << 20;

    /// Creates a policy from `network`, without a profile and without records of training and evaluation.
    pub fn new(network: Network, action: Action) -> Self {
        let sha256 = sha256(tensors(&network).iter().map(Tensor::named_bytes));
        let guards = Guards::default();
        Self { network, action, guards, profile: None, train: Value::Null, eval: Value::Null, sha256 }
    }

    /// Reads and validates the bytes of a file.
    ///
    /// # Errors
    /// Fails if the bytes are not a valid policy file for this build, see [`PolicyFileError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PolicyFileError> {
        let (_, header) = SafeTensors::read_metadata(bytes)?;
        let text = header.metadata().as_ref().and_then(|all| all.get(METADATA_KEY));
        let text = text.ok_or_else(|| PolicyFileError::Metadata("the key is missing".to_owned()))?;
        check_version(text)?;
        let metadata: Metadata =
            serde_json::from_str(text).map_err(|error| PolicyFileError::Metadata(error.to_string()))?;
        metadata.check()?;
        if let Some(profile) = &metadata.profile {
            profile.check().map_err(|error| PolicyFileError::Profile(error.to_string()))?;
        }
        let file = SafeTensors::deserialize(bytes)?;
        let network = read_network(&file)?;
        if !network.is_sound() || !metadata.action.temperature.is_finite() {
            return Err(PolicyFileError::NotFinite);
        }
        // Hash the bytes in the file: a deviation is stored as its reciprocal, which rounds.
        let found =
            sha256(TENSORS.map(|name| (name, file.tensor(name).map_or(&[][..], |tensor| tensor.data()))));
        if found != metadata.weights_sha256 {
            return Err(PolicyFileError::Hash { found, expected: metadata.weights_sha256 });
        }
        metadata.golden.check(&network)?;
        let Metadata { action, guards, profile, train, eval, .. } = metadata;
        Ok(Self { network, action, guards, profile, train, eval, sha256: found })
    }

    /// Serializes the policy to the bytes of a file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let tensors = tensors(&self.network);
        let golden = Golden::of(&self.network);
        let metadata = Metadata {
            format_version: FORMAT_VERSION.to_owned(),
            kind: KIND.to_owned(),
            feature_set: FEATURE_SET.to_owned(),
            features: FEATURES.map(str::to_owned).to_vec(),
            hidden: vec![HIDDEN, HIDDEN],
            activation: format!("leaky_relu:{LEAK}"),
            prior: Prior { kind: PRIOR.to_owned(), coef: 1.0 },
            action: self.action,
            guards: self.guards,
            profile: self.profile.clone(),
            train: self.train.clone(),
            eval: self.eval.clone(),
            golden,
            weights_sha256: sha256(tensors.iter().map(Tensor::named_bytes)),
        };
        let text = serde_json::to_string(&metadata).expect("metadata has string keys only");
        let views = tensors.iter().map(|tensor| {
            let view = TensorView::new(Dtype::F32, tensor.shape.clone(), &tensor.bytes);
            (tensor.name, view.expect("shape and length of a tensor agree"))
        });
        let metadata = HashMap::from([(METADATA_KEY.to_owned(), text)]);
        safetensors::serialize(views, Some(metadata)).expect("names are unique")
    }

    /// Returns the first digits of the hash, by which reports identify policies.
    pub fn short_hash(&self) -> &str {
        &self.sha256[..12]
    }
}

/// Checks the version before anything else, so that a newer file gets the right message.
fn check_version(text: &str) -> Result<(), PolicyFileError> {
    let version = serde_json::from_str::<Value>(text)
        .map_err(|error| PolicyFileError::Metadata(error.to_string()))?
        .get("format_version")
        .and_then(Value::as_str)
        .unwrap_or("none")
        .to_owned();
    let major = |version: &str| version.split('.').next().map(str::to_owned);
    if major(&version) == major(FORMAT_VERSION) {
        Ok(())
    } else {
        Err(PolicyFileError::Version { found: version })
    }
}

impl Metadata {
    fn check(&self) -> Result<(), PolicyFileError> {
        let activation = format!("leaky_relu:{LEAK}");
        if self.kind != KIND || self.hidden != [HIDDEN, HIDDEN] || self.activation != activation {
            let found = format!("{} {:?} {}", self.kind, self.hidden, self.activation);
            return Err(PolicyFileError::Kind { found });
        }
        if self.feature_set != FEATURE_SET || self.features != FEATURES {
            return Err(PolicyFileError::FeatureSet { found: self.feature_set.clone() });
        }
        if self.prior.kind != PRIOR || self.prior.coef != 1.0 {
            let found = format!("prior {} x `{}`", self.prior.coef, self.prior.kind);
            return Err(PolicyFileError::Kind { found });
        }
        let problem = |text: String| Err(PolicyFileError::Metadata(text));
        if self.action.temperature <= 0.0 {
            return problem(format!(
                "action.temperature is {}, but must be above 0",
                self.action.temperature
            ));
        }
        if self.action.max_candidates < 2 {
            return problem(format!(
                "action.max_candidates is {}, but must be 2 or more",
                self.action.max_candidates
            ));
        }
        if self.golden.inputs.is_empty() || self.golden.inputs.len() != self.golden.logits.len() {
            return problem("golden must hold as many logits as inputs, at least one".to_owned());
        }
        if self.golden.inputs.iter().any(|row| row.len() != WIDTH) {
            return problem(format!("golden.inputs must be rows of {WIDTH} numbers"));
        }
        self.guards.check().or_else(problem)
    }
}

impl Golden {
    /// Computes the scores of fixed rows that cover a wide range of every feature.
    fn of(network: &Network) -> Self {
        let number = |row: usize, place: usize| ((row * 37 + place * 17) % 25) as f32 / 4.0 - 3.0;
        let row = |row: usize| (0..WIDTH).map(|place| number(row, place)).collect::<Vec<f32>>();
        let inputs: Vec<Vec<f32>> = (0..GOLDEN_ROWS).map(row).collect();
        let logits = Self::scores(network, &inputs).into_iter().map(Some).collect();
        Self { inputs, logits }
    }

    fn scores(network: &Network, inputs: &[Vec<f32>]) -> Vec<f32> {
        let mut scores = vec![0.0; inputs.len()];
        network.add_scores(&inputs.concat(), &mut scores);
        scores
    }

    fn check(&self, network: &Network) -> Result<(), PolicyFileError> {
        let scores = Self::scores(network, &self.inputs);
        let expected: Vec<f32> = self.logits.iter().map(|logit| logit.unwrap_or(f32::NAN)).collect();
        let differs = |(found, expected): (&f32, &f32)| {
            let allowed = TOLERANCE * expected.abs().max(1.0);
            // A score that is not finite never matches.
            let near = (found - expected).abs() <= allowed;
            !near
        };
        match scores.iter().zip(&expected).position(differs) {
            None => Ok(()),
            Some(row) => Err(PolicyFileError::Golden { row, found: scores[row], expected: expected[row] }),
        }
    }
}
