//! The policy that plays episodes: samples decisions from the scores and records them.

use super::{Exploration, MOST_COST, reward};
use crate::setting::Setting;
use lb_core::Time;
use lb_core::policy::learned::{Features, Network, Scores, WIDTH};
use lb_core::policy::{BackendIndex, LoadReport, Policy, PoolView, Reply, RequestInfo};
use lb_core::rng::Rng;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

/// The decisions of one load balancer in one episode, in order. `n(i)` is the number of candidates of
/// decision `i`, and `N` is the sum over all decisions.
#[derive(Clone, Debug, Default)]
pub struct Trajectory {
    /// Number of candidates `n(i)` of each decision.
    pub counts: Vec<u16>,
    /// Rows of all candidates: `N x WIDTH`.
    pub rows: Vec<f32>,
    /// Priors of all candidates: `N`.
    pub priors: Vec<f32>,
    /// Index of the candidate that was picked.
    pub actions: Vec<u16>,
    /// Log-probability of each pick.
    pub log_probs: Vec<f32>,
    /// Time of each decision, in mean service times since the start.
    pub at: Vec<f32>,
    /// Reward of each decision.
    pub rewards: Vec<f32>,
    /// A teacher's estimated costs of all candidates, in mean service times above the best: `N`, or empty.
    pub costs: Vec<f32>,
}

impl Trajectory {
    /// Returns the number of decisions.
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// Returns whether there are no decisions.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }
}

/// A policy that explores and records its decisions.
pub struct Actor {
    network: Arc<Network>,
    exploration: Exploration,
    service_ms: f64,
    features: Features,
    scores: Scores,
    trajectory: Trajectory,
    /// Times and indices of decisions whose requests are in flight, by backend.
    pending: Vec<VecDeque<(Time, usize)>>,
    lesson: Option<Arc<Mutex<Vec<f64>>>>,
    sink: Arc<Mutex<Trajectory>>,
}

impl Actor {
    pub(super) fn new(
        network: Arc<Network>,
        exploration: Exploration,
        setting: &Setting,
        sink: Arc<Mutex<Trajectory>>,
    ) -> Self {
        Self {
            network,
            exploration,
            service_ms: setting.case.service_ms,
            features: Features::with_profile(setting.profile.as_deref()),
            scores: Scores::default(),
            trajectory: Trajectory::default(),
            pending: Vec::new(),
            lesson: None,
            sink,
        }
    }

    /// Connects a teacher: at each pick, `lesson` holds its estimated costs of the backends.
    pub(super) fn listen(&mut self, lesson: Arc<Mutex<Vec<f64>>>) {
        self.lesson = Some(lesson);
    }

    fn note(&mut self, place: usize, now: Time) {
        let scores = &self.scores;
        let notes = &mut self.trajectory;
        notes.counts.push(scores.candidates().len() as u16);
        notes.rows.extend_from_slice(scores.rows());
        notes.actions.push(place as u16);
        let probability = scores.probability(place, self.exploration.temperature);
        notes.log_probs.push(probability.ln() as f32);
        notes.at.push((now.as_secs_f64() * 1_000.0 / self.service_ms) as f32);
        notes.rewards.push(f32::NAN);
        if let Some(lesson) = &self.lesson {
            let lesson = lesson.lock().expect("no thread panics while it holds the lock");
            let of = |backend: &BackendIndex| lesson[backend.get()];
            let least = scores.candidates().iter().map(of).fold(f64::INFINITY, f64::min);
            let above = |cost: f64| ((cost - least) / 1e6 / self.service_ms) as f32;
            // NaN means that no backend is up, so all costs are equal.
            let costs = scores.candidates().iter().map(|backend| above(of(backend)).min(MOST_COST));
            notes.costs.extend(costs.map(|cost| if cost.is_nan() { 0.0 } else { cost }));
        }
    }
}

impl Policy for Actor {
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
        self.scores.observe(&self.features, request, pool, self.exploration.max_candidates, now, rng);
        self.trajectory.priors.extend_from_slice(self.scores.scores());
        // All of the network, even where costs are told and little of it will count: it is what is learnt.
        self.scores.add(&self.network, 1.0);
        let place = self.scores.draw_softmax(self.exploration.temperature, rng);
        self.note(place, now);
        Some(self.scores.pick(place))
    }

    fn on_sent(&mut self, backend: BackendIndex, request: &RequestInfo, now: Time) {
        self.features.on_sent(backend, request, now);
        if self.pending.len() <= backend.get() {
            self.pending.resize_with(backend.get() + 1, VecDeque::new);
        }
        self.pending[backend.get()].push_back((now, self.trajectory.len() - 1));
    }

    fn on_report(&mut self, backend: BackendIndex, report: &LoadReport, now: Time) {
        self.features.on_report(backend, report, now);
    }

    fn on_named(&mut self, backend: BackendIndex, id: &str) {
        self.features.on_named(backend, id);
    }

    fn on_reply(&mut self, backend: BackendIndex, reply: &Reply, now: Time) {
        self.features.on_reply(backend, reply, now);
        let sent = Time::from_nanos(now.as_nanos() - reply.latency.as_nanos());
        let pending = &mut self.pending[backend.get()];
        if let Some(place) = pending.iter().position(|(at, _)| *at == sent)
            && let Some((_, decision)) = pending.remove(place)
        {
            self.trajectory.rewards[decision] = reward(reply, self.service_ms);
        }
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        debug_assert_eq!(
            self.trajectory.rows.len(),
            self.trajectory.priors.len() * WIDTH,
            "one prior per row"
        );
        // An episode that panicked has no trajectory.
        if let Ok(mut sink) = self.sink.lock() {
            *sink = std::mem::take(&mut self.trajectory);
        }
    }
}
