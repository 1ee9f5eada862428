//! Trains and writes the policy next to the checkpoint.

use super::args::Args;
use super::progress::{Progress, TrainError, Trained};
use super::training::train;
use crate::episode::Players;
use crate::files::write_whole;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// The name of the policy file in the folder of a training run or of a whole run.
pub const POLICY: &str = "policy.safetensors";

/// Reasons why a training run did not produce a policy file.
#[derive(Debug, thiserror::Error)]
pub enum TrainOrWrite {
    /// The training failed.
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
    players: &dyn Players,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(&Progress),
) -> Result<Trained, TrainOrWrite> {
    let trained = train(args, folder, players, progress, stop)?;
    write_whole(&folder.join(POLICY), &trained.file.to_bytes()).map_err(TrainOrWrite::Write)?;
    Ok(trained)
}
