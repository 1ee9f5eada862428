//! Steering: weights from latencies, for load balancers that cannot consult a policy for each request.
//!
//! Such a load balancer only reports counters, polled at intervals. A trained network needs individual
//! requests, with the order in which they came and left, so it has no part in this. Scores follow the
//! rule of [`EwmaScan`](crate::policy::EwmaScan) instead, `-ln(mean latency x (in flight + 1) x (1 + 40 error
//! rate))`, with exponentially weighted means over requests. If latency or the number in flight is not
//! reported, it is computed from the other and from the completions per second, by Little's law.
//!
//! What becomes of weights depends on the load balancer ([`Carrier`]). One that compares requests in flight,
//! each number divided by its weight, follows the whole rule at each request if weights are in proportion to
//! one over mean latency and failures: it counts the requests in flight itself, at the time of the request. One that shares
//! requests out in proportion to weights knows nothing of the number in flight, so it is part of the score.
//!
//! Weights apply to many requests, and sending all of them to the best backend would overload it before the next
//! report. They therefore move gradually towards better scores:
//! `ln w += rate (score - mean score - temperature (ln w - mean ln w))`, where means are weighted by `w`.
//! They settle where `w` is in proportion to `exp(score / temperature)`: the logit dynamics of
//! evolutionary games (Fudenberg and Levine, The theory of learning in games, 1998, chapter 4). At
//! temperature 0 this would be Wardrop's equilibrium, in which all backends in use are equally good, but
//! then weights would drift apart by noise alone.

use crate::time::{Span, Time};

/// Time in seconds over which weights follow scores: long compared with the noise of one report, short
/// compared with a fault.
const FOLLOW: f64 = 1.0;
/// Difference in score that is worth a factor of e in the weight of a share: small compared with the disadvantage of
/// slow backends, large compared with the noise of scores among equal ones.
const TEMPERATURE: f64 = 0.5;
/// The same if requests in flight are compared by weight, so that weights are in proportion to one over latency.
const PROPORTIONAL: f64 = 1.0;
/// Weight of one report in the mean number in flight.
const SMOOTH: f64 = 0.3;
/// Weight of one request in the mean logarithm of latency, which covers about the last seven.
const LATENCY: f64 = 0.15;
/// Weight of one request in the error rate, which covers about the last ten.
const ERRORS: f64 = 0.1;
/// Cost of a failure, in requests.
const FAILURE_COST: f64 = crate::policy::estimate::FAILURE_COST;
/// Least weight, as a share of the greatest: a backend without requests would never be seen to recover.
const LEAST: f64 = 1.0 / 50.0;
/// Limit on a score's difference from the mean, so that one report cannot change all weights.
const MOST_DIFFERENT: f64 = 3.0;

/// What a load balancer makes of weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// It shares requests out in proportion to them, as a weighted rotation does.
    Shares,
    /// It sends a request to the backend with the fewest requests in flight, each number divided by its weight.
    InFlight,
}

/// What a load balancer reports about one backend.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Look {
    /// Requests sent to the backend since the previous report.
    pub requests: u64,
    /// Number of these requests that failed.
    pub errors: u64,
    /// Requests in flight now, if the load balancer reports them; otherwise derived from rate and latency.
    pub in_flight: Option<u32>,
    /// Mean latency of its latest replies, if the load balancer reports it.
    pub latency: Option<Span>,
    /// Whether the backend may be picked.
    pub eligible: bool,
}

/// Computes the weights of one pool's backends.
#[derive(Debug)]
pub struct Steerer {
    carrier: Carrier,
    memories: Vec<Memory>,
    log_weights: Vec<f64>,
    weights: Vec<f64>,
    last: Option<Time>,
}

/// What was seen of one backend.
#[derive(Clone, Copy, Debug, Default)]
struct Memory {
    /// Requests in flight, as an exponentially weighted mean over the reports.
    in_flight: f64,
    /// Mean natural logarithm of the latency in seconds; `None` before the first.
    log_latency: Option<f64>,
    error_rate: f64,
    eligible: bool,
}

impl Steerer {
    /// Starts with equal weights for `backends` backends.
    pub fn new(backends: usize, carrier: Carrier) -> Self {
        Self {
            carrier,
            memories: vec![Memory::default(); backends],
            log_weights: vec![0.0; backends],
            weights: vec![1.0; backends],
            last: None,
        }
    }

    /// Returns the current weights; the greatest is 1.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// Takes one report per backend and returns the updated weights.
    pub fn look(&mut self, looks: &[Look], now: Time) -> &[f64] {
        let since = self.last.replace(now);
        for (memory, look) in self.memories.iter_mut().zip(looks) {
            memory.eligible = look.eligible;
            let by_little = |since: Time| {
                let rate = look.requests as f64 / now.since(since).as_secs_f64().max(1e-9);
                look.latency.map_or(0.0, |latency| rate * latency.as_secs_f64())
            };
            let now_there = look.in_flight.map_or_else(|| since.map_or(0.0, by_little), f64::from);
            memory.in_flight =
                since.map_or(now_there, |_| memory.in_flight + SMOOTH * (now_there - memory.in_flight));
        }
        let Some(since) = since.filter(|since| *since < now) else { return &self.weights };
        for (memory, look) in self.memories.iter_mut().zip(looks) {
            memory.learn(look, now.since(since));
        }
        self.follow(now.since(since));
        &self.weights
    }

    /// Updates the weights from the scores.
    fn follow(&mut self, window: Span) {
        let eligible: Vec<usize> =
            (0..self.memories.len()).filter(|place| self.memories[*place].eligible).collect();
        if eligible.len() < 2 {
            return;
        }
        let known: Vec<f64> = eligible.iter().filter_map(|place| self.memories[*place].log_latency).collect();
        // A backend without replies counts as typical.
        let typical = known.iter().sum::<f64>() / known.len().max(1) as f64;
        let scored: Vec<(usize, f64)> = eligible
            .iter()
            .map(|place| (*place, self.memories[*place].score(typical, self.carrier)))
            .collect();
        let total: f64 = eligible.iter().map(|place| self.weights[*place]).sum();
        let mean: f64 = scored.iter().map(|(place, score)| self.weights[*place] * score).sum::<f64>() / total;
        let mean_log: f64 =
            eligible.iter().map(|place| self.weights[*place] / total * self.log_weights[*place]).sum();
        let rate = 1.0 - (-window.as_secs_f64() / FOLLOW).exp();
        let temperature = match self.carrier {
            Carrier::Shares => TEMPERATURE,
            Carrier::InFlight => PROPORTIONAL,
        };
        for (place, score) in scored {
            let better = (score - mean).clamp(-MOST_DIFFERENT, MOST_DIFFERENT);
            let log = &mut self.log_weights[place];
            *log += rate * (better - temperature * (*log - mean_log));
        }
        let greatest = self.log_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        for (log, weight) in self.log_weights.iter_mut().zip(&mut self.weights) {
            // Limit the logarithm as well, so that a recovery shows at once.
            *log = (*log - greatest).max(LEAST.ln());
            *weight = log.exp();
        }
    }
}

impl Memory {
    /// Learns from what was reported over a time.
    fn learn(&mut self, look: &Look, window: Span) {
        if look.requests == 0 {
            return;
        }
        let rate = look.requests as f64 / window.as_secs_f64();
        let told = look.latency.filter(|latency| !latency.is_zero()).map(Span::as_secs_f64);
        let log = told.unwrap_or_else(|| (self.in_flight / rate).max(1e-6)).ln();
        let count = look.requests as f64;
        let error_rate = look.errors.min(look.requests) as f64 / count;
        // As if each request had that latency and that chance to fail.
        let keep = |weight: f64| (1.0 - weight).powf(count);
        self.log_latency = Some(self.log_latency.map_or(log, |old| log + keep(LATENCY) * (old - log)));
        self.error_rate = error_rate + keep(ERRORS) * (self.error_rate - error_rate);
    }

    /// Returns the score; higher is better.
    fn score(&self, typical: f64, carrier: Carrier) -> f64 {
        let log_latency = self.log_latency.unwrap_or(typical);
        let log_in_flight = match carrier {
            Carrier::Shares => (1.0 + self.in_flight).ln(),
            Carrier::InFlight => 0.0,
        };
        -(log_latency + log_in_flight + (1.0 + FAILURE_COST * self.error_rate).ln())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Seed;
    use rand::RngExt;

    const PERIOD: Span = Span::from_millis(100);

    /// Simulates backends as single servers with processor sharing (M/M/1-PS), whose mean latency at
    /// rate `r` and capacity `c` is `1 / (c - r)`. The latency of overloaded ones is limited to two
    /// seconds.
    fn settle(
        steerer: &mut Steerer,
        capacities: &[f64],
        rate: f64,
        from: u32,
        looks: u32,
        fails: Option<usize>,
    ) -> Vec<f64> {
        for step in from..from + looks {
            let total: f64 = steerer.weights().iter().sum();
            let looks: Vec<Look> = capacities
                .iter()
                .enumerate()
                .map(|(place, capacity)| {
                    let share = rate * steerer.weights()[place] / total;
                    let latency = if share < *capacity { (1.0 / (capacity - share)).min(2.0) } else { 2.0 };
                    // Whole requests; fractions carry over to the next report.
                    let by = |steps: u32| (share * PERIOD.as_secs_f64() * f64::from(steps)) as u64;
                    let requests = by(step + 1).saturating_sub(by(step));
                    Look {
                        requests,
                        errors: if fails == Some(place) { requests } else { 0 },
                        in_flight: Some((share * latency).round() as u32),
                        latency: Some(Span::from_secs_f64(latency)),
                        eligible: true,
                    }
                })
                .collect();
            steerer.look(&looks, Time::ZERO + PERIOD * u64::from(step));
        }
        let total: f64 = steerer.weights().iter().sum();
        steerer.weights().iter().map(|weight| weight / total).collect()
    }

    #[test]
    fn equal_backends_keep_equal_weights() {
        let shares = settle(&mut Steerer::new(4, Carrier::Shares), &[100.0; 4], 240.0, 0, 200, None);
        assert!(shares.iter().all(|share| (share - 0.25).abs() < 0.01), "{shares:?}");
    }

    #[test]
    fn noise_among_equal_backends_does_not_drive_their_weights_apart() {
        let mut steerer = Steerer::new(4, Carrier::Shares);
        let mut rng = Seed(7).stream(&[]);
        let mut extremes = [1.0_f64, 0.0];
        for step in 0..1_000 {
            let looks: Vec<Look> = (0..4)
                .map(|_| {
                    // Noise as in means of a few requests with varying service times.
                    let latency = Span::from_secs_f64(0.01 * rng.random_range(0.6..1.6));
                    Look {
                        requests: 5,
                        in_flight: Some(1),
                        latency: Some(latency),
                        eligible: true,
                        ..Look::default()
                    }
                })
                .collect();
            let weights = steerer.look(&looks, Time::ZERO + PERIOD * step);
            let total: f64 = weights.iter().sum();
            for weight in weights {
                extremes = [extremes[0].min(weight / total), extremes[1].max(weight / total)];
            }
        }
        assert!(extremes[0] > 0.1 && extremes[1] < 0.45, "all stay near a quarter: {extremes:?}");
    }

    #[test]
    fn faster_backends_get_more_until_they_are_no_better() {
        let capacities = [50.0, 100.0, 200.0, 400.0];
        let mut steerer = Steerer::new(4, Carrier::Shares);
        let early = settle(&mut steerer, &capacities, 500.0, 0, 200, None);
        assert!(early.windows(2).all(|pair| pair[0] < pair[1]), "in the order of their speeds: {early:?}");
        for (share, capacity) in early.iter().zip(capacities) {
            assert!(share * 500.0 < capacity, "none is overloaded: {early:?}");
        }
        let late = settle(&mut steerer, &capacities, 500.0, 200, 200, None);
        let moved = early.iter().zip(&late).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(moved < 0.05, "the weights have settled: {early:?}, {late:?}");
    }

    #[test]
    fn where_requests_in_flight_are_compared_weights_follow_one_over_latency() {
        let mut steerer = Steerer::new(3, Carrier::InFlight);
        for step in 0..200 {
            // However many are in flight: the load balancer knows that itself.
            let looks = [(10, 9), (20, 1), (40, 3)].map(|(millis, in_flight)| Look {
                requests: 10,
                in_flight: Some(in_flight),
                latency: Some(Span::from_millis(millis)),
                eligible: true,
                ..Look::default()
            });
            steerer.look(&looks, Time::ZERO + PERIOD * step);
        }
        let weights = steerer.weights();
        for (weight, expected) in weights.iter().zip([1.0, 0.5, 0.25]) {
            assert!((weight - expected).abs() < 0.01, "one over latency: {weights:?}");
        }
    }

    #[test]
    fn what_fails_fast_is_avoided_and_comes_back() {
        let capacities = [100.0; 4];
        let mut steerer = Steerer::new(4, Carrier::Shares);
        settle(&mut steerer, &capacities, 200.0, 0, 50, None);
        let failing = settle(&mut steerer, &capacities, 200.0, 50, 100, Some(2));
        assert!(failing[2] < 0.03, "errors cost more than their speed gains: {failing:?}");
        let healed = settle(&mut steerer, &capacities, 200.0, 150, 900, None);
        assert!(healed[2] > 0.2, "the least weight reveals its recovery: {healed:?}");
    }

    #[test]
    fn latency_that_is_not_told_follows_from_littles_law() {
        let mut steerer = Steerer::new(2, Carrier::Shares);
        for step in 0..100 {
            // The same rates, but twice as many requests in flight at the second backend.
            let looks = [2, 4].map(|in_flight| Look {
                requests: 10,
                in_flight: Some(in_flight),
                eligible: true,
                ..Look::default()
            });
            steerer.look(&looks, Time::ZERO + PERIOD * step);
        }
        let weights = steerer.weights();
        assert!(weights[1] < 0.5 * weights[0], "twice as slow: {weights:?}");
    }

    #[test]
    fn in_flight_that_is_not_told_follows_as_well() {
        let capacities = [50.0, 100.0, 200.0, 400.0];
        let shares = |told: bool| {
            let mut steerer = Steerer::new(4, Carrier::Shares);
            for step in 0..200u64 {
                let total: f64 = steerer.weights().iter().sum();
                let looks: Vec<Look> = capacities
                    .iter()
                    .zip(steerer.weights())
                    .map(|(capacity, weight)| {
                        let rate = 500.0 * weight / total;
                        let latency = if rate < *capacity { (1.0 / (capacity - rate)).min(2.0) } else { 2.0 };
                        Look {
                            requests: (rate * PERIOD.as_secs_f64()).round() as u64,
                            in_flight: told.then_some((rate * latency).round() as u32),
                            latency: Some(Span::from_secs_f64(latency)),
                            eligible: true,
                            ..Look::default()
                        }
                    })
                    .collect();
                steerer.look(&looks, Time::ZERO + PERIOD * step);
            }
            let total: f64 = steerer.weights().iter().sum();
            steerer.weights().iter().map(|weight| weight / total).collect::<Vec<f64>>()
        };
        let (told, inferred) = (shares(true), shares(false));
        for (told, inferred) in told.iter().zip(&inferred) {
            assert!((told - inferred).abs() < 0.05, "{told} and {inferred}: the same weights either way");
        }
    }

    #[test]
    fn the_first_look_and_a_pool_of_one_change_nothing() {
        let mut steerer = Steerer::new(2, Carrier::Shares);
        let look = Look { requests: 9, in_flight: Some(3), eligible: true, ..Look::default() };
        assert_eq!(steerer.look(&[look, look], Time::ZERO), [1.0, 1.0], "there is nothing to compare with");
        let away = Look { eligible: false, ..look };
        assert_eq!(steerer.look(&[look, away], Time::ZERO + PERIOD), [1.0, 1.0], "one alone gets everything");
    }
}
