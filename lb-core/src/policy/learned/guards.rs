//! Rules that overrule the network. Which backends may be picked at all is decided by the pool; the rules
//! here limit how the network chooses among them. Each overruled pick is counted.
//!
//! - *Minimum share*: a backend that was not picked for so long that its share falls below a limit gets one
//!   request, so that a recovery is noticed. One that keeps failing is asked more and more rarely.
//! - *Staleness*: when no reply has come for a while although requests are out, the features describe the
//!   past, and the fallback decides.
//! - *Numbers*: a score that is not finite is never acted upon; the fallback decides.

use super::features::Features;
use crate::policy::{BackendIndex, PoolView};
use crate::time::{Span, Time};
use serde::{Deserialize, Serialize};

/// The limits of the guards.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Guards {
    /// The least share of picks that a backend gets, as a fraction; 0 switches the guard off.
    pub minimum_share: f64,
    /// Silence in milliseconds after which the fallback decides.
    pub stale_after_ms: u64,
}

impl Default for Guards {
    /// One pick in a thousand: with eight backends 0.8 % of requests at most, and hardly any as long as the
    /// network spreads them. Five seconds of silence is far longer than any reply takes that is worth waiting
    /// for.
    fn default() -> Self {
        Self { minimum_share: 0.001, stale_after_ms: 5_000 }
    }
}

/// A failing backend is asked half as often after each error, down to this many halvings.
const MOST_HALVINGS: u32 = 6;

impl Guards {
    pub(super) fn check(&self) -> Result<(), String> {
        match self.minimum_share {
            // A tenth: a pool of ten would have nothing left to decide.
            share if (0.0..=0.1).contains(&share) => Ok(()),
            share => Err(format!("guards.minimum_share is {share}, must lie between 0 and 0.1")),
        }
    }

    pub(super) fn stale_after(&self) -> Span {
        Span::from_millis(self.stale_after_ms)
    }
}

/// Picks under a learned policy, and how many of them each guard decided in place of the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardCounts {
    /// Picks in all, overruled or not.
    pub picks: u64,
    /// Picks made to keep up a backend's minimum share.
    pub minimum_share: u64,
    /// Picks left to the fallback because replies had stopped.
    pub stale: u64,
    /// Picks left to the fallback because a score was not finite.
    pub not_finite: u64,
}

impl GuardCounts {
    /// The sum of both counts.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            picks: self.picks + other.picks,
            minimum_share: self.minimum_share + other.minimum_share,
            stale: self.stale + other.stale,
            not_finite: self.not_finite + other.not_finite,
        }
    }

    /// The increase of each count since `earlier`.
    #[must_use]
    pub fn minus(self, earlier: Self) -> Self {
        Self {
            picks: self.picks - earlier.picks,
            minimum_share: self.minimum_share - earlier.minimum_share,
            stale: self.stale - earlier.stale,
            not_finite: self.not_finite - earlier.not_finite,
        }
    }
}

/// Watches over the minimum share.
#[derive(Debug, Default)]
pub(super) struct Shares {
    /// The number of the pick that last went to each backend.
    last: Vec<u64>,
}

impl Shares {
    /// The backend whose turn it is to be looked at, if its share is too small. One is looked at per pick.
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

/// Whether the newest reply is too old.
#[inline]
pub(super) fn is_stale(guards: &Guards, pool: &PoolView<'_>, features: &Features, now: Time) -> bool {
    features.silence(pool, now).is_some_and(|silence| silence > guards.stale_after())
}
