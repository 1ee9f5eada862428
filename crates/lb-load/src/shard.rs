//! The part of a schedule that one generator plays, so that several can share a phase.

use crate::limits::part;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

/// One of several equal parts of a schedule: part `i` of `n` plays users `i`, `i + n`, `i + 2n` and so on,
/// and likewise for arrivals. Users keep their numbers and do the same as in the whole schedule.
///
/// ```
/// use lb_load::Shard;
///
/// let second_half = Shard::new(1, 2).expect("1 is below 2");
/// assert_eq!((second_half.index(), second_half.of()), (1, 2));
/// assert_eq!(Shard::new(2, 2), None);
/// assert_eq!(Shard::default(), Shard::WHOLE);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "Written", try_from = "Written")]
pub struct Shard {
    index: u32,
    of: NonZeroU32,
}

impl Shard {
    /// The whole schedule.
    pub const WHOLE: Self = Self { index: 0, of: NonZeroU32::MIN };

    /// Creates part `index` of `of`, counted from 0; `None` unless `index` is below `of`.
    pub fn new(index: u32, of: u32) -> Option<Self> {
        NonZeroU32::new(of).filter(|_| index < of).map(|of| Self { index, of })
    }

    /// Returns the number of this part, from 0.
    pub fn index(self) -> u32 {
        self.index
    }

    /// Returns the number of parts.
    pub fn of(self) -> u32 {
        self.of.get()
    }

    /// Returns how many of the first `total` users, arrivals or seats belong to this part.
    pub(crate) fn count(self, total: usize) -> usize {
        part(total, self.of.get() as usize, self.index as usize)
    }

    /// Returns which users or arrivals of this part one of `workers` workers plays: the position of the first
    /// in the schedule, and the distance from one to the next.
    pub(crate) fn deal(self, worker: usize, workers: usize) -> (usize, usize) {
        let (index, of) = (self.index as usize, self.of.get() as usize);
        (index + of * worker, of * workers)
    }
}

impl Default for Shard {
    fn default() -> Self {
        Self::WHOLE
    }
}

/// The serialised form of a shard.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Shard", deny_unknown_fields)]
struct Written {
    index: u32,
    of: u32,
}

impl From<Shard> for Written {
    fn from(shard: Shard) -> Self {
        Self { index: shard.index, of: shard.of() }
    }
}

impl TryFrom<Written> for Shard {
    type Error = String;

    fn try_from(Written { index, of }: Written) -> Result<Self, String> {
        Self::new(index, of)
            .ok_or_else(|| format!("shard {index} of {of} does not exist; shards are numbered from 0"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_position_is_dealt_to_one_worker_of_one_shard() {
        for (of, workers, total) in [(1, 1, 5), (1, 3, 10), (2, 1, 7), (3, 2, 20), (4, 3, 2)] {
            let mut dealt = BTreeSet::new();
            for shard in (0..of).filter_map(|index| Shard::new(index, of)) {
                let before = dealt.len();
                for (first, step) in (0..workers).map(|worker| shard.deal(worker, workers)) {
                    for position in (0..total).skip(first).step_by(step) {
                        assert_eq!(position % of as usize, shard.index() as usize, "users i, i + n, ...");
                        assert!(dealt.insert(position), "{position} is dealt once");
                    }
                }
                assert_eq!(dealt.len() - before, shard.count(total), "{shard:?} of {total}");
            }
            assert_eq!(dealt.len(), total, "all positions are dealt");
        }
    }

    #[test]
    fn a_shard_reads_back_as_it_was_written_and_none_beyond_the_last_is_read() {
        let shard = Shard::new(1, 3).expect("1 is below 3");
        let text = serde_json::to_string(&shard).expect("plain data");
        assert_eq!(text, r#"{"index":1,"of":3}"#);
        assert_eq!(serde_json::from_str::<Shard>(&text).expect("it was just written"), shard);
        let error = serde_json::from_str::<Shard>(r#"{"index":3,"of":3}"#).expect_err("0, 1 and 2 are there");
        assert!(
            error.to_string().contains("shard 3 of 3 does not exist; shards are numbered from 0"),
            "{error}"
        );
    }
}
