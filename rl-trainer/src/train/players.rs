//! Who plays the episodes of a training run: this machine, or workers.

use crate::episode::{Here, Players};
use anyhow::anyhow;
use harness::cli::MusterArgs;
use harness::exit::{ExitCode, Failure, OrExit};
use lb_core::plain;
use lb_workers::{EpisodePlayers, NoPlayers};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Players that threads share.
pub type SharedPlayers = Arc<dyn Players + Send>;

/// The flags that say who plays episodes.
#[derive(Clone, Debug, clap::Args)]
pub struct PlayersArgs {
    /// Let workers that are found through this NATS server play episodes.
    ///
    /// Such as `nats://127.0.0.1:4222`. Start them with `bench worker --join` and the same URL. They play the episodes of
    /// evolution and validation; the policy does not depend on them. docs/scale.md describes what is dealt out.
    #[arg(long, value_name = "URL", help_heading = "Workers")]
    pub workers: Option<String>,
    /// How many workers to wait for, and how long.
    #[command(flatten)]
    pub muster: MusterArgs,
}

impl PlayersArgs {
    /// Returns who plays, once they are there.
    ///
    /// # Errors
    /// There are too few workers, or they cannot be used.
    pub fn find(&self, stop: &AtomicBool) -> Result<SharedPlayers, Failure> {
        let Some(url) = &self.workers else { return Ok(Arc::new(Here)) };
        let tell = |text: String| lb_io::complain(plain::lines(&text));
        match EpisodePlayers::muster(url, &self.muster, stop, &tell) {
            Ok(players) => Ok(Arc::new(players)),
            Err(NoPlayers::Address(text)) => Err(anyhow!(text)).or_exit(ExitCode::Usage),
            Err(NoPlayers::Unready(text)) => Err(anyhow!(text)).or_exit(ExitCode::Preflight),
            Err(NoPlayers::Stopped) => {
                Err(anyhow!("interrupted while waiting for workers")).or_exit(ExitCode::Interrupted)
            }
        }
    }
}
