//! Distributions of positive values: quantiles, a log-normal fit, and distances between distributions.

use crate::document::Lognormal;
use rand::RngExt;
use statrs::distribution::{ContinuousCDF, Normal};

/// Fewest values for a fitted distribution.
const FEWEST: usize = 20;

/// Returns the quantiles of sorted values at `steps + 1` equal steps from 0 to 1, with linear interpolation; empty
/// without values.
pub(crate) fn quantiles(sorted: &[f64], steps: usize) -> Vec<f64> {
    if sorted.is_empty() {
        return Vec::new();
    }
    (0..=steps).map(|step| at_share(sorted, step as f64 / steps as f64)).collect()
}

/// Returns the value at a share of a sorted list, with linear interpolation. The list must not be empty.
pub(crate) fn at_share(sorted: &[f64], share: f64) -> f64 {
    let place = share.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    low + (high - low) * place.fract()
}

/// Draws a value of the distribution that has these quantiles.
pub(crate) fn draw(quantiles: &[f64], rng: &mut lb_core::Rng) -> f64 {
    if quantiles.is_empty() { 0.0 } else { at_share(quantiles, rng.random()) }
}

/// Fits a log-normal distribution to the values above 0 by maximum likelihood: the mean and the standard deviation of
/// their logarithms. `None` with fewer than 20 of them, or if all are equal.
pub(crate) fn lognormal(values: &[f64]) -> Option<Lognormal> {
    let mut logs: Vec<f64> = values.iter().filter(|value| **value > 0.0).map(|value| value.ln()).collect();
    if logs.len() < FEWEST {
        return None;
    }
    let count = logs.len() as f64;
    let mu = logs.iter().sum::<f64>() / count;
    let sigma = (logs.iter().map(|log| (log - mu).powi(2)).sum::<f64>() / count).sqrt();
    let normal = Normal::new(mu, sigma).ok().filter(|_| sigma > 0.0)?;
    logs.sort_unstable_by(f64::total_cmp);
    let distance = distance_from(&logs, |log| normal.cdf(log));
    Some(Lognormal { mu, sigma, distance })
}

/// Returns the Kolmogorov-Smirnov distance of sorted values from a continuous distribution function.
pub(crate) fn distance_from(sorted: &[f64], distribution: impl Fn(f64) -> f64) -> f64 {
    let count = sorted.len() as f64;
    let steps = sorted.iter().enumerate().map(|(place, value)| {
        let share = distribution(*value);
        (share - place as f64 / count).abs().max((share - (place + 1) as f64 / count).abs())
    });
    steps.fold(0.0, f64::max)
}

/// Returns the Kolmogorov-Smirnov distance between two sorted samples; 1 if one is empty.
pub(crate) fn distance_between(one: &[f64], other: &[f64]) -> f64 {
    if one.is_empty() || other.is_empty() {
        return 1.0;
    }
    let (mut i, mut j, mut most) = (0, 0, 0.0_f64);
    while i < one.len() && j < other.len() {
        let value = one[i].min(other[j]);
        while i < one.len() && one[i] <= value {
            i += 1;
        }
        while j < other.len() && other[j] <= value {
            j += 1;
        }
        most = most.max((i as f64 / one.len() as f64 - j as f64 / other.len() as f64).abs());
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_core::Seed;
    use rand_distr::{Distribution, LogNormal};

    #[test]
    fn a_planted_lognormal_distribution_is_found() {
        let mut rng = Seed(1).stream(&[]);
        let planted = LogNormal::new(1.5, 0.4).expect("valid parameters");
        let values: Vec<f64> = (0..20_000).map(|_| planted.sample(&mut rng)).collect();
        let fit = lognormal(&values).expect("enough values");
        assert!((fit.mu - 1.5).abs() < 0.01 && (fit.sigma - 0.4).abs() < 0.01, "{fit:?}");
        assert!(fit.distance < 0.015, "{fit:?}");
        assert!(lognormal(&[1.0; 100]).is_none() && lognormal(&values[..19]).is_none());
    }

    #[test]
    fn distances_between_samples_are_those_of_their_steps() {
        assert_eq!(distance_between(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0]), 0.0);
        assert_eq!(distance_between(&[1.0, 1.0], &[2.0, 2.0]), 1.0);
        assert_eq!(distance_between(&[1.0, 2.0], &[1.0, 2.0, 2.0, 2.0]), 0.25);
    }

    #[test]
    fn quantiles_interpolate() {
        assert_eq!(quantiles(&[0.0, 10.0], 4), [0.0, 2.5, 5.0, 7.5, 10.0]);
        assert_eq!(quantiles(&[7.0], 2), [7.0, 7.0, 7.0]);
        assert_eq!(quantiles(&[], 2), [0.0; 0]);
    }
}
