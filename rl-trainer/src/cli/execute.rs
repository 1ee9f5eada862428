//! `rl-train --mode`: executes a whole run and shows it on the terminal.

use super::interrupt;
use super::meter::Meter;
use crate::executor::{self, ExecutorArgs, Observe};
use harness::exit::{ExitCode, Failure};
use lb_core::plain;

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
    /// Progress line; `None` while no step reports progress.
    meter: Option<Meter>,
}

impl Observe for Terminal {
    fn line(&mut self, line: &str) {
        lb_io::print(plain::lines(line));
    }

    fn step_failed(&mut self, step: &str, detail: &str) {
        lb_io::complain(format_args!("error: {}", plain::lines(&format!("{step}: {detail}"))));
    }

    fn progress(&mut self, text: &str) {
        self.meter.get_or_insert_default().tick(text);
    }

    fn progress_ended(&mut self) {
        self.meter = None;
    }
}
