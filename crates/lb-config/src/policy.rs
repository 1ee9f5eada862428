//! The trained policy that `rl` follows: the one that comes with `bench`, or a file that the user names.

use super::error::Findings;
use super::said::Said;
use lb_core::policy::{PolicyFile, learned::PolicyFileError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// The bundled policy file, trained by `rl-train`.
const BUNDLED: &[u8] = include_bytes!("../../../configs/policies/default.safetensors");

/// A policy file that was read and validated.
#[derive(Clone, Debug)]
pub struct TrainedPolicy {
    /// Where the file was found: a path, or `bundled`.
    pub source: String,
    /// The raw bytes of the file.
    pub bytes: Arc<[u8]>,
    /// The policy in the file.
    pub file: Arc<PolicyFile>,
}

impl TrainedPolicy {
    /// The source of the policy that comes with `bench`.
    pub const BUNDLED: &'static str = "bundled";

    /// Reads the policy that comes with `bench`.
    ///
    /// # Errors
    /// Fails if the policy was trained for another build.
    pub fn bundled() -> Result<Self, PolicyFileError> {
        // Checking it takes longer than all else that a small plan needs.
        static CHECKED: OnceLock<TrainedPolicy> = OnceLock::new();
        if let Some(policy) = CHECKED.get() {
            return Ok(policy.clone());
        }
        let policy = Self::new(Self::BUNDLED.to_owned(), BUNDLED)?;
        Ok(CHECKED.get_or_init(|| policy).clone())
    }

    fn new(source: String, bytes: &[u8]) -> Result<Self, PolicyFileError> {
        Ok(Self { source, bytes: bytes.into(), file: Arc::new(PolicyFile::from_bytes(bytes)?) })
    }
}

/// Reads the policy file that a flag or the config names, or else the bundled policy. `None` after a problem.
pub(super) fn read_policy(
    said: Option<&Said<PathBuf>>,
    folder: Option<&Path>,
    findings: &mut Findings,
) -> Option<TrainedPolicy> {
    let Some(said) = said else {
        let bundled = TrainedPolicy::bundled();
        return bundled
            .map_err(|error| findings.note("policy", TrainedPolicy::BUNDLED, error.to_string()))
            .ok();
    };
    let path = said.value.as_path();
    // A path in a flag is only relative to the working directory.
    let folder = folder.filter(|_| !said.is_flag());
    let name = path.to_string_lossy().into_owned();
    let found = lb_io::read(path, PolicyFile::LONGEST).or_else(|error| match folder {
        Some(folder) => lb_io::read(&folder.join(path), PolicyFile::LONGEST),
        None => Err(error),
    });
    let read = match found {
        Ok(bytes) => TrainedPolicy::new(name.clone(), &bytes).map_err(|error| error.to_string()),
        Err(error) => Err(format!("cannot be read: {error}; name a file that `rl-train` exported")),
    };
    read.map_err(|message| findings.wrong(&said.at, name, message)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_policy_is_one_for_this_build() {
        let policy = TrainedPolicy::bundled().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(policy.source, TrainedPolicy::BUNDLED);
        assert_eq!(&*policy.bytes, BUNDLED, "the bytes are unchanged");
    }
}
