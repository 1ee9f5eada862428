//! Least connections: the backend with the fewest requests in flight for its weight, of all.
//!
//! Load is `in_flight / weight`; two loads are compared as `a.in_flight * b.weight` against
//! `b.in_flight * a.weight`, which spares the division. With equal servers and exponential service
//! this is join-the-shortest-queue, which is optimal there (Winston, Optimality of the shortest line
//! discipline, 1977).
//!
//! Ties are broken at random, since "the first of the idle ones" sends all light traffic to one
//! backend. A tie is settled in the same single scan: the k-th backend of a tie replaces the
//! candidate with probability `its weight / sum of the k weights`, which leaves each with a chance in
//! proportion to its weight (weighted reservoir of size one: Chao, A general purpose unequal
//! probability sampling plan, 1982). So weights count on an idle pool too.

use super::{BackendIndex, Policy, PoolView, RequestInfo};
use crate::rng::Rng;
use crate::time::Time;
use rand::RngExt;

/// See the [module](self).
#[derive(Debug, Default)]
pub struct LeastConnections;

impl Policy for LeastConnections {
    fn pick(
        &mut self,
        _: &RequestInfo,
        pool: &PoolView<'_>,
        _: Time,
        rng: &mut Rng,
    ) -> Option<BackendIndex> {
        let (first, rest) = pool.eligible.split_first()?;
        let mut best = *first;
        let mut lowest = *pool.backend(best);
        let mut tied_weight = lowest.weight;
        for candidate in rest {
            let view = *pool.backend(*candidate);
            let load = f64::from(view.in_flight) * lowest.weight;
            let lowest_load = f64::from(lowest.in_flight) * view.weight;
            if load > lowest_load {
                continue;
            }
            if load < lowest_load {
                tied_weight = view.weight;
            } else {
                tied_weight += view.weight;
                if rng.random::<f64>() * tied_weight >= view.weight {
                    continue;
                }
            }
            best = *candidate;
            lowest = view;
        }
        Some(best)
    }
}
