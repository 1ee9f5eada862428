//! Draws the times of a Poisson process whose rate follows the hours and a modulation.

use crate::document::Modulation;
use crate::profile::Profile;
use crate::slots::{Piece, SECOND};
use lb_core::Rng;
use rand::RngExt;
use rand_distr::Exp1;

/// Draws times in the pieces, in order, as Unix nanoseconds.
pub(crate) fn times(
    pieces: &[Piece],
    profile: &Profile,
    scale: f64,
    modulation: Option<&Modulation>,
    rng: &mut Rng,
) -> Vec<i64> {
    let mut state = State::new(modulation, rng);
    let mut times = Vec::new();
    for piece in pieces {
        let rate = profile.rate(piece.slot) * scale / SECOND as f64;
        let mut from = piece.from as f64;
        let end = piece.to as f64;
        while from < end {
            let change = from + state.left;
            let to = change.min(end);
            let rate = rate * state.factor();
            let mut at = from;
            if rate > 0.0 {
                at += rng.sample::<f64, _>(Exp1) / rate;
                while at < to {
                    times.push(at as i64);
                    at += rng.sample::<f64, _>(Exp1) / rate;
                }
            }
            // Compared, not subtracted: what is left may be less than the precision of a time.
            if change <= end {
                state.change(rng);
            } else {
                state.left -= end - from;
            }
            from = to;
        }
    }
    times
}

/// Draws an index by weights, given as their running sums.
pub(crate) fn choose(running: &[f64], rng: &mut Rng) -> usize {
    let total = running.last().copied().unwrap_or(0.0);
    let wanted = rng.random::<f64>() * total;
    running.partition_point(|sum| *sum <= wanted).min(running.len().saturating_sub(1))
}

/// Returns the running sums of weights.
pub(crate) fn running(weights: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let add = |sum: &mut f64, weight: f64| {
        *sum += weight;
        Some(*sum)
    };
    weights.into_iter().scan(0.0, add).collect()
}

/// The state of a modulation, and for how long it stays.
struct State<'a> {
    modulation: Option<&'a Modulation>,
    in_burst: bool,
    /// Nanoseconds.
    left: f64,
}

impl<'a> State<'a> {
    fn new(modulation: Option<&'a Modulation>, rng: &mut Rng) -> Self {
        let in_burst = modulation.is_some_and(|found| rng.random::<f64>() < found.burst_share());
        let mut state = Self { modulation, in_burst, left: f64::INFINITY };
        state.stay(rng);
        state
    }

    fn factor(&self) -> f64 {
        self.modulation
            .map_or(1.0, |found| if self.in_burst { found.burst_factor } else { found.calm_factor })
    }

    fn stay(&mut self, rng: &mut Rng) {
        if let Some(found) = self.modulation {
            let mean_s = if self.in_burst { found.burst_s } else { found.calm_s };
            self.left = mean_s * SECOND as f64 * rng.sample::<f64, _>(Exp1);
        }
    }

    fn change(&mut self, rng: &mut Rng) {
        self.in_burst = !self.in_burst;
        self.stay(rng);
    }
}
