//! Service times: how long a request occupies a worker of a backend at speed 1.
//!
//! The log-normal is parametrised by its own mean, `X = mean x exp(sigma Z - sigma²/2)` with `Z`
//! standard normal, so that a config can change the tail without changing the load. Normal and
//! exponential variates come from `rand_distr` (ziggurat: Marsaglia and Tsang, 2000).

use crate::rng::Rng;
use crate::time::Span;
use rand::RngExt;
use rand_distr::{Exp1, StandardNormal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A service-time distribution, in milliseconds at speed 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "distribution", rename_all = "snake_case", deny_unknown_fields)]
pub enum ServiceTime {
    /// Constant: every request takes the same time.
    Constant {
        /// Service time in milliseconds.
        mean_ms: f64,
    },
    /// Exponential: memoryless, coefficient of variation 1.
    Exponential {
        /// Mean in milliseconds.
        mean_ms: f64,
    },
    /// Log-normal: `exp(N(mu, sigma²))` with `mu = ln(mean) - sigma²/2`.
    LogNormal {
        /// Mean in milliseconds (of the distribution itself, not of its logarithm).
        mean_ms: f64,
        /// Standard deviation of the logarithm; 1 is a heavy but finite tail.
        sigma: f64,
    },
    /// Empirical: drawn with replacement from measured values.
    Empirical {
        /// Measured values in milliseconds.
        values_ms: Vec<f64>,
    },
}

/// Largest `sigma` of a log-normal. Above it, the mean depends on draws too rare to occur in a run: at
/// 3, half of the mean comes from 1 draw in 740.
const MAX_SIGMA: f64 = 3.0;

/// Longest time, a day: longer than every run, and far below the limit of [`Span`].
const MAX_MS: f64 = 86_400_000.0;

impl ServiceTime {
    /// Returns the mean in milliseconds.
    pub fn mean_ms(&self) -> f64 {
        match self {
            Self::Constant { mean_ms } | Self::Exponential { mean_ms } | Self::LogNormal { mean_ms, .. } => {
                *mean_ms
            }
            Self::Empirical { values_ms } => values_ms.iter().sum::<f64>() / values_ms.len() as f64,
        }
    }

    /// Draws a service time.
    pub fn sample(&self, rng: &mut Rng) -> Span {
        Span::from_millis_f64(match self {
            Self::Constant { mean_ms } => *mean_ms,
            Self::Exponential { mean_ms } => mean_ms * rng.sample::<f64, _>(Exp1),
            Self::LogNormal { mean_ms, sigma } => {
                let z: f64 = rng.sample(StandardNormal);
                mean_ms * (sigma * z - 0.5 * sigma * sigma).exp()
            }
            Self::Empirical { values_ms } if values_ms.is_empty() => 0.0,
            Self::Empirical { values_ms } => values_ms[rng.random_range(0..values_ms.len())],
        })
    }

    /// Returns the problems of the parameters, one sentence each; empty if there are none. Each begins
    /// with the key within the distribution, such as `mean_ms: -1 must be above 0`.
    pub fn problems(&self) -> Vec<String> {
        match self {
            Self::Constant { mean_ms } | Self::Exponential { mean_ms } => mean_problem(*mean_ms),
            Self::LogNormal { mean_ms, sigma } => {
                let mut problems = mean_problem(*mean_ms);
                if !(0.0..=MAX_SIGMA).contains(sigma) {
                    problems.push(format!("sigma: {sigma} must lie between 0 and {MAX_SIGMA}"));
                }
                problems
            }
            Self::Empirical { values_ms } if values_ms.is_empty() => {
                vec!["values_ms: [] must hold at least one value".to_owned()]
            }
            Self::Empirical { values_ms } => values_ms
                .iter()
                .enumerate()
                .filter(|(_, value)| !(0.0..=MAX_MS).contains(*value))
                .map(|(i, value)| format!("values_ms[{i}]: {value} must lie between 0 and {MAX_MS} (a day)"))
                .collect(),
        }
    }
}

fn mean_problem(mean_ms: f64) -> Vec<String> {
    if mean_ms > 0.0 && mean_ms <= MAX_MS {
        Vec::new()
    } else {
        vec![format!("mean_ms: {mean_ms} must be above 0 and at most {MAX_MS} (a day)")]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Seed;

    const DRAWS: usize = 400_000;

    /// Returns the mean and 99th percentile of many draws, in milliseconds.
    fn mean_and_p99(distribution: &ServiceTime) -> (f64, f64) {
        let mut rng = Seed(7).stream(&[1]);
        let mut draws: Vec<f64> = (0..DRAWS).map(|_| distribution.sample(&mut rng).as_millis_f64()).collect();
        draws.sort_by(f64::total_cmp);
        (draws.iter().sum::<f64>() / DRAWS as f64, draws[DRAWS * 99 / 100])
    }

    #[test]
    fn draws_have_the_mean_and_p99_of_their_closed_forms() {
        // z of the 99th percentile; ln 100 is that of the exponential.
        let (z99, ln100) = (2.326_348_f64, 100f64.ln());
        let cases = [
            (ServiceTime::Constant { mean_ms: 10.0 }, 10.0, 10.0),
            (ServiceTime::Exponential { mean_ms: 10.0 }, 10.0, 10.0 * ln100),
            (ServiceTime::LogNormal { mean_ms: 10.0, sigma: 1.0 }, 10.0, 10.0 * (z99 - 0.5).exp()),
            (ServiceTime::LogNormal { mean_ms: 8.0, sigma: 0.5 }, 8.0, 8.0 * (0.5 * z99 - 0.125).exp()),
            (ServiceTime::Empirical { values_ms: vec![1.0, 2.0, 3.0, 10.0] }, 4.0, 10.0),
        ];
        for (distribution, mean, p99) in cases {
            let (seen_mean, seen_p99) = mean_and_p99(&distribution);
            assert!(
                (seen_mean / mean - 1.0).abs() < 0.01,
                "the mean of {distribution:?} must be {mean} within 1 %, is {seen_mean}"
            );
            assert!(
                (seen_p99 / p99 - 1.0).abs() < 0.02,
                "the p99 of {distribution:?} must be {p99} within 2 %, is {seen_p99}"
            );
            assert!((distribution.mean_ms() - mean).abs() < 1e-9, "mean_ms() of {distribution:?}");
        }
    }

    #[test]
    fn faulty_parameters_are_each_named_with_value_and_rule() {
        let cases = [
            (
                ServiceTime::Constant { mean_ms: 0.0 },
                vec!["mean_ms: 0 must be above 0 and at most 86400000 (a day)"],
            ),
            (
                ServiceTime::LogNormal { mean_ms: f64::NAN, sigma: -1.0 },
                vec![
                    "mean_ms: NaN must be above 0 and at most 86400000 (a day)",
                    "sigma: -1 must lie between 0 and 3",
                ],
            ),
            (
                ServiceTime::Empirical { values_ms: vec![] },
                vec!["values_ms: [] must hold at least one value"],
            ),
            (
                ServiceTime::Empirical { values_ms: vec![1.0, -2.0] },
                vec!["values_ms[1]: -2 must lie between 0 and 86400000 (a day)"],
            ),
            (ServiceTime::Exponential { mean_ms: 3.0 }, vec![]),
        ];
        for (distribution, expected) in cases {
            assert_eq!(distribution.problems(), expected, "problems of {distribution:?}");
        }
    }
}
