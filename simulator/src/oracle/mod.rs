//! Oracles: deciders that know the true state of every backend, which no load balancer can. They bound
//! what a policy could gain from more knowledge.
//!
//! At the time of a decision, every oracle knows the number of requests in each backend or on their way
//! to it, and its current speed, including faults. A backend that is down is never picked. A possible
//! failure costs the request's timeout, weighted by its probability, so that a backend that fails fast
//! does not look fast. The formulas are in `cost.rs`.

mod cost;
mod load;

use cost::{
    Backend, first_policy_improvement, least_work_left, shortest_expected_delay, sized_policy_improvement,
};
use lb_core::backend::BackendModel;
use lb_core::policy::BackendIndex;
use lb_core::topology::Discipline;
use lb_core::{Span, Time};
use load::Load;
use std::collections::VecDeque;

/// A decider that knows the true state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Oracle {
    /// Shortest expected delay: the backend with the lowest expected delay for this request. It is
    /// individually greedy, and so not optimal for all requests together.
    ShortestExpectedDelay,
    /// First policy improvement: also counts the delay that the request causes to later ones.
    FirstPolicyImprovement,
    /// First policy improvement that also knows the size of every request.
    SizedPolicyImprovement,
    /// Least work left: the backend that will in fact answer this request first if nothing else
    /// arrives. It is greedy as well, at the expense of other requests if requests share workers.
    LeastWorkLeft,
}

impl Oracle {
    /// All oracles.
    pub const ALL: [Self; 4] = [
        Self::ShortestExpectedDelay,
        Self::FirstPolicyImprovement,
        Self::SizedPolicyImprovement,
        Self::LeastWorkLeft,
    ];

    /// Returns the name of the oracle in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ShortestExpectedDelay => "oracle-sed",
            Self::FirstPolicyImprovement => "oracle-fpi",
            Self::SizedPolicyImprovement => "oracle-sized-fpi",
            Self::LeastWorkLeft => "oracle-lwl",
        }
    }

    /// Returns what the oracle knows but no load balancer does, as a phrase for reports.
    pub const fn knows(self) -> &'static str {
        match self {
            Self::ShortestExpectedDelay => "true speeds and queues",
            Self::FirstPolicyImprovement => "true speeds and queues, and what a request costs later ones",
            Self::SizedPolicyImprovement => {
                "true speeds, the work left of every request, and what a request costs later ones"
            }
            Self::LeastWorkLeft => "true speeds, and the work left of every request",
        }
    }
}

/// A request that was placed but has not reached its backend, or is just being placed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Coming {
    pub(crate) slot: u32,
    pub(crate) demand: Span,
    /// Number of the request's service within the pool.
    pub(crate) service: usize,
}

/// The state of a backend that an oracle knows.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) model: &'a BackendModel,
    pub(crate) coming: &'a VecDeque<Coming>,
}

/// An oracle for one pool.
#[derive(Debug)]
pub(crate) struct Seer {
    oracle: Oracle,
    /// Cost of a failure.
    timeout: Span,
    load: Load,
    /// Number of requests in each backend or on their way to it at the latest observation; `None` if it
    /// was down.
    requests: Vec<Option<usize>>,
}

impl Seer {
    pub(crate) fn new(oracle: Oracle, timeout: Span) -> Self {
        Self { oracle, timeout, load: Load::default(), requests: Vec::new() }
    }

    /// Returns the cost of `request` on each backend in nanoseconds; infinite if it cannot be served
    /// there.
    pub(crate) fn see<'a>(
        &mut self,
        request: Coming,
        backends: impl Iterator<Item = View<'a>> + Clone,
        now: Time,
        costs: &mut Vec<f64>,
    ) {
        self.load.arrival(request.demand, now);
        let up = |view: &View<'_>| view.model.is_up();
        let speeds = backends.clone().filter(up).map(|view| view.model.speed() * view.model.workers() as f64);
        let utilisation = self.load.utilisation(speeds.sum());
        costs.clear();
        self.requests.clear();
        for view in backends {
            let up = up(&view);
            costs.push(if up { self.cost(request, view, utilisation, now) } else { f64::INFINITY });
            self.requests.push(up.then_some(view.model.in_system() + view.coming.len()));
        }
    }

    /// Returns the cheapest backend after [`Self::see`]; among equals the one with the fewest requests,
    /// then the first. `None` if all are down.
    pub(crate) fn cheapest(&self, costs: &[f64]) -> Option<BackendIndex> {
        let seen = costs.iter().zip(&self.requests).enumerate();
        let candidates = seen.filter_map(|(place, (cost, requests))| Some((cost, (*requests)?, place)));
        let best = candidates.min_by(|one, other| one.0.total_cmp(other.0).then(one.1.cmp(&other.1)));
        best.map(|(_, _, place)| BackendIndex(place as u32))
    }

    /// Returns the cost in nanoseconds; infinite at a frozen backend.
    fn cost(&self, request: Coming, view: View<'_>, utilisation: f64, now: Time) -> f64 {
        let condition = view.model.condition(request.service);
        let backend = Backend {
            workers: view.model.workers(),
            requests: view.model.in_system() + view.coming.len(),
            service: self.load.mean_demand() * condition.service_factor / view.model.speed()
                + condition.added.as_nanos() as f64,
        };
        let delay = match self.oracle {
            Oracle::ShortestExpectedDelay => shortest_expected_delay(&backend),
            Oracle::FirstPolicyImprovement => first_policy_improvement(&backend, utilisation),
            // The delay of other requests that share the workers depends on all their sizes.
            Oracle::SizedPolicyImprovement if view.model.discipline() == Discipline::ProcessorSharing => {
                first_policy_improvement(&backend, utilisation)
            }
            Oracle::SizedPolicyImprovement => {
                let work = view.model.work_of(request.demand, request.service);
                let wait = least_work_left(view.model, coming(&view), 0.0, now);
                sized_policy_improvement(&backend, utilisation, wait, work / view.model.speed())
            }
            Oracle::LeastWorkLeft => {
                let work = view.model.work_of(request.demand, request.service);
                least_work_left(view.model, coming(&view), work, now)
            }
        };
        let succeeds =
            (1.0 - condition.error_rate) * (1.0 - condition.timeout_rate) * (1.0 - condition.fast_fail);
        let cost = delay + (1.0 - succeeds) * self.timeout.as_nanos() as f64;
        // A frozen backend leads to infinities, and some of them cancel out to NaN.
        if cost.is_nan() { f64::INFINITY } else { cost }
    }
}

/// Returns the work of requests that are on their way to a backend.
fn coming(view: &View<'_>) -> impl Iterator<Item = f64> {
    view.coming.iter().map(|coming| view.model.work_of(coming.demand, coming.service))
}
