//! Ctrl-C handling for work that blocks its thread, such as training.

use anyhow::{Context, Result};
use harness::exit::ExitCode;
use harness::experiment::Interrupt;

/// Starts a thread that listens for Ctrl-C, SIGTERM and SIGHUP.
///
/// # Errors
/// Fails if the thread or its runtime cannot be started.
pub fn listen() -> Result<Interrupt> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("failed to start a runtime that listens for Ctrl-C")?;
    let interrupt = runtime.block_on(async {
        let first = || {
            lb_io::complain(
                "interrupted: ending the trial, keeping complete results (press again to exit at once)",
            );
        };
        Interrupt::listen(first, || std::process::exit(ExitCode::Interrupted as i32))
    });
    std::thread::Builder::new()
        .name("interrupt".to_owned())
        .spawn(move || runtime.block_on(std::future::pending::<()>()))
        .context("failed to start a thread that listens for Ctrl-C")?;
    Ok(interrupt)
}
