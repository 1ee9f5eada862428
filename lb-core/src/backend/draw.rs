//! Random properties of a request, drawn from the request's key alone, so that every algorithm and both
//! drivers get the same draws.

use crate::rng::{Rng, mix};
use crate::service_time::ServiceTime;
use crate::time::Span;
use rand_xoshiro::rand_core::SeedableRng;

/// Labels that keep the draws of one request independent of each other.
const DEMAND: u64 = 0xd3_4a_9d;
const ERROR: u64 = 0xe2_20_2a;
const HANG: u64 = 0x8a_96_11;
const FAST_FAIL: u64 = 0xfa_57_fa;

/// Draws the service time of the request with `key`, at speed 1 and without faults.
pub fn demand(service_time: &ServiceTime, key: u64) -> Span {
    service_time.sample(&mut Rng::seed_from_u64(mix(key ^ DEMAND)))
}

/// Draws the service time of the request with `key`, at speed 1 and without faults, if what it says multiplies it by
/// `cost` ([`Costs::factor`](crate::topology::Costs::factor)).
pub fn demand_at_cost(service_time: &ServiceTime, key: u64, cost: f32) -> Span {
    demand(service_time, key).mul_f64(f64::from(cost))
}

/// Draws whether the request with `key` fails after full service, with probability `rate`.
pub(super) fn fails(key: u64, rate: f64) -> bool {
    happens(key ^ ERROR, rate)
}

/// Draws whether the request with `key` hangs, with probability `rate`.
pub(super) fn hangs(key: u64, rate: f64) -> bool {
    happens(key ^ HANG, rate)
}

/// Draws whether the request with `key` fails at once, with probability `rate`.
pub(super) fn fails_fast(key: u64, rate: f64) -> bool {
    happens(key ^ FAST_FAIL, rate)
}

/// Compares `rate` with a uniform draw from [0, 1): a rate of 0 is never true, a rate of 1 always.
fn happens(key: u64, rate: f64) -> bool {
    const UNIT: f64 = 1.0 / (1u64 << 53) as f64;
    rate > 0.0 && ((mix(key) >> 11) as f64) * UNIT < rate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_key_meets_the_same_luck() {
        let time = ServiceTime::LogNormal { mean_ms: 10.0, sigma: 1.0 };
        assert_eq!(demand(&time, 5), demand(&time, 5), "a request has one service time");
        assert_ne!(demand(&time, 5), demand(&time, 6), "another request has another");
        assert_eq!(demand_at_cost(&time, 5, 1.0), demand(&time, 5), "an ordinary cost changes nothing");
        assert_eq!(demand_at_cost(&time, 5, 2.5), demand(&time, 5).mul_f64(2.5));
    }

    #[test]
    fn chances_hold_over_consecutive_keys_and_are_independent() {
        const KEYS: u64 = 100_000;
        let count = |test: &dyn Fn(u64) -> bool| (0..KEYS).filter(|key| test(*key)).count() as f64;
        for (name, share, expected) in [
            ("error", count(&|k| fails(k, 0.3)), 0.3),
            ("hang", count(&|k| hangs(k, 0.1)), 0.1),
            ("fast fail", count(&|k| fails_fast(k, 0.9)), 0.9),
            ("error and hang", count(&|k| fails(k, 0.3) && hangs(k, 0.1)), 0.03),
            ("never", count(&|k| fails(k, 0.0)), 0.0),
            ("always", count(&|k| fails(k, 1.0)), 1.0),
        ] {
            let share = share / KEYS as f64;
            assert!((share - expected).abs() < 0.005, "{name}: {share} must be near {expected}");
        }
    }

    #[test]
    fn demands_over_consecutive_keys_have_the_distributions_mean() {
        let time = ServiceTime::LogNormal { mean_ms: 10.0, sigma: 1.0 };
        let mean = (0..200_000).map(|key| demand(&time, key).as_millis_f64()).sum::<f64>() / 200_000.0;
        assert!((mean / 10.0 - 1.0).abs() < 0.015, "mean {mean} must be 10 ms within 1.5 %");
    }
}
