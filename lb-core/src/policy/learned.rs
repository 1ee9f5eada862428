//! The place of the learned policy: features of each backend in, a score of each backend out, the best
//! score wins.
//!
//! The network is a [`Scorer`], which sees numbers only; what they mean is fixed here under a name,
//! and a scorer trained on other features is refused at load. Features are free of scale (latencies
//! relative to the pool, logarithms of counts), so that what was learnt on services of a millisecond
//! holds on services of a second, and each backend is described alike, so that any number of backends
//! can be scored.
//!
//! A score that is no finite number is never acted upon: that pick goes to [`EwmaScan`], which has seen
//! the same replies, and is counted.

use super::{BackendIndex, EwmaScan, Policy, PoolView, Reply, RequestInfo};
use crate::rng::Rng;
use crate::time::{Span, Time};

/// The name of the features below; a new set gets a new name.
pub const FEATURE_SET: &str = "basic-1";

/// The features of one backend, in order.
pub const FEATURES: [&str; 8] = [
    "log_in_flight",
    "log_in_flight_vs_pool",
    "log_fast_latency_vs_pool",
    "log_slow_latency_vs_pool",
    "error_rate",
    "log_consecutive_errors",
    "log_silence_vs_latency",
    "log_weight_vs_pool",
];

/// Features beyond this are cut off: far from anything seen in training, a network's answer is noise.
const CLAMP: f32 = 6.0;

/// Weights of one reply in the fast and slow latency and in the error rate: the last seven, fifty and
/// ten replies.
const FAST_ALPHA: f32 = 0.15;
const SLOW_ALPHA: f32 = 0.02;
const ERROR_ALPHA: f32 = 0.1;

/// Scores backends from their features.
pub trait Scorer: Send {
    /// The name of the feature set that it was trained on; must be [`FEATURE_SET`].
    fn feature_set(&self) -> &str;

    /// Writes a score for each backend, higher is better. `features` holds [`FEATURES`] of the first
    /// backend, then of the second, and so on: `scores.len() x FEATURES.len()` numbers.
    fn score(&mut self, features: &[f32], scores: &mut [f32]);
}

/// Why a scorer cannot decide here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "policy was trained on feature set `{found}`, this build computes `{FEATURE_SET}`; retrain it or use the matching build"
)]
pub struct FeatureSetMismatch {
    /// The set that the scorer names.
    pub found: String,
}

/// A policy that picks the backend with the best score.
#[derive(Debug)]
pub struct Learned<S> {
    scorer: S,
    memories: Vec<Memory>,
    features: Vec<f32>,
    scores: Vec<f32>,
    fallback: EwmaScan,
    fallbacks: u64,
}

/// What is remembered of one backend's replies.
#[derive(Clone, Copy, Debug, Default)]
struct Memory {
    /// Natural logarithms of nanoseconds, averaged; none before the first success or timeout.
    fast: Option<f32>,
    slow: Option<f32>,
    error_rate: f32,
    consecutive_errors: u32,
    last_reply: Option<Time>,
}

impl<S: Scorer> Learned<S> {
    /// A policy that follows `scorer`, if it was trained on these features.
    pub fn new(scorer: S) -> Result<Self, FeatureSetMismatch> {
        if scorer.feature_set() != FEATURE_SET {
            return Err(FeatureSetMismatch { found: scorer.feature_set().to_owned() });
        }
        Ok(Self {
            scorer,
            memories: Vec::new(),
            features: Vec::new(),
            scores: Vec::new(),
            fallback: EwmaScan::default(),
            fallbacks: 0,
        })
    }

    /// Picks that the fallback made because a score was not finite.
    pub fn fallbacks(&self) -> u64 {
        self.fallbacks
    }

    fn observe(&mut self, pool: &PoolView<'_>, now: Time) {
        let count = pool.eligible.len() as f32;
        let mean = |of: &dyn Fn(BackendIndex) -> f32| {
            pool.eligible.iter().map(|backend| of(*backend)).sum::<f32>() / count
        };
        let memory = |backend: BackendIndex| self.memories[backend.get()];
        let log_in_flight = |backend| (pool.backend(backend).in_flight as f32).ln_1p();
        let log_weight = |backend| (pool.backend(backend).weight as f32).ln();
        let pool_in_flight = mean(&log_in_flight);
        let pool_weight = mean(&log_weight);
        let (known, sum) = pool
            .eligible
            .iter()
            .filter_map(|backend| memory(*backend).slow)
            .fold((0.0f32, 0.0f32), |(known, sum), slow| (known + 1.0, sum + slow));
        let pool_latency = if known > 0.0 { sum / known } else { 0.0 };
        self.features.clear();
        for backend in pool.eligible {
            let memory = memory(*backend);
            let silence = memory.last_reply.map_or(0.0, |last| {
                let silence = now.since(last).as_nanos() as f32;
                (silence / pool_latency.exp()).ln_1p()
            });
            let features: [f32; FEATURES.len()] = [
                log_in_flight(*backend),
                log_in_flight(*backend) - pool_in_flight,
                memory.fast.map_or(0.0, |fast| fast - pool_latency),
                memory.slow.map_or(0.0, |slow| slow - pool_latency),
                memory.error_rate,
                (memory.consecutive_errors as f32).ln_1p(),
                silence,
                log_weight(*backend) - pool_weight,
            ];
            self.features.extend(features.map(|feature| feature.clamp(-CLAMP, CLAMP)));
        }
    }
}

impl<S: Scorer> Policy for Learned<S> {
    fn pick(
        &mut self,
        request: &RequestInfo,
        pool: &PoolView<'_>,
        now: Time,
        rng: &mut Rng,
    ) -> Option<BackendIndex> {
        if self.memories.len() < pool.backends.len() {
            self.memories.resize(pool.backends.len(), Memory::default());
        }
        self.observe(pool, now);
        self.scores.clear();
        self.scores.resize(pool.eligible.len(), f32::NAN);
        self.scorer.score(&self.features, &mut self.scores);
        if !self.scores.iter().all(|score| score.is_finite()) {
            self.fallbacks += 1;
            return self.fallback.pick(request, pool, now, rng);
        }
        let scored = pool.eligible.iter().zip(&self.scores);
        scored.max_by(|a, b| a.1.total_cmp(b.1)).map(|(backend, _)| *backend)
    }

    fn on_reply(&mut self, backend: BackendIndex, reply: &Reply, now: Time) {
        self.fallback.on_reply(backend, reply, now);
        let Some(memory) = self.memories.get_mut(backend.get()) else {
            return;
        };
        memory.last_reply = Some(now);
        let error = if reply.is_success() { 0.0 } else { 1.0 };
        memory.error_rate += ERROR_ALPHA * (error - memory.error_rate);
        memory.consecutive_errors =
            if reply.is_success() { 0 } else { memory.consecutive_errors.saturating_add(1) };
        if learns_latency(reply) {
            let log = log_nanos(reply.latency);
            memory.fast = Some(approach(memory.fast, log, FAST_ALPHA));
            memory.slow = Some(approach(memory.slow, log, SLOW_ALPHA));
        }
    }
}

/// A failure's latency says how fast it failed, not how fast the backend works; a timeout's is at least
/// a lower bound.
fn learns_latency(reply: &Reply) -> bool {
    matches!(reply.kind, super::ReplyKind::Success | super::ReplyKind::Timeout)
}

fn log_nanos(latency: Span) -> f32 {
    (latency.as_nanos().max(1) as f32).ln()
}

fn approach(mean: Option<f32>, value: f32, alpha: f32) -> f32 {
    mean.map_or(value, |mean| mean + alpha * (value - mean))
}
