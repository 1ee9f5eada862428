//! The reward of a decision once its request has ended, which learning maximises.
//!
//! With `x = latency / typical`, where *typical* is the typical latency of the pool:
//!
//! - a success is worth `-min(x, 60)`;
//! - an error or a timeout is worth `-clamp(x, 40, 60)`, however fast it came: a backend that fails fast must
//!   never look fast (the sinkhole of latency-based balancing).
//!
//! Rewards are relative to the typical latency, so that services of a millisecond and of a second count
//! the same. Apart from the limits, their sum over requests is minus the total time that all requests
//! spent in the system (Little's law), and each term is known as soon as its own request ends.

use super::ReplyKind;
use crate::time::Span;

/// Version of the formula above; it changes with the formula.
pub const REWARD_VERSION: u16 = 1;

/// Maximum cost of a request, in typical requests.
pub const COSTLIEST: f32 = 60.0;

/// Minimum cost of an error, in typical requests.
pub const CHEAPEST_ERROR: f32 = 40.0;

/// Returns the reward of a request that ended with `kind` after `latency`, in a pool whose typical
/// latency is `typical`. Never above zero; a typical latency of zero counts as one nanosecond.
pub fn reward(kind: ReplyKind, latency: Span, typical: Span) -> f32 {
    let times = latency.as_nanos() as f32 / typical.as_nanos().max(1) as f32;
    match kind {
        ReplyKind::Success => -times.min(COSTLIEST),
        ReplyKind::ServerError | ReplyKind::Timeout | ReplyKind::ConnectionError => {
            -times.clamp(CHEAPEST_ERROR, COSTLIEST)
        }
    }
}

/// The typical latency of a pool: the geometric mean of its successes. It covers all of the first
/// [`Typical::MEMORY`] successes, and then about as many of the latest.
#[derive(Clone, Copy, Debug, Default)]
pub struct Typical {
    log_nanos: f64,
    replies: u32,
}

impl Typical {
    /// Number of successes that the mean covers: large compared with a burst, small compared with a
    /// trial.
    pub const MEMORY: u32 = 1_000;

    /// Records a success that took `latency`.
    pub fn learn(&mut self, latency: Span) {
        self.replies = (self.replies + 1).min(Self::MEMORY);
        let log = (latency.as_nanos().max(1) as f64).ln();
        self.log_nanos += (log - self.log_nanos) / f64::from(self.replies);
    }

    /// Returns the geometric mean; `None` before the first success.
    pub fn latency(&self) -> Option<Span> {
        (self.replies > 0).then(|| Span::from_nanos(self.log_nanos.exp().round() as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_success_costs_its_time_and_an_error_never_less_than_forty_successes() {
        let typical = Span::from_millis(10);
        let table = [
            (ReplyKind::Success, 10, -1.0),
            (ReplyKind::Success, 25, -2.5),
            (ReplyKind::Success, 0, 0.0),
            (ReplyKind::Success, 10_000, -60.0),
            (ReplyKind::ServerError, 1, -40.0),
            (ReplyKind::ConnectionError, 0, -40.0),
            (ReplyKind::ServerError, 450, -45.0),
            (ReplyKind::Timeout, 10_000, -60.0),
        ];
        for (kind, millis, expected) in table {
            let found = reward(kind, Span::from_millis(millis), typical);
            assert!((found - expected).abs() < 1e-5, "{kind:?} after {millis} ms: {found}, not {expected}");
        }
        assert!(reward(ReplyKind::Success, Span::from_millis(1), Span::ZERO).is_finite());
    }

    #[test]
    fn typical_is_the_geometric_mean_of_what_was_seen_lately() {
        let mut typical = Typical::default();
        assert_eq!(typical.latency(), None, "nothing is known before the first success");
        for millis in [1, 100] {
            typical.learn(Span::from_millis(millis));
        }
        let middle = typical.latency().expect("two were seen").as_millis_f64();
        assert!((middle - 10.0).abs() < 1e-6, "{middle} is the geometric mean of 1 and 100");
        for _ in 0..20 * Typical::MEMORY {
            typical.learn(Span::from_millis(40));
        }
        let now = typical.latency().expect("many were seen").as_millis_f64();
        assert!((now - 40.0).abs() < 1e-3, "{now}: old replies are forgotten");
    }
}
