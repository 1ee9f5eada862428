//! Random: any eligible backend, each with equal probability, regardless of load, speed and weight.
//!
//! This is the baseline in theory: n requests on n backends leave about ln n / ln ln n on the fullest
//! one, where two choices leave about log2 ln n (Azar, Broder, Karlin and Upfal, Balanced Allocations,
//! 1994).

use super::{BackendIndex, Policy, PoolView, RequestInfo};
use crate::rng::Rng;
use crate::time::Time;
use rand::RngExt;

/// Random, see the [module](self).
#[derive(Debug, Default)]
pub struct Random {
    /// Number of eligible backends at the latest pick.
    choices: u32,
}

impl Policy for Random {
    fn pick(&mut self, _: &RequestInfo, pool: &PoolView<'_>, _: Time, rng: &mut Rng) -> Option<BackendIndex> {
        self.choices = u32::try_from(pool.eligible.len()).ok().filter(|count| *count > 0)?;
        Some(pool.eligible[rng.random_range(0..self.choices) as usize])
    }

    fn propensity(&self) -> Option<f64> {
        Some(1.0 / f64::from(self.choices))
    }
}
