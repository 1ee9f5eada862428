//! The cost of sending a request to a backend, in nanoseconds.
//!
//! *Shortest expected delay*, *first policy improvement* and *first policy improvement with sizes* are the
//! formulas of [`lb_core::policy::serving::price`], which a load balancer applies to estimates, and oracles
//! to the truth.
//!
//! *Least work left*: the time until this request ends, from the true remaining work of all requests
//! before it.

use lb_core::Time;
use lb_core::backend::BackendModel;
use lb_core::policy::serving::price;
use lb_core::topology::Discipline;

/// The state of a backend for rules that know only means.
#[derive(Clone, Copy, Debug)]
pub(super) struct Backend {
    pub(super) workers: usize,
    /// Number of requests in the backend or on their way to it.
    pub(super) requests: usize,
    /// Current mean service time in nanoseconds.
    pub(super) service: f64,
}

pub(super) fn shortest_expected_delay(backend: &Backend) -> f64 {
    backend.service * price::expected_delay(backend.requests, backend.workers)
}

/// Returns the cost by first policy improvement. `utilisation` must be below 1.
pub(super) fn first_policy_improvement(backend: &Backend, utilisation: f64) -> f64 {
    backend.service * price::first_policy_improvement(backend.requests, backend.workers, utilisation)
}

/// Returns the cost by first policy improvement with sizes, given the `wait` until a worker is free and
/// the `service` time of the request, in nanoseconds.
pub(super) fn sized_policy_improvement(backend: &Backend, utilisation: f64, wait: f64, service: f64) -> f64 {
    let (wait, size) = (wait / backend.service, service / backend.service);
    backend.service * price::sized_policy_improvement(wait, size, backend.workers, utilisation)
}

/// Returns the cost by least work left. `coming` is the work of requests on their way, `work` that of
/// the request itself, in nanoseconds at speed 1.
pub(super) fn least_work_left(
    model: &BackendModel,
    coming: impl Iterator<Item = f64>,
    work: f64,
    now: Time,
) -> f64 {
    let waiting = model.waiting_work().chain(coming);
    let running = model.running_work(now);
    let left = match model.discipline() {
        Discipline::Fcfs => fcfs(running.collect(), waiting, model.workers()) + work,
        Discipline::ProcessorSharing => shared(running.chain(waiting).collect(), work, model.workers()),
    };
    left / model.speed()
}

/// Returns the work until a worker is free for the last request in the queue. `running` is the
/// remaining work of busy workers.
fn fcfs(mut running: Vec<f64>, waiting: impl Iterator<Item = f64>, workers: usize) -> f64 {
    running.resize(workers, 0.0);
    for work in waiting {
        *first_free(&mut running) += work;
    }
    *first_free(&mut running)
}

fn first_free(workers: &mut [f64]) -> &mut f64 {
    workers.iter_mut().min_by(|one, other| one.total_cmp(other)).expect("a backend has a worker")
}

/// Returns the time at speed 1 until `work` is done if it shares the workers with `others`. With `n`
/// requests, each progresses at a rate of `min(1, c / n)`.
fn shared(mut others: Vec<f64>, work: f64, workers: usize) -> f64 {
    others.sort_unstable_by(f64::total_cmp);
    let (mut time, mut done) = (0.0, 0.0);
    for (gone, other) in others.iter().enumerate() {
        let there = others.len() - gone + 1;
        let until = other.min(work);
        time += (until - done) * (there as f64 / workers as f64).max(1.0);
        done = until;
        if *other >= work {
            return time;
        }
    }
    time + (work - done) * (1.0 / workers as f64).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_left_is_followed_through_the_queue() {
        assert_eq!(fcfs(vec![5.0], [9.0].into_iter(), 3), 0.0, "a worker is free at once");
        assert_eq!(fcfs(vec![5.0, 2.0], [4.0, 1.0].into_iter(), 2), 6.0, "2 + 4 and 5 + 1 are both 6");
        assert_eq!(fcfs(vec![5.0, 2.0], [9.0, 3.0].into_iter(), 2), 8.0, "the long one holds one worker");
        // Two workers, works 1, 2, 3 and ours of 2: all four run at half rate until 1 is done, then
        // three at two thirds until ours is done.
        assert!((shared(vec![3.0, 1.0, 2.0], 2.0, 2) - (1.0 * 2.0 + 1.0 * 1.5)).abs() < 1e-12);
        assert_eq!(shared(vec![], 2.0, 2), 2.0, "alone it has a worker to itself");
        assert_eq!(shared(vec![1.0], 2.0, 1), 3.0);
    }
}
