//! Errors that keep a run from beginning or continuing.

use super::fleet::FleetError;
use lb_admin_client::AdminError;
use lb_core::algorithm::AlgorithmError;
use lb_load::{LoadError, Unreachable};
use lb_results::Skipped;
use simulator::SimulationError;

/// Error that keeps a run from beginning or continuing. A failed request is data, not an error.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The plan asks for something that the load balancer under test or the scenario does not allow.
    #[error(transparent)]
    Plan(anyhow::Error),
    /// There is no policy for an algorithm.
    #[error(transparent)]
    Algorithm(#[from] AlgorithmError),
    /// The scenario cannot be simulated.
    #[error(transparent)]
    Simulation(#[from] SimulationError),
    /// The load balancer or the backends could not be found, started or controlled.
    #[error(transparent)]
    Testbed(anyhow::Error),
    /// The load balancer that is already running cannot be reached.
    #[error("failed to reach `{url}`")]
    Unreachable {
        /// The URL of the load balancer, with its password masked.
        url: String,
        /// Why it cannot be reached, and the way out.
        source: Box<Unreachable>,
    },
    /// A target that is to be read beside the load cannot be read.
    #[error(
        "failed to scrape `{target}` at `{url}`: {why}; check the address, or leave this target out of --scrape or \
        `bench.scrape`"
    )]
    Scrape {
        /// The name of the target.
        target: String,
        /// Its address, with its password masked.
        url: String,
        /// What is wrong.
        why: String,
    },
    /// A call to the admin interface of the load balancer failed.
    #[error(transparent)]
    Admin(Box<AdminError>),
    /// The load generator could not run a phase.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A file of the results could not be written or read.
    #[error(transparent)]
    Results(anyhow::Error),
    /// The load balancer offers none of the algorithms.
    #[error("no algorithm is left to run: {}", reasons(.skipped))]
    NothingOffered {
        /// The algorithms, each with the reason why it does not run.
        skipped: Vec<Skipped>,
    },
    /// Programs of load balancers in the plan are not installed.
    #[error("some of the load balancers to be started are not installed; install {}", .missing.join(", "))]
    ProgramsMissing {
        /// Each program with the command that installs it.
        missing: Vec<String>,
    },
    /// A check that `say` reported as `FAIL` did not pass.
    #[error("the checks marked FAIL above did not pass")]
    ChecksFailed,
    /// The load balancer refused a switch.
    #[error("failed to switch {balancer} to `{algorithm}`")]
    Switch {
        /// The name of the load balancer.
        balancer: String,
        /// The requested algorithm.
        algorithm: String,
        /// The error of its admin interface.
        source: Box<AdminError>,
    },
    /// The load balancer confirmed a switch, but the evidence contradicts it.
    #[error(
        "{balancer} claims to run `{algorithm}` but does not ({why}); nothing was measured under that name"
    )]
    SwitchContradicted {
        /// The name of the load balancer.
        balancer: String,
        /// The requested algorithm.
        algorithm: String,
        /// The evidence against it.
        why: String,
    },
    /// A process under test ended during a trial.
    #[error(transparent)]
    ProcessEnded(anyhow::Error),
    /// A load balancer that was already running has no healthy backend.
    #[error(
        "{balancer} has no healthy backend ({}), so every request would fail; start its backends, or check \
        its health checks",
        .backends.join(", ")
    )]
    NoHealthyBackend {
        /// The name of the load balancer.
        balancer: String,
        /// The backends that it lists.
        backends: Vec<String>,
    },
    /// A load balancer that `bench` did not start was lost during a trial.
    #[error("{balancer} was lost during a trial: {why}; what was measured before is kept")]
    BalancerLost {
        /// The name of the load balancer.
        balancer: String,
        /// What happened to the load balancer.
        why: String,
    },
    /// Workers on other machines cannot play the load.
    #[error(transparent)]
    Fleet(#[from] FleetError),
    /// Some scenarios failed; the others ran.
    #[error("{} of {scenarios} scenarios failed: {}", .failed.len(), listed(.failed))]
    ScenariosFailed {
        /// The scenarios that failed, at least one, in the order in which they ran.
        failed: Vec<FailedScenario>,
        /// The number of scenarios in the plan.
        scenarios: usize,
    },
    /// Fewer than half of the trials of a contestant are valid.
    #[error(
        "too few trials of scenario \"{scenario}\" are valid: {}; {}",
        .lacking.join(", "), .reasons.join("; ")
    )]
    TooFewValid {
        /// The name of the scenario.
        scenario: String,
        /// The contestants that lack valid trials, each with its number of valid trials and the number of
        /// blocks.
        lacking: Vec<String>,
        /// What is wrong with the invalid trials, once per kind, with advice.
        reasons: Vec<String>,
    },
    /// A fault of the harness itself.
    #[error(transparent)]
    Internal(anyhow::Error),
}

/// A failed scenario.
#[derive(Debug)]
pub struct FailedScenario {
    /// The name of the scenario.
    pub scenario: String,
    /// Why it failed.
    pub error: RunError,
}

impl RunError {
    /// Returns whether this error prevents the remaining scenarios from running, too.
    pub(super) fn ends_the_run(&self) -> bool {
        matches!(
            self,
            Self::Results(_) | Self::BalancerLost { .. } | Self::NoHealthyBackend { .. } | Self::Fleet(_)
        )
    }

    /// Returns the error and its causes on one line.
    pub fn chain(&self) -> String {
        lb_core::with_causes(self)
    }

    /// Wraps an error from starting or controlling the system under test.
    pub(crate) fn testbed(error: impl Into<anyhow::Error>) -> Self {
        Self::Testbed(error.into())
    }

    /// Wraps a fault of the harness itself.
    pub(super) fn internal(error: impl Into<anyhow::Error>) -> Self {
        Self::Internal(error.into())
    }
}

/// Boxes the error, so that `Result`s stay small.
impl From<AdminError> for RunError {
    fn from(error: AdminError) -> Self {
        Self::Admin(Box::new(error))
    }
}

fn listed(failed: &[FailedScenario]) -> String {
    let lines = failed.iter().map(|one| format!("\"{}\": {}", one.scenario, one.error.chain()));
    lines.collect::<Vec<_>>().join("; ")
}

fn reasons(skipped: &[Skipped]) -> String {
    let lines: Vec<String> = skipped.iter().map(|one| format!("{}: {}", one.name, one.reason)).collect();
    lines.join("; ")
}
