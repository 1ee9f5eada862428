//! The request of a user to end a run: the trial in progress is then ended cleanly, and what is complete is
//! kept. The library only polls the request; what a signal prints, and whether a second one ends the process, is
//! for the listening program to decide.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the user wants the run to end. Clones share one flag.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens for Ctrl-C and for termination from now on, within the current tokio runtime: the first signal
    /// sets the interrupt and calls `first`, every later one calls `again`.
    pub fn listen(first: impl Fn() + Send + 'static, again: impl Fn() + Send + 'static) -> Self {
        let interrupt = Self::default();
        let wish = interrupt.clone();
        tokio::spawn(async move {
            loop {
                wait_for_signal().await;
                if wish.set() {
                    again();
                } else {
                    first();
                }
            }
        });
        interrupt
    }

    /// Asks the run to end, and returns whether it had already been asked to.
    pub fn set(&self) -> bool {
        self.0.swap(true, Ordering::SeqCst)
    }

    /// The underlying flag, for code that polls it.
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
