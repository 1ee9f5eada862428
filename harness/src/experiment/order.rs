//! Orders the algorithms within a block so that neither position nor predecessor favours any of them.
//!
//! The orders of n blocks of n algorithms form a Latin square: each algorithm has each position once. If n is
//! even, it is a Williams square (Williams, Australian J. Sci. Res. A 2, 1949), in which each algorithm also
//! follows every other one once. The seed shuffles the algorithms and the rows, again for every square.

use lb_core::rng::{Rng, Seed};
use rand::RngExt;

/// The label of the random stream for shuffling.
const ORDER: u64 = 0x6f72_6465;

/// Returns the order of a block as a permutation of `0..algorithms`.
pub(super) fn order(seed: Seed, scenario: usize, block: u32, algorithms: usize) -> Vec<usize> {
    if algorithms == 0 {
        return Vec::new();
    }
    let square = u64::from(block) / algorithms as u64;
    let mut rng = seed.stream(&[ORDER, scenario as u64, square]);
    let parts = shuffled(algorithms, &mut rng);
    let rows = shuffled(algorithms, &mut rng);
    let row = rows[(u64::from(block) % algorithms as u64) as usize];
    zigzag(algorithms).map(|place| parts[(place + row) % algorithms]).collect()
}

/// Yields 0, 1, n-1, 2, n-2, …: successive differences are all different where n is even.
fn zigzag(n: usize) -> impl Iterator<Item = usize> {
    (0..n).map(move |place| if place % 2 == 1 { place.div_ceil(2) } else { (n - place / 2) % n })
}

/// Returns `0..n` in random order (Fisher and Yates).
fn shuffled(n: usize, rng: &mut Rng) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    for last in (1..n).rev() {
        order.swap(last, rng.random_range(0..=last));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(seed: u64, first: u32, n: usize) -> Vec<Vec<usize>> {
        (first..first + n as u32).map(|block| order(Seed(seed), 0, block, n)).collect()
    }

    #[test]
    fn each_block_holds_every_algorithm_once_and_the_seed_fixes_the_order() {
        for n in 1..=8 {
            for order in square(1, 0, n) {
                let mut sorted = order.clone();
                sorted.sort_unstable();
                assert_eq!(sorted, (0..n).collect::<Vec<_>>(), "a block is one pass over all algorithms");
            }
        }
        assert_eq!(square(1, 0, 5), square(1, 0, 5), "the seed fixes the order");
        assert_ne!(square(1, 0, 5), square(2, 0, 5), "another seed gives another order");
        assert_ne!(square(1, 0, 5), square(1, 5, 5), "each square is shuffled again");
    }

    #[test]
    fn over_a_square_each_algorithm_has_each_place_once() {
        for n in 1..=8 {
            for place in 0..n {
                let mut there: Vec<usize> = square(3, 0, n).iter().map(|order| order[place]).collect();
                there.sort_unstable();
                assert_eq!(there, (0..n).collect::<Vec<_>>(), "{n} algorithms, place {place}");
            }
        }
    }

    #[test]
    fn of_an_even_number_each_algorithm_follows_each_other_once() {
        for n in [2, 4, 6, 8] {
            let mut pairs: Vec<[usize; 2]> = Vec::new();
            for order in square(7, 0, n) {
                pairs.extend(order.windows(2).map(|pair| [pair[0], pair[1]]));
            }
            let all = pairs.len();
            pairs.sort_unstable();
            pairs.dedup();
            assert_eq!(pairs.len(), all, "{n} algorithms: no predecessor comes twice");
            assert_eq!(all, n * (n - 1), "{n} algorithms: so every one comes once");
        }
    }
}
