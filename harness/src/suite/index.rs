//! The index of a suite, kept on disk while its runs go on.

use super::render::render_markdown;
use anyhow::{Context as _, Result, bail};
use lb_core::slug::slugs;
use lb_results::{SUITE_VERSION, SuiteRunState, SuiteRunSummary, SuiteState, SuiteSummary, write_whole};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Names of the index in the folder of a suite.
const JSON: &str = "suite.json";
const MARKDOWN: &str = "suite.md";

/// The index of a suite.
#[derive(Debug)]
pub struct Index {
    folder: PathBuf,
    summary: SuiteSummary,
}

/// How a run of a suite ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Ending {
    /// Whether it passed, failed or was interrupted.
    pub state: SuiteRunState,
    /// The exit code that `bench` would have ended with.
    pub exit_code: u8,
    /// Why it failed; empty if it did not.
    pub reasons: Vec<String>,
    /// How long it took.
    pub duration: Duration,
}

impl Index {
    /// Creates the folder of a suite, with an index in which no run has begun.
    ///
    /// # Errors
    /// The folder cannot be written, or holds a suite or a run already.
    pub fn create(
        folder: &Path,
        name: &str,
        command: Vec<String>,
        cool_down: Duration,
        runs: &[&str],
    ) -> Result<Self> {
        if let Some(taken) = [JSON, "run.json", "summary.json"].iter().find(|file| folder.join(file).exists())
        {
            bail!(
                "`{}` already holds results (`{taken}`); choose another folder with --out",
                folder.display()
            );
        }
        std::fs::create_dir_all(folder).with_context(|| {
            format!("failed to create the results folder `{}`; give another with --out", folder.display())
        })?;
        let waiting = |(name, slug): (&&str, String)| SuiteRunSummary {
            name: (*name).to_owned(),
            folder: slug,
            state: SuiteRunState::NotRun,
            exit_code: None,
            duration_s: None,
            reasons: Vec::new(),
        };
        let folders = slugs(runs.iter().copied());
        let summary = SuiteSummary {
            schema_version: SUITE_VERSION,
            name: name.to_owned(),
            command,
            started_at: jiff::Timestamp::now().to_string(),
            state: SuiteState::Running,
            cool_down_s: cool_down.as_secs_f64(),
            runs: runs.iter().zip(folders).map(waiting).collect(),
        };
        let index = Self { folder: folder.to_owned(), summary };
        index.write()?;
        Ok(index)
    }

    /// Returns the results folder of a run.
    pub fn folder_of(&self, run: usize) -> PathBuf {
        self.folder.join(&self.summary.runs[run].folder)
    }

    /// Returns the folder of the suite.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the index.
    pub fn summary(&self) -> &SuiteSummary {
        &self.summary
    }

    /// Notes that a run begins.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn begin(&mut self, run: usize) -> Result<()> {
        self.summary.runs[run].state = SuiteRunState::Running;
        self.write()
    }

    /// Notes how a run ended.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn end(&mut self, run: usize, ending: Ending) -> Result<()> {
        let entry = &mut self.summary.runs[run];
        entry.state = ending.state;
        entry.exit_code = Some(ending.exit_code);
        entry.duration_s = Some(ending.duration.as_secs_f64());
        entry.reasons = ending.reasons;
        self.write()
    }

    /// Notes that no more runs follow.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn finish(&mut self, interrupted: bool) -> Result<()> {
        self.summary.state = if interrupted { SuiteState::Interrupted } else { SuiteState::Complete };
        self.write()
    }

    fn write(&self) -> Result<()> {
        let json = serde_json::to_string_pretty(&self.summary)? + "\n";
        for (name, text) in [(JSON, json), (MARKDOWN, render_markdown(&self.summary))] {
            let path = self.folder.join(name);
            write_whole(&path, |file| file.write_all(text.as_bytes()).map_err(Into::into)).with_context(
                || format!("failed to write `{}`; what was written before is kept", path.display()),
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_on_disk_follows_the_runs() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let folder = dir.path().join("suite");
        let read = || -> SuiteSummary {
            let text = std::fs::read_to_string(folder.join(JSON)).expect("an index");
            serde_json::from_str(&text).expect("JSON")
        };
        let runs = ["light", "Heavy Load"];
        let mut index =
            Index::create(&folder, "all", vec!["bench".to_owned()], Duration::from_secs(30), &runs)
                .expect("a writable folder");
        assert_eq!(read().state, SuiteState::Running);
        assert!(read().runs.iter().all(|run| run.state == SuiteRunState::NotRun));
        assert_eq!(index.folder_of(1), folder.join("heavy-load"));
        index.begin(0).expect("the index is written");
        assert_eq!(read().runs[0].state, SuiteRunState::Running, "a killed process leaves this");
        let reasons = vec!["p(95)<100".to_owned()];
        let state = SuiteRunState::Failed;
        let ending = Ending { state, exit_code: 99, reasons, duration: Duration::from_secs(2) };
        index.end(0, ending).expect("the index is written");
        index.finish(true).expect("the index is written");
        let left = read();
        assert_eq!(left.state, SuiteState::Interrupted);
        assert_eq!((left.runs[0].exit_code, left.runs[0].duration_s), (Some(99), Some(2.0)));
        assert_eq!(left.runs[1].state, SuiteRunState::NotRun);
        let page = std::fs::read_to_string(folder.join(MARKDOWN)).expect("a page");
        assert!(page.contains("| Heavy Load | not run |"), "{page}");
        let again = Index::create(&folder, "all", Vec::new(), Duration::ZERO, &runs);
        let refused = again.expect_err("results are not overwritten").to_string();
        assert!(refused.contains("--out"), "{refused}");
    }
}
