//! Why a simulation cannot begin. Once it runs, nothing fails: a failed request is data.

/// Why a simulation cannot begin.
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
    /// A step calls a service that no pool answers for.
    #[error(
        "step `{step}` calls service `{service}`, for which no pool of topology `{topology}` answers; name it in `pools[].services` or leave that list of one pool empty"
    )]
    NoPool {
        /// The step of the journey.
        step: String,
        /// The service that it calls.
        service: String,
        /// The topology.
        topology: String,
    },
    /// The options ask for no load balancers.
    #[error("balancers: 0 must be at least 1")]
    NoBalancer,
    /// The rate is not above zero, so nothing would ever arrive.
    #[error("rate: {0} requests/s must be above 0")]
    Rate(f64),
}
