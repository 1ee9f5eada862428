//! The full scan that the cost-based rules share.

use super::BackendIndex;
use crate::rng::Rng;
use rand::RngExt;

/// The eligible backend with the lowest cost, none when there is none. Equal costs (an idle pool, or
/// one without replies yet) are settled at random with equal chances: the k-th of a tie replaces the
/// candidate with chance 1/k.
pub(super) fn lowest<C: PartialOrd>(
    eligible: &[BackendIndex],
    rng: &mut Rng,
    cost: impl Fn(BackendIndex) -> C,
) -> Option<BackendIndex> {
    let (first, rest) = eligible.split_first()?;
    let mut best = *first;
    let mut lowest = cost(best);
    let mut tied = 1u32;
    for candidate in rest {
        let cost = cost(*candidate);
        if cost < lowest {
            (best, lowest, tied) = (*candidate, cost, 1);
        } else if cost == lowest {
            tied += 1;
            if rng.random_range(0..tied) == 0 {
                best = *candidate;
            }
        }
    }
    Some(best)
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
        assert_eq!(
            (counts[1], counts[2], counts[4]),
            (0, 0, 0),
            "only the lowest eligible: {counts:?}"
        );
        for backend in [0, 3, 5] {
            assert!(
                counts[backend].abs_diff(1_000) < 100,
                "a third each: {counts:?}"
            );
        }
        assert_eq!(lowest(&[], &mut rng, |_| 0.0), None, "nobody is eligible");
    }
}
