//! Keyed draws: every random choice of a user is determined by a key instead of its place in a
//! sequence.
//!
//! A choice is the hash of the keys that lead to it (user, session, action, step, repetition, purpose),
//! so it stays the same regardless of other choices. This makes a schedule independent of replies and
//! timing. The hash is SplitMix64's finaliser, as in [`crate::rng`].

use crate::rng::mix;

/// Returns the child key of `key` for `tag`.
#[inline]
pub(super) const fn derive(key: u64, tag: u64) -> u64 {
    mix(key ^ mix(tag))
}

/// Converts bits to a number in `[0, 1)`, with the full 53 bits of precision of an `f64`.
#[inline]
pub(super) fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
}

/// Converts bits to a number below `n`, by multiplication instead of division (Lemire, 2019). The bias
/// is below `n / 2^64`.
#[inline]
pub(super) fn below(bits: u64, n: u64) -> u64 {
    ((u128::from(bits) * u128::from(n)) >> 64) as u64
}

/// Draws uniformly from `[low, high]`.
#[inline]
pub(super) fn between(bits: u64, [low, high]: [f64; 2]) -> f64 {
    low + (high - low) * unit(bits)
}

/// Draws uniformly from the integers `low..=high`.
#[inline]
pub(super) fn whole_between(bits: u64, [low, high]: [u32; 2]) -> u32 {
    low + below(bits, u64::from(high - low) + 1) as u32
}

/// A table for drawing positions by weight, with cumulative sums and a binary search.
#[derive(Clone, Debug)]
pub(super) struct Weights {
    cumulative: Vec<f64>,
    /// Last position with a weight above zero, in case rounding reaches the total.
    last: usize,
}

impl Weights {
    /// Creates a table. `None` unless all weights are finite, none is negative and at least one is
    /// above zero.
    pub(super) fn new(weights: &[f64]) -> Option<Self> {
        if weights.iter().any(|weight| !weight.is_finite() || *weight < 0.0) {
            return None;
        }
        let last = weights.iter().rposition(|weight| *weight > 0.0)?;
        let mut sum = 0.0;
        let cumulative = weights
            .iter()
            .map(|weight| {
                sum += weight;
                sum
            })
            .collect();
        Some(Self { cumulative, last })
    }

    /// Returns the position that `bits` select, never one with weight zero.
    #[inline]
    pub(super) fn pick(&self, bits: u64) -> usize {
        let point = unit(bits) * self.cumulative[self.last];
        self.cumulative.partition_point(|sum| *sum <= point).min(self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn draws_stay_within_their_limits(bits: u64, low in 0_u32..1_000, more in 0_u32..1_000) {
            let whole = whole_between(bits, [low, low + more]);
            prop_assert!((low..=low + more).contains(&whole), "whole draws include both ends only");
            let real = between(bits, [f64::from(low), f64::from(low + more)]);
            prop_assert!(real >= f64::from(low) && real <= f64::from(low + more), "got {real}");
            prop_assert!((0.0..1.0).contains(&unit(bits)), "unit draws lie in [0, 1)");
        }

        #[test]
        fn positions_without_weight_are_never_picked(
            weights in prop::collection::vec(prop_oneof![Just(0.0), 0.001..1e6], 1..12),
            bits: u64,
        ) {
            match Weights::new(&weights) {
                None => prop_assert!(weights.iter().all(|weight| *weight == 0.0), "refused without reason"),
                Some(table) => {
                    let picked = table.pick(bits);
                    prop_assert!(weights[picked] > 0.0, "picked position {picked} of {weights:?}");
                }
            }
        }
    }

    #[test]
    fn shares_follow_the_weights() {
        let table = Weights::new(&[1.0, 0.0, 3.0]).expect("valid weights");
        let mut counts = [0_u32; 3];
        for number in 0..40_000 {
            counts[table.pick(derive(7, number))] += 1;
        }
        assert_eq!(counts[1], 0, "a position without weight is never picked");
        assert!((f64::from(counts[2]) / 40_000.0 - 0.75).abs() < 0.01, "3 of 4, got {counts:?}");
    }

    #[test]
    fn bad_weights_are_refused() {
        for weights in [&[][..], &[0.0], &[-1.0, 2.0], &[f64::NAN], &[f64::INFINITY]] {
            assert!(Weights::new(weights).is_none(), "{weights:?} must be rejected");
        }
    }
}
