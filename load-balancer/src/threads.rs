//! Threads that belong to the process as a whole: when one of them ends before it was told to, the process must end
//! as well, with a message, instead of serving on with a part missing.

use anyhow::Context as _;
use std::thread::JoinHandle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Threads that are watched.
pub(crate) struct Threads {
    running: Vec<JoinHandle<anyhow::Result<()>>>,
    tell: UnboundedSender<String>,
    told: UnboundedReceiver<String>,
}

/// Tells that its thread has ended, even if that panics.
struct Watched {
    name: String,
    tell: UnboundedSender<String>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.tell.send(std::mem::take(&mut self.name));
    }
}

impl Threads {
    pub(crate) fn new() -> Self {
        let (tell, told) = unbounded_channel();
        Self { running: Vec::new(), tell, told }
    }

    /// Starts a thread.
    pub(crate) fn start(
        &mut self,
        name: String,
        body: impl FnOnce() -> anyhow::Result<()> + Send + 'static,
    ) -> anyhow::Result<()> {
        let watched = Watched { name: name.clone(), tell: self.tell.clone() };
        let thread = std::thread::Builder::new().name(name).spawn(move || {
            let _watched = watched;
            body()
        });
        self.running.push(thread.context("cannot start a thread")?);
        Ok(())
    }

    /// Waits until one of the threads has ended, and returns its name.
    pub(crate) async fn ended(&mut self) -> String {
        match self.told.recv().await {
            Some(name) => name,
            // One sender is kept here.
            None => std::future::pending().await,
        }
    }

    /// Waits for all threads to end.
    ///
    /// # Errors
    /// One of them panicked or failed.
    pub(crate) fn join(self) -> anyhow::Result<()> {
        self.running.into_iter().try_for_each(|thread| {
            let name = thread.thread().name().unwrap_or_default().to_owned();
            match thread.join() {
                Ok(result) => result.with_context(|| format!("thread `{name}` failed")),
                Err(panic) => {
                    let text = panic.downcast_ref::<String>().map(String::as_str);
                    let text = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("it gave no reason");
                    Err(anyhow::anyhow!("thread `{name}` panicked: {text}"))
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_thread_that_panics_is_noticed_at_once_and_named() {
        let mut threads = Threads::new();
        let (release, held) = std::sync::mpsc::channel::<()>();
        threads.start("steady".to_owned(), move || Ok(held.recv()?)).expect("a thread can be started");
        threads.start("weak".to_owned(), || panic!("out of luck")).expect("a thread can be started");
        assert_eq!(threads.ended().await, "weak", "nobody waits for the others");
        release.send(()).expect("the other thread waits");
        let error = threads.join().expect_err("one of them panicked");
        assert_eq!(error.to_string(), "thread `weak` panicked: out of luck");
    }
}
