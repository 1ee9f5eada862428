//! The cost of sending a request to a backend, in nanoseconds.
//!
//! *Shortest expected delay*: with `n` requests at `c` workers and a mean service time `t`, a new request
//! waits for `n - c + 1` departures of `t / c` each, if that is above zero, and then takes `t`.
//!
//! *First policy improvement*: start from the policy that splits requests at random in proportion to
//! capacity, under which each backend is an independent M/M/c queue, and improve it once (Howard's policy
//! iteration). For parallel queues: K. R. Krishnan, Joining the right queue: a state-dependent decision
//! rule, IEEE Transactions on Automatic Control 35, 1990; for M/M/c: Sassen, Tijms and Nobel, A heuristic
//! rule for routing customers to parallel servers, Statistica Neerlandica 51, 1997. The cost of one more
//! request in a queue of `n` is the difference of relative values `d(n) = v(n+1) - v(n)`: all the delay
//! that it causes, its own and that of later requests. Poisson's equation with cost rate `n` and mean
//! number `g` is
//!
//! ```text
//! n - g + L d(n) - min(n, c) M d(n-1) = 0        (L arrivals, M services per worker and second)
//! ```
//!
//! Its solution that does not diverge is linear for a busy queue, `d(n) = a (n + c M a - g)` with
//! `a = 1 / (c M - L)` for `n >= c - 1`; below that, the equation itself gives each `d` from the next.
//! For one worker this is `(n + 1) / (M - L)`. Compared with SED's `(n + 1) / M`, it makes a nearly full
//! queue expensive.
//!
//! *First policy improvement with sizes*: the same step from the same policy, if the remaining work is
//! known. In an M/G/1 queue with `u` of remaining work, arrivals at rate `L` and utilisation `r`, one
//! more request of length `s` causes `u + s` of its own delay and `L (u s + s²/2) / (1 - r)` of delay
//! to later requests (Hyytiä, Penttinen and Aalto, Size- and state-aware dispatching problem with
//! queue-specific job sizes, European Journal of Operational Research 217, 2012). With `c` workers, `u`
//! is the wait for one of them, and a request adds `s / c` to it.
//!
//! *Least work left*: the time until this request ends, from the true remaining work of all requests
//! before it.

use lb_core::Time;
use lb_core::backend::BackendModel;
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
    let departures = (backend.requests + 1).saturating_sub(backend.workers);
    backend.service * (1.0 + departures as f64 / backend.workers as f64)
}

/// Returns the cost by first policy improvement. `utilisation` must be below 1.
pub(super) fn first_policy_improvement(backend: &Backend, utilisation: f64) -> f64 {
    backend.service * price(backend.requests, backend.workers, utilisation)
}

/// Returns the cost by first policy improvement with sizes, given the `wait` until a worker is free and
/// the `service` time of the request, in nanoseconds.
pub(super) fn sized_policy_improvement(backend: &Backend, utilisation: f64, wait: f64, service: f64) -> f64 {
    let workers = backend.workers as f64;
    let arrivals = utilisation * workers / backend.service;
    let added = service / workers;
    wait + service + arrivals * (wait * added + added * added / 2.0) / (1.0 - utilisation)
}

/// Returns `d(n)` in units of the mean service time.
fn price(requests: usize, workers: usize, utilisation: f64) -> f64 {
    let (c, offered) = (workers as f64, workers as f64 * utilisation);
    let slope = 1.0 / (c - offered);
    let mean = mean_number(workers, utilisation);
    let busy = |n: usize| slope * (n as f64 + c * slope - mean);
    if requests + 1 >= workers {
        return busy(requests);
    }
    // Recur up from d(0) = g / L or down from a busy queue, in the direction in which rounding errors
    // shrink.
    if (requests as f64) < offered {
        return (1..=requests).fold(mean / offered, |price, n| (n as f64 * (price - 1.0) + mean) / offered);
    }
    (requests + 1..workers)
        .rev()
        .fold(busy(workers - 1), |price, n| (offered * price + n as f64 - mean) / n as f64)
}

/// Returns the mean number in an M/M/c queue by Erlang's C formula, using the recursion for the B
/// formula.
fn mean_number(workers: usize, utilisation: f64) -> f64 {
    let offered = workers as f64 * utilisation;
    let blocked = (1..=workers).fold(1.0, |b, n| offered * b / (n as f64 + offered * b));
    let waits = blocked / (1.0 - utilisation * (1.0 - blocked));
    offered + waits * utilisation / (1.0 - utilisation)
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
    fn the_price_in_a_queue_of_one_worker_is_known() {
        for (requests, utilisation) in [(0, 0.0), (0, 0.5), (3, 0.5), (10, 0.8)] {
            let expected = (requests as f64 + 1.0) / (1.0 - utilisation);
            let price = price(requests, 1, utilisation);
            assert!((price / expected - 1.0).abs() < 1e-12, "(n + 1) / (M - L) = {expected}, not {price}");
        }
    }

    #[test]
    fn prices_solve_poissons_equation() {
        for (workers, utilisation) in [(2, 0.3), (4, 0.8), (16, 0.95), (64, 0.9)] {
            let offered = workers as f64 * utilisation;
            let mean = mean_number(workers, utilisation);
            let first = offered * price(0, workers, utilisation);
            assert!((first / mean - 1.0).abs() < 1e-9, "the empty queue: L d(0) = g = {mean}, not {first}");
            for n in 1..100 {
                let served = n.min(workers) as f64 * price(n - 1, workers, utilisation);
                let rest = n as f64 - mean + offered * price(n, workers, utilisation) - served;
                assert!(rest.abs() < 1e-9 * served.max(1.0), "c = {workers}, n = {n}: {rest} is left");
            }
        }
    }

    #[test]
    fn the_mean_number_is_erlangs() {
        // M/M/1 and M/M/2 in closed form: r / (1 - r) and 2r / (1 - r²).
        assert!((mean_number(1, 0.8) - 4.0).abs() < 1e-12);
        assert!((mean_number(2, 0.5) - 1.0 / 0.75).abs() < 1e-12);
    }

    #[test]
    fn expected_delay_is_the_wait_for_departures_and_the_service() {
        let backend = |requests| Backend { workers: 4, requests, service: 10.0 };
        let delays: Vec<f64> =
            [0, 3, 4, 11].into_iter().map(|n| shortest_expected_delay(&backend(n))).collect();
        assert_eq!(delays, [10.0, 10.0, 12.5, 30.0]);
    }

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
