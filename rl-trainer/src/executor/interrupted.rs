//! The error of a step that was interrupted by Ctrl-C.

use anyhow::anyhow;
use harness::exit::{ExitCode, Failure};

/// Returns the error of a step that was interrupted.
pub(super) fn interrupted() -> Failure {
    Failure { code: ExitCode::Interrupted, error: anyhow!("interrupted") }
}
