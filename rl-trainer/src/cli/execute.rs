//! `rl-train --mode`: a whole run, shown on the terminal.

use super::interrupt;
use super::meter::Meter;
use crate::executor::{self, ExecutorArgs, Observe};
use harness::exit::{ExitCode, Failure};

/// Executes a run: results on standard output, progress and failures on standard error.
///
/// # Errors
/// See [`executor::run`].
pub fn run(args: &ExecutorArgs) -> Result<ExitCode, Failure> {
    let command = std::env::args().collect();
    executor::run(args, command, interrupt::listen()?, Box::new(Terminal::default()))
}

/// Shows a run on the terminal.
#[derive(Debug, Default)]
struct Terminal {
    /// `None` while no step shows its progress.
    meter: Option<Meter>,
}

impl Observe for Terminal {
    fn line(&mut self, line: &str) {
        println!("{line}");
    }

    fn step_failed(&mut self, step: &str, detail: &str) {
        eprintln!("error: {step}: {detail}");
    }

    fn progress(&mut self, text: &str) {
        self.meter.get_or_insert_default().tick(text);
    }

    fn progress_ended(&mut self) {
        self.meter = None;
    }
}
