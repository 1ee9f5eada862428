//! Ctrl-C for work that blocks its thread, as training does.

use anyhow::{Context, Result};
use harness::exit::ExitCode;
use harness::experiment::Interrupt;

/// Listens for Ctrl-C and for termination from now on, on a thread of its own.
///
/// # Errors
/// A thread or a runtime cannot be started.
pub fn listen() -> Result<Interrupt> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("failed to start a runtime that listens for Ctrl-C")?;
    let interrupt = runtime.block_on(async {
        let first = || {
            eprintln!("interrupted: ending the trial, keeping what is complete (press again to end at once)")
        };
        Interrupt::listen(first, || std::process::exit(ExitCode::Interrupted as i32))
    });
    std::thread::Builder::new()
        .name("interrupt".to_owned())
        .spawn(move || runtime.block_on(std::future::pending::<()>()))
        .context("failed to start a thread that listens for Ctrl-C")?;
    Ok(interrupt)
}
