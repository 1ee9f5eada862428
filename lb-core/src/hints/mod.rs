//! Hints: what a request says about its own cost before a backend is picked, such as `query.limit` = 500.
//!
//! A hint is a name and either a number or a word. Names and words are hashes, so that hints are small values of
//! fixed size which can be copied and compared without allocation; whoever shows them to people keeps the
//! texts ([`Reader::describe`]). A request has at most [`MOST`] hints. [`Reader`] finds them in a request.

mod headers;
mod reader;
mod segment;

pub use headers::{HeaderError, MOST_HEADERS};
pub use reader::{MOST_BYTES, Reader, said};
pub use segment::is_variable;

use crate::rng::{hash_bytes, hash_name};

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
#[derive(Clone, Copy, Debug, Default)]
pub struct Hints {
    list: [Hint; MOST],
    count: u8,
}

impl Hints {
    /// Adds a hint, unless there are [`MOST`] or its number is not finite.
    pub fn push(&mut self, hint: Hint) {
        let is_finite = !matches!(hint.said, Said::Number(number) if !number.is_finite());
        if is_finite && !self.is_full() {
            self.list[usize::from(self.count)] = hint;
            self.count += 1;
        }
    }

    /// Returns the hints in the order in which they were added.
    pub fn as_slice(&self) -> &[Hint] {
        &self.list[..usize::from(self.count).min(MOST)]
    }

    /// Adds a hint like [`Self::push`], unless there is one of this name.
    fn push_first(&mut self, hint: Hint) {
        if self.as_slice().iter().all(|known| known.name != hint.name) {
            self.push(hint);
        }
    }

    fn is_full(&self) -> bool {
        usize::from(self.count) >= MOST
    }
}

impl PartialEq for Hints {
    /// Looks at those hints only that there are: few requests have all.
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

/// Returns the hash by which hints name things and hold words.
pub fn hash(text: &[u8]) -> u32 {
    hash_name(text) as u32
}

/// Returns [`hash`] of two texts, one after the other, without joining them.
fn hash_both(first: &[u8], second: &[u8]) -> u32 {
    hash_bytes(first.iter().chain(second)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_two_parts_is_that_of_their_text() {
        for (first, second) in [("query.", "limit"), ("", "path.3"), ("header.x-batch", "")] {
            let joined = format!("{first}{second}");
            assert_eq!(hash_both(first.as_bytes(), second.as_bytes()), hash(joined.as_bytes()), "{joined}");
        }
    }

    #[test]
    fn a_ninth_hint_and_a_number_without_end_are_left_out() {
        let mut hints = Hints::default();
        hints.push(Hint { name: 1, said: Said::Number(f32::NAN) });
        hints.push(Hint { name: 2, said: Said::Number(f32::INFINITY) });
        assert_eq!(hints.as_slice(), [], "no model can use them");
        for name in 0..20 {
            hints.push(Hint { name, said: Said::Word(name) });
        }
        let names: Vec<u32> = hints.as_slice().iter().map(|hint| hint.name).collect();
        assert_eq!(names, [0, 1, 2, 3, 4, 5, 6, 7], "the first ones stay");
    }
}
