//! Traefik's name, and its names for our algorithms.

use crate::names::Names;
use lb_core::algorithm::Rule;

pub(super) const NAMES: Names = Names {
    name: "traefik",
    algorithms: &[
        (Rule::RoundRobin, "wrr"),
        (Rule::WeightedRoundRobin, "wrr, weighted"),
        (Rule::P2c, "p2c"),
        (Rule::EwmaScan, "leasttime"),
        (Rule::IpHash, "hrw"),
        (Rule::Rl, "wrr, steered weights"),
    ],
    lacking: &[(Rule::LeastConnections, "p2c comes nearest")],
    ignores_weights: &[Rule::IpHash],
};
