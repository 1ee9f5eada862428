//! What it costs to send a request to a backend, from what is known about it.
//!
//! Times are in units of the mean time of a request at the backend; `s` is that of the request, `w` its wait, `c`
//! the number of workers and `r` the utilisation.
//!
//! *Queue.* The wait is that for one of `c` workers: the work that waits, and a worker's share of what is
//! left in service, divided by `c`. The cost to later requests is by first policy improvement, three quarters
//! from sizes and one quarter from the number of requests (`price.rs`). The first knows how much work there
//! is, but not that a queue with few free workers soon has none; the second knows only that. On three hundred
//! simulated pools the mixture hardly mattered (2026-11-30: mean and 99th percentile within one per cent for
//! parts of sizes from one half to all); with unequal backends, sizes give the better mean and numbers the
//! better 99th percentile.
//!
//! *Shared.* A request of size `s` slows down each other one with `v` of work left during `min(s, v)`, and is
//! slowed down by it for as long. That is as if `n' = Σ 2 min(s, v) / s` requests of its own size were there,
//! or `2 n v (1 - exp(-s / v)) / s` if what is left of the `n` that are is exponential with mean `v`; the
//! cost is `s d(n')`.
//!
//! Backends that stall now and then, such as one that freezes for a while, cost what they stall on average. That
//! is not part of their speed, which is a typical one.

use super::backend::Backend;
use super::crowding::Crowding;
use super::pattern::ln;
use super::price::Prices;
use crate::time::Time;

/// Parts of the cost to later requests that are estimated from sizes and from the number of requests.
const BY_SIZES: f32 = 0.75;
const BY_COUNT: f32 = 0.25;

/// What a request would cost at a backend.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Index {
    /// Natural logarithm of its expected latency in nanoseconds: wait and own service.
    pub log_completion: f32,
    /// Natural logarithm of its cost by first policy improvement in nanoseconds: its latency, and the delay
    /// that it causes to others.
    pub log_improvement: f32,
}

/// An [`Index`] whose logarithms are not taken yet: those of several backends are taken together.
#[derive(Clone, Copy, Debug)]
pub(in crate::policy) struct Costs {
    /// What is added to both logarithms.
    pub(in crate::policy) log_factor: f32,
    /// What the request itself takes.
    pub(in crate::policy) completion: f32,
    /// That, and the delay that it causes to others.
    pub(in crate::policy) improvement: f32,
}

impl Costs {
    pub(super) fn index(&self) -> Index {
        Index {
            log_completion: self.log_factor + ln(self.completion),
            log_improvement: self.log_factor + ln(self.improvement),
        }
    }
}

/// Returns what a request of this `size`, in mean requests, would cost.
#[inline]
pub(super) fn costs(backend: &Backend, size: f32, crowding: &Crowding, prices: &Prices, now: Time) -> Costs {
    let count = backend.in_flight() as u32 as f32;
    let (pattern, workers, per_worker) =
        (backend.pattern, backend.pattern.workers(), backend.pattern.per_worker());
    let in_service = backend.in_service(now);
    let (own, cost) = if pattern.is_shared() {
        let there = if count > 0.0 {
            let rest = (in_service / count).max(1e-3);
            2.0 * count * rest * (1.0 - (-size / rest).exp()) / size
        } else {
            0.0
        };
        let own = size * ((0.5 * there + 1.0) * per_worker).max(1.0);
        (own, size * prices.cost(pattern.size(), there))
    } else {
        let is_full = count >= workers;
        let wait = if is_full { (backend.waiting + in_service * per_worker) * per_worker } else { 0.0 };
        let own = wait + size;
        let by_sizes = prices.delay_by_size(wait, size, pattern);
        let there = if is_full { workers - 1.0 + wait * workers } else { count };
        let by_count = size * prices.delay(pattern, there);
        (own, own + BY_SIZES * by_sizes + BY_COUNT * by_count)
    };
    Costs {
        log_factor: backend.log_mean_service + crowding.log_factor(backend.log_in_flight, backend.usual),
        completion: own,
        improvement: cost + backend.stalls * size,
    }
}
