//! A list that grows at its end and keeps the newest entries, each with the moment at which it came.

use std::collections::VecDeque;

/// The newest entries of a list.
#[derive(Clone, Debug)]
pub(super) struct Log<T> {
    most: usize,
    entries: VecDeque<(u64, T)>,
}

impl<T> Log<T> {
    /// Makes an empty list of at most `most` entries.
    pub(super) fn new(most: usize) -> Self {
        Self { most: most.max(1), entries: VecDeque::new() }
    }

    /// Adds an entry at the moment `clock`. The oldest one makes room.
    pub(super) fn add(&mut self, clock: u64, entry: T) {
        if self.entries.len() == self.most {
            self.entries.pop_front();
        }
        self.entries.push_back((clock, entry));
    }

    /// Returns the entries that came after the moment `seen`.
    pub(super) fn since(&self, seen: u64) -> impl Iterator<Item = &T> {
        let first = self.entries.partition_point(|(clock, _)| *clock <= seen);
        self.entries.range(first..).map(|(_, entry)| entry)
    }

    /// Returns the last entry.
    pub(super) fn last(&self) -> Option<&T> {
        self.entries.back().map(|(_, entry)| entry)
    }

    /// Returns the number of entries.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_entries_are_kept_and_told_since_a_moment() {
        let mut log = Log::new(3);
        for clock in 1..=5 {
            log.add(clock, clock * 10);
        }
        assert_eq!(log.since(0).copied().collect::<Vec<_>>(), [30, 40, 50]);
        assert_eq!(log.since(4).copied().collect::<Vec<_>>(), [50]);
        assert_eq!((log.since(5).count(), log.last(), log.len()), (0, Some(&50), 3));
    }
}
