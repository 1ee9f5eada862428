//! What became of a request: data, never an `Err`.
//!
//! Each request carries the statuses that are expected of it. A deliberately bad request that gets
//! its 4xx is *expected* and does not count against the algorithm; everything else that is not a success is
//! classified by who failed.

use serde::{Deserialize, Serialize};

/// What became of one request, as the client saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// An ordinary request that got an expected status.
    Ok,
    /// An injected bad request that got the refusal that was expected of it.
    ExpectedError,
    /// A status below 500 that was not expected.
    UnexpectedStatus,
    /// 5xx from a backend (the reply names it).
    BackendError,
    /// 5xx that the load balancer made itself (no backend is named).
    BalancerError,
    /// No complete reply within the request timeout.
    Timeout,
    /// The connection could not be opened.
    Refused,
    /// The connection broke before the reply was complete, or the reply was not HTTP.
    Reset,
}

impl Outcome {
    /// All outcomes, in the order in which results list them.
    pub const ALL: [Self; 8] = [
        Self::Ok,
        Self::ExpectedError,
        Self::UnexpectedStatus,
        Self::BackendError,
        Self::BalancerError,
        Self::Timeout,
        Self::Refused,
        Self::Reset,
    ];

    /// The position in [`Outcome::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The name in results, such as `backend_error`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::ExpectedError => "expected_error",
            Self::UnexpectedStatus => "unexpected_status",
            Self::BackendError => "backend_error",
            Self::BalancerError => "balancer_error",
            Self::Timeout => "timeout",
            Self::Refused => "refused",
            Self::Reset => "reset",
        }
    }

    /// Whether the request got what was expected of it: ordinary success or injected refusal.
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Ok | Self::ExpectedError)
    }

    /// The outcome of a complete reply with `status`, given what was `expected` of the request.
    ///
    /// `injected` says that the request was made wrong on purpose; `named_backend` that the reply
    /// names the backend that made it.
    #[inline]
    pub fn of_status(status: u16, expected: &[u16], injected: bool, named_backend: bool) -> Self {
        if expected.contains(&status) {
            return if injected { Self::ExpectedError } else { Self::Ok };
        }
        match (status >= 500, named_backend) {
            (false, _) => Self::UnexpectedStatus,
            (true, true) => Self::BackendError,
            (true, false) => Self::BalancerError,
        }
    }
}
