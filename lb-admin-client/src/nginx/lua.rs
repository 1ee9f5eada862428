//! Steered weights: reads what Lua in nginx counts for each backend, and sets the weights.

use crate::admin::unfit_weight;
use crate::error::AdminError;
use crate::http::{Call, Http};
use crate::options::RealOptions;
use crate::snapshot::BackendCounters;
use lb_core::plain;
use lb_core::time::Span;
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

const BACKENDS: &str = "/backends";
const WEIGHTS: &str = "/weights";
const EXPECTED: &str = "the backends of `pool.rl` with their counts as JSON";
/// The least weight, as a fraction of the greatest.
const LEAST: f64 = 1e-6;

/// The HTTP API of the Lua code.
#[derive(Debug)]
pub(super) struct Lua {
    http: Http,
    /// The counts of the previous read, by pool and backend.
    before: Mutex<HashMap<(String, String), Seen>>,
}

/// The reply to `GET /backends`.
#[derive(Debug, Deserialize)]
struct Told {
    /// Identifies the start of nginx since which it counts; a reload does not change it.
    generation: String,
    backends: Vec<Backend>,
}

/// One backend of one pool.
#[derive(Debug, Deserialize)]
struct Backend {
    pool: String,
    id: String,
    weight: f64,
    in_flight: u32,
    requests: u64,
    /// Requests that ended, without the cancelled ones.
    replies: u64,
    errors: u64,
    cancelled: u64,
    /// Sum of the latencies of all replies, in milliseconds.
    latency_ms: u64,
}

/// The counts from which recent latency is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Seen {
    replies: u64,
    latency_ms: u64,
    /// Mean latency in the latest read that had a new reply.
    recent: Option<Span>,
}

impl Lua {
    /// Creates a client for the API at this base address.
    pub(super) fn new(base: &str, options: &RealOptions) -> Result<Self, AdminError> {
        let http = Http::new(base, options.token.as_deref(), options.limit)?;
        Ok(Self { http, before: Mutex::default() })
    }

    /// Reads the backends, and the generation that their counters belong to.
    pub(super) async fn look(&self) -> Result<(String, Vec<BackendCounters>), AdminError> {
        let told: Told = self.http.call(Call::get(BACKENDS)).await?.json(EXPECTED)?;
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        let counters = told.backends.into_iter().map(|backend| {
            let seen = before.entry((backend.pool.clone(), backend.id.clone())).or_default();
            *seen = seen.then(backend.replies, backend.latency_ms);
            backend.counters(seen.recent)
        });
        Ok((told.generation, counters.collect()))
    }

    /// Sets weights. Backends that are not named keep theirs.
    pub(super) async fn set_weights(&self, weights: &[(String, f64)]) -> Result<(), AdminError> {
        const WHAT: &str = "set weights";
        if let Some(reason) = unfit_weight(weights) {
            return Err(AdminError::BadValue { what: WHAT, reason });
        }
        let greatest = weights.iter().map(|(_, weight)| *weight).fold(0.0, f64::max);
        // A few digits are enough, since all weights go into one URL.
        let scaled = |weight: f64| format!("{:.6}", (weight / greatest).max(LEAST));
        let told: Vec<(&str, String)> =
            weights.iter().map(|(id, weight)| (id.as_str(), scaled(*weight))).collect();
        let query: Vec<(&str, &str)> = told.iter().map(|(id, weight)| (*id, weight.as_str())).collect();
        let reply = self.http.call(Call::post(WEIGHTS, &query)).await?;
        match reply.status {
            400 => Err(AdminError::BadValue {
                what: WHAT,
                reason: format!(
                    "{}{WEIGHTS} answered 400: {}",
                    self.http.base(),
                    plain::line(reply.body.trim())
                ),
            }),
            _ => reply.json::<Told>(EXPECTED).map(drop),
        }
    }
}

impl Backend {
    fn counters(self, recent_latency: Option<Span>) -> BackendCounters {
        BackendCounters {
            requests: Some(self.requests),
            errors: Some(self.errors),
            cancelled: Some(self.cancelled),
            latency_sum: Some(Span::from_millis(self.latency_ms)),
            recent_latency,
            in_flight: self.in_flight,
            ..BackendCounters::unknown(self.id, self.pool, self.weight)
        }
    }
}

impl Seen {
    /// Updates the recent latency with the counts of another read. Counts that went down started from zero.
    fn then(self, replies: u64, latency_ms: u64) -> Self {
        let before = if replies < self.replies { Self::default() } else { self };
        let new = replies - before.replies;
        let sum = Span::from_millis(latency_ms.saturating_sub(before.latency_ms));
        let recent = sum.as_nanos().checked_div(new).map_or(self.recent, |mean| Some(Span::from_nanos(mean)));
        Self { replies, latency_ms, recent }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recent_latency_is_the_mean_since_the_look_before_or_the_last_known() {
        let looks = [
            ((0, 0), None, "nothing is known"),
            ((10, 200), Some(20), "the mean of all so far"),
            ((14, 400), Some(50), "and of the new ones from then on"),
            ((14, 400), Some(50), "no reply came"),
            ((2, 60), Some(30), "nginx was started anew"),
        ];
        let mut seen = Seen::default();
        for ((replies, latency_ms), expected, why) in looks {
            seen = seen.then(replies, latency_ms);
            assert_eq!(seen.recent, expected.map(Span::from_millis), "{why}");
        }
    }
}
