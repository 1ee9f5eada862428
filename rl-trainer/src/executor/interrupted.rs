//! How a step ends that Ctrl-C cut short.

use anyhow::anyhow;
use harness::exit::{ExitCode, Failure};

/// Makes the error of a step that was interrupted before its end.
pub(super) fn interrupted() -> Failure {
    Failure { code: ExitCode::Interrupted, error: anyhow!("interrupted") }
}
