//! A user's request to end a run: the current trial is ended cleanly, and complete results are kept. The
//! library only polls the request; the program that listens for signals decides what they print and whether a
//! second one ends the process.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// A flag that is set when the user asks the run to end. Clones share the flag.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Starts to listen for SIGINT, SIGTERM and SIGHUP in the current tokio runtime. The first signal sets
    /// the interrupt and calls `first`; every later one calls `again`. Under `nohup`, SIGHUP has no effect.
    pub fn listen(first: impl Fn() + Send + 'static, again: impl Fn() + Send + 'static) -> Self {
        let interrupt = Self::default();
        let wish = interrupt.clone();
        let Ok(mut signals) = Signals::listen() else { return interrupt };
        tokio::spawn(async move {
            loop {
                signals.next().await;
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

    /// Returns the underlying flag, for code that polls it.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }

    /// Returns whether the run was asked to end.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// The signals that ask a process to end.
struct Signals(Vec<Signal>);

impl Signals {
    fn listen() -> std::io::Result<Self> {
        let mut kinds = vec![SignalKind::interrupt(), SignalKind::terminate()];
        if !hang_up_is_ignored(&std::fs::read_to_string("/proc/self/status").unwrap_or_default()) {
            kinds.push(SignalKind::hangup());
        }
        kinds.into_iter().map(signal).collect::<Result<_, _>>().map(Self)
    }

    /// Waits for the next signal.
    async fn next(&mut self) {
        poll_fn(|context| {
            // All signals are polled, so that each wakes this task.
            let arrived = self.0.iter_mut().filter_map(|signal| match signal.poll_recv(context) {
                Poll::Ready(Some(())) => Some(()),
                _ => None,
            });
            if arrived.count() > 0 { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

/// Returns whether this process was started with SIGHUP ignored, as by `nohup`. `status` is the text of
/// `/proc/self/status`, in which bit n-1 of `SigIgn` stands for signal n.
fn hang_up_is_ignored(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask & (1 << (SignalKind::hangup().as_raw_value() - 1)) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_of_ignored_signals_tells_whether_the_terminal_may_go() {
        assert!(hang_up_is_ignored("Name:\tbench\nSigIgn:\t0000000000001001\n"), "under nohup");
        assert!(!hang_up_is_ignored("SigIgn:\t0000000000001000\n"), "only SIGPIPE");
        assert!(!hang_up_is_ignored(""), "a system that does not tell");
    }
}
