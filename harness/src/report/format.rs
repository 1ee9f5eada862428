//! The formats of reports, their file names, and writing them.

use super::{
    render_go_benchmark, render_html, render_junit, render_markdown, render_prometheus, render_step_summary,
};
use crate::results::{ResultsFolder, Summary};
use anyhow::Result;
use clap::ValueEnum;
use std::path::PathBuf;
use std::str::FromStr;

/// A report of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// One self-contained page with charts.
    Html,
    /// Tables for people and repositories.
    Markdown,
    /// JUnit XML, for continuous integration.
    Junit,
    /// For GitHub's job summary.
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

    /// The report itself.
    pub fn render(self, summary: &Summary) -> String {
        match self {
            Self::Html => render_html(summary),
            Self::Markdown => render_markdown(summary),
            Self::Junit => render_junit(summary),
            Self::StepSummary => render_step_summary(summary),
            Self::GoBenchmark => render_go_benchmark(summary),
            Self::Prometheus => render_prometheus(summary),
        }
    }
}

impl FromStr for ReportFormat {
    type Err = String;

    /// Reads a name as the command line writes it, such as `step-summary`.
    fn from_str(name: &str) -> Result<Self, String> {
        <Self as ValueEnum>::from_str(name, false).map_err(|_| {
            let known = Self::ALL.map(|format| {
                format.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
            });
            format!("`{name}` is no report format; there are {}", known.join(", "))
        })
    }
}

/// Writes reports of a run into its folder; gives back where.
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
        folder.write(format.file_name(), format.render(summary).as_bytes())?;
        written.push(folder.path().join(format.file_name()));
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_read_by_the_names_of_the_command_line() {
        for format in ReportFormat::ALL {
            let name = format.to_possible_value().expect("no format is hidden").get_name().to_owned();
            assert_eq!(name.parse(), Ok(format), "`{name}` names a format");
        }
        let error = "pdf".parse::<ReportFormat>().expect_err("there is no such format");
        assert!(error.contains("`pdf`") && error.contains("step-summary"), "it names the way out: {error}");
    }
}
