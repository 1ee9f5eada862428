//! Randomness as a parameter: one named generator, and independent streams from one seed.
//!
//! The generator is xoshiro256++ (Blackman and Vigna, 2019): small, fast, and its output for a seed
//! never changes between releases, which a reproducible schedule needs. Streams are split by hashing
//! the seed with labels through SplitMix64's finaliser (Steele, Lea and Flood, 2014), so the draws of
//! one virtual user never depend on how many draws another one made.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;

/// The generator that every rule draws from.
pub type Rng = Xoshiro256PlusPlus;

/// The number that fixes all random choices of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Seed(pub u64);

impl Seed {
    /// The generator of the stream that `labels` name, independent of all other streams.
    pub fn stream(self, labels: &[u64]) -> Rng {
        Rng::seed_from_u64(self.key(labels))
    }

    /// The 64-bit key of the stream that `labels` name.
    pub fn key(self, labels: &[u64]) -> u64 {
        labels.iter().fold(mix(self.0), |key, label| mix(key ^ mix(*label)))
    }
}

/// SplitMix64's finaliser: a bijection on 64 bits in which each input bit flips half of the output.
pub const fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The key of a name (a user, a backend), for hashing policies: FNV-1a, then [`mix`].
pub fn hash_name(name: &[u8]) -> u64 {
    let fnv = name.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    mix(fnv)
}
