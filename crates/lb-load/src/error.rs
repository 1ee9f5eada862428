//! The reasons why a phase of load could not be run.

/// The reason why a phase could not be run. Failed requests are data in the record, never such an error.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The target's URL cannot be used.
    #[error("read the target's URL `{url}`: {problem}")]
    Url {
        /// The URL as it was written, with its password masked.
        url: String,
        /// What is wrong, and how to write it instead.
        problem: String,
    },
    /// TLS cannot be spoken as the plan asks.
    #[error("set up TLS: {0}")]
    Tls(String),
    /// The system allows too few open files for one connection per user.
    #[error(
        "open {users} connections at once: the limit on open files is {limit}; raise it with `ulimit -n {needed}`"
    )]
    OpenFiles {
        /// The greatest number of users at once.
        users: u32,
        /// How many open files the system allows.
        limit: u64,
        /// How many open files the phase needs.
        needed: u64,
    },
    /// A worker could not be started.
    #[error("start a worker of the load generator: {0}")]
    Worker(#[from] std::io::Error),
}
