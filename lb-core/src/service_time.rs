//! How long a request keeps a worker of a backend that runs at speed 1.

use crate::rng::Rng;
use crate::time::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A service-time distribution, in milliseconds at speed 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "distribution", rename_all = "snake_case", deny_unknown_fields)]
pub enum ServiceTime {
    /// Always the same.
    Constant {
        /// Milliseconds.
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
    /// Drawn with replacement from measured values.
    Empirical {
        /// Milliseconds each.
        values_ms: Vec<f64>,
    },
}

impl ServiceTime {
    /// The mean in milliseconds.
    pub fn mean_ms(&self) -> f64 {
        todo!()
    }

    /// One draw.
    pub fn sample(&self, _rng: &mut Rng) -> Span {
        todo!()
    }

    /// What is wrong with the parameters, one sentence each; empty when nothing is.
    pub fn problems(&self) -> Vec<String> {
        todo!()
    }
}
