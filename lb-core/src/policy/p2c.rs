//! Power of two choices: of two different backends drawn at random, the one with fewer requests in
//! flight for its weight.
//!
//! One more choice than random takes the fullest of n backends from about ln n / ln ln n requests to
//! about log2 ln n (Azar, Broder, Karlin and Upfal, Balanced Allocations, 1994; Mitzenmacher, The
//! Power of Two Choices in Randomized Load Balancing, 2001), and since each pick looks at two random
//! backends only, several load balancers do not herd onto the same idle one. On unequal backends it
//! pays for its blindness: two slow ones drawn together get the request.
//!
//! The draw is without replacement, as in nginx's `random two` and linkerd; Envoy draws with
//! replacement, so that there one of n picks compares a backend with itself.

use super::{BackendIndex, BackendView, Policy, PoolView, RequestInfo};
use crate::rng::Rng;
use crate::time::Time;
use rand::RngExt;

/// See the [module](self).
#[derive(Debug, Default)]
pub struct P2c;

impl Policy for P2c {
    fn pick(&mut self, _: &RequestInfo, pool: &PoolView<'_>, _: Time, rng: &mut Rng) -> Option<BackendIndex> {
        let [a, b] = draw_two(pool.eligible, rng)?;
        let busier = |a: &BackendView, b: &BackendView| {
            f64::from(a.in_flight) * b.weight > f64::from(b.in_flight) * a.weight
        };
        // A tie goes to the first drawn, which is either of the two with the same chance.
        Some(if busier(pool.backend(a), pool.backend(b)) { b } else { a })
    }
}

/// Two different backends, each ordered pair with the same chance; the only one twice when there is
/// just one, none when there is none.
pub(super) fn draw_two(eligible: &[BackendIndex], rng: &mut Rng) -> Option<[BackendIndex; 2]> {
    let count = eligible.len() as u32;
    if count < 2 {
        return eligible.first().map(|only| [*only; 2]);
    }
    let first = rng.random_range(0..count);
    // Of the other `count - 1`: those from `first` on are moved up by one.
    let second = rng.random_range(0..count - 1);
    let second = second + u32::from(second >= first);
    Some([eligible[first as usize], eligible[second as usize]])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Seed;

    #[test]
    fn draws_are_two_different_backends_each_pair_alike() {
        let mut rng = Seed(1).stream(&[]);
        let eligible = [1, 4, 6].map(BackendIndex);
        let mut counts = std::collections::BTreeMap::new();
        for _ in 0..6_000 {
            let [a, b] = draw_two(&eligible, &mut rng).expect("three are eligible");
            assert_ne!(a, b, "two different backends are drawn");
            *counts.entry((a, b)).or_insert(0u32) += 1;
        }
        assert_eq!(counts.len(), 6, "all ordered pairs appear: {counts:?}");
        assert!(counts.values().all(|count| count.abs_diff(1_000) < 120), "alike: {counts:?}");
    }

    #[test]
    fn one_backend_is_drawn_twice_and_none_not_at_all() {
        let mut rng = Seed(1).stream(&[]);
        assert_eq!(draw_two(&[BackendIndex(3)], &mut rng), Some([BackendIndex(3); 2]));
        assert_eq!(draw_two(&[], &mut rng), None);
    }
}
