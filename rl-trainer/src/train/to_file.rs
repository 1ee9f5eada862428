//! A training whose policy is written beside its checkpoint.

use super::args::Args;
use super::progress::{Progress, TrainError, Trained};
use super::training::train;
use crate::files::write_whole;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// The name of the policy file in the folder of a training or of a run.
pub const POLICY: &str = "policy.safetensors";

/// Why a training left no policy file.
#[derive(Debug, thiserror::Error)]
pub enum TrainOrWrite {
    /// Training itself.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The policy cannot be written.
    #[error("{0:#}")]
    Write(anyhow::Error),
}

/// Trains in `folder` and writes the policy there.
///
/// # Errors
/// See [`TrainOrWrite`].
pub fn train_to_file(
    args: &Args,
    folder: &Path,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(&Progress),
) -> Result<Trained, TrainOrWrite> {
    let trained = train(args, folder, progress, stop)?;
    write_whole(&folder.join(POLICY), &trained.file.to_bytes()).map_err(TrainOrWrite::Write)?;
    Ok(trained)
}
