//! Least connections: the backend with the fewest requests in flight relative to its weight.
//!
//! Load is `in_flight / weight`. With equal servers and exponential service this is
//! join-the-shortest-queue, which is optimal there (Winston, Optimality of the shortest line discipline,
//! 1977).
//!
//! Ties are broken at random, because picking the first idle backend would send all light traffic to
//! it. The probabilities are in proportion to weight, so that weights also count on an idle pool. Equal
//! loads compare as equal: division is correctly rounded, so 2/4 and 1/2 are the same `f64`. (Comparing
//! cross products would be exact as well, but each step would have to wait for the previous one.)

use super::scan::lowest_by_weight;
use super::{BackendIndex, Policy, PoolView, RequestInfo};
use crate::rng::Rng;
use crate::time::Time;

/// Least connections, see the [module](self).
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
