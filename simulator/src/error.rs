//! Errors that prevent a simulation from starting. Once it runs, it cannot fail: a failed request is
//! data.

/// An error that prevents a simulation from starting.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SimulationError {
    /// The topology has problems.
    #[error("topology `{name}` cannot be simulated: {}", .problems.join("; "))]
    Topology {
        /// Name of the topology.
        name: String,
        /// The problems, each with key path, value and rule.
        problems: Vec<String>,
    },
    /// A step calls a service that no pool serves.
    #[error(
        "step `{step}` calls service `{service}`, which no pool of topology `{topology}` serves; name it in `pools[].services`, or leave that list empty for one pool"
    )]
    NoPool {
        /// Name of the step in the journey.
        step: String,
        /// Name of the service that the step calls.
        service: String,
        /// Name of the topology.
        topology: String,
    },
    /// The options set the number of load balancers to zero.
    #[error("balancers: 0 must be at least 1")]
    NoBalancer,
    /// The rate is not above zero, so no request would ever arrive.
    #[error("rate: {0} requests/s must be above 0")]
    Rate(f64),
    /// What requests tell about their size cannot be drawn.
    #[error("telling.{0}")]
    Telling(String),
}
