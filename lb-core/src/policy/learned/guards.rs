//! Rules that overrule the network. The pool decides which backends may be picked at all; these rules
//! limit how the network chooses among them. Each overruled pick is counted.
//!
//! - *Minimum share*: if a backend has not been picked for so long that its share falls below a limit,
//!   it gets one request, so that a recovery is noticed. A backend that keeps failing gets one less and
//!   less often.
//! - *Staleness*: if no reply has come for a while although requests are in flight, the features are
//!   out of date, and the fallback decides.
//! - *Finite scores*: if a score is not finite, the fallback decides.
//! - *Distrust*: a pool profile that observations contradict counts less and less ([`super::trust`]).

use super::features::Features;
use crate::policy::{BackendIndex, PoolView};
use crate::time::{Span, Time};
use serde::{Deserialize, Serialize};

/// Limits of the guards.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Guards {
    /// Least share of picks that a backend gets, as a fraction; 0 disables the guard.
    pub minimum_share: f64,
    /// Time in milliseconds without a reply after which the fallback decides.
    pub stale_after_ms: u64,
}

impl Default for Guards {
    /// Returns a minimum share of one pick in a thousand: with eight backends, at most 0.8 % of requests, and
    /// hardly any while the network spreads requests anyway. The limit of five seconds without a reply is
    /// far longer than any reply worth waiting for.
    fn default() -> Self {
        Self { minimum_share: 0.001, stale_after_ms: 5_000 }
    }
}

/// A failing backend is tried half as often after each error, up to this many halvings.
const MOST_HALVINGS: u32 = 6;

impl Guards {
    pub(super) fn check(&self) -> Result<(), String> {
        match self.minimum_share {
            // At most a tenth: in a pool of ten, nothing would be left to decide.
            share if (0.0..=0.1).contains(&share) => Ok(()),
            share => Err(format!("guards.minimum_share is {share}, but must lie between 0 and 0.1")),
        }
    }

    pub(super) fn stale_after(&self) -> Span {
        Span::from_millis(self.stale_after_ms)
    }
}

/// Number of picks under a learned policy, and how often each guard stepped in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardCounts {
    /// All picks, overruled or not.
    pub picks: u64,
    /// Picks made to keep a backend at its minimum share.
    pub minimum_share: u64,
    /// Picks left to the fallback because no replies came.
    pub stale: u64,
    /// Picks left to the fallback because a score was not finite.
    pub not_finite: u64,
    /// Alarms of backends that do not serve as the policy's pool profile says; each lowers the trust in it. These
    /// are no picks.
    #[serde(default)]
    pub distrusted: u64,
}

impl GuardCounts {
    /// Returns the sum of the counts of `self` and `other`.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            picks: self.picks + other.picks,
            minimum_share: self.minimum_share + other.minimum_share,
            stale: self.stale + other.stale,
            not_finite: self.not_finite + other.not_finite,
            distrusted: self.distrusted + other.distrusted,
        }
    }

    /// Returns the increase of each count since `earlier`.
    #[must_use]
    pub fn minus(self, earlier: Self) -> Self {
        Self {
            picks: self.picks - earlier.picks,
            minimum_share: self.minimum_share - earlier.minimum_share,
            stale: self.stale - earlier.stale,
            not_finite: self.not_finite - earlier.not_finite,
            distrusted: self.distrusted - earlier.distrusted,
        }
    }
}

/// Tracks the minimum share.
#[derive(Debug, Default)]
pub(super) struct Shares {
    /// Number of the latest pick of each backend.
    last: Vec<u64>,
}

impl Shares {
    /// Returns a backend whose share is too small. Each call checks one backend, in turn.
    #[inline]
    pub(super) fn due(
        &mut self,
        guards: &Guards,
        picks: u64,
        pool: &PoolView<'_>,
        features: &Features,
    ) -> Option<BackendIndex> {
        if self.last.len() < pool.backends.len() {
            self.last.resize(pool.backends.len(), picks);
        }
        if guards.minimum_share <= 0.0 {
            return None;
        }
        let backend = pool.eligible[(picks % pool.eligible.len() as u64) as usize];
        let missed = picks.saturating_sub(self.last[backend.get()]) as f64;
        if missed * guards.minimum_share < 1.0 {
            return None;
        }
        let halvings = features.consecutive_errors(backend).min(MOST_HALVINGS);
        (missed * guards.minimum_share >= f64::from(1u32 << halvings)).then_some(backend)
    }

    #[inline]
    pub(super) fn picked(&mut self, backend: BackendIndex, picks: u64) {
        self.last[backend.get()] = picks;
    }
}

/// Returns whether the latest reply is too old.
#[inline]
pub(super) fn is_stale(guards: &Guards, pool: &PoolView<'_>, features: &Features, now: Time) -> bool {
    features.silence(pool, now).is_some_and(|silence| silence > guards.stale_after())
}
