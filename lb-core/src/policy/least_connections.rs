//! Least connections: the backend with the fewest requests in flight for its weight, of all.
//!
//! Load is `in_flight / weight`. With equal servers and exponential service this is
//! join-the-shortest-queue, which is optimal there (Winston, Optimality of the shortest line discipline,
//! 1977).
//!
//! Ties are broken at random, since "the first of the idle ones" would send all light traffic to one
//! backend, and with chances in proportion to weight, so that weights count on an idle pool too. Equal
//! loads are equal numbers: a quotient is rounded correctly, so 2/4 and 1/2 are the same `f64`. (A
//! cross-multiplied comparison would be exact as well, but each step would wait for the one before.)

use super::scan::lowest_by_weight;
use super::{BackendIndex, Policy, PoolView, RequestInfo};
use crate::rng::Rng;
use crate::time::Time;

/// See the [module](self).
#[derive(Debug, Default)]
pub struct LeastConnections;

impl Policy for LeastConnections {
    fn pick(&mut self, _: &RequestInfo, pool: &PoolView<'_>, _: Time, rng: &mut Rng) -> Option<BackendIndex> {
        let load = |backend: BackendIndex| {
            let view = pool.backend(backend);
            f64::from(view.in_flight) / view.weight
        };
        lowest_by_weight(pool.eligible, rng, load, |backend| pool.backend(backend).weight)
    }
}
