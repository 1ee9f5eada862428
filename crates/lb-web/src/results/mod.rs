//! The results on disk: what is listed, and what can be fetched.
//!
//! Requests name results by ids, and files by numbers, of a list that is made here. So no text of a request becomes a path.
//! What is listed lies below the folder of results, also after symbolic links are followed.

mod entry;
mod facts;
mod files;
mod root;

pub(crate) use entry::Entry;
pub(crate) use files::LONGEST_REPORT;
pub(crate) use root::Root;

use files::stamp;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The most folders that are looked at.
const MOST_FOLDERS: usize = 5000;
/// How long a list is used before the folders are looked at again.
const FRESH: Duration = Duration::from_millis(500);

/// The list of results, which is read again where files changed.
#[derive(Debug)]
pub(crate) struct Results {
    root: Root,
    /// What each folder holds, with its stamp; `None` if that is no results, so that it is not read again.
    known: HashMap<PathBuf, (u64, Option<Arc<Entry>>)>,
    listed: Vec<Arc<Entry>>,
    looked: Option<Instant>,
    /// The number of runs that had ended then.
    ended: u64,
}

impl Results {
    /// Makes the list of a folder that need not exist yet.
    pub(crate) fn new(root: Root) -> Self {
        Self { root, known: HashMap::new(), listed: Vec::new(), looked: None, ended: 0 }
    }

    /// Returns the results, newest first. Reads files, so it is to be called on a thread that may wait.
    pub(crate) fn list(&mut self) -> &[Arc<Entry>] {
        if self.looked.is_none_or(|looked| looked.elapsed() >= FRESH) {
            self.look();
            self.looked = Some(Instant::now());
        }
        &self.listed
    }

    /// Returns the results, newest first, as they are once so many runs have ended: a list from before is not used again.
    pub(crate) fn list_after(&mut self, ended: u64) -> &[Arc<Entry>] {
        if self.ended != ended {
            self.ended = ended;
            self.looked = None;
        }
        self.list()
    }

    /// Returns the results with an id.
    pub(crate) fn find(&mut self, id: &str) -> Option<Arc<Entry>> {
        self.list().iter().find(|entry| entry.id == id).map(Arc::clone)
    }

    fn look(&mut self) {
        let mut before = std::mem::take(&mut self.known);
        for folder in self.root.folders(MOST_FOLDERS) {
            let Some(id) = self.root.id_of(&folder) else { continue };
            let now = stamp(&folder);
            let entry = match before.remove(&folder) {
                Some((then, entry)) if then == now => entry,
                _ => Entry::read(&folder, id).map(Arc::new),
            };
            self.known.insert(folder, (now, entry));
        }
        self.listed = self.known.values().filter_map(|(_, entry)| entry.clone()).collect();
        self.listed
            .sort_by(|one, other| other.started_at.cmp(&one.started_at).then_with(|| other.id.cmp(&one.id)));
    }
}

/// Opens a file of the results, if it still lies where it was listed.
///
/// # Errors
/// The file is gone, or a symbolic link now leads out of the folder.
pub(crate) fn open(root: &Root, folder: &Path, name: &str) -> std::io::Result<std::fs::File> {
    let path = folder.join(name);
    if !root.holds(&path) {
        return Err(std::io::Error::new(
            std::io::ErrorKind::NotFound,
            "it does not lie in the folder of results",
        ));
    }
    lb_io::open(&path)
}

#[cfg(test)]
mod tests;
