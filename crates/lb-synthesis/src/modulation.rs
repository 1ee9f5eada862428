//! A two-state Markov-modulated Poisson process, fitted by expectation maximisation.
//!
//! The rate is that of the hour times the factor of a hidden state, calm or burst, which changes at random. Events are
//! counted in short intervals, in which the state counts as constant, so that the process becomes a hidden Markov model
//! with Poisson counts. Its forward-backward recursion and updates are those of Rabiner (1989); the factor of a state is
//! the ratio of its expected events to those that the rates of hours predict. Starting values come from the index of
//! dispersion (Heffes and Lucantoni, 1986). A Poisson process is preferred unless the Bayesian information criterion
//! (Schwarz, 1978) says otherwise.

use crate::dispersion::Variation;
use crate::document::Modulation;

/// Iterations for each of the starting values, and for the best of them.
const FIRST_ITERATIONS: usize = 12;
const MOST_ITERATIONS: usize = 150;
/// The fit ends when an iteration raises the log-likelihood by less than this.
const LITTLE: f64 = 1e-3;
/// Shares of time in bursts from which the fit starts.
const STARTS: [f64; 4] = [0.03, 0.1, 0.25, 0.5];
/// The factor of a state without events, which keeps its logarithm finite.
const LEAST_FACTOR: f64 = 1e-4;
/// Parameters beyond those of a Poisson process: the ratio of factors and two mean lengths.
const PARAMETERS: f64 = 3.0;

/// Counts of events in intervals of equal length, one after the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) interval_s: f64,
    /// Events in each interval, and the number that the rates of hours predict.
    pub(crate) intervals: Vec<(u32, f64)>,
}

/// Variance and relaxation rate (per second) of the rate's modulation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Moments {
    pub(crate) variance: f64,
    pub(crate) relaxation: f64,
}

impl Moments {
    /// Finds the moments whose indices of dispersion are nearest to those observed, on a logarithmic grid. `None` if
    /// events do not cluster at any scale.
    pub(crate) fn fit(variations: &[Variation], rate: f64) -> Option<Self> {
        if variations.iter().all(|one| one.index(rate) < 1.02) {
            return None;
        }
        let grid = |low: f64, high: f64, steps: usize| {
            (0..=steps).map(move |step| low * (high / low).powf(step as f64 / steps as f64))
        };
        let pairs = grid(1e-4, 10.0, 50)
            .flat_map(|relaxation| grid(0.003, 300.0, 50).map(move |variance| Self { variance, relaxation }));
        let distance = |moments: &Self| {
            let of = |one: &Variation| {
                let fitted = 1.0 + rate * one.scale_s * moments.squared_variation(one.scale_s);
                (one.index(rate) / fitted).ln().powi(2)
            };
            variations.iter().map(of).sum::<f64>()
        };
        pairs
            .map(|pair| (distance(&pair), pair))
            .min_by(|one, other| one.0.total_cmp(&other.0))
            .map(|(_, pair)| pair)
    }

    /// Returns the variance of the mean factor over windows of this length.
    pub(crate) fn squared_variation(self, window_s: f64) -> f64 {
        let x = self.relaxation * window_s;
        let shrunk = if x < 1e-4 { 1.0 - x / 3.0 } else { 2.0 / x * (1.0 + (-x).exp_m1() / x) };
        self.variance * shrunk
    }
}

impl Modulation {
    /// Returns the share of time in bursts.
    pub(crate) fn burst_share(&self) -> f64 {
        self.burst_s / (self.burst_s + self.calm_s)
    }

    /// Returns the mean factor; 1 for a fitted modulation.
    pub(crate) fn mean_factor(&self) -> f64 {
        let share = self.burst_share();
        (1.0 - share) * self.calm_factor + share * self.burst_factor
    }

    pub(crate) fn moments(&self) -> Moments {
        let share = self.burst_share();
        Moments {
            variance: share * (1.0 - share) * (self.burst_factor - self.calm_factor).powi(2),
            relaxation: 1.0 / self.burst_s + 1.0 / self.calm_s,
        }
    }
}

/// A hidden Markov model of two states, calm and burst.
#[derive(Clone, Copy, Debug)]
struct Chain {
    factors: [f64; 2],
    /// Probability to leave each state after an interval.
    leave: [f64; 2],
}

impl Chain {
    fn start(moments: Moments, burst_share: f64, interval_s: f64) -> Self {
        let spread = moments.variance.sqrt();
        let burst = 1.0 + spread * ((1.0 - burst_share) / burst_share).sqrt();
        let calm = (1.0 - spread * (burst_share / (1.0 - burst_share)).sqrt()).max(0.05);
        let changed = -(-moments.relaxation * interval_s).exp_m1();
        Self { factors: [calm, burst], leave: [burst_share * changed, (1.0 - burst_share) * changed] }
    }

    fn burst_share(&self) -> f64 {
        self.leave[0] / (self.leave[0] + self.leave[1])
    }

    /// Makes one iteration: returns the updated model, and the log-likelihood of the present one relative to that of a
    /// Poisson process.
    fn update(&self, intervals: &[(u32, f64)], scratch: &mut Vec<[f64; 3]>) -> (Self, f64) {
        let logs = self.factors.map(f64::ln);
        let weights = |(count, mean): (u32, f64)| {
            let of = |state: usize| f64::from(count) * logs[state] - mean * (self.factors[state] - 1.0);
            let both = [of(0), of(1)];
            let most = both[0].max(both[1]);
            (both.map(|log| (log - most).exp()), most)
        };
        let share = self.burst_share();
        let mut ahead = [1.0 - share, share];
        let mut likelihood = 0.0;
        scratch.clear();
        for interval in intervals {
            let (weights, most) = weights(*interval);
            let joint = [ahead[0] * weights[0], ahead[1] * weights[1]];
            let total = joint[0] + joint[1];
            likelihood += total.ln() + most;
            let now = [joint[0] / total, joint[1] / total];
            scratch.push([now[0], now[1], total]);
            ahead = self.step(now);
        }
        // Backwards: how likely the rest is from each state, relative to the forward pass.
        let mut rest = [1.0; 2];
        let (mut time, mut events, mut predicted, mut left) = ([0.0; 2], [0.0; 2], [0.0; 2], [0.0; 2]);
        for (place, interval) in intervals.iter().enumerate().rev() {
            let [calm, burst, total] = scratch[place];
            let state = [calm * rest[0], burst * rest[1]];
            let norm = state[0] + state[1];
            for k in 0..2 {
                let probability = state[k] / norm;
                events[k] += probability * f64::from(interval.0);
                predicted[k] += probability * interval.1;
            }
            let (weights, _) = weights(*interval);
            if place > 0 {
                let before = scratch[place - 1];
                let into = [weights[0] * rest[0] / total, weights[1] * rest[1] / total];
                for k in 0..2 {
                    let stay = before[k] * (1.0 - self.leave[k]) * into[k];
                    let go = before[k] * self.leave[k] * into[1 - k];
                    left[k] += go;
                    time[k] += stay + go;
                }
                rest = [0, 1].map(|k: usize| (1.0 - self.leave[k]) * into[k] + self.leave[k] * into[1 - k]);
            }
        }
        let factor = |k: usize| (events[k] / predicted[k].max(f64::MIN_POSITIVE)).max(LEAST_FACTOR);
        let leave = |k: usize| (left[k] / time[k].max(f64::MIN_POSITIVE)).clamp(1e-9, 1.0 - 1e-9);
        (Self { factors: [factor(0), factor(1)], leave: [leave(0), leave(1)] }, likelihood)
    }

    fn step(&self, now: [f64; 2]) -> [f64; 2] {
        let burst = now[0] * self.leave[0] + now[1] * (1.0 - self.leave[1]);
        [1.0 - burst, burst]
    }
}

/// Fits a modulation to counts. `None` if a Poisson process is preferred, or if the states do not last longer than an
/// interval.
pub(crate) fn fit(counts: &Counts, moments: Moments) -> Option<Modulation> {
    let intervals = &counts.intervals;
    let mut scratch = Vec::with_capacity(intervals.len());
    let mut climb = |mut chain: Chain, most: usize| {
        let mut reached = f64::NEG_INFINITY;
        for _ in 0..most {
            let (next, likelihood) = chain.update(intervals, &mut scratch);
            if !likelihood.is_finite() || likelihood - reached < LITTLE {
                return (chain, likelihood.max(reached));
            }
            (chain, reached) = (next, likelihood);
        }
        (chain, reached)
    };
    let starts = STARTS.map(|share| climb(Chain::start(moments, share, counts.interval_s), FIRST_ITERATIONS));
    let best = starts.into_iter().max_by(|one, other| one.1.total_cmp(&other.1))?;
    let (chain, likelihood) = climb(best.0, MOST_ITERATIONS);
    let events: f64 = intervals.iter().map(|(count, _)| f64::from(*count)).sum();
    let preference = 2.0 * likelihood - PARAMETERS * events.max(1.0).ln();
    (preference > 0.0).then(|| modulation(chain, counts.interval_s, preference))?
}

/// Converts the model of intervals to continuous time, with a mean factor of 1.
fn modulation(mut chain: Chain, interval_s: f64, preference: f64) -> Option<Modulation> {
    if chain.factors[0] > chain.factors[1] {
        chain.factors.reverse();
        chain.leave.reverse();
    }
    let share = chain.burst_share();
    let changed = chain.leave[0] + chain.leave[1];
    if changed >= 1.0 {
        return None;
    }
    let relaxation = -(-changed).ln_1p() / interval_s;
    let mean = (1.0 - share) * chain.factors[0] + share * chain.factors[1];
    Some(Modulation {
        calm_factor: chain.factors[0] / mean,
        burst_factor: chain.factors[1] / mean,
        calm_s: 1.0 / (share * relaxation),
        burst_s: 1.0 / ((1.0 - share) * relaxation),
        interval_s,
        preference,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_core::Seed;
    use rand::RngExt;
    use rand_distr::{Distribution, Poisson};

    /// Counts of a process with these factors and mean lengths, in intervals of a second.
    fn planted(factors: [f64; 2], lengths: [f64; 2], rate: f64, seconds: usize, seed: u64) -> Counts {
        let mut rng = Seed(seed).stream(&[]);
        let mut state = 0;
        let mut draw = || {
            if rng.random::<f64>() < 1.0 / lengths[state] {
                state = 1 - state;
            }
            let count = Poisson::new(rate * factors[state]).expect("a rate").sample(&mut rng);
            (count as u32, rate)
        };
        Counts { interval_s: 1.0, intervals: (0..seconds).map(|_| draw()).collect() }
    }

    #[test]
    fn planted_bursts_are_recovered() {
        // 40 seconds of bursts in 400: the mean factor is 0.9 × 0.5 + 0.1 × 5.5 = 1.
        let counts = planted([0.5, 5.5], [360.0, 40.0], 1.0, 100_000, 1);
        let start = Moments { variance: 1.0, relaxation: 0.1 };
        let found = fit(&counts, start).expect("bursts");
        let near = |value: f64, expected: f64, share: f64| (value / expected - 1.0).abs() < share;
        assert!(near(found.calm_factor, 0.5, 0.05), "{found:?}");
        assert!(near(found.burst_factor, 5.5, 0.05), "{found:?}");
        assert!(near(found.calm_s, 360.0, 0.2) && near(found.burst_s, 40.0, 0.2), "{found:?}");
    }

    #[test]
    fn a_poisson_process_has_no_bursts() {
        for seed in 1..=5 {
            let counts = planted([1.0, 1.0], [100.0, 100.0], 1.0, 20_000, seed);
            assert_eq!(fit(&counts, Moments { variance: 0.1, relaxation: 0.01 }), None, "seed {seed}");
        }
    }

    #[test]
    fn moments_are_those_of_the_curve() {
        let planted = Moments { variance: 2.0, relaxation: 0.03 };
        let at = |scale_s| Variation { scale_s, windows: 100, squared: planted.squared_variation(scale_s) };
        let found = Moments::fit(&[1.0, 10.0, 60.0, 600.0].map(at), 1.0).expect("bursts");
        assert!((found.variance / 2.0).ln().abs() < 0.25, "{found:?}");
        assert!((found.relaxation / 0.03).ln().abs() < 0.25, "{found:?}");
        let flat = Variation { scale_s: 10.0, windows: 100, squared: 0.0 };
        assert_eq!(Moments::fit(&[flat], 1.0), None);
    }
}
