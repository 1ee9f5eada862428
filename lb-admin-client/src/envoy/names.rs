//! Envoy's name, and its names for our algorithms.

use crate::names::Names;
use lb_core::algorithm::Rule;

pub(super) const NAMES: Names = Names {
    name: "envoy",
    algorithms: &[
        (Rule::RoundRobin, "ROUND_ROBIN"),
        (Rule::WeightedRoundRobin, "ROUND_ROBIN, weighted"),
        (Rule::Random, "RANDOM"),
        (Rule::LeastConnections, "LEAST_REQUEST, FULL_SCAN"),
        (Rule::P2c, "LEAST_REQUEST"),
        (Rule::IpHash, "MAGLEV"),
        (Rule::ConsistentHash, "RING_HASH"),
        (Rule::Rl, "LEAST_REQUEST, steered weights"),
    ],
    lacking: &[],
    ignores_weights: &[Rule::LeastConnections],
};
