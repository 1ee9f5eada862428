//! The learned policy: it computes a row of features and a score for each backend, and picks by score.
//!
//! Its parts are [`features`] (the input), [`network`] (the trained weights), [`file`](self::file) (the
//! file format) and [`guards`] (limits that hold regardless of training). A score is a *prior*, a rule that follows
//! from estimates of how the backends serve ([`serving`](super::serving)), plus the output of the network. Training
//! thus starts from a good rule, and only learns what to add to it.
//!
//! In a large pool, only some backends, drawn at random, are scored, as if they were the whole pool.
//! More choices are better, but most of the gain comes from the second to the eighth (Mitzenmacher, The
//! power of two choices in randomized load balancing, 2001).

pub mod features;
pub mod file;
pub mod guards;
pub mod network;
mod trust;

pub use super::cost::CLASSES;
pub use features::{FEATURE_SET, FEATURES, Features, WIDTH};
pub use file::{Action, ActionMode, PolicyFile, PolicyFileError};
pub use guards::{GuardCounts, Guards};
pub use network::Network;

use super::{BackendIndex, Ejection, EwmaScan, Limits, LoadReport, Policy, PoolView, Reply, RequestInfo};
use crate::rng::Rng;
use crate::time::Time;
use guards::{Shares, is_stale};
use rand::RngExt;
use std::sync::Arc;

/// Share of the variance of costs from which on the network has no say.
const TOLD_ENOUGH: f32 = 0.8;

/// Returns how much of the network's scores counts where requests tell this share of the variance of their costs.
///
/// The network corrects a prior that knows only means. Where requests tell what they cost, the prior knows the work that each
/// backend has left, and corrections learnt from pools in general make it worse.
fn network_share(told: f32) -> f32 {
    (1.0 - told / TOLD_ENOUGH).max(0.0)
}

/// A policy that follows a policy file.
#[derive(Debug)]
pub struct Learned {
    file: Arc<PolicyFile>,
    features: Features,
    scores: Scores,
    shares: Shares,
    counts: GuardCounts,
    fallback: Ejection<EwmaScan>,
    latest: Latest,
}

/// How the latest pick was made.
#[derive(Clone, Copy, Debug)]
enum Latest {
    /// Only one backend could be picked.
    Certain,
    /// Drawn by score; holds the position among the candidates.
    Drawn(usize),
    /// Made by the fallback, which settles ties at random without reporting it.
    Unknown,
}

/// The candidates of one decision, with their rows and scores.
#[derive(Debug, Default)]
pub struct Scores {
    candidates: Vec<BackendIndex>,
    rows: Vec<f32>,
    scores: Vec<f32>,
    /// What the network says, before it is added.
    output: Vec<f32>,
    incumbent: BackendIndex,
    /// Number of draws so far, and the one in which each backend was drawn last.
    draws: u64,
    drawn_in: Vec<u64>,
}

impl Scores {
    /// Observes the candidates of a decision and sets their scores to their priors.
    pub fn observe(
        &mut self,
        features: &Features,
        request: &RequestInfo,
        pool: &PoolView<'_>,
        max_candidates: usize,
        now: Time,
        rng: &mut Rng,
    ) {
        self.candidates.clear();
        if pool.eligible.len() <= max_candidates {
            self.candidates.extend_from_slice(pool.eligible);
        } else {
            self.draw(pool, max_candidates, rng);
        }
        let count = self.candidates.len();
        self.rows.resize(count * WIDTH, 0.0);
        self.scores.resize(count, 0.0);
        features.observe(request, pool, &self.candidates, now, &mut self.rows, &mut self.scores);
    }

    /// Draws candidates without repetition (Floyd's algorithm). The backend picked last always remains
    /// a candidate, because it was the best of the previous ones.
    fn draw(&mut self, pool: &PoolView<'_>, count: usize, rng: &mut Rng) {
        self.draws += 1;
        self.drawn_in.resize(pool.backends.len().max(self.drawn_in.len()), 0);
        if pool.eligible.binary_search(&self.incumbent).is_ok() {
            self.add_candidate(self.incumbent);
        }
        let all = pool.eligible.len();
        let wanted = count - self.candidates.len();
        for last in all - wanted..all {
            let drawn = pool.eligible[rng.random_range(0..=last)];
            let is_new = self.drawn_in[drawn.get()] != self.draws;
            self.add_candidate(if is_new { drawn } else { pool.eligible[last] });
        }
    }

    /// Adds a candidate of the current draw, unless it is one.
    fn add_candidate(&mut self, backend: BackendIndex) {
        let drawn_in = &mut self.drawn_in[backend.get()];
        if std::mem::replace(drawn_in, self.draws) != self.draws {
            self.candidates.push(backend);
        }
    }

    /// Returns the candidates of the decision.
    pub fn candidates(&self) -> &[BackendIndex] {
        &self.candidates
    }

    /// Returns the candidates' feature rows, [`WIDTH`] numbers each.
    pub fn rows(&self) -> &[f32] {
        &self.rows
    }

    /// Returns the scores of the candidates, in the same order.
    pub fn scores(&self) -> &[f32] {
        &self.scores
    }

    /// Adds `share` times the network's scores to the priors.
    pub fn add(&mut self, network: &Network, share: f32) {
        self.output.clear();
        self.output.resize(self.scores.len(), 0.0);
        network.add_scores(&self.rows, &mut self.output);
        for (score, output) in self.scores.iter_mut().zip(&self.output) {
            *score += share * output;
        }
    }

    fn are_finite(&self) -> bool {
        self.scores.iter().all(|score| score.is_finite())
    }

    /// Returns the position of the candidate with the best score.
    pub fn best(&self) -> usize {
        let mut best = 0;
        for (place, score) in self.scores.iter().enumerate() {
            best = if *score > self.scores[best] { place } else { best };
        }
        best
    }

    /// Draws a position with probabilities in proportion to `exp(score / temperature)`: that of the
    /// best score after adding Gumbel noise (Gumbel, Statistical Theory of Extreme Values, 1954).
    pub fn draw_softmax(&self, temperature: f32, rng: &mut Rng) -> usize {
        let mut best = (0, f32::NEG_INFINITY);
        for (place, score) in self.scores.iter().enumerate() {
            // Above zero and below one, so that both logarithms are finite.
            let uniform = (rng.random_range(0..1u32 << 24) as f32 + 0.5) / (1u32 << 24) as f32;
            let gumbel = -features::ln(-features::ln(uniform));
            let noisy = score / temperature + gumbel;
            best = if noisy > best.1 { (place, noisy) } else { best };
        }
        best.0
    }

    /// Returns the probability that [`Self::draw_softmax`] draws `place`.
    pub fn probability(&self, place: usize, temperature: f32) -> f64 {
        let best = self.scores[self.best()];
        let weight = |score: f32| f64::from((score - best) / temperature).exp();
        weight(self.scores[place]) / self.scores.iter().map(|score| weight(*score)).sum::<f64>()
    }

    /// Returns the candidate at `place` and remembers it for the next draw of candidates.
    pub fn pick(&mut self, place: usize) -> BackendIndex {
        self.incumbent = self.candidates[place];
        self.incumbent
    }
}

impl Learned {
    /// Creates a policy that follows `file`.
    pub fn new(file: Arc<PolicyFile>) -> Self {
        Self {
            features: Features::with_profile(file.profile.as_ref()),
            file,
            scores: Scores::default(),
            shares: Shares::default(),
            counts: GuardCounts::default(),
            fallback: Ejection::new(EwmaScan::default(), Limits::default()),
            latest: Latest::Certain,
        }
    }

    /// Picks a backend by the network, or by a guard that overrules it.
    fn decide(
        &mut self,
        request: &RequestInfo,
        pool: &PoolView<'_>,
        now: Time,
        rng: &mut Rng,
    ) -> Option<BackendIndex> {
        let action = self.file.action;
        self.latest = Latest::Certain;
        if let Some(due) = self.shares.due(&self.file.guards, self.counts.picks, pool, &self.features) {
            self.counts.minimum_share += 1;
            return Some(due);
        }
        if is_stale(&self.file.guards, pool, &self.features, now) {
            self.counts.stale += 1;
            self.latest = Latest::Unknown;
            return self.fallback.pick(request, pool, now, rng);
        }
        self.scores.observe(&self.features, request, pool, action.max_candidates, now, rng);
        self.scores.add(&self.file.network, network_share(self.features.told()));
        if !self.scores.are_finite() {
            self.counts.not_finite += 1;
            self.latest = Latest::Unknown;
            return self.fallback.pick(request, pool, now, rng);
        }
        let place = match action.mode {
            ActionMode::Argmax => self.scores.best(),
            ActionMode::Softmax => self.scores.draw_softmax(action.temperature, rng),
        };
        if action.mode == ActionMode::Softmax {
            self.latest = Latest::Drawn(place);
        }
        Some(self.scores.pick(place))
    }
}

impl Policy for Learned {
    fn pick(
        &mut self,
        request: &RequestInfo,
        pool: &PoolView<'_>,
        now: Time,
        rng: &mut Rng,
    ) -> Option<BackendIndex> {
        if pool.eligible.is_empty() {
            return None;
        }
        self.features.adapt(pool, now);
        self.features.on_arrival(request, now);
        let picked = self.decide(request, pool, now, rng)?;
        self.shares.picked(picked, self.counts.picks);
        self.counts.picks += 1;
        Some(picked)
    }

    fn on_sent(&mut self, backend: BackendIndex, request: &RequestInfo, now: Time) {
        self.features.on_sent(backend, request, now);
    }

    fn on_reply(&mut self, backend: BackendIndex, reply: &Reply, now: Time) {
        self.features.on_reply(backend, reply, now);
        self.fallback.on_reply(backend, reply, now);
    }

    fn on_cancel(&mut self, backend: BackendIndex, sent: Time) {
        self.features.on_cancel(backend, sent);
    }

    fn on_report(&mut self, backend: BackendIndex, report: &LoadReport, now: Time) {
        self.features.on_report(backend, report, now);
    }

    fn on_named(&mut self, backend: BackendIndex, id: &str) {
        self.features.on_named(backend, id);
    }

    /// Returns the probability among the candidates that were drawn; how they were drawn is not counted.
    fn propensity(&self) -> Option<f64> {
        match self.latest {
            Latest::Certain => Some(1.0),
            Latest::Drawn(place) => Some(self.scores.probability(place, self.file.action.temperature)),
            Latest::Unknown => None,
        }
    }

    fn guard_counts(&self) -> Option<GuardCounts> {
        Some(GuardCounts { distrusted: self.features.distrusted(), ..self.counts })
    }
}
