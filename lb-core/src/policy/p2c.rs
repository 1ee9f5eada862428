//! Power of two choices: of two different backends drawn at random, the one with fewer requests in
//! flight relative to its weight.
//!
//! Compared with random, a second choice reduces the fullest of n backends from about ln n / ln ln n
//! requests to about log2 ln n (Azar, Broder, Karlin and Upfal, Balanced Allocations, 1994;
//! Mitzenmacher, The Power of Two Choices in Randomized Load Balancing, 2001). Since each pick compares
//! only two random backends, several load balancers do not all pick the same idle one. On unequal
//! backends it has a drawback: if two slow ones are drawn together, one of them gets the request.
//!
//! The draw is without replacement, as in nginx's `random two` and linkerd. HAProxy ([`super::HaproxyRandom`]) and
//! Envoy ([`P2cReplacing`]) draw with replacement, so one of their n picks compares a backend with itself. Where some
//! backends are slow, that matters: of eight backends with four slow ones, these get a quarter of all requests at
//! least, and without replacement 3/14.

use super::{BackendIndex, BackendView, Policy, PoolView, RequestInfo};
use crate::rng::Rng;
use crate::time::Time;
use rand::RngExt;

/// Power of two choices, see the [module](self).
#[derive(Debug, Default)]
pub struct P2c;

impl Policy for P2c {
    fn pick(&mut self, _: &RequestInfo, pool: &PoolView<'_>, _: Time, rng: &mut Rng) -> Option<BackendIndex> {
        let [a, b] = draw_two(pool.eligible, rng)?;
        // A tie goes to the first one drawn, which is either of the two with equal probability.
        Some(if is_busier(pool.backend(a), pool.backend(b)) { b } else { a })
    }
}

/// Power of two choices with two draws that may be of the same backend, as in Envoy. It predicts what that would do.
#[derive(Debug, Default)]
pub struct P2cReplacing;

impl Policy for P2cReplacing {
    fn pick(&mut self, _: &RequestInfo, pool: &PoolView<'_>, _: Time, rng: &mut Rng) -> Option<BackendIndex> {
        let count = pool.eligible.len();
        if count == 0 {
            return None;
        }
        let [a, b] = [(); 2].map(|()| pool.eligible[rng.random_range(0..count)]);
        Some(if is_busier(pool.backend(a), pool.backend(b)) { b } else { a })
    }
}

/// Returns whether the first has more requests in flight, relative to its weight.
fn is_busier(a: &BackendView, b: &BackendView) -> bool {
    f64::from(a.in_flight) * b.weight > f64::from(b.in_flight) * a.weight
}

/// Draws two different backends; each ordered pair is equally likely. If there is only one backend,
/// returns it twice; if there is none, `None`.
pub(super) fn draw_two(eligible: &[BackendIndex], rng: &mut Rng) -> Option<[BackendIndex; 2]> {
    let count = eligible.len() as u32;
    if count < 2 {
        return eligible.first().map(|only| [*only; 2]);
    }
    let first = rng.random_range(0..count);
    // Draw from the other `count - 1`: positions from `first` on are moved up by one.
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
    fn with_replacement_the_busiest_is_still_chosen_when_it_is_drawn_twice() {
        let view = |in_flight| BackendView { weight: 1.0, in_flight };
        let backends = [view(9), view(0), view(0), view(0)];
        let eligible = [0, 1, 2, 3].map(BackendIndex);
        let pool = PoolView { backends: &backends, eligible: &eligible, generation: 0 };
        let request = RequestInfo::default();
        let mut rng = Seed(1).stream(&[]);
        let picks = 16_000;
        let mut count = |policy: &mut dyn Policy| {
            let picked = (0..picks).filter_map(|_| policy.pick(&request, &pool, Time::ZERO, &mut rng));
            picked.filter(|picked| *picked == BackendIndex(0)).count()
        };
        assert_eq!(count(&mut P2c), 0, "another is drawn beside it");
        let drawn_twice = count(&mut P2cReplacing);
        assert!(drawn_twice.abs_diff(picks / 16) < 150, "1 in 16 draws: {drawn_twice}");
    }

    #[test]
    fn one_backend_is_drawn_twice_and_none_not_at_all() {
        let mut rng = Seed(1).stream(&[]);
        assert_eq!(draw_two(&[BackendIndex(3)], &mut rng), Some([BackendIndex(3); 2]));
        assert_eq!(draw_two(&[], &mut rng), None);
    }
}
