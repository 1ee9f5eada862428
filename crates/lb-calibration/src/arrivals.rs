//! How often requests arrive, and whether they arrive in bursts.
//!
//! Bursts and lulls are a two-state hidden Markov model of counts per step, fitted by the algorithm of Baum
//! and Welch (Ann. Math. Stat. 41, 1970): a Markov-modulated Poisson process seen through a grid (Fischer and
//! Meier-Hellstern, Performance Evaluation 18, 1993). Both states last equally long on average, as in
//! [`simulator::Bursts`].

use lb_core::{Span, Time};
use simulator::Bursts;

/// Mean number of arrivals per step, large enough to tell two rates apart within a few steps.
const PER_STEP: f64 = 8.0;
/// Maximum number of steps, enough for 15 minutes at 1,000 requests per second.
const MOST_STEPS: usize = 120_000;
/// Minimum number of steps; with fewer, bursts cannot be detected.
const FEWEST_STEPS: usize = 50;
const ITERATIONS: usize = 60;
/// Smallest burst factor that is modelled; smaller bursts change latency less than random variation does.
const SMALLEST_FACTOR: f64 = 1.1;

/// Returns the arrival rate in requests per second.
pub(super) fn rate(times: &[Time]) -> f64 {
    match (times.first(), times.last()) {
        (Some(first), Some(last)) if last > first => {
            (times.len() - 1) as f64 / last.since(*first).as_secs_f64()
        }
        _ => 0.0,
    }
}

/// Fits bursts to `times`, which are in ascending order. Returns `None` if a Poisson process fits as well.
pub(super) fn bursts(times: &[Time]) -> Option<Bursts> {
    let (first, last) = (times.first()?, times.last()?);
    let length = last.since(*first).as_secs_f64();
    let steps = ((times.len() as f64 / PER_STEP) as usize).min(MOST_STEPS);
    if steps < FEWEST_STEPS || length <= 0.0 {
        return None;
    }
    let step = length / steps as f64;
    let mut counts = vec![0.0; steps];
    for time in times {
        let place = (time.since(*first).as_secs_f64() / step) as usize;
        counts[place.min(steps - 1)] += 1.0;
    }
    let mean = times.len() as f64 / steps as f64;
    let poisson: f64 = counts.iter().map(|count| log_density(*count, mean)).sum();
    let mut model = Model { means: [0.5 * mean, 1.5 * mean], leave: 0.05 };
    let mut likelihood = f64::MIN;
    for _ in 0..ITERATIONS {
        let (next, found) = model.improved(&counts);
        let gained = found - likelihood;
        (model, likelihood) = (next, found);
        if gained < 1e-3 {
            break;
        }
    }
    let [lull, burst] = model.means;
    let factor = (2.0 * burst / (lull + burst)).min(2.0);
    // Two more parameters than a Poisson process (Schwarz's criterion).
    let better = 2.0 * (likelihood - poisson) > 2.0 * (steps as f64).ln();
    (better && factor >= SMALLEST_FACTOR)
        .then(|| Bursts { factor, mean_length: Span::from_secs_f64(step / model.leave) })
}

/// Returns the logarithm of the Poisson probability of a count, without the factorial, which is the same for
/// all means.
fn log_density(count: f64, mean: f64) -> f64 {
    count * mean.max(1e-9).ln() - mean
}

/// A two-state model of the arrivals: a lull and a burst.
#[derive(Clone, Copy, Debug)]
struct Model {
    /// Mean count of a step in each state.
    means: [f64; 2],
    /// Probability of leaving each state in one step.
    leave: f64,
}

impl Model {
    /// Performs one expectation-maximisation step. Returns the improved model and the log-likelihood of this
    /// one.
    fn improved(&self, counts: &[f64]) -> (Self, f64) {
        let next = |state: [f64; 2]| {
            let stay = 1.0 - self.leave;
            [state[0] * stay + state[1] * self.leave, state[1] * stay + state[0] * self.leave]
        };
        // Densities relative to the larger one, so that nothing underflows.
        let densities: Vec<([f64; 2], f64)> = counts
            .iter()
            .map(|count| {
                let logs = self.means.map(|mean| log_density(*count, mean));
                let largest = logs[0].max(logs[1]);
                (logs.map(|log| (log - largest).exp()), largest)
            })
            .collect();
        let mut forward: Vec<[f64; 2]> = Vec::with_capacity(counts.len());
        let mut likelihood = 0.0;
        for (density, largest) in &densities {
            let prior = forward.last().map_or([0.5, 0.5], |state| next(*state));
            let joint = [prior[0] * density[0], prior[1] * density[1]];
            let scale = joint[0] + joint[1];
            likelihood += scale.ln() + largest;
            forward.push(joint.map(|part| part / scale));
        }
        let (mut weights, mut sums) = ([0.0; 2], [0.0; 2]);
        let mut changes = 0.0;
        let mut backward = [1.0, 1.0];
        for place in (0..counts.len()).rev() {
            let seen = forward[place];
            let joint = [seen[0] * backward[0], seen[1] * backward[1]];
            let scale = joint[0] + joint[1];
            for state in 0..2 {
                weights[state] += joint[state] / scale;
                sums[state] += joint[state] / scale * counts[place];
            }
            if place > 0 {
                let density = densities[place].0;
                let ahead = [density[0] * backward[0], density[1] * backward[1]];
                let before = forward[place - 1];
                let stays = (1.0 - self.leave) * (before[0] * ahead[0] + before[1] * ahead[1]);
                let moves = self.leave * (before[0] * ahead[1] + before[1] * ahead[0]);
                changes += moves / (stays + moves);
                let carried = next(ahead);
                let total = carried[0] + carried[1];
                backward = carried.map(|part| part / total);
            }
        }
        let means = [0, 1].map(|state| sums[state] / weights[state].max(1e-9));
        let leave = (changes / (counts.len() - 1) as f64).clamp(1e-6, 0.5);
        (Self { means: [means[0].min(means[1]), means[0].max(means[1])], leave }, likelihood)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_core::Seed;
    use rand::RngExt;

    /// Generates arrivals at 2,000 per second on average, with the rate `factor` times higher in half-second
    /// bursts.
    fn arrivals(factor: f64) -> Vec<Time> {
        let mut rng = Seed(21).stream(&[]);
        let mut exponential = || -(1.0 - rng.random::<f64>()).ln();
        let (mut now, mut until, mut rate) = (0.0, 0.0, factor);
        let mut times = Vec::new();
        while times.len() < 100_000 {
            if now >= until {
                until = now + 0.5 * exponential();
                rate = 2.0 - rate;
            }
            now += exponential() / (2_000.0 * rate);
            times.push(Time::from_nanos((now * 1e9) as u64));
        }
        times
    }

    #[test]
    fn a_poisson_process_has_no_bursts() {
        let times = arrivals(1.0);
        assert_eq!(bursts(&times), None, "a steady process has no bursts");
        assert!((rate(&times) / 2_000.0 - 1.0).abs() < 0.02, "the rate is {}", rate(&times));
    }

    #[test]
    fn bursts_are_found_with_strength_and_length() {
        let found = bursts(&arrivals(1.6)).expect("bursts of 1.6 times the rate are detected");
        assert!((found.factor - 1.6).abs() < 0.06, "the factor is 1.6, found {}", found.factor);
        let length = found.mean_length.as_secs_f64();
        assert!((0.35..0.65).contains(&length), "bursts last 0.5 s, found {length}");
    }

    #[test]
    fn few_arrivals_say_nothing() {
        assert_eq!(bursts(&[]), None, "no arrivals");
        assert_eq!(bursts(&arrivals(1.6)[..100]), None, "too few arrivals");
        assert_eq!(rate(&[]), 0.0, "the rate is 0 without arrivals");
    }
}
