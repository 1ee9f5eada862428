//! HAProxy's name, and its names for our algorithms.

use crate::names::Names;
use lb_core::algorithm::Rule;

pub(super) const NAMES: Names = Names {
    name: "haproxy",
    algorithms: &[
        (Rule::RoundRobin, "roundrobin"),
        (Rule::WeightedRoundRobin, "roundrobin, weighted"),
        (Rule::Random, "random(1)"),
        (Rule::LeastConnections, "leastconn"),
        (Rule::P2c, "random(2)"),
        (Rule::IpHash, "source"),
        (Rule::ConsistentHash, "source, consistent"),
        (Rule::Rl, "leastconn, steered weights"),
    ],
    lacking: &[],
    ignores_weights: &[],
};
