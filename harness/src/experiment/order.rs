//! The order of algorithms within a block: shuffled by the seed, so that no algorithm always runs
//! first on a cold machine or last on a warm one.

use lb_core::rng::Seed;
use rand::RngExt;

/// Label of the stream that shuffles.
const ORDER: u64 = 0x6f72_6465;

/// A permutation of `0..algorithms`, by Fisher and Yates.
pub(super) fn order(seed: Seed, scenario: usize, block: u32, algorithms: usize) -> Vec<usize> {
    let mut rng = seed.stream(&[ORDER, scenario as u64, u64::from(block)]);
    let mut order: Vec<usize> = (0..algorithms).collect();
    for last in (1..algorithms).rev() {
        order.swap(last, rng.random_range(0..=last));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_block_holds_every_algorithm_once_in_an_order_of_its_own() {
        let orders: Vec<_> = (0..8).map(|block| order(Seed(1), 0, block, 5)).collect();
        for order in &orders {
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2, 3, 4], "a block is one pass over all algorithms");
        }
        assert!(orders.iter().any(|order| order != &orders[0]), "blocks differ in order");
        assert_eq!(orders[3], order(Seed(1), 0, 3, 5), "the seed fixes the order");
    }
}
