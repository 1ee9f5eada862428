//! Who picks backends in a simulation: policies in load balancers, an oracle, or policies taught by an
//! oracle.

use crate::options::Options;
use crate::oracle::Oracle;
use lb_core::balancer::Balancer;
use lb_core::policy::{BackendIndex, Policy};
use lb_core::rng::Rng;
use lb_core::topology::Topology;

/// Label of the balancers' random streams under the seed of the options.
const BALANCER: u64 = 0xba1a;

/// Callback that receives an oracle's cost estimates for all backends, in nanoseconds.
pub type Lesson = Box<dyn FnMut(&[f64]) + Send>;

/// The component that picks backends.
pub(crate) enum Decider<'a> {
    /// A new policy for each load balancer and pool.
    Policies(&'a mut dyn FnMut() -> Box<dyn Policy>),
    Oracle(Oracle),
    /// Policies pick, and an oracle only estimates costs.
    Taught {
        policy: &'a mut dyn FnMut() -> Box<dyn Policy>,
        teacher: Oracle,
        lesson: Lesson,
    },
}

/// Creates one balancer per load balancer and pool, pool by pool.
pub(crate) fn balancers(
    topology: &Topology,
    policy: &mut dyn FnMut() -> Box<dyn Policy>,
    options: &Options,
) -> Vec<Balancer> {
    let mut balancers = Vec::new();
    for balancer in 0..options.balancers {
        for (number, pool) in topology.pools.iter().enumerate() {
            let weights: Vec<f64> = pool.backends.iter().map(|spec| spec.weight).collect();
            let mut made = Balancer::new(&weights, policy(), stream(options, balancer, number));
            for (place, spec) in pool.backends.iter().enumerate() {
                made.name(BackendIndex(place as u32), spec.id.as_str().into());
            }
            balancers.push(made);
        }
    }
    balancers
}

/// Returns the random stream of the policy in a load balancer for a pool.
pub(crate) fn stream(options: &Options, balancer: u16, pool: usize) -> Rng {
    options.seed.stream(&[BALANCER, u64::from(balancer), pool as u64])
}
