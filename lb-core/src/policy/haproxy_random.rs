//! HAProxy's `balance random(draws)`: of servers that are drawn from the ring of its consistent hash, the one with the
//! fewest requests in flight relative to its weight. It predicts what HAProxy would do.
//!
//! A server with number `id` and weight `w` has `16 w` nodes on a ring of 2^32 places, at `full_hash(4096 id + node)`,
//! where `full_hash` is one of Bob Jenkins' integer hashes times 3221225473. A draw is a random number of 32 bits and
//! takes the server of the nearest node, before or after it. So the shares of draws are not equal: they are fixed by
//! numbers and weights. Of eight servers of weight 1, the least is drawn in 10.2 % of all cases and the most in 15.0 %;
//! at a weight of 100, in 12.2 % and 12.8 %. A server that is down has no nodes.
//!
//! Draws are with replacement, so one may be of the best server so far, and of two equally busy servers the later draw
//! stays. `random` itself means two draws, and `random(1)` looks at no load.
//!
//! Source: HAProxy 2.6, `get_server_rnd` in `src/backend.c`; `chash_init_server_tree` and `chash_get_server_hash` in
//! `src/lb_chash.c`; `SRV_EWGHT_RANGE` in `include/haproxy/server-t.h`; `full_hash` in `include/haproxy/tools.h`. Threads
//! draw numbers of their own from one ring and one set of counters, which makes no difference here. What is left out:
//! `slowstart`, where nodes come little by little; `maxconn`, where a request whose draws end at a full server waits in
//! the load balancer; `hash-balance-factor`; and `hash-key` of later versions, which can place nodes by address.

use super::{BackendIndex, Policy, PoolView, RequestInfo};
use crate::rng::Rng;
use crate::time::Time;
use rand::RngExt;

/// Nodes of a server for each unit of its weight (`BE_WEIGHT_SCALE`).
const NODES: u32 = 16;
/// Difference of the hashed numbers of two servers (`SRV_EWGHT_RANGE`).
const RANGE: u32 = 4096;
/// The greatest weight that a server can have (`SRV_UWGHT_MAX`).
const GREATEST: u32 = 256;

/// HAProxy's random choice, see the [module](self).
#[derive(Clone, Debug)]
pub struct HaproxyRandom {
    draws: u32,
    weight: u32,
    /// For each eligible backend, the number of places on the ring at which it or one before it is drawn.
    ends: Vec<(u64, BackendIndex)>,
    generation: Option<u64>,
}

impl HaproxyRandom {
    /// Creates the policy `random(draws)`, of one draw at least. `weight` is that of the servers in HAProxy's
    /// configuration, from 1 to 256: 1 unless they have `weight`. If backends have weights of their own, it is the
    /// weight of a backend of weight 1. The backends of a pool have the numbers 1, 2, 3 and so on.
    pub fn new(draws: u32, weight: u32) -> Self {
        Self { draws: draws.max(1), weight, ends: Vec::new(), generation: None }
    }

    fn adapt(&mut self, pool: &PoolView<'_>) {
        self.generation = Some(pool.generation);
        let mut weights = vec![0; pool.backends.len()];
        let greatest = pool.backends.iter().map(|backend| backend.weight).fold(f64::MIN_POSITIVE, f64::max);
        let scale = f64::from(self.weight).min(f64::from(GREATEST) / greatest);
        for backend in pool.eligible {
            weights[backend.get()] = (pool.backend(*backend).weight * scale).round().max(1.0) as u32;
        }
        let mut end = 0;
        let counts = places(&weights);
        self.ends = pool
            .eligible
            .iter()
            .map(|backend| {
                end += counts[backend.get()];
                (end, *backend)
            })
            .collect();
    }

    fn draw(&self, rng: &mut Rng) -> Option<BackendIndex> {
        let place = u64::from(rng.random::<u32>());
        let drawn = self.ends.partition_point(|(end, _)| *end <= place);
        self.ends.get(drawn).map(|(_, backend)| *backend)
    }
}

impl Policy for HaproxyRandom {
    fn pick(&mut self, _: &RequestInfo, pool: &PoolView<'_>, _: Time, rng: &mut Rng) -> Option<BackendIndex> {
        if self.generation != Some(pool.generation) {
            self.adapt(pool);
        }
        let mut best = self.draw(rng)?;
        for _ in 1..self.draws {
            let drawn = self.draw(rng)?;
            let [old, new] = [best, drawn].map(|one| pool.backend(one));
            if f64::from(new.in_flight) * old.weight <= f64::from(old.in_flight) * new.weight {
                best = drawn;
            }
        }
        Some(best)
    }
}

/// Returns the share of draws of each server, which add up to 1. `weights` are those of the servers with the numbers
/// 1, 2, 3 and so on, from 1 to 256; 0 stands for a server that is down. Without any server, all shares are 0.
pub fn draw_shares(weights: &[u32]) -> Vec<f64> {
    places(weights).iter().map(|count| *count as f64 / (1u64 << 32) as f64).collect()
}

/// Returns the number of the 2^32 places at which each server is drawn.
fn places(weights: &[u32]) -> Vec<u64> {
    let nodes = ring(weights);
    let mut counts = vec![0; weights.len()];
    let Some(last) = nodes.last() else { return counts };
    let mut before = *last;
    for node in nodes {
        // The first gap leads around the end of the ring. A node gets the nearer half; the middle goes to the one before.
        let gap = node.0.wrapping_sub(before.0);
        counts[before.1] += u64::from(gap / 2);
        counts[node.1] += u64::from(gap - gap / 2);
        before = node;
    }
    counts
}

/// Returns the nodes in the order of their places, each with the position of its server.
fn ring(weights: &[u32]) -> Vec<(u32, usize)> {
    let mut nodes: Vec<(u32, usize)> = Vec::new();
    for (server, weight) in weights.iter().enumerate() {
        let first = (server as u32 + 1).wrapping_mul(RANGE);
        let count = weight.min(&GREATEST) * NODES;
        nodes.extend((0..count).map(|node| (full_hash(first.wrapping_add(node)), server)));
    }
    nodes.sort_unstable();
    nodes
}

/// Hashes a number to 32 bits.
const fn full_hash(number: u32) -> u32 {
    let mut a = number.wrapping_add(0x7ed5_5d16).wrapping_add(number << 12);
    a = (a ^ 0xc761_c23c) ^ (a >> 19);
    a = a.wrapping_add(0x1656_67b1).wrapping_add(a << 5);
    a = a.wrapping_add(0xd3a2_646c) ^ (a << 9);
    a = a.wrapping_add(0xfd70_46c5).wrapping_add(a << 3);
    a = (a ^ 0xb55a_4f09) ^ (a >> 16);
    a.wrapping_mul(3_221_225_473)
}

#[cfg(test)]
mod tests {
    use super::super::BackendView;
    use super::*;
    use crate::rng::Seed;

    /// Requests that a real HAProxy sent to each of eight servers: 2.6.12 (Debian), 2026-11-30, before servers that
    /// answer at once, by `show stat` after `hey -n REQUESTS -c CLIENTS http://127.0.0.1:PORT/`. One thread draws
    /// xorshift numbers from 2463534242 on after every start, so the counts can be computed to the last request.
    struct Measured {
        weights: [u32; 8],
        /// `balance random(draws)`; of two draws before idle servers, the later one counts.
        draws: usize,
        counts: [usize; 8],
    }

    const MEASURED: [Measured; 6] = [
        Measured {
            weights: [1; 8],
            draws: 1,
            counts: [2_686, 2_244, 2_371, 2_558, 2_958, 2_936, 2_180, 2_067],
        },
        Measured {
            weights: [1; 8],
            draws: 2,
            counts: [2_689, 2_261, 2_395, 2_551, 2_927, 2_960, 2_244, 1_973],
        },
        Measured {
            weights: [1; 8],
            draws: 1,
            counts: [27_756, 23_012, 23_033, 25_110, 29_294, 29_810, 21_604, 20_381],
        },
        Measured {
            weights: [100; 8],
            draws: 1,
            counts: [50_207, 51_156, 49_651, 49_866, 51_073, 49_571, 48_984, 49_492],
        },
        Measured {
            weights: [256; 8],
            draws: 1,
            counts: [2_479, 2_551, 2_427, 2_503, 2_574, 2_456, 2_424, 2_586],
        },
        // The third server, of weight 3, was `disabled`.
        Measured {
            weights: [1, 2, 0, 4, 5, 1, 2, 100],
            draws: 1,
            counts: [195, 440, 0, 654, 873, 163, 315, 17_360],
        },
    ];

    /// Returns the server of the node that is nearest to a place, by looking at all nodes.
    fn nearest(nodes: &[(u32, usize)], place: u32) -> usize {
        let after = nodes.partition_point(|(node, _)| *node < place);
        let next = nodes[after % nodes.len()];
        let before = nodes[(after + nodes.len() - 1) % nodes.len()];
        if place.wrapping_sub(before.0) <= next.0.wrapping_sub(place) { before.1 } else { next.1 }
    }

    #[test]
    fn the_ring_tells_to_the_last_request_where_a_real_haproxy_sent_them() {
        for Measured { weights, draws, counts } in &MEASURED {
            let nodes = ring(weights);
            let mut number: u32 = 2_463_534_242;
            let mut expected = [0; 8];
            for _ in 0..counts.iter().sum::<usize>() {
                for _ in 0..*draws {
                    number ^= number << 13;
                    number ^= number >> 17;
                    number ^= number << 5;
                }
                expected[nearest(&nodes, number)] += 1;
            }
            assert_eq!(expected, *counts, "weights {weights:?}, {draws} draws");
        }
    }

    /// Returns the sum of squared differences from expected counts, each over the expected one.
    fn chi_square(counts: &[usize], shares: &[f64]) -> f64 {
        let sum = counts.iter().sum::<usize>() as f64;
        let drawn = counts.iter().zip(shares).filter(|(_, share)| **share > 0.0);
        drawn.map(|(count, share)| (*count as f64 - share * sum).powi(2) / (share * sum)).sum()
    }

    /// The 99.9 % quantile of the chi-square distribution with 7 degrees of freedom.
    const CHANCE: f64 = 24.3;

    #[test]
    fn shares_explain_what_a_real_haproxy_sent_to_each_server() {
        for Measured { weights, counts, .. } in &MEASURED {
            let shares = draw_shares(weights);
            assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-12, "shares add up: {shares:?}");
            let off = chi_square(counts, &shares);
            assert!(off < CHANCE, "chance explains {counts:?} for shares {shares:?}: {off}");
        }
        let equal = chi_square(&MEASURED[2].counts, &[0.125; 8]);
        assert!(equal > 100.0 * CHANCE, "equal shares do not: {equal}");
        // Two threads draw from one ring, each with numbers of its own; eight clients, 20,000 requests.
        let two_threads = [2_768, 2_266, 2_309, 2_537, 2_972, 2_928, 2_110, 2_110];
        let off = chi_square(&two_threads, &draw_shares(&[1; 8]));
        assert!(off < CHANCE, "the same shares for two threads: {off}");
    }

    #[test]
    fn shares_are_fixed_by_numbers_and_weights() {
        assert_eq!(places(&[1, 1]), [1_851_933_896, 2_443_033_400]);
        assert_eq!(places(&[1, 2, 1]), [1_263_382_348, 1_922_651_320, 1_108_933_628]);
        assert_eq!(places(&[1, 0, 1, 1]), [1_526_181_247, 0, 1_294_770_501, 1_474_015_548], "one is down");
        assert_eq!(places(&[0, 0]), [0, 0], "all are down");
        let percent =
            |weight| draw_shares(&[weight; 8]).iter().map(|share| (share * 1e4).round() / 100.0).collect();
        let (light, heavy): (Vec<f64>, Vec<f64>) = (percent(1), percent(100));
        assert_eq!(light, [13.95, 11.66, 11.43, 12.53, 14.54, 14.98, 10.72, 10.20]);
        assert_eq!(heavy, [12.58, 12.74, 12.46, 12.50, 12.80, 12.35, 12.21, 12.37]);
    }

    fn picks(policy: &mut HaproxyRandom, in_flight: &[u32], eligible: &[u32], picks: usize) -> Vec<usize> {
        let backends: Vec<BackendView> =
            in_flight.iter().map(|in_flight| BackendView { weight: 1.0, in_flight: *in_flight }).collect();
        let eligible: Vec<BackendIndex> = eligible.iter().copied().map(BackendIndex).collect();
        let pool = PoolView { backends: &backends, eligible: &eligible, generation: eligible.len() as u64 };
        let mut rng = Seed(3).stream(&[]);
        let mut counts = vec![0; backends.len()];
        for _ in 0..picks {
            let picked = policy.pick(&RequestInfo::default(), &pool, Time::ZERO, &mut rng);
            counts[picked.expect("some are eligible").get()] += 1;
        }
        counts
    }

    #[test]
    fn one_draw_follows_the_shares_and_two_take_the_less_busy() {
        let mut one = HaproxyRandom::new(1, 1);
        let all = [0, 1, 2, 3, 4, 5, 6, 7];
        let counts = picks(&mut one, &[9, 0, 0, 0, 0, 0, 0, 0], &all, 100_000);
        assert!(chi_square(&counts, &draw_shares(&[1; 8])) < CHANCE, "whatever the load: {counts:?}");
        let counts = picks(&mut one, &[0; 8], &all[4..], 100_000);
        let shares = draw_shares(&[0, 0, 0, 0, 1, 1, 1, 1]);
        assert_eq!(counts[..4], [0; 4], "down");
        assert!(chi_square(&counts, &shares) < CHANCE, "the ring of those that are left: {counts:?}");

        let mut two = HaproxyRandom::new(2, 1);
        let counts = picks(&mut two, &[9, 0, 0, 0, 0, 0, 0, 0], &all, 100_000);
        let share = draw_shares(&[1; 8])[0];
        let off = (counts[0] as f64 / 100_000.0 - share * share).abs();
        assert!(off < 0.003, "the busy one is taken if both draws are of it: {counts:?}");
        let shares: Vec<f64> = draw_shares(&[1; 8]);
        let idle = picks(&mut HaproxyRandom::new(2, 1), &[0; 8], &all, 100_000);
        assert!(chi_square(&idle, &shares) < CHANCE, "of equals, the later: {idle:?}");
    }

    #[test]
    fn an_empty_pool_has_nothing_to_draw() {
        let pool = PoolView { backends: &[], eligible: &[], generation: 1 };
        let mut rng = Seed(1).stream(&[]);
        let picked = HaproxyRandom::new(2, 1).pick(&RequestInfo::default(), &pool, Time::ZERO, &mut rng);
        assert_eq!(picked, None);
    }
}
