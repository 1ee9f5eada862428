//! Budgets and devices of trainings: arguments that several commands share.

use super::args::Args;
use anyhow::anyhow;
use clap::ValueEnum;
use harness::exit::{ExitCode, Failure, OrExit};
use tch::{Cuda, Device};

/// Seeds are below this: a training's cases are numbered by its seed.
const SEEDS: u64 = 1 << 20;

/// How much a training may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Budget {
    /// About ten seconds: shows that everything works.
    Smoke,
    /// About three minutes: the budget of the policy that comes with `bench`.
    Standard,
}

/// Where tensors live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DeviceName {
    /// The processor.
    Cpu,
    /// The first GPU.
    Cuda,
}

/// The arguments of a training on the command line.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Training")]
pub struct TrainingArgs {
    /// Rounds of lessons of an oracle before PPO, in place of the budget's; 0 leaves them out.
    #[arg(long, value_name = "N")]
    pub lessons: Option<u64>,
    /// Decisions that PPO learns from, in place of the budget's.
    #[arg(long, value_name = "N")]
    pub steps: Option<u64>,
    /// Generations of evolution strategies, in place of the budget's.
    #[arg(long, value_name = "N")]
    pub generations: Option<u64>,
    /// Device that holds the tensors. The network is small, so a GPU helps little.
    #[arg(long, value_enum, default_value = "cpu")]
    pub device: DeviceName,
}

impl TrainingArgs {
    /// The knobs of a training.
    ///
    /// # Errors
    /// There is nothing to train with, the seed is too large, or there is no GPU.
    pub fn plan(&self, budget: Budget, seed: u64) -> Result<Args, Failure> {
        if seed >= SEEDS {
            return Err(anyhow!("--seed {seed}: is too large; seeds are below {SEEDS}"))
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
                "--lessons 0 --steps 0 --generations 0 leaves nothing to train with; set one of them above 0, or leave one to \
                 the budget"
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
