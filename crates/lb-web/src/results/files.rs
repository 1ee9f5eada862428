//! The files of a folder of results that can be fetched.

use serde::Serialize;
use std::collections::hash_map::DefaultHasher;
use std::fs::{self, Metadata};
use std::hash::{Hash, Hasher};
use std::path::Path;
use std::time::SystemTime;

/// The longest report that is shown, in bytes.
pub(crate) const LONGEST_REPORT: u64 = 64 << 20;
/// The most files that are listed of one folder.
const MOST_FILES: usize = 1000;
/// The folders in a folder of results whose files are listed. Others hold what only the program reads.
const FOLDERS: [&str; 5] = ["trials", "locust", "hlog", "observed", "traces"];

/// A file that can be fetched.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Listed {
    /// The number by which it is fetched.
    n: usize,
    /// Its path within the folder.
    pub(crate) name: String,
    /// Its length in bytes.
    bytes: u64,
    /// Its media type.
    pub(crate) media: &'static str,
}

/// Lists the files of a folder: those that say most first, then by name.
pub(super) fn list(folder: &Path) -> Vec<Listed> {
    let mut files: Vec<(String, u64)> = Vec::new();
    gather(folder, "", &mut files);
    for name in FOLDERS {
        gather(&folder.join(name), &format!("{name}/"), &mut files);
    }
    files.sort_by(|(one, _), (other, _)| (one.contains('/'), one).cmp(&(other.contains('/'), other)));
    files.truncate(MOST_FILES);
    let listed = |(n, (name, bytes)): (usize, (String, u64))| {
        let media = media_of(&name);
        Listed { n, name, bytes, media }
    };
    files.into_iter().enumerate().map(listed).collect()
}

/// Adds the regular files of a folder. Links and hidden files are left out.
fn gather(folder: &Path, prefix: &str, files: &mut Vec<(String, u64)>) {
    // What a link leads to may lie elsewhere.
    if !prefix.is_empty() && !fs::symlink_metadata(folder).is_ok_and(|about| about.is_dir()) {
        return;
    }
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let Ok(about) = entry.metadata() else { continue };
        if about.is_file() && !name.starts_with('.') && files.len() < 4 * MOST_FILES {
            files.push((format!("{prefix}{name}"), about.len()));
        }
    }
}

/// Returns a number that changes when files of a folder come, go or change.
pub(super) fn stamp(folder: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    let changed = |about: &Metadata| about.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    let mut entries: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let Ok(about) = entry.metadata() else { continue };
        // The log grows all the time, and its length is not worth reading everything again.
        if entry.file_name() != "bench.log" {
            (entry.file_name(), changed(&about), about.len()).hash(&mut hasher);
        }
    }
    hasher.finish()
}

/// Returns the media type of a file by the end of its name.
fn media_of(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "json" => "application/json",
        "jsonl" => "application/x-ndjson",
        "csv" => "text/csv; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "md" => "text/markdown; charset=utf-8",
        "xml" => "application/xml",
        "txt" | "log" | "prom" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
