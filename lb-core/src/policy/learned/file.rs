//! The policy file, which training writes and a load balancer serves.
//!
//! It is a safetensors file with the tensors `scorer.{0,1,2}.{weight,bias}` (PyTorch's layout, output
//! by input) and `norm.{mean,std,clip}`, all `f32`, and a JSON text under the metadata key
//! [`METADATA_KEY`]. The text names the format, the features and the way scores become picks, records
//! the training and its evaluation, and contains golden vectors: rows with the scores that they must
//! get. Loading checks everything, including the golden vectors, because a slightly wrong policy would
//! still route requests.

use super::features::{FEATURE_SET, FEATURES, WIDTH};
use super::guards::Guards;
use super::network::{HIDDEN, LEAK, Network};
use crate::hex;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// Key of the JSON text in the file's metadata.
pub const METADATA_KEY: &str = "lbpolicy";

/// Format version of files that this build writes. A file with a different major version is rejected.
pub const FORMAT_VERSION: &str = "1.0.0";

/// Name of the only kind of network that this build serves.
const KIND: &str = "shared-scorer-mlp";

/// Formula of the prior, to which the network's output is added.
const PRIOR: &str = "-ln(fast latency x (in flight + 1) x (1 + 40 error rate))";

/// Allowed difference from golden scores. The order of summation differs between machines.
pub const TOLERANCE: f32 = 1e-4;

/// A trained policy, validated and ready to serve.
#[derive(Clone, Debug)]
pub struct PolicyFile {
    /// The network that scores backends; the highest score is best.
    pub network: Network,
    /// How scores become picks.
    pub action: Action,
    /// Limits that hold regardless of the scores.
    pub guards: Guards,
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
        "policy file has format version `{found}`, but this build reads {FORMAT_VERSION}; export the policy with the matching `rl-train`"
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

    /// Creates a policy from `network`, without records of training and evaluation.
    pub fn new(network: Network, action: Action) -> Self {
        let sha256 = sha256(tensors(&network).iter().map(Tensor::named_bytes));
        Self { network, action, guards: Guards::default(), train: Value::Null, eval: Value::Null, sha256 }
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
        let Metadata { action, guards, train, eval, .. } = metadata;
        Ok(Self { network, action, guards, train, eval, sha256: found })
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

/// A tensor of the file.
struct Tensor {
    name: &'static str,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Tensor {
    fn named_bytes(&self) -> (&str, &[u8]) {
        (self.name, &self.bytes)
    }
}

/// The names of all tensors.
const TENSORS: [&str; 9] = [
    "scorer.0.weight",
    "scorer.0.bias",
    "scorer.1.weight",
    "scorer.1.bias",
    "scorer.2.weight",
    "scorer.2.bias",
    "norm.mean",
    "norm.std",
    "norm.clip",
];

/// Returns all tensors of a network in the order of [`TENSORS`], weights as output by input.
fn tensors(network: &Network) -> [Tensor; 9] {
    fn tensor(name: &'static str, shape: &[usize], numbers: impl IntoIterator<Item = f32>) -> Tensor {
        let bytes = numbers.into_iter().flat_map(f32::to_le_bytes).collect();
        Tensor { name, shape: shape.to_vec(), bytes }
    }
    let first = (0..HIDDEN).flat_map(|out| network.first.iter().map(move |units| units[out]));
    let second = (0..HIDDEN).flat_map(|out| network.second.iter().map(move |units| units[out]));
    [
        tensor("scorer.0.weight", &[HIDDEN, WIDTH], first),
        tensor("scorer.0.bias", &[HIDDEN], network.biases.0),
        tensor("scorer.1.weight", &[HIDDEN, HIDDEN], second),
        tensor("scorer.1.bias", &[HIDDEN], network.biases.1),
        tensor("scorer.2.weight", &[1, HIDDEN], network.third),
        tensor("scorer.2.bias", &[1], [network.biases.2]),
        tensor("norm.mean", &[WIDTH], network.mean),
        tensor("norm.std", &[WIDTH], network.scale.map(f32::recip)),
        tensor("norm.clip", &[1], [network.clip]),
    ]
}

fn read_network(file: &SafeTensors<'_>) -> Result<Network, PolicyFileError> {
    let mut network = Network::zero();
    let read = |name: &'static str, shape: &[usize]| -> Result<Vec<f32>, PolicyFileError> {
        let tensor = file
            .tensor(name)
            .map_err(|_| PolicyFileError::Tensor { name, problem: "is missing".to_owned() })?;
        if tensor.dtype() != Dtype::F32 || tensor.shape() != shape {
            let problem = format!("is {:?} {:?}, but must be F32 {shape:?}", tensor.dtype(), tensor.shape());
            return Err(PolicyFileError::Tensor { name, problem });
        }
        let numbers = tensor.data().chunks_exact(4);
        Ok(numbers.map(|bytes| f32::from_le_bytes(bytes.try_into().expect("four bytes"))).collect())
    };
    let transpose = |numbers: &[f32], inputs: usize, units: &mut [[f32; HIDDEN]]| {
        for (input, row) in units.iter_mut().enumerate() {
            for (out, weight) in row.iter_mut().enumerate() {
                *weight = numbers[out * inputs + input];
            }
        }
    };
    transpose(&read("scorer.0.weight", &[HIDDEN, WIDTH])?, WIDTH, &mut network.first);
    transpose(&read("scorer.1.weight", &[HIDDEN, HIDDEN])?, HIDDEN, &mut network.second[..]);
    network.third.copy_from_slice(&read("scorer.2.weight", &[1, HIDDEN])?);
    network.biases.0.copy_from_slice(&read("scorer.0.bias", &[HIDDEN])?);
    network.biases.1.copy_from_slice(&read("scorer.1.bias", &[HIDDEN])?);
    network.biases.2 = read("scorer.2.bias", &[1])?[0];
    network.mean.copy_from_slice(&read("norm.mean", &[WIDTH])?);
    network.scale.copy_from_slice(&read("norm.std", &[WIDTH])?);
    network.scale = network.scale.map(f32::recip);
    network.clip = read("norm.clip", &[1])?[0];
    Ok(network)
}

/// Hashes the names and bytes of all tensors, in the order of [`TENSORS`].
fn sha256<'a>(tensors: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> String {
    let mut hash = Sha256::new();
    for (name, bytes) in tensors {
        hash.update(name.as_bytes());
        hash.update(bytes);
    }
    hex::encode(hash.finalize())
}
