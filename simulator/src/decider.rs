//! Who places the requests of a simulation: policies in load balancers, or an oracle, or policies that an
//! oracle teaches.

use crate::options::Options;
use crate::oracle::Oracle;
use lb_core::balancer::Balancer;
use lb_core::policy::Policy;
use lb_core::topology::Topology;

/// Label of the balancers' random streams under the seed of the options.
const BALANCER: u64 = 0xba1a;

/// Receives an oracle's estimate of what each backend would cost, in nanoseconds.
pub type Lesson = Box<dyn FnMut(&[f64])>;

/// Who places requests.
pub(crate) enum Decider<'a> {
    /// A new policy for each load balancer and pool.
    Policies(&'a mut dyn FnMut() -> Box<dyn Policy>),
    Oracle(Oracle),
    /// Policies, and an oracle that only says what it thinks.
    Taught {
        policy: &'a mut dyn FnMut() -> Box<dyn Policy>,
        teacher: Oracle,
        lesson: Lesson,
    },
}

/// One per load balancer and pool, pool after pool.
pub(crate) fn balancers(
    topology: &Topology,
    policy: &mut dyn FnMut() -> Box<dyn Policy>,
    options: &Options,
) -> Vec<Balancer> {
    let mut balancers = Vec::new();
    for balancer in 0..options.balancers {
        for (number, pool) in topology.pools.iter().enumerate() {
            let weights: Vec<f64> = pool.backends.iter().map(|spec| spec.weight).collect();
            let labels = [BALANCER, u64::from(balancer), number as u64];
            balancers.push(Balancer::new(&weights, policy(), options.seed.stream(&labels)));
        }
    }
    balancers
}
