//! The validated plan: what will run, in which order, and what to know about it.
//!
//! Only [`super::plan()`] makes one, so whoever holds a plan may rely on it: algorithms are known,
//! patterns fit under their cap, faults name real services, and every stage lasts.

use super::algorithms::Skipped;
use super::draft::limits::ServiceLimit;
use super::engine::{Dialect, Engine};
use super::error::Note;
use super::load_balancer::LoadBalancer;
use super::policy::TrainedPolicy;
use lb_admin_client::Switching;
use lb_analysis::threshold::{Scope, Threshold};
use lb_core::algorithm::{Algorithm, Rule};
use lb_core::rng::Seed;
use lb_core::time::Span;
use lb_core::workload::{Arrivals, Scenario};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// What will run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Name of the config, as typed.
    pub name: String,
    /// Where it was found: a path, or `bundled`.
    pub source: String,
    /// The shape that it was written in.
    pub dialect: Dialect,
    /// Which load balancer is meant.
    pub target: Target,
    /// The algorithms of scenarios that bring none of their own, in the order given.
    pub algorithms: Vec<Algorithm>,
    /// Algorithms that were asked for and will not run.
    pub skipped: Vec<Skipped>,
    /// What `rl` follows; none when the policy that comes with `bench` is not one for this build.
    pub policy: Option<TrainedPolicy>,
    /// Load balancers, each of which sees only what it has sent itself.
    pub balancers: u16,
    /// Passes over all algorithms.
    pub repetitions: u32,
    /// More passes are added until every interval of the mean and the 95th percentile is at most this
    /// wide to either side (0.03 is ±3 %); none: as many as `repetitions` says.
    pub precision: Option<f64>,
    /// Most passes that `precision` may lead to.
    pub max_repetitions: u32,
    /// Differences up to this fraction count as none (margin of equivalence).
    pub margin: f64,
    /// Whether the end of the warm-up is looked for in the measurements (MSER-5), instead of being
    /// trusted to the warm-up phase alone.
    pub detect_warm_up: bool,
    /// Fixes all random choices.
    pub seed: Seed,
    /// Time from one look to the next where weights are steered.
    pub steering_period: Span,
    /// How trials are driven, where config or flags say so.
    pub engine: Option<Engine>,
    /// Rest between trials. Like the drain timeout it is no part of the timeline that
    /// `--time-scale` shortens.
    pub cool_down: Span,
    /// Longest wait for requests in flight.
    pub drain_timeout: Span,
    /// What must hold for the run to pass.
    pub thresholds: Vec<Threshold>,
    /// Scenarios in the order in which they run; at least one.
    pub scenarios: Vec<PlannedScenario>,
    /// What is not done as written, and why.
    pub notes: Vec<Note>,
}

/// Which load balancer is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Entry with the path below which services lie, without a slash at its end.
    pub base_url: String,
    /// Whether a flag or the `bench` block names it, so that nothing else may be driven instead.
    pub explicit: bool,
    /// Admin API, where that is not at the same origin.
    pub admin_url: Option<String>,
    /// Bearer token of the admin API.
    pub admin_token: Option<String>,
    /// Which one it is. With `explicit` it runs already, else `bench` starts it; none: whoever answers, and
    /// else the reference.
    pub load_balancer: Option<LoadBalancer>,
    /// Several to be compared, all of which `bench` starts; empty: none.
    pub compared: Vec<LoadBalancer>,
    /// The program of a real one, in place of the first on PATH.
    pub program: Option<PathBuf>,
    /// Where a real one listens that `bench` starts; none: a free loopback port.
    pub listen: Option<SocketAddr>,
    /// How algorithms are selected in a real one.
    pub switching: Switching,
}

impl Target {
    /// Those that `bench` starts; empty where one runs already, or may.
    pub fn started(&self) -> Vec<LoadBalancer> {
        match self.load_balancer {
            _ if !self.compared.is_empty() => self.compared.clone(),
            Some(one) if !self.explicit => vec![one],
            _ => Vec::new(),
        }
    }

    /// Whether a reference load balancer may be what is driven.
    pub fn may_be_reference(&self) -> bool {
        match self.started().as_slice() {
            [] => !self.explicit,
            started => started.contains(&LoadBalancer::Reference),
        }
    }
}

/// One scenario of a plan.
#[derive(Clone, Debug)]
pub struct PlannedScenario {
    /// What each trial runs.
    pub scenario: Arc<Scenario>,
    /// The patterns, by [`lb_core::workload::UserPlan::stage`].
    pub patterns: Vec<PatternSummary>,
    /// Most users at once.
    pub peak_users: u32,
    /// The cap that the config sets.
    pub cap: Option<u32>,
    /// Distinct accounts.
    pub identities: u32,
    /// Chance of each bad request on purpose, at each request that can carry it.
    pub errors: BTreeMap<String, f64>,
    /// The algorithms that run in this scenario; at least one.
    pub algorithms: Vec<Algorithm>,
    /// Algorithms that this scenario asked for itself and that will not run.
    pub skipped: Vec<Skipped>,
    /// The requests of each action: names of its steps, by the name of the action.
    pub action_steps: BTreeMap<String, Vec<String>>,
    /// Products of the shop, as rows of the journey's feed `products`: `sku`, `name`, `category`,
    /// `price`, `image`. Mock backends must know them.
    pub catalogue: Vec<Value>,
}

/// A number of users from one offset to another.
#[derive(Clone, Debug)]
pub struct PatternSummary {
    /// Name.
    pub name: String,
    /// Offset from the start of the measured phase.
    pub start: Span,
    /// Length.
    pub duration: Span,
    /// The users arrive over this much of its beginning.
    pub ramp_up: Span,
    /// Users at once.
    pub users: u32,
    /// The open model in place of users.
    pub arrivals: Option<Arrivals>,
    /// Background traffic between patterns.
    pub background: bool,
    /// Label of the config, such as `high`.
    pub intensity: Option<String>,
    /// Requests per second to expect when no request waits: users, their think times and the mean
    /// service times decide (the interactive response time law, `X = N / (R + Z)`). In the open model:
    /// the mean rate of arrivals times the requests that each of them sends.
    pub expected_rps: f64,
    /// Labels of services, as the config gives them.
    pub service_labels: BTreeMap<String, String>,
    /// Load and limits of services, as the config gives them.
    pub service_limits: BTreeMap<String, ServiceLimit>,
}

impl Plan {
    /// Whether some scenario runs an algorithm that follows a policy file.
    pub fn runs_learned(&self) -> bool {
        let mut algorithms = self.scenarios.iter().flat_map(|scenario| &scenario.algorithms);
        algorithms.any(|algorithm| algorithm.rule == Rule::Rl)
    }
}

impl PlannedScenario {
    /// What thresholds can look at in this scenario.
    pub fn scope(&self) -> Scope<'_> {
        Scope { scenario: &self.scenario, action_steps: &self.action_steps }
    }
}
