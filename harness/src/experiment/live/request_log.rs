//! The access log of a load balancer that `bench` started: the part that belongs to one trial is copied to a file of its
//! own, without the requests of the warm-up and of the verification.

use crate::experiment::error::RunError;
use anyhow::Context as _;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The time between two looks at whether the log still grows.
const LOOK: Duration = Duration::from_millis(100);
/// The number of looks without growth after which all requests that have ended are taken to be logged: some load balancers
/// gather lines for a while.
const QUIET: u32 = 3;
/// The most looks.
const MOST_LOOKS: u32 = 50;

/// A log that a load balancer writes.
#[derive(Debug)]
pub(super) struct RequestLog {
    path: PathBuf,
}

impl RequestLog {
    pub(super) const fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Returns the length of the log, once nothing is added to it.
    pub(super) async fn length(&self) -> Result<u64, RunError> {
        let mut length = self.length_now()?;
        let mut quiet = 0;
        for _ in 0..MOST_LOOKS {
            if quiet == QUIET {
                break;
            }
            tokio::time::sleep(LOOK).await;
            let now = self.length_now()?;
            quiet = if now == length { quiet + 1 } else { 0 };
            length = now;
        }
        Ok(length)
    }

    /// Copies what was logged since the log was `from` bytes long.
    pub(super) async fn copy_since(&self, from: u64, to: &Path) -> Result<(), RunError> {
        let until = self.length().await?;
        let copy = || -> std::io::Result<u64> {
            let mut log = File::open(&self.path)?;
            log.seek(SeekFrom::Start(from))?;
            std::io::copy(&mut log.take(until.saturating_sub(from)), &mut File::create(to)?)
        };
        let copied = copy().with_context(|| {
            let (log, to) = (self.path.display(), to.display());
            format!("failed to copy the access log `{log}` to `{to}`, the path of --access-log")
        });
        copied.map(drop).map_err(RunError::Results)
    }

    /// Returns the length of the log; some load balancers create it with the first request.
    fn length_now(&self) -> Result<u64, RunError> {
        match std::fs::metadata(&self.path) {
            Ok(metadata) => Ok(metadata.len()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(RunError::Results(
                anyhow::Error::new(error)
                    .context(format!("failed to read the access log `{}`", self.path.display())),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_trial_gets_the_lines_that_were_added_in_it() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let log = RequestLog::new(dir.path().join("access.log"));
        assert_eq!(log.length().await.expect("a length"), 0, "nothing is logged yet");
        std::fs::write(&log.path, "warm-up\n").expect("a log");
        let begun = log.length().await.expect("a length");
        std::fs::write(&log.path, "warm-up\none\ntwo\n").expect("a log");
        let to = dir.path().join("trial.log");
        log.copy_since(begun, &to).await.expect("a copy");
        assert_eq!(std::fs::read_to_string(&to).expect("a copy"), "one\ntwo\n");
        let nowhere = log.copy_since(0, &dir.path().join("no/such/folder")).await.expect_err("no folder");
        assert!(nowhere.to_string().contains("the path of --access-log"), "{nowhere}");
    }
}
