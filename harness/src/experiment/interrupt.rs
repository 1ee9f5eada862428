//! Ctrl-C: the first one ends the trial in order and keeps what is complete, the second one ends
//! `bench` at once (children end with it, since their standard input closes).

use crate::exit::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the user wants the run to end.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens for Ctrl-C and for termination from now on.
    pub fn listen() -> Self {
        let interrupt = Self::default();
        let flag = interrupt.clone();
        tokio::spawn(async move {
            loop {
                wait_for_signal().await;
                if flag.0.swap(true, Ordering::SeqCst) {
                    std::process::exit(ExitCode::Interrupted as i32);
                }
                eprintln!(
                    "interrupted: ending the trial, keeping what is complete (press again to end at once)"
                );
            }
        });
        interrupt
    }

    /// The flag, for those that look at it now and then.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }

    /// Whether the user wants the run to end.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

#[cfg(unix)]
async fn wait_for_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        result = tokio::signal::ctrl_c() => if result.is_err() { std::future::pending().await },
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
async fn wait_for_signal() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}
