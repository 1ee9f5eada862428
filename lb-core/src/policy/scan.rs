//! The full scan that the cost-based rules share.

use super::BackendIndex;
use crate::rng::Rng;
use rand::RngExt;

/// The eligible backend with the lowest cost, none when there is none. Equal costs (an idle pool, or
/// one without replies yet) are settled at random with equal chances: the k-th of a tie replaces the
/// candidate with chance 1/k.
pub(super) fn lowest(
    eligible: &[BackendIndex],
    rng: &mut Rng,
    cost: impl Fn(BackendIndex) -> f64,
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
