//! One folder of results, as the list shows it.

use super::facts::Facts;
use super::files::{Listed, list};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The reports that are shown, each with its title. They have no scripts.
const REPORTS: [(&str, &str); 3] = [
    ("report.html", "Report"),
    ("continuous.html", "Report of the load"),
    ("trend.html", "Trend up to this run"),
];

/// One folder of results.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Entry {
    pub(crate) id: String,
    /// Where it lies. Not part of what is told.
    #[serde(skip)]
    pub(crate) folder: PathBuf,
    name: String,
    kind: &'static str,
    pub(crate) started_at: String,
    ended: &'static str,
    label: Option<String>,
    config: String,
    algorithms: Vec<String>,
    headline: String,
    pub(crate) reports: Vec<Report>,
    pub(crate) files: Vec<Listed>,
}

/// A report that is shown as a page.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    n: usize,
    title: &'static str,
    /// The name of its file.
    #[serde(skip)]
    pub(crate) name: &'static str,
}

impl Entry {
    /// Reads a folder; `None` if it holds no results.
    pub(super) fn read(folder: &Path, id: String) -> Option<Self> {
        let Facts { kind, name, started_at, ended, label, config, algorithms, headline } =
            Facts::read(folder)?;
        let files = list(folder);
        let there = REPORTS.into_iter().filter(|(name, _)| files.iter().any(|file| file.name == *name));
        let reports = there.enumerate().map(|(n, (name, title))| Report { n, title, name }).collect();
        let name = if name.is_empty() { id.clone() } else { name };
        let folder = folder.to_owned();
        Some(Self {
            id,
            folder,
            name,
            kind,
            started_at,
            ended,
            label,
            config,
            algorithms,
            headline,
            reports,
            files,
        })
    }
}
