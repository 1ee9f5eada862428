//! The formats of reports and their file names.

use clap::ValueEnum;

/// A report of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// One self-contained page with charts.
    Html,
    /// Tables for people and repositories.
    Markdown,
    /// For continuous integration.
    Junit,
    /// For GitHub's job summary; also appended to the file that `GITHUB_STEP_SUMMARY` names.
    StepSummary,
    /// Go benchmark lines, for benchstat.
    GoBenchmark,
    /// Prometheus text exposition.
    Prometheus,
}

impl ReportFormat {
    /// All formats.
    pub const ALL: [Self; 6] =
        [Self::Html, Self::Markdown, Self::Junit, Self::StepSummary, Self::GoBenchmark, Self::Prometheus];

    /// The name of its file in a results folder.
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
}
