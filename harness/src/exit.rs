//! How `bench` ends: the documented exit codes, and the one map from errors to exit codes.

use crate::experiment::RunError;
use std::fmt;

/// What the exit status of `bench` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Everything that was asked for was done.
    Ok = 0,
    /// `bench` itself is at fault.
    Internal = 1,
    /// The command line or the config is wrong; nothing ran.
    Usage = 2,
    /// The load balancer, the backends or the output folder cannot be used; nothing was measured.
    Preflight = 3,
    /// The load balancer did not switch to the algorithm that it was asked for.
    SwitchNotVerified = 4,
    /// Too few trials are valid.
    InvalidTrials = 5,
    /// A run is worse than the run that it is compared with.
    Regression = 98,
    /// A threshold did not hold.
    Threshold = 99,
    /// The user interrupted the run; complete trials are kept.
    Interrupted = 130,
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}

/// An error that ends `bench` with its exit code.
#[derive(Debug)]
pub struct Failure {
    /// The exit code of `bench`.
    pub code: ExitCode,
    /// The error that is printed.
    pub error: anyhow::Error,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.error)
    }
}

/// An error without a code of its own is a fault of `bench`.
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
            RunError::Testbed(_)
            | RunError::Admin(_)
            | RunError::Load(_)
            | RunError::Results(_)
            | RunError::NothingOffered { .. }
            | RunError::ProgramsMissing { .. }
            | RunError::ChecksFailed => Self::Preflight,
            RunError::Switch { .. } | RunError::SwitchContradicted { .. } => Self::SwitchNotVerified,
            RunError::ProcessEnded(_) | RunError::TooFewValid { .. } => Self::InvalidTrials,
            RunError::Internal(_) => Self::Internal,
        }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        Self { code: ExitCode::from(&error), error: error.into() }
    }
}

/// Gives errors an exit code.
pub trait OrExit<T> {
    /// Turns an error into a [`Failure`] that ends `bench` with `code`.
    fn or_exit(self, code: ExitCode) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> OrExit<T> for Result<T, E> {
    fn or_exit(self, code: ExitCode) -> Result<T, Failure> {
        self.map_err(|error| Failure { code, error: error.into() })
    }
}
