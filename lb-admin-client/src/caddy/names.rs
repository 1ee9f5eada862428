//! Caddy's name, and its names for our algorithms.

use crate::names::Names;
use lb_core::algorithm::Rule;

pub(super) const NAMES: Names = Names {
    name: "caddy",
    algorithms: &[
        (Rule::RoundRobin, "round_robin"),
        (Rule::Random, "random"),
        (Rule::LeastConnections, "least_conn"),
        (Rule::IpHash, "client_ip_hash"),
    ],
    lacking: &[
        (
            Rule::P2c,
            "its `random_choose` is not power of two choices, since it prefers the first idle backend",
        ),
        (Rule::Rl, "its weights cannot be changed without a new config"),
    ],
    ignores_weights: &[Rule::LeastConnections, Rule::IpHash],
};
