//! A bounded, numbered log of orders, payments and the like.

use super::Held;
use std::collections::VecDeque;

/// The latest entries of one kind, numbered from 1. Each entry beyond a limit removes the oldest.
#[derive(Debug)]
pub(crate) struct Ledger<T> {
    /// The most entries.
    limit: usize,
    /// The most bytes that all entries but the latest may hold together.
    most_bytes: usize,
    bytes: usize,
    /// The number of the oldest entry that is kept.
    first: u64,
    entries: VecDeque<T>,
}

impl<T: Held> Ledger<T> {
    /// Returns an empty ledger that keeps `limit` entries of `most_bytes` in total.
    pub(super) fn new(limit: usize, most_bytes: usize) -> Self {
        Self { limit, most_bytes, bytes: 0, first: 1, entries: VecDeque::new() }
    }

    /// Forgets all entries; numbers begin at 1 again.
    pub(super) fn clear(&mut self) {
        *self = Self::new(self.limit, self.most_bytes);
    }

    /// Appends an entry and returns its number.
    pub(crate) fn add(&mut self, entry: T) -> u64 {
        self.bytes += entry.bytes();
        while (self.entries.len() >= self.limit || self.bytes > self.most_bytes)
            && let Some(oldest) = self.entries.pop_front()
        {
            self.bytes -= oldest.bytes();
            self.first += 1;
        }
        self.entries.push_back(entry);
        self.first + self.entries.len() as u64 - 1
    }

    fn index(&self, number: u64) -> Option<usize> {
        number.checked_sub(self.first).map(|index| index as usize)
    }

    /// Returns the entry with this number, if it is kept.
    pub(crate) fn get(&self, number: u64) -> Option<&T> {
        self.entries.get(self.index(number)?)
    }

    /// Returns a mutable reference to the entry with this number, if it is kept.
    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        let index = self.index(number)?;
        self.entries.get_mut(index)
    }

    /// Returns all entries with their numbers, the latest first.
    pub(crate) fn latest(&self) -> impl Iterator<Item = (u64, &T)> {
        let next = self.first + self.entries.len() as u64;
        (self.first..next).rev().zip(self.entries.iter().rev())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Held for &str {
        fn bytes(&self) -> usize {
            self.len()
        }
    }

    #[test]
    fn the_oldest_entries_leave_when_the_others_need_their_bytes() {
        let mut ledger = Ledger::new(10, 6);
        for entry in ["aa", "bb", "cc", "dddd"] {
            ledger.add(entry);
        }
        assert_eq!(ledger.latest().collect::<Vec<_>>(), [(4, &"dddd"), (3, &"cc")]);
        ledger.add("longer than all");
        assert_eq!(
            ledger.latest().collect::<Vec<_>>(),
            [(5, &"longer than all")],
            "the latest is always kept"
        );
        assert_eq!(ledger.add("e"), 6);
        assert_eq!((ledger.entries.len(), ledger.bytes), (1, 1), "nothing is counted twice");
    }

    #[test]
    fn the_oldest_entry_leaves_and_numbers_go_on() {
        let mut ledger = Ledger::new(2, 100);
        let numbers: Vec<u64> = ["a", "b", "c"].into_iter().map(|entry| ledger.add(entry)).collect();
        assert_eq!(numbers, [1, 2, 3]);
        assert_eq!(ledger.entries.len(), 2, "memory stays bounded");
        assert_eq!(
            [0, 1, 2, 3, 4].map(|number| ledger.get(number).copied()),
            [None, None, Some("b"), Some("c"), None]
        );
        assert_eq!(ledger.latest().collect::<Vec<_>>(), [(3, &"c"), (2, &"b")]);
        ledger.clear();
        assert_eq!(ledger.add("d"), 1, "numbers begin anew");
    }
}
