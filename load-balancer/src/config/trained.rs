//! The policy file that `rl` follows: where it is, and how it is read.

use lb_core::policy::{PolicyFile, learned::PolicyFileError};
use lb_core::profile::ProfileError;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A policy file that was read and is valid.
#[derive(Clone, Debug)]
pub(crate) struct Trained {
    pub(crate) path: PathBuf,
    pub(crate) file: Arc<PolicyFile>,
}

/// The reason why a policy file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrainedError {
    #[error("failed to read `{}`: {source}", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("`{}`: {source}", path.display())]
    Refused { path: PathBuf, source: PolicyFileError },
    #[error("`{}`: {source}", path.display())]
    OtherPool { path: PathBuf, source: ProfileError },
}

impl Trained {
    /// Reads and checks the file at `path`. A profile in it must be of a pool with one of these backends.
    pub(crate) fn read(path: &Path, backends: &[&str]) -> Result<Self, TrainedError> {
        let path = path.to_owned();
        let bytes = match lb_io::read(&path, PolicyFile::LONGEST) {
            Ok(bytes) => bytes,
            Err(source) => return Err(TrainedError::Unreadable { path, source }),
        };
        let file = match PolicyFile::from_bytes(&bytes) {
            Ok(file) => file,
            Err(source) => return Err(TrainedError::Refused { path, source }),
        };
        match file.profile.as_ref().map_or(Ok(()), |profile| profile.fits(backends)) {
            Ok(()) => Ok(Self { path, file: Arc::new(file) }),
            Err(source) => Err(TrainedError::OtherPool { path, source }),
        }
    }
}
