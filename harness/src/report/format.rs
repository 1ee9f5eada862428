//! The formats of reports, their file names, and writing them.

use super::html::render_html;
use crate::results::{ResultsFolder, Summary};
use anyhow::Result;
use clap::ValueEnum;
use std::path::PathBuf;

/// A report of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// One self-contained page with charts.
    Html,
}

impl ReportFormat {
    /// All formats.
    pub const ALL: [Self; 1] = [Self::Html];

    /// The name of its file in a results folder.
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Html => "report.html",
        }
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
        let text = match format {
            ReportFormat::Html => render_html(summary),
        };
        folder.write(format.file_name(), text.as_bytes())?;
        written.push(folder.path().join(format.file_name()));
    }
    Ok(written)
}
