//! Counters of a load balancer at one moment, and their difference over a window.
//!
//! Counters only grow within one *generation*: a restart or a reset begins a new one. So a window is the
//! difference between two snapshots of the same generation, and a reset is convenient but not required. A
//! difference across generations would be meaningless, so it is an error.
//!
//! Load balancers count different things, so a count that one does not keep is `None`, never zero.

use lb_core::policy::GuardCounts;
use lb_core::time::Span;

/// The counters and the state of one backend, as the load balancer reports them.
#[derive(Clone, Debug, PartialEq)]
pub struct BackendCounters {
    /// Id of the backend, as in `X-Backend`.
    pub id: String,
    /// The name of its pool.
    pub pool: String,
    /// Requests sent to it. Only increases.
    pub requests: Option<u64>,
    /// Requests that ended in a 5xx, a timeout or a broken connection. Only increases.
    pub errors: Option<u64>,
    /// Requests that the client aborted. Only increases.
    pub cancelled: Option<u64>,
    /// Attempts at this backend that failed and that the load balancer repeated, here or at another backend.
    /// Only increases.
    pub retries: Option<u64>,
    /// Sum of the latencies of all replies. Only increases.
    pub latency_sum: Option<Span>,
    /// Mean latency of its latest replies, over a window of the load balancer's choosing.
    pub recent_latency: Option<Span>,
    /// Requests in flight now.
    pub in_flight: u32,
    /// Most requests in flight at once since the last reset.
    pub peak_in_flight: Option<u32>,
    /// Weight of the backend relative to the others, above zero.
    pub weight: f64,
    /// Whether health checks let it take requests.
    pub healthy: bool,
    /// Whether it is being drained.
    pub draining: bool,
    /// Whether it is left out because of its errors.
    pub ejected: bool,
}

/// All backends at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// The generation of the counters. Counters of different generations cannot be compared.
    pub generation: String,
    /// The current algorithm, by the load balancer's own name.
    pub algorithm: String,
    /// The backends of all pools; empty if it does not report backends individually.
    pub backends: Vec<BackendCounters>,
    /// Requests in flight now that it does not attribute to a backend.
    pub unassigned: u32,
    /// How often guards overrode the learned policy; `None` if the load balancer does not report it. Only
    /// increases.
    pub guards: Option<GuardCounts>,
}

/// Two snapshots that cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("take the difference of two snapshots: {reason}; start a new window after the change")]
pub struct GenerationChanged {
    /// What changed between the two snapshots.
    pub reason: String,
}

impl GenerationChanged {
    fn because(reason: String) -> Self {
        Self { reason }
    }
}

impl Snapshot {
    /// Returns the difference from `earlier` to this snapshot. Counters are subtracted; the rest (in flight,
    /// peak, weight, state) is as of this snapshot. A backend that was added in between counts from zero.
    ///
    /// # Errors
    /// When the generation changed, a counter went down, or a backend with counts is gone.
    pub fn since(&self, earlier: &Self) -> Result<Self, GenerationChanged> {
        if self.generation != earlier.generation {
            return Err(GenerationChanged::because(format!(
                "the generation went from {} to {}",
                earlier.generation, self.generation
            )));
        }
        let same = |a: &BackendCounters, b: &BackendCounters| a.id == b.id && a.pool == b.pool;
        if let Some(gone) =
            earlier.backends.iter().find(|old| !self.backends.iter().any(|new| same(old, new)))
        {
            return Err(GenerationChanged::because(format!("backend {} is gone", gone.id)));
        }
        let backends =
            self.backends.iter().map(|now| match earlier.backends.iter().find(|old| same(old, now)) {
                Some(old) => now.since(old),
                None => Ok(now.clone()),
            });
        Ok(Self {
            generation: self.generation.clone(),
            algorithm: self.algorithm.clone(),
            backends: backends.collect::<Result<_, _>>()?,
            unassigned: self.unassigned,
            guards: self.guards.zip(earlier.guards).map(|(now, then)| grown_guards(now, then)).transpose()?,
        })
    }

    /// Counts the requests in flight, including those without a backend.
    pub fn in_flight(&self) -> u64 {
        let assigned: u64 = self.backends.iter().map(|backend| u64::from(backend.in_flight)).sum();
        assigned + u64::from(self.unassigned)
    }

    /// Returns whether the load balancer counts requests by backend.
    pub fn counts_requests(&self) -> bool {
        self.backends.iter().any(|backend| backend.requests.is_some())
    }
}

fn grown_guards(now: GuardCounts, then: GuardCounts) -> Result<GuardCounts, GenerationChanged> {
    let grown = |now: u64, then: u64| {
        let error =
            || GenerationChanged::because("counts of the learned policy's guards went down".to_owned());
        now.checked_sub(then).ok_or_else(error)
    };
    Ok(GuardCounts {
        picks: grown(now.picks, then.picks)?,
        minimum_share: grown(now.minimum_share, then.minimum_share)?,
        stale: grown(now.stale, then.stale)?,
        not_finite: grown(now.not_finite, then.not_finite)?,
        distrusted: grown(now.distrusted, then.distrusted)?,
    })
}

impl BackendCounters {
    /// Creates the entry of a backend about which nothing is known except that it may be picked.
    pub fn unknown(id: impl Into<String>, pool: impl Into<String>, weight: f64) -> Self {
        Self {
            id: id.into(),
            pool: pool.into(),
            requests: None,
            errors: None,
            cancelled: None,
            retries: None,
            latency_sum: None,
            recent_latency: None,
            in_flight: 0,
            peak_in_flight: None,
            weight,
            healthy: true,
            draining: false,
            ejected: false,
        }
    }

    fn since(&self, earlier: &Self) -> Result<Self, GenerationChanged> {
        let grown = |name: &str, now: Option<u64>, then: Option<u64>| match (now, then) {
            (Some(now), Some(then)) => now.checked_sub(then).map(Some).ok_or_else(|| {
                GenerationChanged::because(format!(
                    "{name} of backend {} went down from {then} to {now}",
                    self.id
                ))
            }),
            _ => Ok(None),
        };
        let nanos = |sum: Option<Span>| sum.map(Span::as_nanos);
        let latency = grown("latency sum (ns)", nanos(self.latency_sum), nanos(earlier.latency_sum))?;
        Ok(Self {
            requests: grown("requests", self.requests, earlier.requests)?,
            errors: grown("errors", self.errors, earlier.errors)?,
            cancelled: grown("cancelled", self.cancelled, earlier.cancelled)?,
            retries: grown("retries", self.retries, earlier.retries)?,
            latency_sum: latency.map(Span::from_nanos),
            ..self.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backend(id: &str, requests: u64, in_flight: u32) -> BackendCounters {
        BackendCounters {
            requests: Some(requests),
            errors: Some(requests / 10),
            cancelled: Some(0),
            latency_sum: Some(Span::from_millis(requests)),
            in_flight,
            peak_in_flight: Some(7),
            ..BackendCounters::unknown(id, "shop", 1.0)
        }
    }

    fn snapshot(generation: &str, backends: Vec<BackendCounters>) -> Snapshot {
        let (generation, algorithm) = (generation.to_owned(), "p2c".to_owned());
        Snapshot { generation, algorithm, backends, unassigned: 0, guards: None }
    }

    #[test]
    fn a_window_is_the_difference_of_counters_and_the_state_of_its_end() {
        let earlier = snapshot("1", vec![backend("a", 100, 3)]);
        let later = snapshot("1", vec![backend("a", 250, 5), backend("new", 20, 0)]);
        let window = later.since(&earlier).expect("the generation is the same");
        assert_eq!(window.backends[0].requests, Some(150), "counters are subtracted");
        assert_eq!(window.backends[0].errors, Some(15), "every counter is");
        assert_eq!(window.backends[0].latency_sum, Some(Span::from_millis(150)), "sums are too");
        assert_eq!(window.backends[0].in_flight, 5, "gauges are as of the end");
        assert_eq!(window.backends[1].requests, Some(20), "a new backend counts from zero");
    }

    #[test]
    fn guards_count_by_difference_like_everything_else() {
        let with = |picks: u64, stale: u64| {
            let guards = GuardCounts { picks, stale, ..GuardCounts::default() };
            Snapshot { guards: Some(guards), ..snapshot("1", Vec::new()) }
        };
        let window = with(250, 7).since(&with(100, 2)).expect("the generation is the same");
        let expected = GuardCounts { picks: 150, stale: 5, ..GuardCounts::default() };
        assert_eq!(window.guards, Some(expected));
        let error = with(90, 0).since(&with(100, 0)).expect_err("they only grow").to_string();
        assert!(error.contains("guards went down"), "{error}");
        let silent = snapshot("1", Vec::new());
        assert_eq!(with(1, 0).since(&silent).expect("no count, no difference").guards, None);
    }

    #[test]
    fn a_window_across_a_restart_or_reset_is_refused_with_the_reason() {
        let earlier = snapshot("1", vec![backend("a", 100, 0)]);
        let table = [
            (snapshot("2", vec![backend("a", 200, 0)]), "the generation went from 1 to 2"),
            (snapshot("1", vec![backend("a", 90, 0)]), "latency sum (ns) of backend a went down"),
            (snapshot("1", vec![]), "backend a is gone"),
        ];
        for (later, reason) in table {
            let error = later.since(&earlier).expect_err("the snapshots have nothing in common");
            assert!(error.to_string().contains(reason), "the error says what changed (`{reason}`): {error}");
        }
    }
}
