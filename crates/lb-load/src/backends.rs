//! Assigns numbers to the backends that replies name.
//!
//! A reply may also list all attempts of a load balancer, as nginx does in `$upstream_addr`: each attempt but the
//! last one failed and was repeated elsewhere, and the last one is the backend that answered.

use lb_core::plain;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Maximum number of unlisted names that get a number: a target that sends a new name with each reply
/// must not fill the memory. Replies with further names count as naming no backend.
const MAX_UNLISTED: usize = 256;
/// Maximum number of different lists of attempts that a worker keeps. Further ones are taken apart each time.
const MAX_LISTS: usize = 4096;

/// Names of backends that replies name but the plan does not list, shared by all workers of a phase.
#[derive(Debug, Default)]
pub struct Unlisted(Mutex<Vec<String>>);

impl Unlisted {
    /// Returns the names in the order of their numbers; the first one follows the last listed backend.
    pub fn names(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the position of a name in the order of first appearance; `None` when there are too many names.
    fn position(&self, name: &str) -> Option<usize> {
        // It is shown wherever results are.
        let name = plain::line(name);
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(position) = names.iter().position(|known| *known == name) {
            return Some(position);
        }
        if names.len() == MAX_UNLISTED {
            return None;
        }
        names.push(name.into_owned());
        Some(names.len() - 1)
    }
}

/// The table of names of one worker. Only names that are new to the worker are looked up in the shared list.
#[derive(Debug)]
pub(crate) struct BackendNumbers {
    known: HashMap<Box<[u8]>, u16>,
    /// Lists of attempts, with the backend that answered and those that failed.
    lists: HashMap<Box<[u8]>, Attempts>,
    /// Number of repeated attempts at each backend.
    repeated: HashMap<u16, u64>,
    listed: usize,
    unlisted: Arc<Unlisted>,
}

/// The attempts that one reply lists.
#[derive(Clone, Debug)]
struct Attempts {
    /// The backend that answered; `None` if none did.
    answered: Option<u16>,
    /// The backends of the attempts before.
    failed: Box<[u16]>,
}

impl BackendNumbers {
    pub(crate) fn new(listed: &[String], unlisted: Arc<Unlisted>) -> Self {
        let known = listed.iter().zip(0..).map(|(name, number)| (name.as_bytes().into(), number)).collect();
        Self { known, lists: HashMap::new(), repeated: HashMap::new(), listed: listed.len(), unlisted }
    }

    /// Returns the number of the backend `name`; `None` if the name is not text or there are too many. Of a list of
    /// attempts, it is the number of the last one, and the others are counted as repeated.
    #[inline]
    pub(crate) fn number(&mut self, name: &[u8]) -> Option<u16> {
        match self.known.get(name) {
            Some(number) => Some(*number),
            None => self.not_plain(name),
        }
    }

    /// Returns how many attempts at each backend were repeated elsewhere.
    pub(crate) fn repeated(self) -> impl Iterator<Item = (u16, u64)> {
        self.repeated.into_iter()
    }

    /// Returns the number of a backend whose name is new, or is part of a list.
    #[cold]
    fn not_plain(&mut self, name: &[u8]) -> Option<u16> {
        if let Some(attempts) = self.lists.get(name) {
            for failed in &attempts.failed {
                *self.repeated.entry(*failed).or_default() += 1;
            }
            return attempts.answered;
        }
        let text = std::str::from_utf8(name).ok()?;
        let Some((failed, answered)) = attempts(text) else { return self.first_seen(text) };
        let failed = failed.into_iter().filter_map(|one| self.of(one)).collect();
        let attempts = Attempts { answered: answered.and_then(|one| self.of(one)), failed };
        for failed in &attempts.failed {
            *self.repeated.entry(*failed).or_default() += 1;
        }
        let answered = attempts.answered;
        if self.lists.len() < MAX_LISTS {
            self.lists.insert(name.into(), attempts);
        }
        answered
    }

    /// Returns the number of a single backend.
    fn of(&mut self, name: &str) -> Option<u16> {
        self.known.get(name.as_bytes()).copied().or_else(|| self.first_seen(name))
    }

    fn first_seen(&mut self, name: &str) -> Option<u16> {
        let position = self.unlisted.position(name)?;
        let number = u16::try_from(self.listed + position).ok()?;
        self.known.insert(name.as_bytes().into(), number);
        Some(number)
    }
}

/// Splits a list of attempts, such as `10.0.0.1:80, 10.0.0.2:80`, into those that failed and the one that was
/// answered, if any was: nginx ends the list with the name of the group when no server of it is left. `None` if
/// the text is no such list; other lists, such as the names of caches in `X-Served-By`, are names.
fn attempts(text: &str) -> Option<(Vec<&str>, Option<&str>)> {
    // A colon between spaces separates the attempts before an internal redirect from those after it.
    let parts: Vec<&str> = text.split(',').flat_map(|part| part.split(" : ")).map(str::trim).collect();
    let (last, failed) = parts.split_last()?;
    let is_list = !failed.is_empty() && failed.iter().all(|part| is_address(part));
    is_list.then(|| (failed.to_vec(), Some(*last).filter(|last| is_address(last))))
}

/// Returns whether a text is the address of a server: an address with a port, or a socket of this machine.
fn is_address(text: &str) -> bool {
    text.starts_with("unix:") || text.parse::<SocketAddr>().is_ok()
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
        assert_eq!(first.number("\u{1b}[2Jz".as_bytes()), Some(4));
        assert_eq!(unlisted.names()[2], "\\u{1b}[2Jz", "a terminal must not obey what a server sends");
    }

    #[test]
    fn only_so_many_unlisted_names_are_numbered() {
        let mut numbers = BackendNumbers::new(&[], Arc::default());
        let numbered =
            (0..MAX_UNLISTED * 2).filter(|n| numbers.number(n.to_string().as_bytes()).is_some()).count();
        assert_eq!(numbered, MAX_UNLISTED, "memory stays bounded");
    }

    #[test]
    fn a_list_of_attempts_is_the_last_one_and_the_others_were_repeated() {
        let (a, b) = ("10.0.0.1:80", "10.0.0.2:80");
        let listed = [a.to_owned(), b.to_owned()];
        let mut numbers = BackendNumbers::new(&listed, Arc::default());
        for _ in 0..3 {
            assert_eq!(numbers.number(b"10.0.0.1:80, 10.0.0.2:80"), Some(1));
        }
        assert_eq!(
            numbers.number(b"10.0.0.2:80"),
            Some(1),
            "a single address is an attempt that was answered"
        );
        assert_eq!(numbers.number(b"10.0.0.2:80, 10.0.0.1:80, 10.0.0.2:80 : [::1]:81"), Some(2));
        assert_eq!(
            numbers.number(b"10.0.0.1:80, 10.0.0.2:80, shop"),
            None,
            "no server of the group was left"
        );
        assert_eq!(numbers.number(b"unix:/run/a.sock, unix:/run/b.sock"), Some(4));
        let repeated: std::collections::BTreeMap<u16, u64> = numbers.repeated().collect();
        assert_eq!(repeated, [(0, 3 + 1 + 1), (1, 2 + 1), (3, 1)].into());
    }

    #[test]
    fn a_list_of_names_is_a_name() {
        let unlisted = Arc::new(Unlisted::default());
        let mut numbers = BackendNumbers::new(&[], Arc::clone(&unlisted));
        for name in ["cache-lhr1, cache-fra2", "a : b", "10.0.0.1, 10.0.0.2"] {
            numbers.number(name.as_bytes());
        }
        assert_eq!(unlisted.names(), ["cache-lhr1, cache-fra2", "a : b", "10.0.0.1, 10.0.0.2"]);
        assert_eq!(numbers.repeated().count(), 0);
    }
}
