//! Exit codes of `bench`, and the mapping from errors to exit codes.

use crate::experiment::{FleetError, RunError};
use lb_admin_client::AdminError;
use lb_core::with_causes;
use std::fmt;

/// Exit code of `bench`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// The command succeeded.
    Ok = 0,
    /// An internal error of `bench` occurred, or a run of a suite failed.
    Internal = 1,
    /// The command line or the config is wrong; nothing ran.
    Usage = 2,
    /// The load balancer, the backends or the output folder cannot be used; nothing was measured. Or a history that was
    /// required did not take a run, whose results are kept; or a comparison or a night had nothing that it could judge.
    Preflight = 3,
    /// The load balancer did not switch to the requested algorithm, or a declared step failed.
    SwitchNotVerified = 4,
    /// Too few trials are valid, or the system under test ended during a trial.
    InvalidTrials = 5,
    /// Everything succeeded, but standard output could not be written. What belongs into files is there.
    Unprinted = 6,
    /// A run is worse than the run that it is compared with.
    Regression = 98,
    /// A threshold was not met.
    Threshold = 99,
    /// The user interrupted the run (Ctrl-C, SIGTERM, SIGHUP). Complete trials are kept and reported.
    Interrupted = 130,
}

impl ExitCode {
    /// A run of a suite failed, whatever its own exit code was.
    pub const SUITE_FAILED: Self = Self::Internal;
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}

/// An error that ends `bench`, with the exit code to use.
#[derive(Debug)]
pub struct Failure {
    /// The exit code of `bench`.
    pub code: ExitCode,
    /// The error that is printed.
    pub error: anyhow::Error,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&with_causes(self.error.as_ref()))
    }
}

/// Treats an error without an exit code as an internal error of `bench`.
impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self { code: ExitCode::Internal, error }
    }
}

/// Maps every error of a run to its exit code.
impl From<&RunError> for ExitCode {
    fn from(error: &RunError) -> Self {
        match error {
            RunError::Plan(_) | RunError::Algorithm(_) | RunError::Simulation(_) => Self::Usage,
            RunError::ScenariosFailed { failed, .. } => {
                failed.first().map_or(Self::Internal, |first| Self::from(&first.error))
            }
            // A step of a declared load balancer: what it should have switched, verified or drained is not.
            RunError::Admin(error) if matches!(**error, AdminError::Step { .. }) => Self::SwitchNotVerified,
            RunError::Testbed(_)
            | RunError::Unreachable { .. }
            | RunError::Scrape { .. }
            | RunError::Admin(_)
            | RunError::Load(_)
            | RunError::Results(_)
            | RunError::NoHealthyBackend { .. }
            | RunError::NothingOffered { .. }
            | RunError::ProgramsMissing { .. }
            | RunError::ChecksFailed => Self::Preflight,
            RunError::Fleet(FleetError::Unready(_)) => Self::Preflight,
            RunError::Fleet(FleetError::Lost(_)) => Self::InvalidTrials,
            RunError::Fleet(FleetError::Stopped) => Self::Interrupted,
            RunError::Switch { .. } | RunError::SwitchContradicted { .. } => Self::SwitchNotVerified,
            RunError::ProcessEnded(_) | RunError::BalancerLost { .. } | RunError::TooFewValid { .. } => {
                Self::InvalidTrials
            }
            RunError::Internal(_) => Self::Internal,
        }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        Self { code: ExitCode::from(&error), error: error.into() }
    }
}

/// Returns the exit code of a program that would end with `code`: [`ExitCode::Unprinted`] in place of success, with a
/// message, if standard output refused a text.
pub fn with_output(code: std::process::ExitCode) -> std::process::ExitCode {
    match lb_io::unprinted() {
        Some(problem) if code == std::process::ExitCode::SUCCESS => {
            lb_io::complain(format_args!(
                "error: failed to write to standard output: {problem}; what was written to files is kept"
            ));
            ExitCode::Unprinted.into()
        }
        _ => code,
    }
}

/// Prints what the command line parser has to say, an error or the help, and returns the exit code.
pub fn explain(said: &clap::Error) -> std::process::ExitCode {
    // Unlike `clap::Error::exit`, help that cannot be printed is not a success.
    match said.print() {
        Err(problem) if !said.use_stderr() && problem.kind() != std::io::ErrorKind::BrokenPipe => {
            lb_io::complain(format_args!("error: failed to write to standard output: {problem}"));
            ExitCode::Unprinted.into()
        }
        _ => u8::try_from(said.exit_code()).map_or(std::process::ExitCode::FAILURE, Into::into),
    }
}

/// Attaches an exit code to an error.
pub trait OrExit<T> {
    /// Turns an error into a [`Failure`] that ends `bench` with `code`.
    fn or_exit(self, code: ExitCode) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> OrExit<T> for Result<T, E> {
    fn or_exit(self, code: ExitCode) -> Result<T, Failure> {
        self.map_err(|error| Failure { code, error: error.into() })
    }
}
