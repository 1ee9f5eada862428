//! Steering: weights from the trained scorer, for load balancers that cannot consult a policy for each
//! request.
//!
//! Such a load balancer only reports counters, polled at intervals. The scorer needs individual
//! requests, so the requests of each report are replayed to it, spread evenly over the time since the
//! previous report, each with the mean latency of that period. If latency or the number in flight is
//! not reported, it is computed from the other and from the completions per second, by Little's law.
//!
//! A policy that decides for each request picks the backend with the best score. Weights apply to many
//! requests, and sending all of them to the best backend would overload it before the next report.
//! Weights therefore move gradually towards better scores:
//! `ln w += rate (score - mean score - temperature (ln w - mean ln w))`, where means are weighted by `w`.
//! They settle where `w` is in proportion to `exp(score / temperature)`: the logit dynamics of
//! evolutionary games (Fudenberg and Levine, The theory of learning in games, 1998, chapter 4). At
//! temperature 0 this would be Wardrop's equilibrium, in which all backends in use are equally good, but
//! then weights would drift apart by noise alone.

use crate::policy::learned::{Features, Scores};
use crate::policy::{BackendIndex, BackendView, PolicyFile, PoolView, Reply, ReplyKind, RequestInfo};
use crate::rng::Seed;
use crate::time::{Span, Time};
use std::sync::Arc;

/// Time in seconds over which weights follow scores: long compared with the noise of one report, short
/// compared with a fault.
const FOLLOW: f64 = 1.0;
/// Difference in score that is worth a factor of e in weight: small compared with the disadvantage of
/// slow backends, large compared with the noise of scores among equal ones.
const TEMPERATURE: f64 = 0.5;
/// Weight of one report in the mean number in flight.
const SMOOTH: f64 = 0.3;
/// Maximum number of requests of one report that are replayed for each backend; more would not improve
/// the features.
const MOST_REPLAYED: u64 = 64;
/// Least weight, as a share of the greatest: a backend without requests would never be seen to recover.
const LEAST: f64 = 1.0 / 50.0;
/// Limit on a score's difference from the mean, so that one report cannot change all weights.
const MOST_DIFFERENT: f64 = 3.0;

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
    file: Arc<PolicyFile>,
    features: Features,
    scores: Scores,
    views: Vec<BackendView>,
    /// Requests in flight by backend, as an exponentially weighted mean over the reports.
    in_flight: Vec<f64>,
    log_weights: Vec<f64>,
    weights: Vec<f64>,
    last: Option<Time>,
    generation: u64,
    eligible: Vec<BackendIndex>,
}

impl Steerer {
    /// Starts with equal weights for `backends` backends, to be scored by the policy in `file`.
    pub fn new(file: Arc<PolicyFile>, backends: usize) -> Self {
        Self {
            file,
            features: Features::default(),
            scores: Scores::default(),
            views: vec![BackendView { weight: 1.0, in_flight: 0 }; backends],
            in_flight: vec![0.0; backends],
            log_weights: vec![0.0; backends],
            weights: vec![1.0; backends],
            last: None,
            generation: 0,
            eligible: Vec::new(),
        }
    }

    /// Returns the current weights; the greatest is 1.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// Takes one report per backend and returns the updated weights.
    pub fn look(&mut self, looks: &[Look], now: Time) -> &[f64] {
        self.see_who_is_there(looks);
        let since = self.last.replace(now);
        for (place, look) in looks.iter().enumerate().take(self.views.len()) {
            let by_little = |since: Time| {
                let rate = look.requests as f64 / now.since(since).as_secs_f64().max(1e-9);
                look.latency.map_or(0.0, |latency| rate * latency.as_secs_f64())
            };
            let now_there = look.in_flight.map_or_else(|| since.map_or(0.0, by_little), f64::from);
            let mean = &mut self.in_flight[place];
            *mean = since.map_or(now_there, |_| *mean + SMOOTH * (now_there - *mean));
            self.views[place].in_flight = mean.round() as u32;
        }
        let pool = PoolView { backends: &self.views, eligible: &self.eligible, generation: self.generation };
        self.features.adapt(&pool, now);
        let Some(since) = since.filter(|since| *since < now) else { return &self.weights };
        self.replay(looks, since, now);
        self.follow(now.since(since), now);
        &self.weights
    }

    fn see_who_is_there(&mut self, looks: &[Look]) {
        let there = |(place, look): (usize, &Look)| look.eligible.then_some(BackendIndex(place as u32));
        let eligible: Vec<BackendIndex> = looks.iter().enumerate().filter_map(there).collect();
        if eligible != self.eligible || self.generation == 0 {
            self.eligible = eligible;
            self.generation += 1;
        }
    }

    /// Replays the requests since the previous report to the features.
    fn replay(&mut self, looks: &[Look], since: Time, now: Time) {
        let window = now.since(since);
        let request = RequestInfo::default();
        for (place, look) in looks.iter().enumerate().take(self.views.len()) {
            let backend = BackendIndex(place as u32);
            let (all, failed) = (look.requests, look.errors.min(look.requests));
            if all == 0 {
                continue;
            }
            let rate = all as f64 / window.as_secs_f64();
            let by_little = Span::from_secs_f64((self.in_flight[place] / rate).max(1e-6));
            let latency = look.latency.filter(|latency| !latency.is_zero()).unwrap_or(by_little);
            let replayed = all.min(MOST_REPLAYED);
            let failures = (failed * replayed).div_ceil(all);
            // As many as are in flight on average are under way meanwhile.
            let before = Time::from_nanos(since.as_nanos().saturating_sub(latency.as_nanos()));
            let under_way = self.views[place].in_flight;
            (0..under_way).for_each(|_| self.features.on_sent(backend, &request, before));
            for number in 0..replayed {
                let done = since + window.mul_f64((number + 1) as f64 / replayed as f64);
                let sent = Time::from_nanos(
                    done.as_nanos().saturating_sub(latency.as_nanos()).max(before.as_nanos() + 1),
                );
                let kind = if number < failures { ReplyKind::ServerError } else { ReplyKind::Success };
                self.features.on_arrival(&request, sent);
                self.features.on_sent(backend, &request, sent);
                self.features.on_reply(backend, &Reply { kind, latency: done.since(sent) }, done);
            }
            (0..under_way).for_each(|_| self.features.on_cancel(backend, before));
        }
    }

    /// Updates the weights from the scores.
    fn follow(&mut self, window: Span, now: Time) {
        let pool = PoolView { backends: &self.views, eligible: &self.eligible, generation: self.generation };
        if self.eligible.len() < 2 {
            return;
        }
        // All backends are scored, so no random draw is made.
        let mut rng = Seed(0).stream(&[]);
        let request = RequestInfo::default();
        self.scores.observe(&self.features, &request, &pool, self.eligible.len(), now, &mut rng);
        self.scores.add(&self.file.network);
        if self.scores.scores().iter().any(|score| !score.is_finite()) {
            return;
        }
        let scored = || self.scores.candidates().iter().zip(self.scores.scores());
        let total: f64 = self.eligible.iter().map(|backend| self.weights[backend.get()]).sum();
        let mean: f64 =
            scored().map(|(backend, score)| self.weights[backend.get()] * f64::from(*score)).sum::<f64>()
                / total;
        let share = |backend: &BackendIndex| self.weights[backend.get()] / total;
        let mean_log: f64 =
            self.eligible.iter().map(|backend| share(backend) * self.log_weights[backend.get()]).sum();
        let rate = 1.0 - (-window.as_secs_f64() / FOLLOW).exp();
        for (backend, score) in scored() {
            let better = (f64::from(*score) - mean).clamp(-MOST_DIFFERENT, MOST_DIFFERENT);
            let log = &mut self.log_weights[backend.get()];
            *log += rate * (better - TEMPERATURE * (*log - mean_log));
        }
        let greatest = self.log_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        for (log, weight) in self.log_weights.iter_mut().zip(&mut self.weights) {
            // Limit the logarithm as well, so that a recovery shows at once.
            *log = (*log - greatest).max(LEAST.ln());
            *weight = log.exp();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::learned::{Action, Network};
    use rand::RngExt;

    const PERIOD: Span = Span::from_millis(100);

    /// Makes a policy that only uses the prior.
    fn prior() -> Arc<PolicyFile> {
        Arc::new(PolicyFile::new(Network::zero(), Action::default()))
    }

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
        let shares = settle(&mut Steerer::new(prior(), 4), &[100.0; 4], 240.0, 0, 200, None);
        assert!(shares.iter().all(|share| (share - 0.25).abs() < 0.01), "{shares:?}");
    }

    #[test]
    fn noise_among_equal_backends_does_not_drive_their_weights_apart() {
        let mut steerer = Steerer::new(prior(), 4);
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
        let mut steerer = Steerer::new(prior(), 4);
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
    fn what_fails_fast_is_avoided_and_comes_back() {
        let capacities = [100.0; 4];
        let mut steerer = Steerer::new(prior(), 4);
        settle(&mut steerer, &capacities, 200.0, 0, 50, None);
        let failing = settle(&mut steerer, &capacities, 200.0, 50, 100, Some(2));
        assert!(failing[2] < 0.03, "errors cost more than their speed gains: {failing:?}");
        let healed = settle(&mut steerer, &capacities, 200.0, 150, 900, None);
        assert!(healed[2] > 0.2, "the least weight reveals its recovery: {healed:?}");
    }

    #[test]
    fn latency_that_is_not_told_follows_from_littles_law() {
        let mut steerer = Steerer::new(prior(), 2);
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
            let mut steerer = Steerer::new(prior(), 4);
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
        let mut steerer = Steerer::new(prior(), 2);
        let look = Look { requests: 9, in_flight: Some(3), eligible: true, ..Look::default() };
        assert_eq!(steerer.look(&[look, look], Time::ZERO), [1.0, 1.0], "there is nothing to compare with");
        let away = Look { eligible: false, ..look };
        assert_eq!(steerer.look(&[look, away], Time::ZERO + PERIOD), [1.0, 1.0], "one alone gets everything");
    }
}
