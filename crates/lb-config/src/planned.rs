//! The scenarios of a plan and their patterns.

use super::algorithms::Skipped;
use super::draft::limits::ServiceLimit;
use lb_analysis::threshold::Scope;
use lb_core::Algorithm;
use lb_core::time::Span;
use lb_core::workload::{Arrivals, Scenario};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One scenario of a plan.
#[derive(Clone, Debug)]
pub struct PlannedScenario {
    pub(crate) scenario: Arc<Scenario>,
    pub(crate) patterns: Vec<PatternSummary>,
    pub(crate) peak_users: u32,
    pub(crate) cap: Option<u32>,
    pub(crate) identities: u32,
    pub(crate) errors: BTreeMap<String, f64>,
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) skipped: Vec<Skipped>,
    pub(crate) action_steps: BTreeMap<String, Vec<String>>,
    pub(crate) catalogue: Vec<Value>,
}

/// A pattern of a scenario: users, or arrivals, from one offset to another.
#[derive(Clone, Debug)]
pub struct PatternSummary {
    pub(crate) name: String,
    pub(crate) start: Span,
    pub(crate) duration: Span,
    pub(crate) ramp_up: Span,
    pub(crate) users: u32,
    pub(crate) arrivals: Option<Arrivals>,
    pub(crate) background: bool,
    pub(crate) intensity: Option<String>,
    pub(crate) expected_rps: f64,
    pub(crate) service_labels: BTreeMap<String, String>,
    pub(crate) service_limits: BTreeMap<String, ServiceLimit>,
}

impl PlannedScenario {
    /// The workload that each trial runs.
    pub fn scenario(&self) -> &Arc<Scenario> {
        &self.scenario
    }

    /// The patterns, indexed by [`lb_core::workload::UserPlan::stage`].
    pub fn patterns(&self) -> &[PatternSummary] {
        &self.patterns
    }

    /// The users at the busiest moment, including the most that variance can add.
    pub fn peak_users(&self) -> u32 {
        self.peak_users
    }

    /// The upper limit for concurrent users that the config sets.
    pub fn cap(&self) -> Option<u32> {
        self.cap
    }

    /// The number of distinct accounts.
    pub fn identities(&self) -> u32 {
        self.identities
    }

    /// The probability of each injected bad request, at each request that can carry it, by its name.
    pub fn errors(&self) -> &BTreeMap<String, f64> {
        &self.errors
    }

    /// The algorithms that run in this scenario; at least one.
    pub fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    /// Algorithms that this scenario itself asks for and that will not run.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// The names of the requests of each action, by the name of the action.
    pub fn action_steps(&self) -> &BTreeMap<String, Vec<String>> {
        &self.action_steps
    }

    /// The products of the shop, as rows of the feed `products`: `sku`, `name`, `category`, `price`, `image`.
    /// Mock backends must know them.
    pub fn catalogue(&self) -> &[Value] {
        &self.catalogue
    }

    /// The metrics and tags that thresholds can refer to in this scenario.
    pub fn scope(&self) -> Scope<'_> {
        Scope { scenario: &self.scenario, action_steps: &self.action_steps }
    }

    /// Replaces what each trial runs, to play the same scenario at another rate or for another time.
    #[must_use]
    pub fn with_scenario(&self, scenario: Scenario) -> Self {
        Self { scenario: Arc::new(scenario), ..self.clone() }
    }
}

impl PatternSummary {
    /// The name of the pattern.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The offset from the start of the measured phase.
    pub fn start(&self) -> Span {
        self.start
    }

    /// The length of the pattern.
    pub fn duration(&self) -> Span {
        self.duration
    }

    /// The time, from the start of the pattern, over which its users arrive.
    pub fn ramp_up(&self) -> Span {
        self.ramp_up
    }

    /// The number of concurrent users.
    pub fn users(&self) -> u32 {
        self.users
    }

    /// The arrivals of the open model. `None` in the closed model, which has users.
    pub fn arrivals(&self) -> Option<&Arrivals> {
        self.arrivals.as_ref()
    }

    /// Whether the pattern is background traffic between others.
    pub fn background(&self) -> bool {
        self.background
    }

    /// The label that the config gives, such as `high`.
    pub fn intensity(&self) -> Option<&str> {
        self.intensity.as_deref()
    }

    /// The requests per second to expect if no request waits. In the closed model, users, think times and
    /// mean service times decide (the interactive response time law, `X = N / (R + Z)`); in the open model,
    /// it is the mean rate of arrivals times the requests that each of them sends.
    pub fn expected_rps(&self) -> f64 {
        self.expected_rps
    }

    /// The labels that the config gives to services.
    pub fn service_labels(&self) -> &BTreeMap<String, String> {
        &self.service_labels
    }

    /// The load and the limits that the config expects of services.
    pub fn service_limits(&self) -> &BTreeMap<String, ServiceLimit> {
        &self.service_limits
    }
}
