//! How long an ordinary request takes at a backend, when that may change at once and by a large factor.
//!
//! The logarithm of the service time is taken to be constant between *changes*, which come at random. A few
//! candidates for the latest change are kept, each with the mean since then and the probability that it is the
//! right one (Adams and MacKay, Bayesian online changepoint detection, 2007, with all but the most probable
//! candidates dropped). Each observation multiplies the probability of a candidate by the density that the
//! candidate gave to it. So a mean over hundreds of requests holds as long as they fit it, and after a slow-down
//! a handful of replies moves the probability to a candidate that began with them.
//!
//! Requests that are still in service tell something too: that they have not ended. Each multiplies the
//! probability of a candidate by that of such an age. So a backend that has come to a standstill is noticed
//! without a reply.
//!
//! Densities are those of Student's t with six degrees of freedom, so that one odd request changes little.

/// Number of candidates.
const CANDIDATES: usize = 4;

/// Most observations that a mean remembers, so that it follows a slow drift.
const MEMORY: f32 = 300.0;

/// Variance of what backends of a pool differ by, or one backend before and after a change.
const BETWEEN: f32 = 2.25;

/// Probability of a change per observation.
const CHANGE: f32 = 0.0005;

/// A backend of which nothing is heard for this many mean service times of the pool has surely changed in the
/// meantime. Below that, the probability is in proportion.
const SILENCE: f32 = 100.0;

/// Highest probability of a change in silence.
const MOST_CHANGED: f32 = 0.9;

/// Least variance of an age, so that a small jitter of equal requests is not taken for a standstill.
const JITTER: f32 = 0.01;

/// After a change, a request takes this much longer than its age in the logarithm: twice its age.
const TWICE: f32 = 0.7;

/// Part of the probability that each further overdue request leaves to a change. They would all be slow together.
const TOGETHER: f32 = 0.6;

/// A guess at the logarithm of a time in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Guess {
    pub(super) mean: f32,
    pub(super) variance: f32,
}

impl Guess {
    /// Returns what is expected of a backend in a pool with this mean.
    pub(super) const fn in_pool(mean: f32) -> Self {
        Self { mean, variance: BETWEEN }
    }
}

/// A request that has been in service for longer than expected.
#[derive(Clone, Copy, Debug)]
pub(super) struct Overdue {
    /// Logarithm of the time in service, relative to the predicted cost.
    pub(super) log_age: f32,
    /// Standard deviation of the logarithm of a service time around its mean.
    pub(super) deviation: f32,
}

/// The service time of an ordinary request at one backend: candidates for the latest change.
#[derive(Clone, Copy, Debug)]
pub(super) struct Speed {
    /// Mean since the change, and the variance of that mean.
    means: [f32; CANDIDATES],
    variances: [f32; CANDIDATES],
    /// Probability; 0 marks an unused entry.
    probabilities: [f32; CANDIDATES],
    /// Mean and variance of all, if there is an observation.
    guess: Option<Guess>,
}

impl Default for Speed {
    fn default() -> Self {
        Self {
            means: [0.0; CANDIDATES],
            variances: [1.0; CANDIDATES],
            probabilities: [0.0; CANDIDATES],
            guess: None,
        }
    }
}

/// Returns the probability of exceeding a mean by more than `z` standard deviations, by the logistic
/// approximation of the normal distribution.
fn exceeds(z: f32) -> f32 {
    1.0 / (1.0 + (1.7 * z).exp())
}

/// Returns a guess after an observation, and the density that it gave to it, up to a constant.
#[inline]
fn observed(guess: Guess, log: f32, variance: f32) -> (Guess, f32) {
    let total = guess.variance + variance;
    let off = log - guess.mean;
    let z_squared = off * off / total;
    let q = 6.0 / (6.0 + z_squared);
    let density = q * q * q * (q / total).sqrt();
    // Odd observations count for little, as Student's t has it.
    let gained = 7.0 / ((6.0 + z_squared) * variance);
    let left = (guess.variance / (1.0 + gained * guess.variance)).max(variance * (1.0 / MEMORY));
    (Guess { mean: guess.mean + off * (gained * left).min(1.0), variance: left }, density)
}

/// Returns mean and variance of either `one` or, with this probability, `other`.
#[inline]
fn either(one: Guess, other: Guess, probability: f32) -> Guess {
    let mean = one.mean + probability * (other.mean - one.mean);
    let around = |guess: Guess| guess.variance + (guess.mean - mean) * (guess.mean - mean);
    Guess { mean, variance: (1.0 - probability) * around(one) + probability * around(other) }
}

impl Speed {
    pub(super) fn is_known(&self) -> bool {
        self.guess.is_some()
    }

    /// Starts from a guess.
    pub(super) fn begin(&mut self, guess: Guess) {
        *self = Self::default();
        let guess = Guess { variance: guess.variance.max(1e-4), ..guess };
        (self.means[0], self.variances[0], self.probabilities[0]) = (guess.mean, guess.variance, 1.0);
        self.guess = Some(guess);
    }

    /// Learns from an observed logarithm with this variance. After a change, the mean is around `prior`.
    pub(super) fn learn(&mut self, log: f32, variance: f32, prior: Guess) {
        if !self.is_known() {
            return self.begin(Guess { mean: log, variance });
        }
        // Without branches, so that it is vectorised.
        for k in 0..CANDIDATES {
            let guess = Guess { mean: self.means[k], variance: self.variances[k] };
            let (guess, density) = observed(guess, log, variance);
            (self.means[k], self.variances[k]) = (guess.mean, guess.variance);
            self.probabilities[k] *= density * (1.0 - CHANGE);
        }
        let (fresh, density) = observed(prior, log, variance);
        let mut least = 0;
        for k in 1..CANDIDATES {
            least = if self.probabilities[k] < self.probabilities[least] { k } else { least };
        }
        if density * CHANGE > self.probabilities[least] {
            (self.means[least], self.variances[least]) = (fresh.mean, fresh.variance);
            self.probabilities[least] = density * CHANGE;
        }
        let total: f32 = self.probabilities.iter().sum();
        if total < 1e-30 {
            return self.begin(fresh);
        }
        for probability in &mut self.probabilities {
            *probability /= total;
            // Arithmetic on subnormal numbers takes about a hundred times as long.
            *probability = if *probability < 1e-12 { 0.0 } else { *probability };
        }
        self.guess = Some(self.mixed(&self.probabilities));
    }

    /// Moves all means, after the meaning of observations has changed.
    pub(super) fn shift(&mut self, by: f32) {
        for mean in &mut self.means {
            *mean += by;
        }
        self.guess = self.guess.map(|guess| Guess { mean: guess.mean + by, ..guess });
    }

    /// Returns the mean and variance of the logarithm according to the observations; `None` before the first.
    pub(super) fn guess(&self) -> Option<Guess> {
        self.guess
    }

    /// Returns what is known after `silence`, in mean service times of the pool, while these requests are in
    /// service, and the probability that the backend has become slower in the meantime.
    pub(super) fn guess_with(&self, overdue: &[Overdue], prior: Guess, silence: f32) -> (Guess, f32) {
        let Some(guess) = self.guess else {
            return (prior, 0.0);
        };
        let change = (CHANGE + silence / SILENCE).min(MOST_CHANGED);
        let Some(first) = overdue.first() else {
            return (either(guess, prior, change), 0.0);
        };
        let mut weights = self.probabilities;
        for (k, weight) in weights.iter_mut().enumerate() {
            for request in overdue {
                let variance = request.deviation * request.deviation + JITTER + self.variances[k];
                *weight *= exceeds((request.log_age - self.means[k]) / variance.sqrt());
            }
        }
        let oldest = overdue.iter().map(|one| one.log_age).fold(f32::NEG_INFINITY, f32::max);
        let wide = (prior.variance + first.deviation * first.deviation).sqrt();
        let lives = exceeds((oldest - prior.mean) / wide) * TOGETHER.powi(overdue.len() as i32 - 1);
        let slower = Guess { mean: prior.mean.max(oldest + TWICE), variance: 1.0 };
        let (stays, changes) = ((1.0 - change) * weights.iter().sum::<f32>(), change * lives);
        if stays < 1e-30 {
            return (slower, 1.0);
        }
        let changed = changes / (stays + changes);
        (either(self.mixed(&weights), slower, changed), changed)
    }

    /// Returns mean and variance of the candidates with these weights, one of which must be above zero.
    fn mixed(&self, weights: &[f32; CANDIDATES]) -> Guess {
        let (mut total, mut sum, mut squares) = (0.0, 0.0, 0.0);
        // Relative to one of them, so that squares keep their precision.
        let origin = self.means[0];
        for (k, weight) in weights.iter().enumerate() {
            let off = self.means[k] - origin;
            total += weight;
            sum += weight * off;
            squares += weight * (self.variances[k] + off * off);
        }
        let off = sum / total;
        Guess { mean: origin + off, variance: (squares / total - off * off).max(1e-4) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Rng, Seed};
    use rand::RngExt;

    /// Sum of twelve uniform draws, less six: nearly normal, with variance 1.
    fn normal(rng: &mut Rng) -> f32 {
        (0..12).map(|_| rng.random::<f32>()).sum::<f32>() - 6.0
    }

    fn taught(rng: &mut Rng, count: u32) -> Speed {
        let mut speed = Speed::default();
        for _ in 0..count {
            speed.learn(16.0 + normal(rng), 1.0, Guess::in_pool(16.0));
        }
        speed
    }

    #[test]
    fn a_constant_speed_is_found_more_and_more_precisely() {
        let mut rng = Seed(1).stream(&[]);
        let [early, late] = [10, 500].map(|count| taught(&mut rng, count).guess().expect("it is known"));
        assert!((late.mean - 16.0).abs() < 0.2, "{late:?}");
        assert!(late.variance < 0.02 && early.variance > 3.0 * late.variance, "{early:?}, then {late:?}");
    }

    #[test]
    fn a_tenfold_slow_down_is_noticed_within_ten_replies_and_so_is_its_end() {
        let (mut slower, mut again) = (0, 0);
        for seed in 0..50 {
            let mut rng = Seed(seed).stream(&[]);
            let mut speed = taught(&mut rng, 300);
            for (mean, noticed) in [(18.3, &mut slower), (16.0, &mut again)] {
                let mut after = |replies: u32| {
                    for _ in 0..replies {
                        speed.learn(mean + normal(&mut rng), 1.0, Guess::in_pool(16.0));
                    }
                    speed.guess().expect("it is known")
                };
                *noticed += u32::from((after(10).mean - mean).abs() < 1.0);
                let later = after(100);
                assert!((later.mean - mean).abs() < 0.5, "{seed}: {mean}, not {later:?}");
            }
        }
        assert!(slower >= 45 && again >= 45, "of 50: {slower} and {again}");
    }

    #[test]
    fn one_odd_request_changes_little() {
        let mut rng = Seed(2).stream(&[]);
        let mut speed = taught(&mut rng, 300);
        speed.learn(21.0, 1.0, Guess::in_pool(16.0));
        for _ in 0..3 {
            speed.learn(16.0, 1.0, Guess::in_pool(16.0));
        }
        let guess = speed.guess().expect("it is known");
        assert!((guess.mean - 16.0).abs() < 0.25, "{guess:?}");
    }

    #[test]
    fn requests_that_do_not_end_show_a_standstill() {
        let mut rng = Seed(3).stream(&[]);
        let speed = taught(&mut rng, 300);
        let overdue = |log_age: f32, count: usize| {
            let all = [Overdue { log_age, deviation: 1.0 }; 4];
            speed.guess_with(&all[..count], Guess::in_pool(16.0), 1.0)
        };
        let (one, changed) = overdue(16.5, 1);
        assert!((one.mean - 16.0).abs() < 0.3 && changed < 0.1, "one is late: {one:?}, {changed}");
        let (all, changed) = overdue(18.5, 4);
        assert!(all.mean > 17.5 && changed > 0.7, "four are, by a factor of twelve: {all:?}, {changed}");
    }

    #[test]
    fn silence_makes_a_slow_backend_worth_a_try() {
        let mut speed = Speed::default();
        for _ in 0..50 {
            speed.learn(18.3, 1.0, Guess::in_pool(16.0));
        }
        let after = |silence| speed.guess_with(&[], Guess::in_pool(16.0), silence).0;
        assert!(after(0.0).mean > 18.1, "it was slow a moment ago");
        assert!(after(1_000.0).mean < 17.3, "and may have recovered long after");
        assert!(after(1_000.0).variance > after(0.0).variance);
    }
}
