//! Hints: what a request says about its own cost before a backend is picked, such as `query.limit` = 500.
//!
//! A hint is a name and either a number or a word. Names and words are hashes, so that hints are small values of fixed
//! size which can be copied and compared without allocation; whoever shows them to people keeps the texts
//! ([`hash`]). A request has at most [`MOST`] hints; further ones are left out, in the order of the target.

use crate::rng::hash_name;

/// Most hints of one request.
pub const MOST: usize = 8;

/// Something that a request says about its cost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Hint {
    /// [`hash`] of the name, such as `query.limit`, `path.3`, `header.x-batch` or `body.bytes`.
    pub name: u32,
    /// What the request says.
    pub said: Said,
}

/// The value of a hint.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Said {
    /// A finite number.
    Number(f32),
    /// The [`hash`] of a text that is not a number.
    Word(u32),
}

impl Default for Said {
    fn default() -> Self {
        Self::Number(0.0)
    }
}

/// The hints of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Hints {
    list: [Hint; MOST],
    count: u8,
}

impl Hints {
    /// Adds a hint, unless there are [`MOST`] or its number is not finite.
    pub fn push(&mut self, hint: Hint) {
        let is_finite = !matches!(hint.said, Said::Number(number) if !number.is_finite());
        if is_finite && usize::from(self.count) < MOST {
            self.list[usize::from(self.count)] = hint;
            self.count += 1;
        }
    }

    /// Returns the hints in the order in which they were added.
    pub fn as_slice(&self) -> &[Hint] {
        &self.list[..usize::from(self.count)]
    }
}

/// Returns the hash by which hints name things and hold words.
pub fn hash(text: &[u8]) -> u32 {
    hash_name(text) as u32
}
