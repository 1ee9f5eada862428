//! Reasons why nothing can be predicted from a log.

use crate::CalibrationError;
use lb_core::Algorithm;

/// Reasons why nothing can be predicted from a log.
#[derive(Debug, thiserror::Error)]
pub enum WhatIfError {
    /// The log cannot be fitted.
    #[error("failed to fit the backends to the log: {0}")]
    Fit(#[from] CalibrationError),
    /// No backend ever had to let a request wait.
    #[error(
        "no backend was ever busy: at most {most} requests were in flight at one, and none had to wait. So the log does \
         not tell how many requests a backend serves at once, and any algorithm would have done as well as the \
         recorded one; give a log of the busiest hour"
    )]
    NeverBusy {
        /// Most requests in flight at a backend.
        most: u32,
    },
    /// Choices depend on load by an unknown rule.
    #[error(
        "the recorded choices depend on load (a backend with the fewest requests in flight was chosen in {} of 100 \
         cases; by chance it would be {}), so they cannot be replayed. Name the algorithm with `--routing`, such as \
         `--routing least-connections`",
        percent(.least_busy),
        percent(.by_chance)
    )]
    UnknownRouting {
        /// Share of choices of a least busy backend.
        least_busy: f64,
        /// The same share by chance.
        by_chance: f64,
    },
    /// The recorded algorithm, or one to predict, cannot be simulated.
    #[error("`{algorithm}` cannot be simulated: {reason}")]
    Algorithm {
        /// The algorithm.
        algorithm: Algorithm,
        /// The reason.
        reason: String,
    },
    /// A backend to kill is not in the log.
    #[error("`--kill {name}`: the log has no such backend; it has {known}")]
    NoSuchBackend {
        /// The name as given.
        name: String,
        /// All backends, joined by commas.
        known: String,
    },
    /// A backend is to be killed after the end of the log.
    #[error("`--kill {name}@{at_s}s`: the log ends after {length_s:.0} s; give an earlier time")]
    AfterEnd {
        /// The name as given.
        name: String,
        /// The offset in seconds.
        at_s: f64,
        /// Length of the log in seconds.
        length_s: f64,
    },
    /// The rate cannot be scaled by this factor.
    #[error(
        "`--scale {scale}`: the factor must be above 0 and at most {most}; 1.5 means half as many requests more"
    )]
    Scale {
        /// The factor as given.
        scale: f64,
        /// The largest factor.
        most: f64,
    },
    /// Scaled, the log has too many or too few requests to simulate.
    #[error("`--scale {scale}` leaves {requests} requests to simulate, and {least} to {most} are possible")]
    Requests {
        /// The factor as given.
        scale: f64,
        /// Number of requests.
        requests: usize,
        /// Smallest number.
        least: usize,
        /// Largest number.
        most: usize,
    },
    /// The simulator refuses the fitted topology.
    #[error("failed to simulate the log: {0}")]
    Simulation(#[from] simulator::SimulationError),
}

fn percent(share: &f64) -> u32 {
    (share * 100.0).round() as u32
}
