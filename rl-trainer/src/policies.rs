//! Finds trained policies in policy files, checkpoints, and folders of training runs or whole runs.

use crate::checkpoint::{Checkpoint, METADATA_KEY};
use crate::train::{CHECKPOINT, POLICY, policy_of};
use lb_core::policy::PolicyFile;
use safetensors::SafeTensors;
use std::io;
use std::path::{Path, PathBuf};

/// Reasons why no policy could be read.
#[derive(Debug, thiserror::Error)]
pub enum NoPolicy {
    /// The path cannot be read.
    #[error("failed to read `{path}`: {source}; give a policy file, a checkpoint, or the folder of a training run", path = path.display())]
    Unreadable {
        /// The path that was given.
        path: PathBuf,
        /// The underlying error.
        source: io::Error,
    },
    /// The folder holds neither a policy file nor a checkpoint.
    #[error(
        "the folder `{path}` has neither `{POLICY}` nor `{CHECKPOINT}`; give the folder of a training run, or of a \
         whole run of `rl-train`",
        path = path.display()
    )]
    Folder {
        /// The folder.
        path: PathBuf,
    },
    /// The file is not valid.
    #[error("`{path}`: {problem}", path = path.display())]
    Unsound {
        /// Path of the file.
        path: PathBuf,
        /// What is wrong, and how to fix it.
        problem: String,
    },
}

/// Reads the policy at `path`: a policy file, a checkpoint (its best network so far), or a folder that
/// contains one of them.
///
/// # Errors
/// See [`NoPolicy`].
pub fn find(path: &Path) -> Result<PolicyFile, NoPolicy> {
    if path.is_dir() {
        let inside = [POLICY, CHECKPOINT].map(|name| path.join(name));
        let file = inside.iter().find(|file| file.is_file());
        return match file {
            Some(file) => read(file),
            None => Err(NoPolicy::Folder { path: path.to_owned() }),
        };
    }
    read(path)
}

fn read(path: &Path) -> Result<PolicyFile, NoPolicy> {
    let bytes = lb_io::read(path, Checkpoint::LONGEST)
        .map_err(|source| NoPolicy::Unreadable { path: path.to_owned(), source })?;
    let unsound = |problem: String| NoPolicy::Unsound { path: path.to_owned(), problem };
    if !is_checkpoint(&bytes) {
        return PolicyFile::from_bytes(&bytes).map_err(|error| unsound(error.to_string()));
    }
    let checkpoint = Checkpoint::load(path).map_err(|error| unsound(error.to_string()))?;
    policy_of(&checkpoint).map_err(|error| unsound(error.to_string()))
}

/// Returns whether the file is a checkpoint. Both kinds of file are in the safetensors format, but a
/// checkpoint has its own metadata key.
fn is_checkpoint(bytes: &[u8]) -> bool {
    let header = SafeTensors::read_metadata(bytes).ok();
    let metadata = header.and_then(|(_, header)| header.metadata().clone());
    let family = METADATA_KEY.trim_end_matches(|c: char| c.is_ascii_digit());
    metadata.is_some_and(|keys| keys.keys().any(|key| key.starts_with(family)))
}
