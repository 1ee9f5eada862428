//! Why traces cannot be fitted.

/// Why traces cannot be fitted.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CalibrationError {
    /// The traces hold no request.
    #[error("the traces hold no request; record with `bench --traces` under load")]
    Empty,
    /// Too few requests can be timed.
    #[error(
        "only {served} of {requests} requests were served and can be timed; at least {needed} are needed: record longer, or at a higher rate"
    )]
    TooFew {
        /// Requests whose service could be reconstructed.
        served: usize,
        /// Requests in all.
        requests: usize,
        /// The least.
        needed: usize,
    },
    /// An index in the traces refers to an entry that they do not list.
    #[error("{what} {number} of a request is none of the {known} that the traces list; record again")]
    Unlisted {
        /// `backend` or `route`.
        what: &'static str,
        /// The number.
        number: u16,
        /// How many there are.
        known: usize,
    },
    /// The fitted topology is not valid.
    #[error("the fit is not a valid topology: {}", .0.join("; "))]
    Topology(Vec<String>),
}
