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
    pub(crate) slug: String,
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
    /// Returns the workload that each trial runs.
    pub fn scenario(&self) -> &Arc<Scenario> {
        &self.scenario
    }

    /// Returns the name of the scenario in file names, unique in the plan.
    pub fn slug(&self) -> &str {
        &self.slug
    }

    /// Returns the patterns, indexed by [`lb_core::workload::UserPlan::stage`].
    pub fn patterns(&self) -> &[PatternSummary] {
        &self.patterns
    }

    /// Returns the users at the busiest moment, including the most that variance can add.
    pub fn peak_users(&self) -> u32 {
        self.peak_users
    }

    /// Returns the upper limit for concurrent users that the config sets.
    pub fn cap(&self) -> Option<u32> {
        self.cap
    }

    /// Returns the number of distinct accounts.
    pub fn identities(&self) -> u32 {
        self.identities
    }

    /// Returns the probability of each injected bad request, for each request that can carry it, by the name
    /// of the error.
    pub fn errors(&self) -> &BTreeMap<String, f64> {
        &self.errors
    }

    /// Returns the algorithms that run in this scenario; at least one.
    pub fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    /// Returns the algorithms that this scenario names but that will not run.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// Returns the names of the requests of each action, by the name of the action.
    pub fn action_steps(&self) -> &BTreeMap<String, Vec<String>> {
        &self.action_steps
    }

    /// Returns the products of the shop, as rows of the feed `products`: `sku`, `name`, `category`, `price`,
    /// `image`. Mock backends must know them.
    pub fn catalogue(&self) -> &[Value] {
        &self.catalogue
    }

    /// Returns the metrics and tags that thresholds can refer to in this scenario.
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
    /// Returns the name of the pattern.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the offset from the start of the measured phase.
    pub fn start(&self) -> Span {
        self.start
    }

    /// Returns the length of the pattern.
    pub fn duration(&self) -> Span {
        self.duration
    }

    /// Returns the time, from the start of the pattern, over which its users arrive.
    pub fn ramp_up(&self) -> Span {
        self.ramp_up
    }

    /// Returns the number of concurrent users.
    pub fn users(&self) -> u32 {
        self.users
    }

    /// Returns the arrivals of the open model. `None` in the closed model, which has users.
    pub fn arrivals(&self) -> Option<&Arrivals> {
        self.arrivals.as_ref()
    }

    /// Returns whether the pattern is background traffic between other patterns.
    pub fn background(&self) -> bool {
        self.background
    }

    /// Returns the label that the config sets, such as `high`.
    pub fn intensity(&self) -> Option<&str> {
        self.intensity.as_deref()
    }

    /// Returns the requests per second to expect if no request waits. In the closed model, users, think times
    /// and mean service times decide (the interactive response time law, `X = N / (R + Z)`); in the open
    /// model, it is the mean rate of arrivals times the requests that each of them sends.
    pub fn expected_rps(&self) -> f64 {
        self.expected_rps
    }

    /// Returns the labels of services that the config sets, by service.
    pub fn service_labels(&self) -> &BTreeMap<String, String> {
        &self.service_labels
    }

    /// Returns the load and the limits that the config expects of services.
    pub fn service_limits(&self) -> &BTreeMap<String, ServiceLimit> {
        &self.service_limits
    }
}
