//! The executor's log, with one line per event: `2026-11-21 14:05:09,123 - INFO - training with seed 1
//! begins`.

use anyhow::{Context, Result};
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// The log file of a run.
#[derive(Debug)]
pub(super) struct Log {
    file: File,
}

impl Log {
    pub(super) fn create(path: &Path) -> Result<Self> {
        let file =
            File::create(path).with_context(|| format!("failed to create the log `{}`", path.display()))?;
        Ok(Self { file })
    }

    pub(super) fn info(&mut self, text: &str) {
        self.line("INFO", text);
    }

    pub(super) fn error(&mut self, text: &str) {
        self.line("ERROR", text);
    }

    /// Appends a line. Write errors are ignored, because they must not stop the run.
    fn line(&mut self, level: &str, text: &str) {
        let now = jiff::Zoned::now();
        let millis = now.subsec_nanosecond() / 1_000_000;
        for line in text.lines() {
            let stamp = now.strftime("%Y-%m-%d %H:%M:%S");
            let _ = writeln!(self.file, "{stamp},{millis:03} - {level} - {line}");
        }
    }
}

/// Sends the load generator's log to `path`, at the level set by `RL_TRAIN_LOG`.
pub(super) fn log_load_to(path: &Path) -> Result<()> {
    let file =
        File::create(path).with_context(|| format!("failed to create the log `{}`", path.display()))?;
    harness::log_to(file, "RL_TRAIN_LOG");
    Ok(())
}
