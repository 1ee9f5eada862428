//! Why a run could not begin, or could not go on.

use lb_admin_client::AdminError;
use lb_core::algorithm::AlgorithmError;
use lb_load::LoadError;
use lb_results::Skipped;
use simulator::SimulationError;

/// Why a run could not begin, or could not go on. What happens to single requests is data, never an error.
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
    /// Programs of load balancers that would be started are not installed.
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
        /// The algorithm that was asked for.
        algorithm: String,
        /// What the load balancer said.
        source: Box<AdminError>,
    },
    /// The load balancer confirmed a switch, and the evidence contradicts it.
    #[error(
        "{balancer} claims to run `{algorithm}` but does not ({why}); nothing was measured under that name"
    )]
    SwitchContradicted {
        /// The name of the load balancer.
        balancer: String,
        /// The algorithm that was asked for.
        algorithm: String,
        /// The evidence against it.
        why: String,
    },
    /// A process under test ended during a trial.
    #[error(transparent)]
    ProcessEnded(anyhow::Error),
    /// Fewer than half of the trials of a contestant are valid.
    #[error("too few trials of scenario \"{scenario}\" are valid: {}", .lacking.join("; "))]
    TooFewValid {
        /// The name of the scenario.
        scenario: String,
        /// Each contestant that lacks trials, with their number and the first problem.
        lacking: Vec<String>,
    },
    /// A fault of the harness itself.
    #[error(transparent)]
    Internal(anyhow::Error),
}

impl RunError {
    /// The error and everything that caused it, on one line.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }

    /// Wraps an error of starting or steering what is under test.
    pub(super) fn testbed(error: impl Into<anyhow::Error>) -> Self {
        Self::Testbed(error.into())
    }

    /// Wraps a fault of the harness itself.
    pub(super) fn internal(error: impl Into<anyhow::Error>) -> Self {
        Self::Internal(error.into())
    }
}

/// Boxed, so that results stay small.
impl From<AdminError> for RunError {
    fn from(error: AdminError) -> Self {
        Self::Admin(Box::new(error))
    }
}

fn reasons(skipped: &[Skipped]) -> String {
    let lines: Vec<String> = skipped.iter().map(|one| format!("{}: {}", one.name, one.reason)).collect();
    lines.join("; ")
}
