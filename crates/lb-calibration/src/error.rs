//! Reasons why traces cannot be fitted.

/// Reasons why traces cannot be fitted.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CalibrationError {
    /// The traces contain no requests.
    #[error("the traces contain no requests; record with `bench --traces` under load")]
    Empty,
    /// Too few requests can be timed.
    #[error(
        "only {served} of {requests} requests were served and can be timed; at least {needed} are needed: record longer, or at a higher rate"
    )]
    TooFew {
        /// Number of requests whose service could be timed.
        served: usize,
        /// Total number of requests.
        requests: usize,
        /// Minimum number of timed requests.
        needed: usize,
    },
    /// An index in the traces refers to an entry that they do not list.
    #[error("a request refers to {what} {number}, but the traces list only {known}; record again")]
    Unlisted {
        /// Kind of entry: `backend` or `route`.
        what: &'static str,
        /// The index.
        number: u16,
        /// Number of entries that the traces list.
        known: usize,
    },
    /// The fitted topology is not valid.
    #[error("the fit is not a valid topology: {}", .0.join("; "))]
    Topology(Vec<String>),
}
