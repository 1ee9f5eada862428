//! Texts that are kept once each, one after the other, and found by their hash.

use crate::rng::hash_name;
use hashbrown::HashTable;
use serde::{Deserialize, Serialize};

/// Distinct texts, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Texts {
    all: String,
    ends: Vec<usize>,
}

impl Texts {
    /// Returns the text at a position.
    pub(super) fn get(&self, number: usize) -> &str {
        let begin = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.all[begin..self.ends[number]]
    }

    /// Returns the number of texts.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Appends a text.
    pub(super) fn push(&mut self, text: &str) {
        self.all.push_str(text);
        self.ends.push(self.all.len());
    }

    /// Gives back the memory that was set aside for more texts.
    pub(super) fn shrink(&mut self) {
        self.all.shrink_to_fit();
        self.ends.shrink_to_fit();
    }
}

/// Finds the position of a text by its hash, in 5 to 10 bytes for each text besides the text itself.
#[derive(Debug, Default)]
pub(super) struct Index(HashTable<u32>);

impl Index {
    /// Returns the position of a text for which `is_same` holds; it is added if there is none.
    pub(super) fn number(&mut self, texts: &mut Texts, text: &str, is_same: impl Fn(u32) -> bool) -> u32 {
        let is_it = |number: &u32| texts.get(*number as usize) == text && is_same(*number);
        let hash = hash_name(text.as_bytes());
        if let Some(number) = self.0.find(hash, is_it) {
            return *number;
        }
        let number = texts.len() as u32;
        texts.push(text);
        self.0.insert_unique(hash, number, |number| hash_name(texts.get(*number as usize).as_bytes()));
        number
    }
}
