//! The full scan over all backends, shared by the cost-based rules.
//!
//! Which of eight costs is lowest is unpredictable at every step, and a mispredicted branch costs more
//! than the comparison. The scan therefore tracks its minimum by conditional selection instead of
//! branches. Ties need a random draw and are left to a second pass, which runs only if there are any.

use super::BackendIndex;
use crate::rng::Rng;
use rand::RngExt;

/// Returns the eligible backend with the lowest cost; `None` if no backend is eligible. Equal costs (an
/// idle pool, or a pool without replies so far) are settled at random with equal probabilities.
#[inline]
pub(super) fn lowest(
    eligible: &[BackendIndex],
    rng: &mut Rng,
    cost: impl Fn(BackendIndex) -> f64,
) -> Option<BackendIndex> {
    lowest_by_weight(eligible, rng, cost, |_| 1.0)
}

/// Like [`lowest`], but settles equal costs with probabilities in proportion to `weight`.
#[inline]
pub(super) fn lowest_by_weight(
    eligible: &[BackendIndex],
    rng: &mut Rng,
    cost: impl Fn(BackendIndex) -> f64,
    weight: impl Fn(BackendIndex) -> f64,
) -> Option<BackendIndex> {
    let (first, rest) = eligible.split_first()?;
    let mut best = *first;
    let mut lowest = cost(best);
    let mut ties = 0u32;
    for candidate in rest {
        let cost = cost(*candidate);
        let is_lower = cost < lowest;
        ties = if is_lower { 0 } else { ties + u32::from(cost == lowest) };
        best = if is_lower { *candidate } else { best };
        lowest = if is_lower { cost } else { lowest };
    }
    if ties == 0 {
        return Some(best);
    }
    let weight_if_tied = |backend: &BackendIndex| match cost(*backend) == lowest {
        true => weight(*backend),
        false => 0.0,
    };
    let mut left = rng.random::<f64>() * eligible.iter().map(weight_if_tied).sum::<f64>();
    let drawn = eligible.iter().find(|backend| {
        left -= weight_if_tied(backend);
        left < 0.0
    });
    // Rounding may leave a small remainder if the draw is close to the sum.
    Some(drawn.copied().unwrap_or(best))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Seed;

    #[test]
    fn the_lowest_wins_and_ties_are_settled_evenly() {
        let mut rng = Seed(1).stream(&[]);
        let eligible = [0, 2, 3, 5].map(BackendIndex);
        let costs = [1.0, 0.0, 9.0, 1.0, 0.0, 1.0];
        let mut counts = [0u32; 6];
        for _ in 0..3_000 {
            let picked = lowest(&eligible, &mut rng, |backend| costs[backend.get()]);
            counts[picked.expect("four are eligible").get()] += 1;
        }
        assert_eq!((counts[1], counts[2], counts[4]), (0, 0, 0), "only the lowest eligible: {counts:?}");
        for backend in [0, 3, 5] {
            assert!(counts[backend].abs_diff(1_000) < 100, "a third each: {counts:?}");
        }
        let weights = [1.0, 9.0, 9.0, 2.0, 9.0, 5.0];
        let mut counts = [0u32; 6];
        for _ in 0..8_000 {
            let of = |values: [f64; 6]| move |backend: BackendIndex| values[backend.get()];
            let picked = lowest_by_weight(&eligible, &mut rng, of(costs), of(weights));
            counts[picked.expect("four are eligible").get()] += 1;
        }
        for (backend, share) in [(0, 1_000), (3, 2_000), (5, 5_000), (2, 0)] {
            assert!(counts[backend].abs_diff(share) < 200, "ties by weight: {counts:?}");
        }
        assert_eq!(lowest(&[], &mut rng, |_| 0.0), None, "no backend is eligible");
    }
}
