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

/// Returns what a request of this `size`, in mean requests, would cost.
#[inline]
pub(super) fn index(backend: &Backend, size: f32, crowding: &Crowding, prices: &Prices, now: Time) -> Index {
    let count = backend.in_flight() as f32;
    let (pattern, workers) = (backend.pattern, backend.pattern.workers());
    let in_service = backend.in_service(now);
    let (own, cost) = if pattern.is_shared() {
        let rest = if count > 0.0 { in_service / count } else { 1.0 };
        let rest = rest.max(1e-3);
        let there = 2.0 * count * rest * (1.0 - (-size / rest).exp()) / size;
        let own = size * ((0.5 * there + 1.0) / workers).max(1.0);
        (own, size * prices.cost(pattern.size(), there))
    } else {
        let is_full = count >= workers;
        let wait = if is_full { (backend.waiting + in_service / workers) / workers } else { 0.0 };
        let own = wait + size;
        let by_sizes = prices.delay_by_size(wait, size, workers);
        let there = if is_full { workers - 1.0 + wait * workers } else { count };
        let by_count = size * prices.delay(pattern.size(), there);
        (own, own + BY_SIZES * by_sizes + BY_COUNT * by_count)
    };
    let log_factor = backend.log_mean_service + crowding.log_factor(ln(1.0 + count), backend.usual);
    Index {
        log_completion: log_factor + ln(own),
        log_improvement: log_factor + ln(cost + backend.stalls * size),
    }
}
