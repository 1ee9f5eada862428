//! Randomness as a parameter: the random number generator, and independent streams from one seed.
//!
//! The generator is xoshiro256++ (Blackman and Vigna, 2019). It is small and fast, and its output for a
//! seed never changes between releases, which a reproducible schedule needs. Streams are derived by
//! hashing the seed with labels through SplitMix64's finaliser (Steele, Lea and Flood, 2014), so the
//! draws of one virtual user never depend on how many draws another user made.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;
use serde::{Deserialize, Serialize};

/// The random number generator of all policies, schedules and backends.
pub type Rng = Xoshiro256PlusPlus;

/// The number that determines all random choices of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Seed(pub u64);

impl Seed {
    /// Returns the generator of the stream named by `labels`, which is independent of all other
    /// streams.
    pub fn stream(self, labels: &[u64]) -> Rng {
        Rng::seed_from_u64(self.key(labels))
    }

    /// Returns the 64-bit key of the stream named by `labels`.
    pub fn key(self, labels: &[u64]) -> u64 {
        labels.iter().fold(mix(self.0), |key, label| mix(key ^ mix(*label)))
    }
}

/// Mixes 64 bits with SplitMix64's finaliser, a bijection in which each input bit flips half of the
/// output bits on average.
pub const fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Returns the key of a name (a user, a backend) for hashing policies: FNV-1a, then [`mix`].
pub fn hash_name(name: &[u8]) -> u64 {
    hash_bytes(name.iter())
}

/// Returns [`hash_name`] of bytes that are not in one place.
pub(crate) fn hash_bytes<'a>(bytes: impl Iterator<Item = &'a u8>) -> u64 {
    let fnv = bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    mix(fnv)
}
