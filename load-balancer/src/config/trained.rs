//! The policy file that `rl` follows: where it is, and how it is read.

use lb_core::policy::{PolicyFile, learned::PolicyFileError};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A policy has some ten kilobytes; a file a thousand times as long is something else.
const LONGEST: u64 = 16 << 20;

/// A policy file that was read and is valid.
#[derive(Clone, Debug)]
pub(crate) struct Trained {
    pub(crate) path: PathBuf,
    pub(crate) file: Arc<PolicyFile>,
}

/// Why a policy file cannot be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrainedError {
    #[error("failed to read `{}`: {source}", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("`{}` is not a regular file of at most {} MiB; name a policy file", path.display(), LONGEST >> 20)]
    NoFile { path: PathBuf },
    #[error("`{}`: {source}", path.display())]
    Refused { path: PathBuf, source: PolicyFileError },
}

impl Trained {
    /// Reads and checks the file at `path`.
    pub(crate) fn read(path: &Path) -> Result<Self, TrainedError> {
        let path = path.to_owned();
        let bytes = match read_bytes(&path) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Err(TrainedError::NoFile { path }),
            Err(source) => return Err(TrainedError::Unreadable { path, source }),
        };
        match PolicyFile::from_bytes(&bytes) {
            Ok(file) => Ok(Self { path, file: Arc::new(file) }),
            Err(source) => Err(TrainedError::Refused { path, source }),
        }
    }
}

/// The content; `None` if the path leads to something other than a regular file of that length.
fn read_bytes(path: &Path) -> std::io::Result<Option<Vec<u8>>> {
    // Asked first: opening a pipe would wait for its other end.
    if !std::fs::metadata(path)?.is_file() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(LONGEST + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= LONGEST).then_some(bytes))
}
