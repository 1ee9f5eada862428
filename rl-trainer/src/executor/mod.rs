//! The executor: produces an evaluated policy from traffic in one command.
//!
//! A run has these steps: prerequisites, traffic with traces under several policies, inspection of the traces, a fit of
//! the recorded pool, its check on what was held back, training of the general policy, training on the twin of the pool,
//! the choice among what came of it, a test on what was never seen, the proof on cases that were not used in training, a
//! check of the chosen policy in live traffic, and reports. If a step fails, its error is recorded and the run continues;
//! Ctrl-C keeps completed results. `modes.rs` defines the steps of each mode.
//!
//! All files are written to one folder, by default `results/<date>-rl-train-<mode>-<id>`. Its subfolder
//! `logs/` holds files for scripts that read training data, with fixed names and fields ([`execution`],
//! [`session_files`]).

mod args;
pub mod execution;
mod fitting;
mod folder;
mod interrupted;
mod learning;
mod log;
mod modes;
mod objective;
mod observe;
mod prerequisites;
mod proof;
mod recorded;
mod run;
mod scenarios;
pub mod session_files;
pub mod sessions;
mod specialising;
mod traffic;
mod twin;

pub use args::{ExecutorArgs, Mode, TrafficKind};
pub use observe::Observe;

use args::Settings;
use harness::exit::{ExitCode, Failure};
use harness::experiment::Interrupt;
use run::Run;

/// Runs the selected mode to its end or until `interrupt` is set. `command` is the command line shown in the
/// reports.
///
/// # Errors
/// Fails if the arguments are not valid or the folder cannot be written. Failures of later steps are recorded
/// in the reports, and the exit code is that of the first failure.
pub fn run(
    args: &ExecutorArgs,
    command: Vec<String>,
    interrupt: Interrupt,
    observer: Box<dyn Observe>,
) -> Result<ExitCode, Failure> {
    let settings = Settings::new(args)?;
    let scenarios = modes::scenarios(&settings)?;
    let players = args.training.players.find(&interrupt.flag())?;
    let mut run = Run::begin(settings, command, interrupt, observer, players)?;
    modes::play(&mut run, &scenarios);
    run.end()
}
