//! What it costs to send a request to a backend: its own delay, and the delay that it causes to others.
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

use super::pattern::{Pattern, SIZES, WORKERS};

/// Returns the expected delay of a request at a backend with this number of `requests` and `workers`, in
/// units of the mean service time.
pub fn expected_delay(requests: usize, workers: usize) -> f64 {
    let departures = (requests + 1).saturating_sub(workers);
    1.0 + departures as f64 / workers as f64
}

/// Returns the cost by first policy improvement, in units of the mean service time. `utilisation` must be
/// below 1.
pub fn first_policy_improvement(requests: usize, workers: usize, utilisation: f64) -> f64 {
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

/// Returns the cost by first policy improvement with sizes, given the `wait` until a worker is free and
/// the `service` time of the request, in units of the mean service time. `utilisation` must be below 1.
pub fn sized_policy_improvement(wait: f64, service: f64, workers: usize, utilisation: f64) -> f64 {
    let workers = workers as f64;
    let arrivals = utilisation * workers;
    let added = service / workers;
    wait + service + arrivals * (wait * added + added * added / 2.0) / (1.0 - utilisation)
}

/// Costs by first policy improvement at one utilisation, for all numbers of workers that are distinguished.
#[derive(Clone, Debug)]
pub(super) struct Prices {
    utilisation: f32,
    /// Costs with 0 to `c` requests at `c` workers; linear from `c - 1` on.
    tables: [Vec<f32>; SIZES],
    /// Which of them are of this utilisation.
    are_ready: [bool; SIZES],
}

/// Relative change of the share of capacity that is free at which costs are computed anew.
const CHANGE: f32 = 0.03;

impl Prices {
    /// Creates the costs of a utilisation above 0 and below 1, of which none is ready.
    pub(super) fn new(utilisation: f32) -> Self {
        Self { utilisation, tables: Default::default(), are_ready: [false; SIZES] }
    }

    /// Follows the utilisation, which must be above 0 and below 1, if it has changed noticeably. Then no cost is ready.
    pub(super) fn update(&mut self, utilisation: f32) {
        if (utilisation - self.utilisation).abs() > CHANGE * (1.0 - self.utilisation) {
            self.utilisation = utilisation;
            self.are_ready = [false; SIZES];
        }
    }

    /// Computes the costs at backends of this pattern, unless they are ready. A pool has few patterns.
    pub(super) fn prepare(&mut self, pattern: Pattern) {
        let size = pattern.size();
        if !self.are_ready[size] {
            fill(&mut self.tables[size], WORKERS[size] as usize, f64::from(self.utilisation));
            self.are_ready[size] = true;
        }
    }

    /// Returns the cost of one more request with so many mean requests there, in mean service times. `size` is the
    /// place of the number of workers, for which the costs must be ready.
    #[inline]
    pub(super) fn cost(&self, size: usize, there: f32) -> f32 {
        debug_assert!(self.are_ready[size], "the costs of size {size} are not ready");
        let table = &self.tables[size];
        let place = (there.max(0.0) as i32 as usize).min(table.len() - 2);
        let (low, high) = (table[place], table[place + 1]);
        low + (there - place as u32 as f32) * (high - low)
    }

    /// Returns the part of [`Self::cost`] that others bear.
    #[inline]
    pub(super) fn delay(&self, pattern: Pattern, there: f32) -> f32 {
        let others = (there + 1.0 - pattern.workers()).max(0.0) * pattern.per_worker();
        self.cost(pattern.size(), there) - 1.0 - others
    }

    /// Returns the part of [`sized_policy_improvement`] that others bear.
    #[inline]
    pub(super) fn delay_by_size(&self, wait: f32, size: f32, pattern: Pattern) -> f32 {
        let added = size * pattern.per_worker();
        self.utilisation * pattern.workers() * (wait * added + added * added / 2.0) / (1.0 - self.utilisation)
    }
}

/// Writes the costs by first policy improvement for 0 to `workers` requests to `costs`, as
/// [`first_policy_improvement`] returns them.
fn fill(costs: &mut Vec<f32>, workers: usize, utilisation: f64) {
    let (c, offered) = (workers as f64, workers as f64 * utilisation);
    let slope = 1.0 / (c - offered);
    let mean = mean_number(workers, utilisation);
    let busy = |n: usize| slope * (n as f64 + c * slope - mean);
    costs.clear();
    costs.resize(workers + 1, 0.0);
    costs[workers] = busy(workers) as f32;
    let mut price = busy(workers - 1);
    let up = (offered.ceil() as usize).min(workers - 1);
    for n in (up..workers).rev() {
        costs[n] = price as f32;
        price = if n > 0 { (offered * price + n as f64 - mean) / n as f64 } else { price };
    }
    let mut price = mean / offered;
    for (n, cost) in costs[..up].iter_mut().enumerate() {
        price = if n > 0 { (n as f64 * (price - 1.0) + mean) / offered } else { price };
        *cost = price as f32;
    }
}

/// Returns the mean number in an M/M/c queue by Erlang's C formula, using the recursion for the B
/// formula.
fn mean_number(workers: usize, utilisation: f64) -> f64 {
    let offered = workers as f64 * utilisation;
    let blocked = (1..=workers).fold(1.0, |b, n| offered * b / (n as f64 + offered * b));
    let waits = blocked / (1.0 - utilisation * (1.0 - blocked));
    offered + waits * utilisation / (1.0 - utilisation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_price_in_a_queue_of_one_worker_is_known() {
        for (requests, utilisation) in [(0, 0.0), (0, 0.5), (3, 0.5), (10, 0.8)] {
            let expected = (requests as f64 + 1.0) / (1.0 - utilisation);
            let price = first_policy_improvement(requests, 1, utilisation);
            assert!((price / expected - 1.0).abs() < 1e-12, "(n + 1) / (M - L) = {expected}, not {price}");
        }
    }

    #[test]
    fn prices_solve_poissons_equation() {
        for (workers, utilisation) in [(2, 0.3), (4, 0.8), (16, 0.95), (64, 0.9)] {
            let price = |n| first_policy_improvement(n, workers, utilisation);
            let offered = workers as f64 * utilisation;
            let mean = mean_number(workers, utilisation);
            let first = offered * price(0);
            assert!((first / mean - 1.0).abs() < 1e-9, "the empty queue: L d(0) = g = {mean}, not {first}");
            for n in 1..100 {
                let served = n.min(workers) as f64 * price(n - 1);
                let rest = n as f64 - mean + offered * price(n) - served;
                assert!(rest.abs() < 1e-9 * served.max(1.0), "c = {workers}, n = {n}: {rest} is left");
            }
        }
    }

    #[test]
    fn a_table_holds_the_same_costs() {
        let mut costs = Vec::new();
        for (workers, utilisation) in [(1, 0.3), (2, 0.9), (4, 0.05), (16, 0.95), (256, 0.7)] {
            fill(&mut costs, workers, utilisation);
            assert_eq!(costs.len(), workers + 1);
            for (n, cost) in costs.iter().enumerate() {
                let expected = first_policy_improvement(n, workers, utilisation) as f32;
                assert!((cost / expected - 1.0).abs() < 1e-5, "{n} at {workers}: {expected}, not {cost}");
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
        let delays: Vec<f64> = [0, 3, 4, 11].into_iter().map(|n| expected_delay(n, 4)).collect();
        assert_eq!(delays, [1.0, 1.0, 1.25, 3.0]);
    }

    #[test]
    fn sizes_agree_with_means_on_average_in_a_queue_of_one_worker() {
        // With n exponential requests of mean 1 ahead, their work has mean n.
        let (n, utilisation) = (3usize, 0.6);
        let draws = 100_000;
        let exponential = |place: u32| -(1.0 - (f64::from(place) + 0.5) / f64::from(draws)).ln();
        let sized = |size| sized_policy_improvement(n as f64, size, 1, utilisation);
        let mean = (0..draws).map(|place| sized(exponential(place))).sum::<f64>() / f64::from(draws);
        let expected = first_policy_improvement(n, 1, utilisation);
        assert!((mean / expected - 1.0).abs() < 1e-3, "{expected}, not {mean}");
        assert!(sized(0.1) < 0.5 * expected && sized(3.0) > 1.5 * expected, "short requests cost less");
    }
}
