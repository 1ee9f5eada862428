//! The pool of probes of [Prequal](super::prequal): the recent answers of backends, from which one is picked.
//!
//! Wydrowski, Kleinberg, Rumble and Archer, Load is not what you should balance: introducing Prequal (NSDI 2024), section
//! 4. The paper's rules, by its names:
//!
//! - The pool holds at most `m = 16` probes. A new answer of a backend replaces the one before; when the pool is full, it
//!   replaces the oldest. A probe leaves the pool at the age of one second ([`LoadReport::max_age`]).
//! - A probe is used at most `b_reuse = max(1, (1 + delta) / ((1 - m / n) r_probe - r_remove))` times, with `delta = 1`
//!   and `n` backends; a fractional number is rounded up or down at random.
//! - With each request, `r_remove` probes are removed, in turn the oldest and the worst, so that the pool does not
//!   degrade into those that nobody wants. The worst is the hot one with the most requests in flight, or if none is
//!   hot, the one with the highest latency.
//! - A backend is hot if it has more requests in flight than the `Q_RIF` quantile of recent answers.
//! - If fewer than two probes are left, the pool does not decide.
//!
//! Where the paper's client has a hundred servers, pools here often have eight. If there are at most `m`, the pool of probes
//! has one of each, so that it cannot degrade: nothing is removed but by age, and the number of uses is not limited. The
//! probing rate is observed, since the policy does not set it, and `r_remove` is a third of it, the paper's proportion.
//!
//! The paper increments the count of a probe when it is used. Here, requests in flight are counted anew at the time of each
//! pick: those of this load balancer exactly, those of others by [`super::report`]. The reported latency is adapted to the
//! count in the same way as a queue would be: it is multiplied by `max(1, (n + 1) / c)` at the present number `n` over the
//! same at the reported number, where `c` is the number at which the backend is fully used, from its utilisation.

use super::report::LoadReport;
use super::{BackendIndex, PoolView};
use crate::rng::Rng;
use crate::time::{Span, Time};
use rand::RngExt;

/// Most probes in the pool, the paper's `m`.
const MOST: usize = 16;

/// Fewest probes that decide, as in the paper.
const FEWEST: usize = 2;

/// The paper's `delta`: how much faster probes are added than needed to keep the pool full.
const DELTA: f64 = 1.0;

/// Removals per probe: one of three, as in the paper's testbed.
const REMOVED: f64 = 1.0 / 3.0;

/// Most uses of a probe, however few come: beyond that, its age decides.
const MOST_USES: f64 = 64.0;

/// Weight of one pick in the observed number of probes per request.
const RATE_ALPHA: f64 = 0.02;

/// Recent answers of backends.
#[derive(Clone, Debug, Default)]
pub(super) struct Probes {
    /// Oldest first.
    pool: Vec<Probe>,
    /// Probes that arrived since the latest pick.
    arrived: u32,
    /// Mean number of probes that arrive between two picks; `None` before the first.
    rate: Option<f64>,
    /// Removals that are due, of which a fraction waits for the next pick.
    due: f64,
    /// Whether the next probe that is removed is the worst one, and not the oldest.
    removes_worst: bool,
}

/// One answer.
#[derive(Clone, Copy, Debug)]
struct Probe {
    backend: BackendIndex,
    at: Time,
    max_age: Span,
    /// Requests in flight, and the number of them at which the backend would be fully used, if it says so.
    in_flight: f64,
    capacity: Option<f64>,
    /// Reported latency in nanoseconds; `None` if the answer had none.
    latency: Option<f64>,
    uses: u32,
}

/// A backend at the time of a pick.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) backend: BackendIndex,
    /// Requests in flight of all load balancers.
    pub(super) in_flight: f64,
    /// Latency in nanoseconds, as its probe says; `None` if the answer had none.
    pub(super) latency: Option<f64>,
}

impl Probes {
    /// Returns whether the pool is empty, as it always is without probes.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.pool.is_empty()
    }

    /// Adds an answer if it says how many requests `backend` holds.
    pub(super) fn add(&mut self, backend: BackendIndex, report: &LoadReport, now: Time) {
        let Some(in_flight) = report.in_flight else { return };
        self.arrived = self.arrived.saturating_add(1);
        self.pool.retain(|probe| probe.backend != backend);
        if self.pool.len() >= MOST {
            self.pool.remove(0);
        }
        self.pool.push(Probe {
            backend,
            at: now,
            max_age: report.max_age,
            in_flight: f64::from(in_flight),
            capacity: capacity(in_flight, report.utilisation),
            latency: report.latency.map(|latency| latency.as_nanos() as f64),
            uses: 0,
        });
    }

    /// Picks the candidate with the lowest rank among the backends of the pool that are eligible; among equals, the one
    /// whose answer is newest. `in_flight` returns the requests in flight of a backend. `None` if there are too few.
    pub(super) fn pick(
        &mut self,
        pool: &PoolView<'_>,
        now: Time,
        rng: &mut Rng,
        in_flight: impl Fn(BackendIndex) -> f64,
        rank: impl Fn(&Candidate) -> f64,
    ) -> Option<BackendIndex> {
        let arrived = f64::from(std::mem::take(&mut self.arrived));
        let rate = self.rate.map_or(arrived, |rate| rate + RATE_ALPHA * (arrived - rate));
        self.rate = Some(rate);
        self.pool.retain(|probe| now.since(probe.at) <= probe.max_age);
        let rank_of = |probe: &Probe| rank(&probe.candidate(in_flight(probe.backend)));
        let (mut best, mut lowest, mut count) = (None, f64::INFINITY, 0);
        for (place, probe) in self.pool.iter().enumerate() {
            if pool.eligible.binary_search(&probe.backend).is_err() {
                continue;
            }
            count += 1;
            let rank = rank_of(probe);
            if rank <= lowest {
                (best, lowest) = (Some(place), rank);
            }
        }
        let place = best.filter(|_| count >= FEWEST)?;
        let picked = self.pool[place].backend;
        if pool.backends.len() > MOST {
            self.pool[place].uses += 1;
            if f64::from(self.pool[place].uses) >= budget(rate, pool.backends.len(), rng) {
                self.pool.remove(place);
            }
            self.due += rate * REMOVED;
            while self.due >= 1.0 {
                self.due -= 1.0;
                self.remove_one(rank_of);
            }
        }
        Some(picked)
    }

    /// Removes the oldest or the worst probe, in turn, as long as enough are left.
    fn remove_one(&mut self, rank_of: impl Fn(&Probe) -> f64) {
        if self.pool.len() <= FEWEST {
            return;
        }
        let mut place = 0;
        let worst = self.removes_worst;
        self.removes_worst = !worst;
        if worst {
            let mut highest = f64::NEG_INFINITY;
            for (number, probe) in self.pool.iter().enumerate() {
                let rank = rank_of(probe);
                if rank > highest {
                    (highest, place) = (rank, number);
                }
            }
        }
        self.pool.remove(place);
    }
}

impl Probe {
    /// Describes the backend when it has this many requests in flight.
    fn candidate(&self, in_flight: f64) -> Candidate {
        let stretch = match self.capacity {
            Some(capacity) => {
                let of = |number: f64| ((number + 1.0) / capacity).max(1.0);
                of(in_flight) / of(self.in_flight)
            }
            None => 1.0,
        };
        let latency = self.latency.map(|latency| latency * stretch);
        Candidate { backend: self.backend, in_flight, latency }
    }
}

/// Returns the number of requests at which a backend is fully used if it is used by `utilisation` with `in_flight`; `None`
/// if that cannot be known.
fn capacity(in_flight: u32, utilisation: Option<f32>) -> Option<f64> {
    let used = f64::from(utilisation.filter(|used| *used > 0.0)?);
    (in_flight > 0).then(|| (f64::from(in_flight) / used).max(1.0))
}

/// Returns how often a probe may be used if `rate` probes come with each request: `b_reuse`, rounded at random.
fn budget(rate: f64, backends: usize, rng: &mut Rng) -> f64 {
    let new = 1.0 - MOST as f64 / backends as f64;
    let surplus = new * rate - REMOVED * rate;
    let budget = if surplus > 0.0 { ((1.0 + DELTA) / surplus).clamp(1.0, MOST_USES) } else { MOST_USES };
    (budget + rng.random::<f64>()).floor()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::BackendView;
    use crate::rng::Seed;

    fn at(millis: u64) -> Time {
        Time::ZERO + Span::from_millis(millis)
    }

    fn report(in_flight: u32) -> LoadReport {
        LoadReport { in_flight: Some(in_flight), probed: true, ..LoadReport::default() }
    }

    /// A pool of probes of these backends, which hold these numbers of requests.
    fn probes(all: &[(u32, u32)], now: Time) -> Probes {
        let mut probes = Probes::default();
        for (backend, in_flight) in all {
            probes.add(BackendIndex(*backend), &report(*in_flight), now);
        }
        probes
    }

    /// Picks by requests in flight, as reported, from `backends` of which those below `eligible` can be picked.
    fn pick(probes: &mut Probes, backends: usize, eligible: u32, now: Time, seed: u64) -> Option<u32> {
        let views = vec![BackendView { weight: 1.0, in_flight: 0 }; backends];
        let eligible: Vec<BackendIndex> = (0..eligible).map(BackendIndex).collect();
        let pool = PoolView { backends: &views, eligible: &eligible, generation: 1 };
        let known: Vec<(BackendIndex, f64)> =
            probes.pool.iter().map(|probe| (probe.backend, probe.in_flight)).collect();
        let in_flight =
            |backend| known.iter().find(|(of, _)| *of == backend).map_or(0.0, |(_, number)| *number);
        let rank = |candidate: &Candidate| candidate.in_flight;
        let picked = probes.pick(&pool, now, &mut Seed(seed).stream(&[]), in_flight, rank);
        picked.map(|backend| backend.0)
    }

    fn left(probes: &Probes) -> Vec<u32> {
        probes.pool.iter().map(|probe| probe.backend.0).collect()
    }

    #[test]
    fn the_pool_is_bounded_and_has_one_probe_of_each_backend() {
        let mut probes = Probes::default();
        for number in 0..100 {
            probes.add(BackendIndex(number % 40), &report(number), at(0));
        }
        assert_eq!(left(&probes), (4..20).collect::<Vec<u32>>(), "the latest sixteen, oldest first");
        for _ in 0..3 {
            probes.add(BackendIndex(5), &report(1), at(0));
        }
        assert_eq!(probes.pool.len(), MOST, "a newer answer of a backend replaces the older one");
    }

    #[test]
    fn fewer_than_two_usable_probes_decide_nothing() {
        let mut none = Probes::default();
        assert_eq!(pick(&mut none, 8, 8, at(0), 1), None);
        let mut one = probes(&[(2, 1)], at(0));
        assert_eq!(pick(&mut one, 8, 8, at(0), 1), None, "one is no choice");
        let mut two = probes(&[(2, 1), (5, 9)], at(0));
        assert_eq!(pick(&mut two, 8, 4, at(0), 1), None, "the other one is not eligible");
        assert_eq!(pick(&mut two, 8, 8, at(0), 1), Some(2));
    }

    #[test]
    fn a_probe_leaves_the_pool_with_age() {
        let mut aged = probes(&[(0, 0)], at(0));
        for backend in [1, 2] {
            aged.add(BackendIndex(backend), &report(backend), at(500));
        }
        assert_eq!(pick(&mut aged, 8, 8, at(1_001), 1), Some(1), "backend 0 looked idle a second ago");
        assert_eq!(left(&aged), [1, 2]);
    }

    #[test]
    fn a_pool_of_all_backends_loses_no_probe_by_use() {
        let mut all = probes(&[(0, 3), (1, 1), (2, 2)], at(0));
        for _ in 0..100 {
            assert_eq!(pick(&mut all, 8, 8, at(0), 1), Some(1));
        }
        assert_eq!(left(&all), [0, 1, 2]);
    }

    #[test]
    fn of_many_backends_a_probe_is_used_as_often_as_the_paper_allows() {
        let uses = |rate: f64, backends| {
            let mut rng = Seed(7).stream(&[]);
            (0..1_000).map(|_| budget(rate, backends, &mut rng)).sum::<f64>() / 1_000.0
        };
        assert!((uses(3.0, 100) - 2.0 / 1.52).abs() < 0.05, "{}: the paper's testbed", uses(3.0, 100));
        assert_eq!(uses(3.0, 32), 4.0, "(1 + 1) / (3/2 - 1)");
        assert_eq!(uses(1_000.0, 100), 1.0, "with many probes, each is used once");
        assert_eq!(uses(0.0, 100), MOST_USES, "without new ones, age decides");
        let mut probes = Probes::default();
        // Nine probes to each pick of 32 backends: b_reuse = 2 / (9/2 - 3), so one or two uses.
        for round in 0..200 {
            for number in 0..9 {
                probes.add(BackendIndex((9 * round + number) % 32), &report(number), at(u64::from(round)));
            }
            assert!(pick(&mut probes, 32, 32, at(u64::from(round)), u64::from(round)).is_some());
            assert!(probes.pool.iter().all(|probe| probe.uses < 2), "{:?}", probes.pool);
        }
    }

    #[test]
    fn of_many_backends_the_oldest_and_the_worst_are_removed_in_turn() {
        let mut many = Probes { rate: Some(3.0), ..probes(&[(0, 5), (1, 9), (2, 0), (3, 6)], at(0)) };
        many.arrived = 3;
        assert_eq!(pick(&mut many, 32, 32, at(0), 1), Some(2));
        assert_eq!(left(&many), [1, 2, 3], "the oldest");
        many.due = 0.5;
        assert_eq!(pick(&mut many, 32, 32, at(0), 1), Some(2));
        assert_eq!(left(&many), [2, 3], "the worst");
        many.due = 5.0;
        assert_eq!(pick(&mut many, 32, 32, at(0), 1), Some(2));
        assert_eq!(left(&many), [2, 3], "two always stay");
    }

    #[test]
    fn the_reported_latency_follows_the_number_in_flight() {
        let latency = Some(Span::from_nanos(100));
        let told = LoadReport { utilisation: Some(2.0), latency, ..report(8) };
        let mut full = Probes::default();
        full.add(BackendIndex(0), &told, at(0));
        let at_number = |number: f64| full.pool[0].candidate(number).latency.expect("it was reported");
        assert_eq!(at_number(8.0), 100.0, "as reported");
        assert!((at_number(17.0) - 200.0).abs() < 1e-9, "twice as many, twice as long");
        assert!((at_number(0.0) - 100.0 * 4.0 / 9.0).abs() < 1e-9, "four are served at once");
        full.add(BackendIndex(0), &LoadReport { utilisation: None, ..told }, at(0));
        assert_eq!(full.pool[0].candidate(99.0).latency, Some(100.0), "nothing is known of its capacity");
    }

    #[test]
    fn an_answer_without_a_number_is_no_probe() {
        let mut probes = Probes::default();
        let report = LoadReport { utilisation: Some(0.1), probed: true, ..LoadReport::default() };
        probes.add(BackendIndex(0), &report, at(0));
        assert!(probes.is_empty());
    }
}
