//! The validated plan: what will run, and in which order.
//!
//! Only [`crate::plan()`] makes one, so a plan is always valid: algorithms are known, patterns fit under
//! their limit, faults name real services, and every stage lasts.

use super::algorithms::Skipped;
use super::engine::{Dialect, Engine};
use super::error::Note;
use super::load_balancer::Target;
use super::planned::PlannedScenario;
use super::policy::TrainedPolicy;
use lb_analysis::threshold::Threshold;
use lb_core::algorithm::{Algorithm, Rule};
use lb_core::rng::Seed;
use lb_core::time::Span;

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
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) skipped: Vec<Skipped>,
    pub(crate) policy: Option<TrainedPolicy>,
    pub(crate) balancers: u16,
    pub(crate) repetitions: u32,
    pub(crate) precision: Option<f64>,
    pub(crate) max_repetitions: u32,
    pub(crate) margin: f64,
    pub(crate) detect_warm_up: bool,
    pub(crate) seed: Seed,
    pub(crate) steering_period: Span,
    pub(crate) engine: Option<Engine>,
    pub(crate) cool_down: Span,
    pub(crate) drain_timeout: Span,
    pub(crate) thresholds: Vec<Threshold>,
    pub(crate) scenarios: Vec<PlannedScenario>,
    pub(crate) notes: Vec<Note>,
}

impl Plan {
    /// The name of the config, as typed.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the config was found: a path, `bundled`, or `text`.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The shape in which the config is written.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The load balancer under test.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The algorithms of scenarios that bring none of their own, in the order given.
    pub fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    /// Algorithms that were asked for and will not run.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// The policy that `rl` follows. `None` when the bundled policy was trained for another build.
    pub fn policy(&self) -> Option<&TrainedPolicy> {
        self.policy.as_ref()
    }

    /// The number of load balancers, each of which knows only the requests that it sent itself.
    pub fn balancers(&self) -> u16 {
        self.balancers
    }

    /// The minimum number of passes over all algorithms.
    pub fn repetitions(&self) -> u32 {
        self.repetitions
    }

    /// The half-width of the confidence intervals of the mean and the 95th percentile, as a fraction of
    /// the value, until which passes are added: 0.03 is ±3 %. `None` adds none.
    pub fn precision(&self) -> Option<f64> {
        self.precision
    }

    /// The upper limit for the passes that a precision adds.
    pub fn max_repetitions(&self) -> u32 {
        self.max_repetitions
    }

    /// The margin of equivalence: differences up to this fraction count as none.
    pub fn margin(&self) -> f64 {
        self.margin
    }

    /// Whether the end of the warm-up is also looked for in the measurements (MSER-5).
    pub fn detect_warm_up(&self) -> bool {
        self.detect_warm_up
    }

    /// The seed of all random choices.
    pub fn seed(&self) -> Seed {
        self.seed
    }

    /// The time between two changes of weights, where `rl` steers a real load balancer.
    pub fn steering_period(&self) -> Span {
        self.steering_period
    }

    /// How trials are driven. `None` if neither the config nor a flag sets it.
    pub fn engine(&self) -> Option<Engine> {
        self.engine
    }

    /// The rest between trials. `--time-scale` does not shorten it.
    pub fn cool_down(&self) -> Span {
        self.cool_down
    }

    /// The longest wait for requests in flight. `--time-scale` does not shorten it.
    pub fn drain_timeout(&self) -> Span {
        self.drain_timeout
    }

    /// The conditions under which the run passes.
    pub fn thresholds(&self) -> &[Threshold] {
        &self.thresholds
    }

    /// The scenarios in the order in which they run; at least one.
    pub fn scenarios(&self) -> &[PlannedScenario] {
        &self.scenarios
    }

    /// Settings that are not applied as written, and why.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Whether some scenario runs an algorithm that follows a policy file.
    pub fn runs_learned(&self) -> bool {
        let mut algorithms = self.scenarios.iter().flat_map(|scenario| &scenario.algorithms);
        algorithms.any(|algorithm| algorithm.rule == Rule::Rl)
    }
}
