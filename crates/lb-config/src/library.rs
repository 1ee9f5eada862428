//! Bundled files of one type, each of which is parsed and validated once.

use super::bundled::{self, Bundled};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Bundled files that hold a `T`. A pack or a suite plans many configs with the same journey, whose reading takes longer
/// than the rest of a small plan.
pub(super) struct Library<T> {
    files: &'static [Bundled],
    read: Mutex<BTreeMap<&'static str, Arc<T>>>,
}

impl<T: Clone> Library<T> {
    pub(super) const fn new(files: &'static [Bundled]) -> Self {
        Self { files, read: Mutex::new(BTreeMap::new()) }
    }

    /// Returns the names of the files.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        bundled::names(self.files)
    }

    /// Returns what the file `name` holds, as `read` makes it of the text when it is first asked for. The outer `None`
    /// means that there is no such file, the inner one that `read` failed.
    pub(super) fn find(&self, name: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<Option<T>> {
        let stem = name.strip_suffix(".json").unwrap_or(name);
        let &(stem, text) = self.files.iter().find(|(known, _)| *known == stem)?;
        let known = self.read.lock().unwrap_or_else(PoisonError::into_inner).get(stem).cloned();
        if let Some(known) = known {
            return Some(Some(T::clone(&known)));
        }
        let made = read(text);
        if let Some(made) = &made {
            let mut known = self.read.lock().unwrap_or_else(PoisonError::into_inner);
            known.insert(stem, Arc::new(made.clone()));
        }
        Some(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundled_file_is_read_once_and_one_that_cannot_be_read_is_tried_again() {
        let library: Library<usize> = Library::new(&[("one", "1"), ("two", "12")]);
        assert_eq!(library.find("three", |_| Some(0)), None, "there is no such file");
        assert_eq!(library.find("two", |_| None), Some(None));
        assert_eq!(library.find("two.json", |text| Some(text.len())), Some(Some(2)));
        assert_eq!(library.find("two", |_| panic!("it was read before")), Some(Some(2)));
        assert_eq!(library.find("one", |text| Some(text.len())), Some(Some(1)));
        assert_eq!(library.names().collect::<Vec<_>>(), ["one", "two"]);
    }
}
