//! Bundled topologies, and a plain load for them.

use lb_core::topology::Topology;
use lb_core::{Seed, Span};
use simulator::OpenLoad;

/// A bundled topology.
pub(crate) fn topology(name: &str) -> Topology {
    let path = format!("{}/../configs/topologies/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).expect("a bundled topology")).expect("valid JSON")
}

/// Poisson arrivals with a timeout of two seconds.
pub(crate) fn load(rate: f64, requests: u64) -> OpenLoad {
    OpenLoad::poisson(rate, requests, Span::from_secs(2), Seed(40))
}
