//! The executor: from traffic to a policy that is proved, in one command.
//!
//! A run goes through steps: prerequisites, traffic that leaves traces, a look at the traces, trainings with
//! several seeds, the choice among them (on the validation set only), the proof on cases that were not used in training, a
//! look at the chosen policy at work, reports. A step that fails is recorded with its error and the others go
//! on; Ctrl-C keeps what is complete. `modes.rs` says which steps a mode has.
//!
//! Everything lands in one folder, `results/<date>-rl-train-<mode>-<id>` unless told otherwise; `logs/` in it
//! holds files for scripts that read training data, with fixed names and fields
//! ([`execution`], [`session_files`]).

mod args;
pub mod execution;
mod folder;
mod interrupted;
mod learning;
mod log;
mod modes;
mod observe;
mod prerequisites;
mod proof;
mod run;
mod scenarios;
pub mod session_files;
pub mod sessions;
mod traffic;

pub use args::{ExecutorArgs, Mode, TrafficKind};
pub use observe::Observe;

use args::Settings;
use harness::exit::{ExitCode, Failure};
use harness::experiment::Interrupt;
use run::Run;

/// Runs the mode that was asked for until its end or until `interrupt` is set. `command` is the command line that the
/// reports repeat.
///
/// # Errors
/// Arguments that do not fit, or a folder that cannot be written. Failures of later steps are in the reports, and
/// the exit code is that of the first failure.
pub fn run(
    args: &ExecutorArgs,
    command: Vec<String>,
    interrupt: Interrupt,
    observer: Box<dyn Observe>,
) -> Result<ExitCode, Failure> {
    let settings = Settings::new(args)?;
    let scenarios = modes::scenarios(&settings)?;
    let mut run = Run::begin(settings, command, interrupt, observer)?;
    modes::play(&mut run, &scenarios);
    run.end()
}
