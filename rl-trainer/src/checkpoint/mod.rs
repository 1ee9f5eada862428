//! Checkpoints: the complete state of a training in one file, so that it resumes as if it had never stopped.
//!
//! The file is in the safetensors format, which other tools can open, with one JSON text under the metadata
//! key [`METADATA_KEY`]. It is written to a temporary file, synced, and renamed, so the name always refers to
//! a complete checkpoint, either the old one or the new one. Numbers are preserved bit for bit.
//!
//! Only plain types are used here; converting them to tensors is left to the trainer.

mod tensor;

pub use tensor::{Tensor, Values};

use safetensors::SafeTensors;
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The key of the JSON text in the file's metadata. It includes the version of the layout.
pub const METADATA_KEY: &str = "rl-train-checkpoint-1";

/// Prefix that all versions of the key share.
const METADATA_FAMILY: &str = "rl-train-checkpoint-";

/// The state of a training run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Checkpoint {
    /// Tensors by name: weights, the moments of the optimiser, states of random number generators.
    pub tensors: BTreeMap<String, Tensor>,
    /// Everything else, as JSON.
    pub state: String,
}

/// Why a checkpoint cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The file cannot be written, as on a full disk.
    #[error(
        "failed to write the checkpoint `{path}`: {source}; {kept}",
        path = path.display(),
        kept = kept(path)
    )]
    Write {
        /// Path of the checkpoint.
        path: PathBuf,
        /// The underlying error.
        source: io::Error,
    },
    /// The number of values of a tensor does not match its shape.
    #[error("the tensor `{name}` of a checkpoint has {len} values, which does not match its shape {shape:?}")]
    Shape {
        /// The name of the tensor.
        name: String,
        /// Shape of the tensor.
        shape: Vec<usize>,
        /// Number of values.
        len: usize,
    },
    /// The file cannot be read.
    #[error("failed to read the checkpoint `{path}`: {source}", path = path.display())]
    Read {
        /// Path of the file.
        path: PathBuf,
        /// The underlying error.
        source: io::Error,
    },
    /// The file is not a checkpoint of `rl-train`, or is truncated.
    #[error("`{path}` is not a checkpoint of `rl-train`: {fault}", path = path.display())]
    Foreign {
        /// Path of the file.
        path: PathBuf,
        /// What is wrong with the file, and how to proceed.
        fault: String,
    },
}

/// Describes what is at `path` after a checkpoint could not be written.
fn kept(path: &Path) -> &'static str {
    if path.exists() {
        "the last checkpoint is still there: free some space and resume from it"
    } else {
        "there is no earlier one"
    }
}

impl Checkpoint {
    /// The longest checkpoint in bytes: hundreds of times that of a usual training run.
    pub const LONGEST: u64 = 1 << 30;

    /// Writes the checkpoint to `path`, replacing the previous one.
    ///
    /// # Errors
    /// A shape does not fit its values, or the file cannot be written; the previous checkpoint is then kept.
    pub fn save(&self, path: &Path) -> Result<(), CheckpointError> {
        let bytes = self.encode()?;
        replace(path, &bytes).map_err(|source| CheckpointError::Write { path: path.to_owned(), source })
    }

    /// Reads the checkpoint at `path`.
    ///
    /// # Errors
    /// The file cannot be read, is truncated, or is not a checkpoint.
    pub fn load(path: &Path) -> Result<Self, CheckpointError> {
        let bytes = lb_io::read(path, Self::LONGEST)
            .map_err(|source| CheckpointError::Read { path: path.to_owned(), source })?;
        Self::decode(&bytes).map_err(|fault| CheckpointError::Foreign { path: path.to_owned(), fault })
    }

    fn encode(&self) -> Result<Vec<u8>, CheckpointError> {
        for (name, tensor) in &self.tensors {
            let len = tensor.values.len();
            // A product that overflows exceeds the length of any vector.
            if tensor.shape.iter().try_fold(1_usize, |product, size| product.checked_mul(*size)) != Some(len)
            {
                let shape = tensor.shape.clone();
                return Err(CheckpointError::Shape { name: name.clone(), shape, len });
            }
        }
        // One key only: with more, their order would differ from file to file.
        let metadata = HashMap::from([(METADATA_KEY.to_owned(), self.state.clone())]);
        Ok(safetensors::serialize(&self.tensors, Some(metadata))
            .expect("the header is built from strings and from shapes that fit the values"))
    }

    fn decode(bytes: &[u8]) -> Result<Self, String> {
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| broken(&error))?;
        let tensors = SafeTensors::deserialize(bytes).map_err(|error| broken(&error))?;
        let metadata = header.metadata().as_ref();
        let Some(state) = metadata.and_then(|metadata| metadata.get(METADATA_KEY)) else {
            let mut keys = metadata.into_iter().flat_map(HashMap::keys);
            return Err(match keys.find(|key| key.starts_with(METADATA_FAMILY)) {
                Some(other) => format!(
                    "it has the layout `{other}`, and this program reads `{METADATA_KEY}`; resume it with the \
                     version that wrote it, or start a new training run"
                ),
                None => format!("it is a safetensors file without the metadata key `{METADATA_KEY}`"),
            });
        };
        let mut found = BTreeMap::new();
        for (name, view) in tensors.tensors() {
            let tensor = Tensor::from_view(&view)
                .ok_or_else(|| format!("its tensor `{name}` has the type {}", view.dtype()))?;
            found.insert(name, tensor);
        }
        Ok(Self { tensors: found, state: state.clone() })
    }
}

/// Describes what is wrong with a file that is not a complete safetensors file.
fn broken(error: &safetensors::SafeTensorError) -> String {
    format!(
        "it is truncated or in another format ({error}); resume from another checkpoint, or start a new training run"
    )
}

/// Replaces the file at `path` atomically, even if the machine crashes.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder)?;
    // The name is always the same, so a leftover of a killed process is overwritten.
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let written = write_synced(new.as_ref(), bytes).and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        // An incomplete file wastes disk space, which may already be full. A failure to remove it is ignored.
        let _ = fs::remove_file(&new);
    }
    written?;
    // Syncing the folder makes the rename durable.
    File::open(folder)?.sync_all()
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
