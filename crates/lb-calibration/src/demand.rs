//! Service times of a route at speed 1: a closed form if one fits, or else the measured distribution.

use super::stats;
use lb_core::service_time::ServiceTime;
use statrs::distribution::{ContinuousCDF, Exp, LogNormal, Normal};

/// Number of values that represent a measured distribution.
const VALUES: usize = 1000;
/// Coefficient of variation below which a time is constant: the granularity of a timer is not a distribution.
const CONSTANT: f64 = 0.01;
/// A closed form is accepted if its distribution function is off by at most this much, regardless of
/// significance.
const CLOSE: f64 = 0.01;
/// The Kolmogorov-Smirnov statistic times the root of the sample's size stays below this in 99 of 100
/// samples of the distribution itself (Smirnov, 1948).
const KOLMOGOROV_99: f64 = 1.63;
/// Times below this many blurs do not tell the form of a distribution.
const BLURRED: f64 = 2.0;
/// Share of times below the long one from which the spread of blurred times is estimated.
const LONG: f64 = 0.9;
/// Largest sigma of a log-normal distribution that a topology accepts.
const MOST_SIGMA: f64 = 3.0;

/// Returns the distribution of `sorted` service times in milliseconds, or `None` if there are none. `blur` is that by
/// which single times may be wrong because clock times were cut off, in milliseconds; 0 for exact times. Then short times
/// do not tell the form, and long ones do: only a closed form has the rare long times that the sample lacks.
pub(super) fn distribution(sorted: &[f64], blur: f64) -> Option<ServiceTime> {
    if sorted.is_empty() {
        return None;
    }
    let mean = stats::mean(sorted);
    let deviation = stats::deviation(sorted, mean);
    if deviation < CONSTANT * mean {
        return Some(ServiceTime::Constant { mean_ms: mean });
    }
    let close = (KOLMOGOROV_99 / (sorted.len() as f64).sqrt()).max(CLOSE);
    let from = BLURRED * blur;
    if let Ok(form) = Exp::new(1.0 / mean)
        && distance(sorted, from, |value| form.cdf(value)) < close
    {
        return Some(ServiceTime::Exponential { mean_ms: mean });
    }
    if blur > 0.0 {
        return Some(blurred(sorted, mean, from, close).unwrap_or_else(|| measured(sorted)));
    }
    let logs: Vec<f64> = sorted.iter().map(|value| value.max(f64::MIN_POSITIVE).ln()).collect();
    let mu = stats::mean(&logs);
    let sigma = stats::deviation(&logs, mu);
    if let Ok(form) = LogNormal::new(mu, sigma)
        && sigma <= MOST_SIGMA
        && distance(sorted, 0.0, |value| form.cdf(value)) < close
    {
        return Some(ServiceTime::LogNormal { mean_ms: (mu + sigma * sigma / 2.0).exp(), sigma });
    }
    Some(measured(sorted))
}

fn measured(sorted: &[f64]) -> ServiceTime {
    ServiceTime::Empirical { values_ms: slices(sorted) }
}

/// Returns a log-normal distribution with the mean of the sample, whose spread comes from its median and a long time,
/// if it fits above `from`.
fn blurred(sorted: &[f64], mean: f64, from: f64, close: f64) -> Option<ServiceTime> {
    let [middle, long] = [0.5, LONG].map(|share| stats::quantile(sorted, share).unwrap_or(0.0));
    let sigma = (long / middle).ln() / Normal::standard().inverse_cdf(LONG);
    let form = LogNormal::new(mean.ln() - sigma * sigma / 2.0, sigma).ok()?;
    let fits =
        middle > from && sigma <= MOST_SIGMA && distance(sorted, from, |value| form.cdf(value)) < close;
    fits.then_some(ServiceTime::LogNormal { mean_ms: mean, sigma })
}

/// Returns the largest distance between the sample's distribution function and `cdf` at values from `from` on
/// (Kolmogorov, 1933).
fn distance(sorted: &[f64], from: f64, cdf: impl Fn(f64) -> f64) -> f64 {
    let n = sorted.len() as f64;
    let gap = |(i, value): (usize, &f64)| {
        let p = cdf(*value);
        (p - i as f64 / n).abs().max((p - (i + 1) as f64 / n).abs())
    };
    sorted.iter().enumerate().filter(|(_, value)| **value >= from).map(gap).fold(0.0, f64::max)
}

/// Reduces the sample to at most [`VALUES`] values: the means of equal slices, which preserve the sample's
/// mean.
fn slices(sorted: &[f64]) -> Vec<f64> {
    let slices = sorted.len().min(VALUES);
    let edge = |slice: usize| slice * sorted.len() / slices;
    (0..slices).map(|slice| stats::mean(&sorted[edge(slice)..edge(slice + 1)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_core::Seed;
    use rand::RngExt;

    fn sample(of: &ServiceTime) -> Vec<f64> {
        let mut rng = Seed(11).stream(&[]);
        let mut values: Vec<f64> = (0..20_000).map(|_| of.sample(&mut rng).as_millis_f64()).collect();
        values.sort_by(f64::total_cmp);
        values
    }

    #[test]
    fn closed_forms_are_recognised() {
        let constant = ServiceTime::Constant { mean_ms: 4.0 };
        assert_eq!(distribution(&sample(&constant), 0.0), Some(constant), "equal values are constant");
        let Some(ServiceTime::Exponential { mean_ms }) =
            distribution(&sample(&ServiceTime::Exponential { mean_ms: 8.0 }), 0.0)
        else {
            panic!("an exponential sample is exponential");
        };
        assert!((mean_ms / 8.0 - 1.0).abs() < 0.03, "the mean is 8 ms, found {mean_ms}");
        let Some(ServiceTime::LogNormal { mean_ms, sigma }) =
            distribution(&sample(&ServiceTime::LogNormal { mean_ms: 20.0, sigma: 1.0 }), 0.0)
        else {
            panic!("a log-normal sample is log-normal");
        };
        assert!((mean_ms / 20.0 - 1.0).abs() < 0.03 && (sigma - 1.0).abs() < 0.02, "{mean_ms}, {sigma}");
    }

    #[test]
    fn anything_else_is_kept_as_measured_with_its_mean() {
        let mut two = sample(&ServiceTime::LogNormal { mean_ms: 2.0, sigma: 0.2 });
        two.extend(sample(&ServiceTime::LogNormal { mean_ms: 40.0, sigma: 0.2 }));
        two.sort_by(f64::total_cmp);
        let found = distribution(&two, 0.0).expect("a distribution");
        let ServiceTime::Empirical { values_ms } = &found else {
            panic!("a bimodal sample has no closed form: {found:?}");
        };
        assert_eq!(values_ms.len(), VALUES, "40,000 values are reduced to 1,000");
        assert!((found.mean_ms() / stats::mean(&two) - 1.0).abs() < 1e-9, "slices keep the mean");
        assert!(found.problems().is_empty(), "{:?}", found.problems());
    }

    #[test]
    fn the_form_is_seen_through_the_blur_of_cut_off_times() {
        let long_tailed = ServiceTime::LogNormal { mean_ms: 10.0, sigma: 1.0 };
        let mut rng = Seed(12).stream(&[]);
        let mut blur = |value: f64| (value + rng.random_range(-1.0..1.0) + rng.random_range(-1.0..1.0)).abs();
        let mut seen: Vec<f64> = sample(&long_tailed).into_iter().map(&mut blur).collect();
        seen.sort_by(f64::total_cmp);
        let Some(ServiceTime::LogNormal { mean_ms, sigma }) = distribution(&seen, 1.0) else {
            panic!("it is log-normal");
        };
        assert!((mean_ms / 10.0 - 1.0).abs() < 0.03 && (sigma - 1.0).abs() < 0.03, "{mean_ms}, {sigma}");
        assert!(
            matches!(distribution(&seen, 0.0), Some(ServiceTime::Empirical { .. })),
            "exact, it would not be"
        );
    }

    #[test]
    fn nothing_has_no_distribution() {
        assert_eq!(distribution(&[], 0.0), None, "an empty sample");
    }
}
