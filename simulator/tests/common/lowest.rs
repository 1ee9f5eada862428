//! A policy without a network: the backend that costs least by what `Serving` knows. It shows what the
//! estimates are worth on their own.

use lb_core::backend::demand;
use lb_core::policy::serving::{Look, Serving};
use lb_core::policy::{BackendIndex, CostModel, Policy, PoolView, PredictedCost, Reply, RequestInfo};
use lb_core::rng::Rng;
use lb_core::service_time::ServiceTime;
use lb_core::{Span, Time};
use std::sync::{Arc, Mutex};

/// Each backend gets at least one of so many requests, so that a recovery is noticed.
const LEAST_SHARE: u64 = 1_000;

/// Weight of a failure in the mean error rate of a backend, and its cost relative to the request.
const ERRORS: f32 = 0.1;
const FAILURE_COST: f32 = 200.0;

/// What the policies of all load balancers know at their end, by backend.
pub(crate) type Looks = Arc<Mutex<Vec<Vec<Look>>>>;

/// Picks the backend with the lowest cost by first policy improvement.
#[derive(Debug)]
pub(crate) struct Lowest {
    serving: Serving,
    costs: CostModel,
    /// What the request that is being placed is expected to cost.
    predicted: PredictedCost,
    error_rates: Vec<f32>,
    /// Number of the latest pick of each backend.
    latest: Vec<u64>,
    picks: u64,
    /// Service times, if requests tell their size.
    told: Option<ServiceTime>,
    looks: Looks,
}

impl Lowest {
    /// Returns a policy that leaves in `looks` what it knows when it is dropped. If `told`, it knows the size of
    /// each request, which the client's key determines in a simulation of an open load without luck. Otherwise
    /// it learns what requests cost from what they say.
    pub(crate) fn new(told: Option<ServiceTime>, looks: Looks) -> Self {
        Self {
            serving: Serving::default(),
            costs: CostModel::default(),
            predicted: PredictedCost::default(),
            error_rates: Vec::new(),
            latest: Vec::new(),
            picks: 0,
            told,
            looks,
        }
    }

    fn predict(&self, request: &RequestInfo) -> PredictedCost {
        let Some(service) = &self.told else {
            return self.costs.predict(request);
        };
        let cost = demand(service, request.client_key).as_millis_f64() / service.mean_ms();
        PredictedCost { log_cost: cost.ln() as f32, cost: cost as f32, deviation: 0.05 }
    }
}

impl Policy for Lowest {
    fn pick(
        &mut self,
        request: &RequestInfo,
        pool: &PoolView<'_>,
        now: Time,
        _: &mut Rng,
    ) -> Option<BackendIndex> {
        self.serving.grow(pool.backends.len(), now);
        self.error_rates.resize(pool.backends.len(), 0.0);
        self.latest.resize(pool.backends.len(), self.picks);
        self.picks += 1;
        let overdue = pool.eligible.get(self.picks as usize % pool.eligible.len().max(1)).copied();
        let overdue = overdue.filter(|one| self.picks - self.latest[one.get()] >= LEAST_SHARE);
        self.predicted = self.predict(request);
        let cost = |backend: &BackendIndex| {
            let index = self.serving.index(*backend, &self.predicted, now);
            assert!(index.log_completion.is_finite(), "{index:?}");
            index.log_improvement + (1.0 + FAILURE_COST * self.error_rates[backend.get()]).ln()
        };
        let cheapest = pool.eligible.iter().min_by(|one, other| cost(one).total_cmp(&cost(other))).copied();
        let picked = overdue.or(cheapest)?;
        self.latest[picked.get()] = self.picks;
        Some(picked)
    }

    fn on_sent(&mut self, backend: BackendIndex, request: &RequestInfo, now: Time) {
        self.serving.on_sent(backend, request, self.predicted, now);
    }

    fn on_reply(&mut self, backend: BackendIndex, reply: &Reply, now: Time) {
        let error = if reply.is_success() { 0.0 } else { 1.0 };
        self.error_rates[backend.get()] += ERRORS * (error - self.error_rates[backend.get()]);
        let sent = Time::ZERO + Span::from_nanos(now.as_nanos() - reply.latency.as_nanos());
        if let Some(ended) = self.serving.on_end(backend, sent, Some(reply.kind), now) {
            self.costs.learn(&ended.request, ended.log_relative, ended.certainty);
        }
    }

    fn on_cancel(&mut self, backend: BackendIndex, sent: Time) {
        self.serving.on_end(backend, sent, None, sent);
    }
}

impl Drop for Lowest {
    fn drop(&mut self) {
        let look = |place: usize| self.serving.look(BackendIndex(place as u32));
        let looks = (0..self.latest.len()).map(look).collect();
        if let Ok(mut all) = self.looks.lock() {
            all.push(looks);
        }
    }
}
