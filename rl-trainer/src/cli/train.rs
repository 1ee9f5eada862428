//! `rl-train train`: one training, from its seed to a policy file.

use super::interrupt;
use super::meter::Meter;
use crate::train::{
    Budget, CHECKPOINT, POLICY, Progress, TrainError, TrainOrWrite, Trained, TrainingArgs, train_to_file,
};
use anyhow::anyhow;
use harness::exit::{ExitCode, Failure, OrExit};
use std::path::{Path, PathBuf};

/// Trains one policy, in virtual time, and writes it with its curves.
///
/// The folder then holds `policy.safetensors`, `training_curves.csv`, event files for TensorBoard and the
/// checkpoint. Ctrl-C keeps the checkpoint; --resume goes on with it, to the same policy bit for bit.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Seed of everything that is drawn at random: weights, cases, batches.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Length of the training.
    #[arg(long, value_enum, default_value = "standard")]
    pub budget: Budget,
    /// Settings that override the budget.
    #[command(flatten)]
    pub training: TrainingArgs,
    /// Folder of the training [default: results/<date>-rl-train-seed-<N>].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Resume the training whose checkpoint is in --out.
    #[arg(long, requires = "out")]
    pub resume: bool,
}

/// Trains, and says how it went.
///
/// # Errors
/// The arguments do not fit the folder, or training fails.
pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    let plan = args.training.plan(args.budget, args.seed)?;
    let folder = match &args.out {
        Some(folder) => folder.clone(),
        None => PathBuf::from("results").join(lb_results::run_id(&format!("rl-train-seed-{}", args.seed))),
    };
    check_folder(&folder, args.resume)?;
    let interrupt = interrupt::listen()?;
    let mut meter = Meter::new();
    meter.say(&format!("training of seed {} in {}", args.seed, folder.display()));
    let stop = interrupt.flag();
    match train_to_file(&plan, &folder, &stop, &mut |progress| show(&mut meter, progress)) {
        Ok(trained) => {
            drop(meter);
            print(&trained, &folder);
            Ok(ExitCode::Ok)
        }
        Err(TrainOrWrite::Train(TrainError::Stopped(_))) => {
            drop(meter);
            eprintln!("stopped; `--out {} --resume` goes on from here", folder.display());
            Ok(ExitCode::Interrupted)
        }
        Err(TrainOrWrite::Train(error @ TrainError::OtherTraining { .. })) => {
            Err(error).or_exit(ExitCode::Usage)
        }
        Err(error) => Err(error).or_exit(ExitCode::Preflight),
    }
}

/// A training must be gone on with on purpose, and only where there is one.
fn check_folder(folder: &Path, resume: bool) -> Result<(), Failure> {
    let (shown, there) = (folder.display(), folder.join(CHECKPOINT).exists());
    let problem = match (there, resume) {
        (true, false) => {
            anyhow!(
                "--out {shown}: holds a training already; --resume goes on with it, or give another folder"
            )
        }
        (false, true) => {
            anyhow!(
                "--resume: `{shown}` has no `{CHECKPOINT}`; give --out the folder of a training that was stopped"
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
            "{}: on validation {:.3} of least-connections+ejection in the mean, {:.3} in the 99th percentile",
            progress, score.mean, score.p99
        ));
    }
}

fn print(trained: &Trained, folder: &Path) {
    println!(
        "trained in {:.0} s ({} steps, {:.0} steps/s of PPO)",
        trained.seconds, trained.env_steps, trained.steps_per_second
    );
    println!(
        "validation: {:.3} of least-connections+ejection in the mean, {:.3} in the 99th percentile",
        trained.validation.mean, trained.validation.p99
    );
    println!("policy: {} ({})", folder.join(POLICY).display(), trained.file.short_hash());
}
