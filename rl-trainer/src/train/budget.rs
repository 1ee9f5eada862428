//! Budgets and devices of training runs, which are arguments of several commands.

use super::args::Args;
use super::players::PlayersArgs;
use anyhow::anyhow;
use clap::ValueEnum;
use harness::exit::{ExitCode, Failure, OrExit};
use lb_config::values::whole;
use tch::{Cuda, Device};

/// Upper bound (exclusive) of seeds, because a training run's cases are numbered by its seed.
const SEEDS: u64 = 1 << 20;

/// Length of a training run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Budget {
    /// About ten seconds, to check that everything works.
    Smoke,
    /// About three minutes: the budget of the policy that comes with `bench`.
    Standard,
}

/// Device that holds the tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DeviceName {
    /// The CPU.
    Cpu,
    /// The first GPU.
    Cuda,
}

/// The arguments of a training run on the command line.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Training")]
pub struct TrainingArgs {
    /// Rounds of an oracle's lessons before PPO; 0 skips them [default: set by the budget].
    #[arg(long, value_name = "N", value_parser = whole::<u64>, allow_hyphen_values = true)]
    pub lessons: Option<u64>,
    /// Decisions that PPO learns from [default: set by the budget].
    #[arg(long, value_name = "N", value_parser = whole::<u64>, allow_hyphen_values = true)]
    pub steps: Option<u64>,
    /// Generations of evolution strategies [default: set by the budget].
    #[arg(long, value_name = "N", value_parser = whole::<u64>, allow_hyphen_values = true)]
    pub generations: Option<u64>,
    /// Device that holds the tensors. The network is small, so a GPU helps little.
    #[arg(long, value_enum, default_value = "cpu")]
    pub device: DeviceName,
    /// Who plays episodes.
    #[command(flatten)]
    pub players: PlayersArgs,
}

impl TrainingArgs {
    /// Returns the hyperparameters of a training run.
    ///
    /// # Errors
    /// Fails if all phases are empty, the seed is too large, or there is no GPU.
    pub fn plan(&self, budget: Budget, seed: u64) -> Result<Args, Failure> {
        if seed >= SEEDS {
            return Err(anyhow!("--seed {seed}: too large; use a seed below {SEEDS}"))
                .or_exit(ExitCode::Usage);
        }
        let mut args = match budget {
            Budget::Smoke => Args::smoke(seed),
            Budget::Standard => Args::standard(seed),
        };
        args.lessons = self.lessons.unwrap_or(args.lessons);
        args.ppo_steps = self.steps.unwrap_or(args.ppo_steps);
        args.generations = self.generations.unwrap_or(args.generations);
        args.device = self.device()?;
        if args.ppo_steps == 0 && args.generations == 0 && args.lessons == 0 {
            return Err(anyhow!(
                "--lessons 0 --steps 0 --generations 0 disables all phases; set one of them above 0, \
                 or leave one to the budget"
            ))
            .or_exit(ExitCode::Usage);
        }
        Ok(args)
    }

    fn device(&self) -> Result<Device, Failure> {
        match self.device {
            DeviceName::Cpu => Ok(Device::Cpu),
            DeviceName::Cuda if Cuda::is_available() => Ok(Device::Cuda(0)),
            DeviceName::Cuda => Err(anyhow!(
                "--device cuda: this libtorch finds no GPU; set it up with `cargo xtask libtorch --cuda` on a \
                 machine with a driver for it, or train with --device cpu"
            ))
            .or_exit(ExitCode::Preflight),
        }
    }
}
