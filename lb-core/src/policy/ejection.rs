//! Outlier ejection, a wrapper for any policy: a backend that keeps failing is excluded for a while.
//!
//! After [`Limits::consecutive_errors`] consecutive errors, a backend is ejected for `base x n`, at
//! most `longest`, where `n` counts its ejections. One ejection is forgiven for every
//! [`Limits::forgive_after`] that the backend then works without another. (This is Envoy's
//! consecutive-5xx outlier detection, with a shorter base because trials last seconds to minutes.)
//!
//! At most half of the eligible backends are ejected at a time: if most of a pool fails, the cause is
//! not a single backend, and the rest must not be overloaded. A backend that reaches the limit when
//! half are already ejected stays in, and its next error tries again. If health checks shrink the pool,
//! the backends whose ejections end first return early.
//!
//! Without ejection, every rule based on load or latency prefers a backend that fails fast, because
//! such a backend always looks idle.

use super::{BackendIndex, GuardCounts, LoadReport, Policy, PoolView, Reply, RequestInfo};
use crate::rng::Rng;
use crate::time::{Span, Time};

/// When a backend is ejected, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Number of consecutive errors after which a backend is ejected.
    pub consecutive_errors: u32,
    /// Length of the first ejection; the n-th lasts n times as long.
    pub base: Span,
    /// Upper limit on the length of an ejection.
    pub longest: Span,
    /// Time in service after which one past ejection is forgiven.
    pub forgive_after: Span,
}

impl Default for Limits {
    /// Returns 5 errors and 10 s of forgiveness, as in Envoy, but a base of 5 s and a maximum of 60 s where
    /// Envoy has 30 s and 300 s, so that a recovery during a trial is noticed during that trial.
    fn default() -> Self {
        Self {
            consecutive_errors: 5,
            base: Span::from_secs(5),
            longest: Span::from_secs(60),
            forgive_after: Span::from_secs(10),
        }
    }
}

/// A policy wrapped in outlier ejection.
#[derive(Debug)]
pub struct Ejection<P> {
    inner: P,
    limits: Limits,
    records: Vec<Record>,
    /// Eligible backends of the pool that are not ejected, in ascending order.
    admitted: Vec<BackendIndex>,
    /// Number of eligible backends that must not be ejected.
    keep: usize,
    /// Time at which the next backend returns.
    next_return: Time,
    /// Generation of the pool from which `admitted` was computed.
    pool_generation: Option<u64>,
    /// Generation shown to the inner policy; changes whenever `admitted` may have changed.
    generation: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Record {
    errors_in_row: u32,
    /// Number of ejections not yet forgiven.
    ejections: u32,
    /// End of the current or latest ejection.
    until: Time,
    ejected: bool,
}

impl Record {
    /// Returns whether the request was sent before the end of the backend's latest ejection. Nothing is sent
    /// during an ejection, so such a reply belongs to the failures that caused it.
    fn sent_before_return(&self, reply: &Reply, now: Time) -> bool {
        self.ejections > 0 && reply.latency > now.since(self.until)
    }
}

impl<P: Policy> Ejection<P> {
    /// Wraps `inner` so that it never sees a backend that is ejected according to `limits`.
    pub fn new(inner: P, limits: Limits) -> Self {
        Self {
            inner,
            limits,
            records: Vec::new(),
            admitted: Vec::new(),
            keep: 0,
            next_return: Time::MAX,
            pool_generation: None,
            generation: 0,
        }
    }

    /// Recomputes `admitted` after a change of the pool, an ejection or a return.
    fn adapt(&mut self, pool: &PoolView<'_>, now: Time) {
        if self.records.len() < pool.backends.len() {
            self.records.resize(pool.backends.len(), Record::default());
        }
        for record in &mut self.records {
            record.ejected &= now < record.until;
        }
        self.keep = pool.eligible.len() - pool.eligible.len() / 2;
        self.shrink_to_half(pool, now);
        self.admitted.clear();
        self.admitted.extend(pool.eligible.iter().filter(|backend| !self.records[backend.get()].ejected));
        self.next_return = self
            .records
            .iter()
            .filter(|record| record.ejected)
            .map(|record| record.until)
            .min()
            .unwrap_or(Time::MAX);
        self.pool_generation = Some(pool.generation);
        self.generation += 1;
    }

    /// Ends the ejections that are due first until at most half of the eligible backends are ejected.
    fn shrink_to_half(&mut self, pool: &PoolView<'_>, now: Time) {
        let records = &mut self.records;
        let mut out: Vec<BackendIndex> = pool.eligible.to_vec();
        out.retain(|backend| records[backend.get()].ejected);
        out.sort_by_key(|backend| records[backend.get()].until);
        let surplus = out.len().saturating_sub(pool.eligible.len() - self.keep);
        for backend in &out[..surplus] {
            let record = &mut records[backend.get()];
            (record.ejected, record.until) = (false, now);
        }
    }

    /// Ejects `backend` unless too few backends would be left.
    fn eject(&mut self, backend: BackendIndex, now: Time) {
        let Ok(place) = self.admitted.binary_search(&backend) else {
            return;
        };
        if self.admitted.len() <= self.keep {
            return;
        }
        let limits = self.limits;
        let record = &mut self.records[backend.get()];
        let served = now.since(record.until).as_nanos();
        let forgiven = served / limits.forgive_after.as_nanos().max(1);
        let forgiven = u32::try_from(forgiven).unwrap_or(u32::MAX);
        record.ejections = record.ejections.saturating_sub(forgiven) + 1;
        let length = limits.base * u64::from(record.ejections);
        record.until = now + length.min(limits.longest);
        record.ejected = true;
        record.errors_in_row = 0;
        self.admitted.remove(place);
        self.next_return = self.next_return.min(record.until);
        self.generation += 1;
    }
}

impl<P: Policy> Policy for Ejection<P> {
    fn pick(
        &mut self,
        request: &RequestInfo,
        pool: &PoolView<'_>,
        now: Time,
        rng: &mut Rng,
    ) -> Option<BackendIndex> {
        if self.pool_generation != Some(pool.generation) || now >= self.next_return {
            self.adapt(pool, now);
        }
        let admitted =
            PoolView { backends: pool.backends, eligible: &self.admitted, generation: self.generation };
        self.inner.pick(request, &admitted, now, rng)
    }

    fn on_sent(&mut self, backend: BackendIndex, request: &RequestInfo, now: Time) {
        self.inner.on_sent(backend, request, now);
    }

    fn on_report(&mut self, backend: BackendIndex, report: &LoadReport, now: Time) {
        self.inner.on_report(backend, report, now);
    }

    fn on_named(&mut self, backend: BackendIndex, id: &str) {
        self.inner.on_named(backend, id);
    }

    fn on_cancel(&mut self, backend: BackendIndex, sent: Time) {
        self.inner.on_cancel(backend, sent);
    }

    fn propensity(&self) -> Option<f64> {
        self.inner.propensity()
    }

    fn guard_counts(&self) -> Option<GuardCounts> {
        self.inner.guard_counts()
    }

    fn on_reply(&mut self, backend: BackendIndex, reply: &Reply, now: Time) {
        self.inner.on_reply(backend, reply, now);
        let Some(record) = self.records.get_mut(backend.get()) else {
            return;
        };
        if reply.is_success() {
            record.errors_in_row = 0;
        } else if !record.ejected && !record.sent_before_return(reply, now) {
            record.errors_in_row += 1;
            if record.errors_in_row >= self.limits.consecutive_errors {
                self.eject(backend, now);
            }
        }
    }

    fn ejected_until(&self, backend: BackendIndex, now: Time) -> Option<Time> {
        let record = self.records.get(backend.get())?;
        (record.ejected && now < record.until).then_some(record.until)
    }
}
