//! The validated plan: what will run, in which order, and what to know about it.
//!
//! Only [`super::plan()`] makes one, so whoever holds a plan may rely on it: algorithms are known,
//! patterns fit under their cap, faults name real services, and every stage lasts.

use super::arrivals;
use super::error::Note;
use super::policy::TrainedPolicy;
use lb_admin_client::{Kind, Switching};
use lb_analysis::threshold::{Scope, Threshold};
use lb_core::algorithm::{Algorithm, Rule};
use lb_core::rng::Seed;
use lb_core::suggest::did_you_mean;
use lb_core::time::Span;
use lb_core::workload::{Arrivals, Scenario};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

/// How trials are driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// Real HTTP over real sockets in real time.
    Live,
    /// The same rules in virtual time.
    Sim,
}

/// The shape that a config was written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// `scenarios`.
    Guide,
    /// `rl_training_scenarios`, `stress_test_scenarios` or both.
    Training,
    /// `rl_training_scenarios` without profiles.
    Inline,
    /// `base_users` and `duration_minutes`.
    Traffic,
    /// A list of recorded requests.
    Requests,
}

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

/// A load balancer by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadBalancer {
    /// The one that comes with `bench`.
    Reference,
    /// A real one.
    Real(Kind),
}

impl LoadBalancer {
    fn names() -> impl Iterator<Item = &'static str> {
        ["reference"].into_iter().chain(Kind::ALL.iter().map(|kind| kind.name()))
    }

    /// The names that there are, joined by commas.
    pub fn all_names() -> String {
        Self::names().collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for LoadBalancer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reference => f.write_str("reference"),
            Self::Real(kind) => kind.fmt(f),
        }
    }
}

impl FromStr for LoadBalancer {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        if name.eq_ignore_ascii_case("reference") {
            return Ok(Self::Reference);
        }
        name.parse().map(Self::Real).map_err(|()| {
            format!(
                "is no load balancer that `bench` knows{}; known: {}, or the URL of one that runs",
                did_you_mean(name, Self::names()),
                Self::all_names()
            )
        })
    }
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

/// An algorithm that was asked for and will not run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// Name as written.
    pub name: String,
    /// What it is here, where it is anything.
    #[serde(skip)]
    pub algorithm: Option<Algorithm>,
    /// Why.
    pub reason: String,
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

/// Load and limits that a config expects of a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct ServiceLimit {
    /// Requests per second.
    pub expected_rps: Option<f64>,
    /// Highest share of errors.
    pub error_rate: Option<f64>,
    /// Highest 99th percentile of latency in milliseconds.
    pub p99_ms: Option<f64>,
}

impl Plan {
    /// Whether some scenario runs an algorithm that follows a policy file.
    pub fn runs_learned(&self) -> bool {
        let mut algorithms = self.scenarios.iter().flat_map(|scenario| &scenario.algorithms);
        algorithms.any(|algorithm| algorithm.rule == Rule::Rl)
    }

    /// The plan for `bench plan --json`. `schedule_sha256` covers the schedules of all scenarios,
    /// which whoever runs the plan knows how to seed.
    pub fn to_json(&self, schedule_sha256: &str) -> Value {
        json!({
            "name": self.name,
            "source": self.source,
            "dialect": self.dialect,
            "base_url": self.target.base_url,
            "admin_url": self.target.admin_url,
            "load_balancers": self.target.started().iter().map(ToString::to_string).collect::<Vec<_>>(),
            "algorithms": names(&self.algorithms),
            "skipped": self.skipped,
            "policy": self.policy.as_ref().map(|policy| {
                json!({ "source": policy.source, "sha256": policy.file.sha256 })
            }),
            "balancers": self.balancers,
            "repetitions": self.repetitions,
            "precision": self.precision,
            "max_repetitions": self.max_repetitions,
            "margin": self.margin,
            "warm_up_detection": self.detect_warm_up,
            "seed": self.seed.0,
            "steering_period_s": self.steering_period.as_secs_f64(),
            "engine": self.engine,
            "cool_down_s": self.cool_down.as_secs_f64(),
            "drain_timeout_s": self.drain_timeout.as_secs_f64(),
            "schedule_sha256": schedule_sha256,
            "thresholds": self.thresholds.iter().map(Threshold::text).collect::<Vec<_>>(),
            "scenarios": self.scenarios.iter().map(PlannedScenario::to_json).collect::<Vec<_>>(),
            "notes": self.notes,
        })
    }
}

impl PlannedScenario {
    /// What thresholds can look at in this scenario.
    pub fn scope(&self) -> Scope<'_> {
        Scope { scenario: &self.scenario, action_steps: &self.action_steps }
    }

    fn to_json(&self) -> Value {
        let topology = &self.scenario.topology;
        json!({
            "name": self.scenario.name,
            "duration_s": self.scenario.duration.as_secs_f64(),
            "warm_up_s": self.scenario.warm_up.as_secs_f64(),
            "request_timeout_s": self.scenario.request_timeout.as_secs_f64(),
            "max_in_flight": self.scenario.max_in_flight,
            "peak_users": self.peak_users,
            "max_concurrent_users": self.cap,
            "identities": self.identities,
            "errors": self.errors,
            "algorithms": names(&self.algorithms),
            "skipped": self.skipped,
            "topology": topology.name,
            "faults": topology.faults,
            "actions": self.scenario.workload.action_names(),
            "patterns": self.patterns.iter().map(PatternSummary::to_json).collect::<Vec<_>>(),
        })
    }
}

impl PatternSummary {
    /// The arrivals in a few words, such as `poisson 500/s`; none in the closed model.
    pub fn arrivals_in_words(&self) -> Option<String> {
        self.arrivals.as_ref().map(arrivals::describe)
    }

    /// Sessions or actions per second on average; none in the closed model.
    pub fn mean_arrival_rate(&self) -> Option<f64> {
        self.arrivals.as_ref().map(|open| arrivals::mean_rate(&open.process, self.duration))
    }

    fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "model": if self.arrivals.is_some() { "open" } else { "closed" },
            "start_s": self.start.as_secs_f64(),
            "duration_s": self.duration.as_secs_f64(),
            "ramp_up_s": self.ramp_up.as_secs_f64(),
            "users": self.users,
            "arrivals": self.arrivals.as_ref().map(|open| arrivals::to_json(open, self)),
            "background": self.background,
            "intensity": self.intensity,
            "expected_rps": self.expected_rps,
            "service_labels": self.service_labels,
            "service_limits": self.service_limits,
        })
    }
}

fn names(algorithms: &[Algorithm]) -> Vec<String> {
    algorithms.iter().map(Algorithm::to_string).collect()
}
