//! The validated plan: what will run, and in which order.
//!
//! Only [`crate::plan()`] makes one, so a plan is always valid: algorithms are known, patterns stay within
//! their limit, faults name existing services, and no stage is empty.

use super::algorithms::Skipped;
use super::engine::{Dialect, Engine, LoadReports};
use super::error::Note;
use super::load_balancer::Target;
use super::mock_api::MockApi;
use super::planned::PlannedScenario;
use super::policy::TrainedPolicy;
use super::scrape::Scrape;
use super::tls::Tls;
use lb_analysis::threshold::Threshold;
use lb_core::Observation;
use lb_core::algorithm::{Algorithm, Rule};
use lb_core::connections::{ConnectionPolicy, HttpChoice};
use lb_core::rng::Seed;
use lb_core::time::Span;
use lb_results::Metric;

/// A validated plan of everything that will run.
///
/// A plan cannot be made or changed outside this crate:
///
/// ```compile_fail
/// fn rename(mut plan: lb_config::Plan) {
///     plan.name = "another".to_owned();
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Plan {
    pub(crate) name: String,
    pub(crate) source: String,
    pub(crate) dialect: Dialect,
    pub(crate) target: Target,
    pub(crate) tls: Option<Tls>,
    pub(crate) http: HttpChoice,
    pub(crate) connections: ConnectionPolicy,
    pub(crate) connect_timeout: Span,
    pub(crate) resolve_every: Span,
    pub(crate) observe: Option<Observation>,
    pub(crate) slow: Option<Span>,
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) skipped: Vec<Skipped>,
    pub(crate) policy: Option<TrainedPolicy>,
    pub(crate) balancers: u16,
    pub(crate) load_reports: Option<LoadReports>,
    pub(crate) repetitions: u32,
    pub(crate) precision: Option<f64>,
    pub(crate) detect: Option<f64>,
    pub(crate) max_repetitions: u32,
    pub(crate) margin: f64,
    pub(crate) primary_metric: Metric,
    pub(crate) baseline: Option<String>,
    pub(crate) detect_warm_up: bool,
    pub(crate) seed: Seed,
    pub(crate) steering_period: Span,
    pub(crate) engine: Option<Engine>,
    pub(crate) cool_down: Span,
    pub(crate) drain_timeout: Span,
    pub(crate) scrapes: Vec<Scrape>,
    pub(crate) scrape_interval: Span,
    pub(crate) thresholds: Vec<Threshold>,
    pub(crate) mock_api: Option<MockApi>,
    pub(crate) scenarios: Vec<PlannedScenario>,
    pub(crate) endless: bool,
    pub(crate) switch_once: Option<Algorithm>,
    pub(crate) notes: Vec<Note>,
}

impl Plan {
    /// Returns the name of the config, as typed.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns where the config was found: a path, `bundled`, or `text`.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Returns the shape in which the config is written.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Returns the load balancer under test.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Returns how TLS is spoken with the load balancer under test. `None` if requests are not sent over TLS.
    pub fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    /// Returns the version of HTTP that is spoken with the load balancer under test.
    pub fn http(&self) -> HttpChoice {
        self.http
    }

    /// Returns which requests share a connection.
    pub fn connections(&self) -> ConnectionPolicy {
        self.connections
    }

    /// Returns the longest time for opening a connection. The request timeout of a scenario may be shorter.
    pub fn connect_timeout(&self) -> Span {
        self.connect_timeout
    }

    /// Returns the time between two look-ups of the target's name; zero for none.
    pub fn resolve_every(&self) -> Span {
        self.resolve_every
    }

    /// Returns the header by whose values replies are told apart. `None` if they are not.
    pub fn observe(&self) -> Option<&Observation> {
        self.observe.as_ref()
    }

    /// Returns how long a slow request takes at least. `None` if slow requests are not looked for.
    pub fn slow(&self) -> Option<Span> {
        self.slow
    }

    /// Returns the algorithms of scenarios that do not set their own, in the given order.
    pub fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    /// Returns the algorithms that were requested but will not run.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// Returns the policy that `rl` follows. `None` when the bundled policy was trained for another build.
    pub fn policy(&self) -> Option<&TrainedPolicy> {
        self.policy.as_ref()
    }

    /// Returns the number of load balancers, each of which knows only the requests that it sent itself.
    pub fn balancers(&self) -> u16 {
        self.balancers
    }

    /// Returns how load balancers learn what backends hold; `None` if they do not.
    pub fn load_reports(&self) -> Option<LoadReports> {
        self.load_reports
    }

    /// Returns the minimum number of passes over all algorithms.
    pub fn repetitions(&self) -> u32 {
        self.repetitions
    }

    /// Returns the half-width that the confidence intervals of the mean and the 95th percentile should reach,
    /// as a fraction of the value: 0.03 is ±3 %. Passes are added until they do. `None` adds no passes.
    pub fn precision(&self) -> Option<f64> {
        self.precision
    }

    /// Returns the difference in the primary metric that the passes are to find, as a fraction: 0.1 is 10 %.
    /// `None` if a pilot does not decide the number of passes.
    pub fn detect(&self) -> Option<f64> {
        self.detect
    }

    /// Returns the upper limit for the passes when a precision or a difference to detect decides their
    /// number.
    pub fn max_repetitions(&self) -> u32 {
        self.max_repetitions
    }

    /// Returns the metric that decides verdicts.
    pub fn primary_metric(&self) -> Metric {
        self.primary_metric
    }

    /// Returns the algorithm that all others are compared with. `None` if every pair is compared.
    pub fn baseline(&self) -> Option<&str> {
        self.baseline.as_deref()
    }

    /// Returns the margin of equivalence: differences below this fraction do not matter.
    pub fn margin(&self) -> f64 {
        self.margin
    }

    /// Returns whether the end of the warm-up is also detected from the measurements (MSER-5).
    pub fn detect_warm_up(&self) -> bool {
        self.detect_warm_up
    }

    /// Returns the seed of all random choices.
    pub fn seed(&self) -> Seed {
        self.seed
    }

    /// Returns the time between two changes of weights when `rl` steers a real load balancer.
    pub fn steering_period(&self) -> Span {
        self.steering_period
    }

    /// Returns how trials are driven. `None` if neither the config nor a flag sets it.
    pub fn engine(&self) -> Option<Engine> {
        self.engine
    }

    /// Returns the pause between trials. `--time-scale` does not shorten it.
    pub fn cool_down(&self) -> Span {
        self.cool_down
    }

    /// Returns the longest wait for requests in flight. `--time-scale` does not shorten it.
    pub fn drain_timeout(&self) -> Span {
        self.drain_timeout
    }

    /// Returns the targets that are read beside the load, in the order of the flags or the config.
    pub fn scrapes(&self) -> &[Scrape] {
        &self.scrapes
    }

    /// Returns the time between two readings of a target.
    pub fn scrape_interval(&self) -> Span {
        self.scrape_interval
    }

    /// Returns the conditions under which the run passes.
    pub fn thresholds(&self) -> &[Threshold] {
        &self.thresholds
    }

    /// Returns what the mock backends answer. `None` means their own applications.
    pub fn mock_api(&self) -> Option<&MockApi> {
        self.mock_api.as_ref()
    }

    /// Returns the scenarios in the order in which they run; at least one.
    pub fn scenarios(&self) -> &[PlannedScenario] {
        &self.scenarios
    }

    /// Returns whether load is sent until it is stopped, as with `--duration forever`.
    pub fn is_endless(&self) -> bool {
        self.endless
    }

    /// Returns the algorithm to switch to before a load without end begins. `None` leaves the load balancer as it
    /// is, because neither a flag nor the config names exactly one algorithm.
    pub fn switch_once(&self) -> Option<Algorithm> {
        self.switch_once
    }

    /// Returns the settings that are not applied as written, with the reasons.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Returns whether some scenario runs an algorithm that follows a policy file.
    pub fn runs_learned(&self) -> bool {
        let mut algorithms = self.scenarios.iter().flat_map(|scenario| &scenario.algorithms);
        algorithms.any(|algorithm| algorithm.rule == Rule::Rl)
    }
}
