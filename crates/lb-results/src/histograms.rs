//! Reads the latencies of an algorithm back from `hlog/<scenario>-<algorithm>.hlog`.

use crate::folder::ResultsFolder;
use crate::summary::scenario::ScenarioSummary;
use hdrhistogram::Histogram;
use lb_core::slug::slug;
use lb_record::{HlogError, IntervalClass, read_hlog};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Why the histograms of an algorithm cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum HistogramsError {
    /// The file is there but cannot be read.
    #[error("failed to read `{}`: {source}", .path.display())]
    Unreadable {
        /// Path of the file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The file is no histogram log.
    #[error("`{}` is broken: {source}; remove it, and the run is read without it", .path.display())]
    Broken {
        /// Path of the file.
        path: PathBuf,
        /// What is wrong with it.
        source: HlogError,
    },
}

/// Reads the latencies of an algorithm in microseconds, over all its valid trials, by class. Empty if the run wrote no
/// histogram log of it.
///
/// # Errors
/// The log cannot be read, or is broken.
pub fn read_histograms(
    folder: &Path,
    scenario: &ScenarioSummary,
    algorithm: &str,
) -> Result<BTreeMap<IntervalClass, Histogram<u64>>, HistogramsError> {
    let files = if scenario.files.is_empty() { slug(&scenario.name) } else { scenario.files.clone() };
    let path = folder.join(format!("hlog/{files}-{}.hlog", slug(algorithm)));
    let log = match lb_io::read(&path, ResultsFolder::LONGEST) {
        Ok(log) => log,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(source) => return Err(HistogramsError::Unreadable { path, source }),
    };
    read_hlog(&log).map_err(|source| HistogramsError::Broken { path, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_without_logs_has_no_histograms_and_a_broken_one_is_named() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let scenario = ScenarioSummary { name: "Peak Load".to_owned(), ..ScenarioSummary::default() };
        let read = || read_histograms(dir.path(), &scenario, "p2c");
        assert!(read().expect("nothing is there").is_empty());
        std::fs::create_dir(dir.path().join("hlog")).expect("a folder");
        std::fs::write(dir.path().join("hlog/peak-load-p2c.hlog"), "nonsense\n").expect("a file");
        let error = read().expect_err("it is no log").to_string();
        assert!(error.contains("hlog/peak-load-p2c.hlog` is broken: row 1"), "{error}");
    }
}
