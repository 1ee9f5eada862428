//! Numbers for the backend names in `x-backend`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The most names that are numbered although no topology lists them: a target that invents a name for each
/// reply must not fill the memory. Replies with further names count as naming no backend.
const MAX_UNLISTED: usize = 256;

/// The names that replies to any worker carried and no topology lists.
#[derive(Debug, Default)]
pub(crate) struct Unlisted(Mutex<Vec<String>>);

impl Unlisted {
    /// The names, in the order of their numbers.
    pub(crate) fn names(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The position of a name in the order of first appearance; `None` when there are too many names.
    fn position(&self, name: &str) -> Option<usize> {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(position) = names.iter().position(|known| known == name) {
            return Some(position);
        }
        if names.len() == MAX_UNLISTED {
            return None;
        }
        names.push(name.to_owned());
        Some(names.len() - 1)
    }
}

/// The table of names of one worker. Only a name that is new to the worker is looked up outside its thread.
#[derive(Debug)]
pub(crate) struct BackendNumbers {
    known: HashMap<Box<[u8]>, u16>,
    listed: usize,
    unlisted: Arc<Unlisted>,
}

impl BackendNumbers {
    pub(crate) fn new(listed: &[String], unlisted: Arc<Unlisted>) -> Self {
        let known = listed.iter().zip(0..).map(|(name, number)| (name.as_bytes().into(), number)).collect();
        Self { known, listed: listed.len(), unlisted }
    }

    /// The number of the backend called `name`; `None` when the name is not text or there are too many.
    #[inline]
    pub(crate) fn number(&mut self, name: &[u8]) -> Option<u16> {
        match self.known.get(name) {
            Some(number) => Some(*number),
            None => self.first_seen(name),
        }
    }

    #[cold]
    fn first_seen(&mut self, name: &[u8]) -> Option<u16> {
        let position = self.unlisted.position(std::str::from_utf8(name).ok()?)?;
        let number = u16::try_from(self.listed + position).ok()?;
        self.known.insert(name.into(), number);
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unlisted_names_are_numbered_after_the_listed_ones_alike_in_all_workers() {
        let listed = ["a".to_owned(), "b".to_owned()];
        let unlisted = Arc::new(Unlisted::default());
        let mut first = BackendNumbers::new(&listed, Arc::clone(&unlisted));
        let mut second = BackendNumbers::new(&listed, Arc::clone(&unlisted));
        assert_eq!(first.number(b"b"), Some(1), "listed names keep their place");
        assert_eq!(first.number(b"x"), Some(2));
        assert_eq!(second.number(b"y"), Some(3));
        assert_eq!(second.number(b"x"), Some(2), "a name has one number in all workers");
        assert_eq!(unlisted.names(), ["x", "y"]);
    }

    #[test]
    fn only_so_many_unlisted_names_are_numbered() {
        let mut numbers = BackendNumbers::new(&[], Arc::default());
        let numbered =
            (0..MAX_UNLISTED * 2).filter(|n| numbers.number(n.to_string().as_bytes()).is_some()).count();
        assert_eq!(numbered, MAX_UNLISTED, "memory stays bounded");
    }
}
