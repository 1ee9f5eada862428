//! The caches of a mock API and how often they held what was asked for.

use super::cache::{Cache, Lookup};
use super::file::Scope;
use std::collections::BTreeMap;

/// How often a cache held what was asked for, and how often it did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) hits: u64,
    pub(crate) misses: u64,
}

/// All caches of an API.
#[derive(Debug)]
pub(super) struct Caches {
    /// By number of the cache, and of the backend if it is the backend's own.
    held: BTreeMap<(usize, usize), Cache>,
    /// By number of the cache, then of the backend that answered.
    tallies: Vec<BTreeMap<usize, Tally>>,
}

/// The number that stands for all backends.
const SHARED: usize = usize::MAX;

fn place(cache: usize, scope: Scope, unit: usize) -> (usize, usize) {
    match scope {
        Scope::Shared => (cache, SHARED),
        Scope::Backend => (cache, unit),
    }
}

impl Caches {
    pub(super) fn new(count: usize) -> Self {
        Self { held: BTreeMap::new(), tallies: vec![BTreeMap::new(); count] }
    }

    /// Returns the cache that backend number `unit` uses.
    pub(super) fn of(&mut self, cache: usize, scope: Scope, unit: usize) -> &mut Cache {
        self.held.entry(place(cache, scope, unit)).or_default()
    }

    /// Empties the cache that backend number `unit` uses.
    pub(super) fn clear(&mut self, cache: usize, scope: Scope, unit: usize) {
        self.held.remove(&place(cache, scope, unit));
    }

    /// Counts a reply of backend number `unit`.
    pub(super) fn count(&mut self, cache: usize, unit: usize, lookup: Lookup) {
        let tally = self.tallies[cache].entry(unit).or_default();
        match lookup {
            Lookup::Hit => tally.hits += 1,
            Lookup::Miss => tally.misses += 1,
        }
    }

    /// Returns the counts of a cache by the number of the backend that answered.
    pub(super) fn tallies(&self, cache: usize) -> &BTreeMap<usize, Tally> {
        &self.tallies[cache]
    }

    /// Returns the number of replies that a cache holds, in all backends together.
    pub(super) fn entries(&self, cache: usize) -> usize {
        let own = self.held.range((cache, 0)..=(cache, SHARED));
        own.map(|(_, cache)| cache.len()).sum()
    }
}
