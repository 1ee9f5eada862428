//! Rates of the hours of a week, with intervals.
//!
//! `k` requests in a time `t` have a gamma posterior (the conjugate of the Poisson distribution). Requests cluster, so a
//! count varies by a factor `J`, the index of dispersion, more than that of a Poisson process; `k/J` and `t/J` stand in
//! for `k` and `t` (quasi-likelihood: Wedderburn, 1974). Where an hour was seen on several weekdays of the same class
//! (working days, weekends), the prior has the mean `m` of that hour on the other days of the class and the squared
//! coefficient of variation `τ² + J / K`, `K` being their requests: credibility in the sense of Bühlmann and Straub (1970).
//! The posterior is `Gamma(k/J + a, t/J + a/m)` with `a = 1 / (τ² + J/K)`; otherwise `Gamma(k/J + 1/2, t/J)` (Jeffreys).

use crate::slots::{CLASS_HOURS, SLOTS, Slot};
use statrs::distribution::{ContinuousCDF, Gamma, Normal};

/// The quantiles of an interval of 95 %.
const ENDS: [f64; 2] = [0.025, 0.975];
/// Beyond this shape, the Wilson-Hilferty approximation of quantiles errs by less than a thousandth.
const LARGE_SHAPE: f64 = 50.0;

/// A rate in events per second, with its interval.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Rate {
    pub(crate) mean: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// Rates of all slots.
#[derive(Clone, Debug)]
pub(crate) struct Estimates {
    /// `None` for a slot that was not observed.
    pub(crate) rates: Vec<Option<Rate>>,
    /// `τ`: the coefficient of variation between the same hours of similar days.
    pub(crate) between_days: f64,
}

/// What was seen of an hour over the days of a class.
#[derive(Clone, Copy, Default)]
struct Pool {
    count: f64,
    seconds: f64,
    days: usize,
}

/// Estimates rates from counts and observed seconds of each slot. `clustering` is the time in seconds by which the rate
/// is multiplied to get the index of dispersion less 1.
pub(crate) fn estimate(counts: &[u64], seconds: &[f64], clustering: f64) -> Estimates {
    let mut pools = [Pool::default(); CLASS_HOURS];
    let observed = || Slot::all().filter(|slot| seconds[slot.index()] > 0.0);
    for slot in observed() {
        let pool = &mut pools[slot.class_hour()];
        pool.count += counts[slot.index()] as f64;
        pool.seconds += seconds[slot.index()];
        pool.days += 1;
    }
    let (mut above, mut below) = (0.0, 0.0);
    for slot in observed() {
        let pool = pools[slot.class_hour()];
        let (count, time) = (counts[slot.index()] as f64, seconds[slot.index()]);
        let rate = pool.count / pool.seconds;
        let own = 1.0 - time / pool.seconds;
        above += (count - rate * time).powi(2) - (1.0 + rate * clustering) * rate * time * own;
        below += (rate * time).powi(2) * own;
    }
    let between = if below > 0.0 { (above / below).max(0.0) } else { 0.0 };
    let mut rates = vec![None; SLOTS];
    for slot in observed() {
        let pool = pools[slot.class_hour()];
        let (count, time) = (counts[slot.index()] as f64, seconds[slot.index()]);
        let excess = 1.0 + pool.count / pool.seconds * clustering;
        // The prior is what the other days say.
        let (others, other_time) = (pool.count - count, pool.seconds - time);
        rates[slot.index()] = Some(match pool.days > 1 && others > 0.0 {
            true => {
                let prior = 1.0 / (between + excess / others);
                let (shape, rate) = (count / excess + prior, time / excess + prior * other_time / others);
                Rate { mean: shape / rate, ..interval(shape, rate) }
            }
            false => Rate { mean: count / time, ..interval(count / excess + 0.5, time / excess) },
        });
    }
    Estimates { rates, between_days: between.sqrt() }
}

/// Returns the rate of one kind of request, which has `count` of the requests in `seconds`. A part `share` of a
/// clustered process clusters less: its index of dispersion is `1 + share (J - 1)`.
pub(crate) fn of_kind(count: u64, seconds: f64, clustering: f64) -> Rate {
    let mean = count as f64 / seconds;
    let excess = 1.0 + mean * clustering;
    Rate { mean, ..interval(count as f64 / excess + 0.5, seconds / excess) }
}

fn interval(shape: f64, rate: f64) -> Rate {
    let [low, high] = ENDS.map(|share| quantile(shape, share) / rate);
    Rate { mean: 0.0, low, high }
}

/// Returns the quantile of a gamma distribution of rate 1.
fn quantile(shape: f64, share: f64) -> f64 {
    if shape > LARGE_SHAPE {
        let normal = Normal::standard().inverse_cdf(share);
        let root = 1.0 - 1.0 / (9.0 * shape) + normal / (3.0 * shape.sqrt());
        return shape * root.powi(3);
    }
    Gamma::new(shape, 1.0).map_or(shape, |gamma| gamma.inverse_cdf(share))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_core::Seed;
    use rand_distr::{Distribution, Poisson};

    #[test]
    fn quantiles_are_those_of_the_gamma_distribution() {
        // Reference values: scipy.stats.gamma.ppf.
        for (shape, share, expected) in
            [(0.5, 0.975, 2.511_943_), (10.0, 0.025, 4.795_389), (60.0, 0.975, 76.105_67)]
        {
            let found = quantile(shape, share);
            assert!((found / expected - 1.0).abs() < 1e-3, "{shape}, {share}: {found}");
        }
    }

    #[test]
    fn intervals_hold_the_planted_rates_as_often_as_they_say() {
        let mut rng = Seed(3).stream(&[]);
        let planted = |slot: Slot| 0.01 + 0.02 * f64::from(slot.hour());
        let (mut held, mut all) = (0, 0);
        for _ in 0..20 {
            let mut draw =
                |slot| Poisson::new(planted(slot) * 3600.0).expect("a rate").sample(&mut rng) as u64;
            let counts: Vec<u64> = Slot::all().map(&mut draw).collect();
            let estimates = estimate(&counts, &[3600.0; SLOTS], 0.0);
            assert!(estimates.between_days < 0.1, "days are alike: {}", estimates.between_days);
            for slot in Slot::all() {
                let rate = estimates.rates[slot.index()].expect("observed");
                held += usize::from(rate.low <= planted(slot) && planted(slot) <= rate.high);
                all += 1;
            }
        }
        let share = held as f64 / all as f64;
        assert!((0.93..1.0).contains(&share), "95 % of the intervals should hold the rate: {share}");
    }

    #[test]
    fn days_that_differ_keep_their_own_rates() {
        let mut counts = vec![100_u64; SLOTS];
        for hour in 0..24 {
            counts[Slot::new(0, hour).index()] = 1000;
        }
        let estimates = estimate(&counts, &[3600.0; SLOTS], 0.0);
        let monday = estimates.rates[Slot::new(0, 5).index()].expect("observed").mean * 3600.0;
        let saturday = estimates.rates[Slot::new(5, 5).index()].expect("observed").mean * 3600.0;
        assert!(monday > 950.0, "{monday}");
        assert!((saturday - 100.0).abs() < 1.0, "the weekend is another class: {saturday}");
    }

    #[test]
    fn one_observation_stands_for_itself() {
        let mut seconds = vec![0.0; SLOTS];
        let mut counts = vec![0; SLOTS];
        (seconds[5], counts[5]) = (100.0, 50);
        let estimates = estimate(&counts, &seconds, 0.0);
        assert_eq!(estimates.rates[5].map(|rate| rate.mean), Some(0.5));
        assert_eq!(estimates.rates.iter().flatten().count(), 1);
    }
}
