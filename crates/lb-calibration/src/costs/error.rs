//! Reasons why it cannot be said what requests tell about their cost.

use crate::CalibrationError;

/// Reasons why it cannot be said what requests tell about their cost.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CostError {
    /// The traces cannot be used at all.
    #[error(transparent)]
    Traces(#[from] CalibrationError),
    /// Too few service times are known.
    #[error(
        "the service times of {timed} of {requests} requests are known, and at least {needed} are needed; record for longer"
    )]
    TooFew {
        /// Number of requests whose service time is known.
        timed: usize,
        /// Total number of requests.
        requests: usize,
        /// Fewest that are needed.
        needed: usize,
    },
    /// All requests take equally long.
    #[error(
        "all requests take equally long, so there is nothing to tell; nothing is to be gained from predicting costs"
    )]
    Equal,
    /// There are no hints, and one route only.
    #[error(
        "no request says anything about its cost, and all belong to one route; {}",
        if *.were_read {
            "if a header says how large a request is, list it as `\"hints\": { \"headers\": [\"x-batch-size\"] }` in the load balancer's config, and record again"
        } else {
            "these traces were recorded by a version that did not listen: record again with `bench --traces`"
        }
    )]
    NothingSaid {
        /// Whether somebody listened to what requests say.
        were_read: bool,
    },
}
