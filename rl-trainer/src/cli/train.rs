//! `rl-train train`: performs one training run and writes its policy file.

use super::interrupt;
use super::meter::Meter;
use crate::train::{
    Budget, CHECKPOINT, POLICY, Progress, TrainError, TrainOrWrite, Trained, TrainingArgs, train_to_file,
};
use anyhow::anyhow;
use harness::exit::{ExitCode, Failure, OrExit};
use lb_config::values::whole;
use std::path::{Path, PathBuf};

/// Trains one policy in virtual time and writes it together with its training curves.
///
/// The folder then holds `policy.safetensors`, `training_curves.csv`, TensorBoard event files and the
/// checkpoint. Ctrl-C keeps the checkpoint; --resume continues from it and produces the same policy, bit for
/// bit.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Seed of everything random: weights, cases and batches.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = whole::<u64>, allow_hyphen_values = true)]
    pub seed: u64,
    /// Length of the training run.
    #[arg(long, value_enum, default_value = "standard")]
    pub budget: Budget,
    /// Settings that override the budget.
    #[command(flatten)]
    pub training: TrainingArgs,
    /// Output folder of the training run [default: results/<date>-rl-train-seed-<N>].
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub out: Option<PathBuf>,
    /// Resume the training run whose checkpoint is in --out.
    #[arg(long, requires = "out", help_heading = "Output")]
    pub resume: bool,
}

/// Trains a policy and prints the result.
///
/// # Errors
/// Fails if the arguments do not match the folder, or if training fails.
pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    let plan = args.training.plan(args.budget, args.seed)?;
    let folder = match &args.out {
        Some(folder) => folder.clone(),
        None => PathBuf::from("results").join(lb_results::run_id(&format!("rl-train-seed-{}", args.seed))),
    };
    check_folder(&folder, args.resume)?;
    let interrupt = interrupt::listen()?;
    let stop = interrupt.flag();
    let players = args.training.players.find(&stop)?;
    let mut meter = Meter::new();
    meter.say(&format!("training with seed {} in {}", args.seed, folder.display()));
    match train_to_file(&plan, &folder, &*players, &stop, &mut |progress| show(&mut meter, progress)) {
        Ok(trained) => {
            drop(meter);
            print(&trained, &folder);
            Ok(ExitCode::Ok)
        }
        Err(TrainOrWrite::Train(TrainError::Stopped(_))) => {
            drop(meter);
            lb_io::complain(format_args!("stopped; resume with `--out {} --resume`", folder.display()));
            Ok(ExitCode::Interrupted)
        }
        Err(TrainOrWrite::Train(error @ TrainError::OtherTraining { .. })) => {
            Err(error).or_exit(ExitCode::Usage)
        }
        Err(error) => Err(error).or_exit(ExitCode::Preflight),
    }
}

/// Checks that `--resume` is given if, and only if, the folder holds a training run.
fn check_folder(folder: &Path, resume: bool) -> Result<(), Failure> {
    let (shown, there) = (folder.display(), folder.join(CHECKPOINT).exists());
    let problem = match (there, resume) {
        (true, false) => {
            anyhow!(
                "--out {shown}: already holds a training run; add --resume to continue it, or use another folder"
            )
        }
        (false, true) => {
            anyhow!(
                "--resume: `{shown}` has no `{CHECKPOINT}`; set --out to the folder of a stopped training run"
            )
        }
        _ => return Ok(()),
    };
    Err(problem).or_exit(ExitCode::Usage)
}

fn show(meter: &mut Meter, progress: &Progress) {
    meter.tick(&progress.to_string());
    if let Some(score) = &progress.validation {
        meter.say(&format!(
            "{}: validation ratio to least-connections+ejection: mean {:.3}, p99 {:.3}",
            progress, score.mean, score.p99
        ));
    }
}

fn print(trained: &Trained, folder: &Path) {
    lb_io::print(format_args!(
        "trained in {:.0} s ({} steps, {:.0} steps/s of PPO)",
        trained.seconds, trained.env_steps, trained.steps_per_second
    ));
    lb_io::print(format_args!(
        "validation ratio to least-connections+ejection: mean {:.3}, p99 {:.3}",
        trained.validation.mean, trained.validation.p99
    ));
    lb_io::print(format_args!("policy: {} ({})", folder.join(POLICY).display(), trained.file.short_hash()));
}
