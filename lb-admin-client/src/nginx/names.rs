//! nginx's name, and its names for our algorithms.

use crate::names::Names;
use lb_core::algorithm::Rule;

pub(super) const NAMES: Names = Names {
    name: "nginx",
    algorithms: &[
        (Rule::RoundRobin, "round-robin"),
        (Rule::WeightedRoundRobin, "round-robin, weighted"),
        (Rule::Random, "random"),
        (Rule::LeastConnections, "least_conn"),
        (Rule::P2c, "random two least_conn"),
        (Rule::IpHash, "hash"),
        (Rule::ConsistentHash, "hash consistent"),
        (Rule::Rl, "lua, steered weights"),
    ],
    lacking: &[],
    ignores_weights: &[],
};
