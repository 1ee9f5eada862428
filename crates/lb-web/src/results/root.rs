//! The folder that holds results, and the ids of what lies in it.

use sha2::{Digest, Sha256};
use std::ffi::OsStr;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// What separates the id of a suite from that of a run in it. No id holds it otherwise.
const WITHIN: char = '~';
/// The longest name that is an id as it is.
const LONGEST: usize = 120;

/// The folder that holds results.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    path: PathBuf,
}

impl Root {
    /// Names the folder, which need not exist yet.
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Returns the path as it was given.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the id of a folder of results: that of a run, or of a run within a suite. `None` for any other path.
    pub(crate) fn id_of(&self, folder: &Path) -> Option<String> {
        let below = match folder.strip_prefix(&self.path) {
            Ok(below) => below.to_owned(),
            // The same folder, written in another way.
            Err(_) => fs::canonicalize(folder)
                .ok()?
                .strip_prefix(fs::canonicalize(&self.path).ok()?)
                .ok()?
                .to_owned(),
        };
        let mut names = below.components().map(|part| match part {
            Component::Normal(name) => Some(name),
            _ => None,
        });
        match (names.next(), names.next(), names.next()) {
            (Some(Some(run)), None, _) => Some(id(run)),
            (Some(Some(suite)), Some(Some(run)), None) => Some(format!("{}{WITHIN}{}", id(suite), id(run))),
            _ => None,
        }
    }

    /// Returns the folders that may hold results: those in the folder, and those in suites. At most `most`.
    pub(crate) fn folders(&self, most: usize) -> Vec<PathBuf> {
        let mut all = Vec::new();
        for folder in subfolders(&self.path) {
            if all.len() >= most {
                break;
            }
            if !self.holds(&folder) {
                continue;
            }
            if folder.join("suite.json").is_file() {
                all.extend(subfolders(&folder).filter(|run| self.holds(run)).take(most - all.len()));
            }
            all.push(folder);
        }
        all
    }

    /// Returns whether a path leads to something below the folder, once symbolic links are followed.
    pub(crate) fn holds(&self, path: &Path) -> bool {
        match (fs::canonicalize(&self.path), fs::canonicalize(path)) {
            (Ok(root), Ok(path)) => path.starts_with(&root) && path != root,
            _ => false,
        }
    }
}

/// Returns the folders in a folder, except for hidden ones.
fn subfolders(path: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let visible = entries.filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."));
    visible.map(|entry| entry.path()).filter(|path| path.is_dir())
}

/// Returns the id of a name: the name, if an address can hold it as it is, else a hash.
fn id(name: &OsStr) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-+".contains(c);
    match name.to_str() {
        Some(text)
            if text.len() <= LONGEST && text.chars().all(plain) && !text.starts_with(['.', WITHIN]) =>
        {
            text.to_owned()
        }
        _ => {
            let hex: String = Sha256::digest(name.as_encoded_bytes())
                .iter()
                .take(10)
                .map(|byte| format!("{byte:02x}"))
                .collect();
            // No name that is an id as it is begins so.
            format!("{WITHIN}{hex}")
        }
    }
}
