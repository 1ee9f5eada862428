//! The outcome of a request: data, never an `Err`.
//!
//! Each request has a list of expected statuses. A deliberately invalid request that gets the expected
//! 4xx does not count against the algorithm; every other failure is classified by the component that
//! failed.

use serde::{Deserialize, Serialize};

/// How one request ended, as the client saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// An ordinary request that got an expected status.
    Ok,
    /// A deliberately invalid request that got the expected rejection.
    ExpectedError,
    /// A status below 500 that was not expected.
    UnexpectedStatus,
    /// An expected status, but the reply is not as the step demands.
    CheckFailed,
    /// 5xx from a backend (the reply names it).
    BackendError,
    /// A 5xx that the load balancer made itself: it names no backend, while all replies of backends do.
    BalancerError,
    /// A 5xx that names no backend, when backends need not be named: its origin is unknown.
    ServerError,
    /// No complete reply within the request timeout.
    Timeout,
    /// The connection could not be opened.
    Refused,
    /// The connection broke before the reply was complete, or the reply was not HTTP.
    Reset,
}

impl Outcome {
    /// All outcomes, in the order in which results list them.
    pub const ALL: [Self; 10] = [
        Self::Ok,
        Self::ExpectedError,
        Self::UnexpectedStatus,
        Self::CheckFailed,
        Self::BackendError,
        Self::BalancerError,
        Self::ServerError,
        Self::Timeout,
        Self::Refused,
        Self::Reset,
    ];

    /// Returns the position in [`Outcome::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Returns the name in results, such as `backend_error`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::ExpectedError => "expected_error",
            Self::UnexpectedStatus => "unexpected_status",
            Self::CheckFailed => "check_failed",
            Self::BackendError => "backend_error",
            Self::BalancerError => "balancer_error",
            Self::ServerError => "server_error",
            Self::Timeout => "timeout",
            Self::Refused => "refused",
            Self::Reset => "reset",
        }
    }

    /// Returns whether the request counts as a success: it got an expected status or an expected
    /// rejection.
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Ok | Self::ExpectedError)
    }

    /// Classifies a complete reply with `status`, given the `expected` statuses of the request.
    ///
    /// `injected` says that the request was intentionally invalid; `origin` is who made the reply.
    #[inline]
    pub fn of_status(status: u16, expected: &[u16], injected: bool, origin: Origin) -> Self {
        if expected.contains(&status) {
            return if injected { Self::ExpectedError } else { Self::Ok };
        }
        match (status >= 500, origin) {
            (false, _) => Self::UnexpectedStatus,
            (true, Origin::Backend) => Self::BackendError,
            (true, Origin::LoadBalancer) => Self::BalancerError,
            (true, Origin::Unknown) => Self::ServerError,
        }
    }
}

/// Who made a reply, as far as the client can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A backend, which the reply names.
    Backend,
    /// The load balancer itself.
    LoadBalancer,
    /// Either of them, or another server between them and the client.
    Unknown,
}

impl Origin {
    /// Returns who made a reply, by whether it names a backend.
    ///
    /// `all_named` says that every backend reply along this way names its backend. Otherwise, the origin of a
    /// reply without a backend is unknown.
    #[inline]
    pub const fn new(names_backend: bool, all_named: bool) -> Self {
        match (names_backend, all_named) {
            (true, _) => Self::Backend,
            (false, true) => Self::LoadBalancer,
            (false, false) => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_blamed_on_somebody_only_where_replies_say_who_made_them() {
        for (names_backend, all_named, outcome) in [
            (true, true, Outcome::BackendError),
            (true, false, Outcome::BackendError),
            (false, true, Outcome::BalancerError),
            (false, false, Outcome::ServerError),
        ] {
            let origin = Origin::new(names_backend, all_named);
            assert_eq!(
                Outcome::of_status(502, &[200], false, origin),
                outcome,
                "{names_backend} {all_named}"
            );
            assert_eq!(Outcome::of_status(404, &[200], false, origin), Outcome::UnexpectedStatus);
            assert_eq!(Outcome::of_status(200, &[200], false, origin), Outcome::Ok);
            assert_eq!(Outcome::of_status(500, &[500], true, origin), Outcome::ExpectedError);
        }
    }

    #[test]
    fn every_outcome_stands_at_its_index() {
        assert!(Outcome::ALL.iter().enumerate().all(|(index, outcome)| outcome.index() == index));
    }
}
