//! Formats of reports, their file names, and writing them.

use super::{
    render_go_benchmark, render_html, render_junit, render_markdown, render_prometheus, render_step_summary,
};
use anyhow::{Context, Result};
use lb_core::plain;
use lb_results::{ResultsFolder, Summary};
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The variable in which GitHub passes the path of the step summary to a workflow step.
const STEP_SUMMARY_FILE: &str = "GITHUB_STEP_SUMMARY";

/// Largest step summary that GitHub shows, in bytes; a longer one is not shown at all.
const STEP_SUMMARY_LIMIT: u64 = 1024 * 1024;

/// A format of reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum ReportFormat {
    /// One self-contained HTML page with charts.
    Html,
    /// Markdown tables for people and repositories.
    Markdown,
    /// JUnit XML, for continuous integration.
    Junit,
    /// Markdown for GitHub's job summary; also appended to the file named by `GITHUB_STEP_SUMMARY`.
    StepSummary,
    /// Go benchmark lines, for benchstat.
    GoBenchmark,
    /// Prometheus text exposition.
    Prometheus,
}

impl ReportFormat {
    /// All formats of reports.
    pub const ALL: [Self; 6] =
        [Self::Html, Self::Markdown, Self::Junit, Self::StepSummary, Self::GoBenchmark, Self::Prometheus];

    /// Returns the name of the report's file in a results folder.
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Html => "report.html",
            Self::Markdown => "report.md",
            Self::Junit => "junit.xml",
            Self::StepSummary => "step-summary.md",
            Self::GoBenchmark => "benchmark.txt",
            Self::Prometheus => "metrics.prom",
        }
    }

    /// Renders the report of a run. Nothing in it makes a terminal or a viewer do anything, whatever names and
    /// replies came from outside.
    pub fn render(self, summary: &Summary) -> String {
        let text = match self {
            Self::Html => render_html(summary),
            Self::Markdown => render_markdown(summary),
            Self::Junit => render_junit(summary),
            Self::StepSummary => render_step_summary(summary),
            Self::GoBenchmark => render_go_benchmark(summary),
            Self::Prometheus => render_prometheus(summary),
        };
        plain::lines(&text).into_owned()
    }
}

/// Writes reports of a run into its folder and returns their paths. In a step of a GitHub workflow the step
/// summary is also added to the file that GitHub shows.
///
/// # Errors
/// A file cannot be written.
pub fn write_reports(
    folder: &ResultsFolder,
    summary: &Summary,
    formats: &[ReportFormat],
) -> Result<Vec<PathBuf>> {
    let mut written = Vec::new();
    for format in formats {
        let text = format.render(summary);
        folder.write(format.file_name(), text.as_bytes())?;
        written.push(folder.path().join(format.file_name()));
        if *format == ReportFormat::StepSummary {
            written.extend(add_step_summary(&text)?);
        }
    }
    Ok(written)
}

/// In a step of a GitHub workflow, adds a text to the file that GitHub shows, and returns its path. `None` elsewhere, or if
/// there is no room left.
///
/// # Errors
/// The file cannot be written.
pub fn add_step_summary(text: &str) -> Result<Option<PathBuf>> {
    let shown = std::env::var_os(STEP_SUMMARY_FILE).filter(|name: &OsString| !name.is_empty());
    let Some(shown) = shown.map(PathBuf::from) else { return Ok(None) };
    if append_step_summary(&shown, text)? {
        return Ok(Some(shown));
    }
    tracing::warn!(
        "the file that {STEP_SUMMARY_FILE} names has no room left: above 1 MiB GitHub would show none of it"
    );
    Ok(None)
}

/// Appends to the output of earlier commands of the step, unless GitHub would then drop everything. Returns
/// whether it appended.
fn append_step_summary(path: &Path, text: &str) -> Result<bool> {
    let append = || -> std::io::Result<bool> {
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path)?;
        if file.metadata()?.len() + text.len() as u64 > STEP_SUMMARY_LIMIT {
            return Ok(false);
        }
        file.write_all(text.as_bytes())?;
        Ok(true)
    };
    append().with_context(|| {
        format!(
            "failed to add the step summary to `{}`; set {STEP_SUMMARY_FILE} to a file that can be written, or unset it",
            path.display()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn step_summaries_are_added_up_to_the_limit_of_github() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("summary.md");
        let size = || std::fs::metadata(&path).expect("the file is there").len();
        assert!(append_step_summary(&path, "### one\n").expect("it can be written"), "it creates the file");
        assert!(append_step_summary(&path, "### two\n").expect("it can be written"), "it adds to the file");
        assert_eq!(std::fs::read_to_string(&path).expect("text"), "### one\n### two\n", "nothing is lost");
        let rest = "x".repeat((STEP_SUMMARY_LIMIT - size()) as usize);
        assert!(!append_step_summary(&path, &(rest.clone() + "x")).expect("no failure"), "it is too long");
        assert_eq!(size(), 16, "a text that would make GitHub drop everything is left out");
        assert!(append_step_summary(&path, &rest).expect("it can be written"), "the limit itself is shown");
        let error = append_step_summary(dir.path(), "text").expect_err("a folder is not a file");
        assert!(format!("{error:#}").contains(STEP_SUMMARY_FILE), "it names the variable: {error:#}");
    }
}
