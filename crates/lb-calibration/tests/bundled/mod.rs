//! Bundled topologies, and a plain load for them.

use lb_core::topology::{BUNDLED, Topology};
use lb_core::{Seed, Span};
use simulator::OpenLoad;

/// A bundled topology.
pub(crate) fn topology(name: &str) -> Topology {
    let (_, text) = BUNDLED.iter().find(|(known, _)| *known == name).expect("a bundled topology");
    serde_json::from_str(text).expect("valid JSON")
}

/// Poisson arrivals with a timeout of two seconds.
pub(crate) fn load(rate: f64, requests: u64) -> OpenLoad {
    OpenLoad::poisson(rate, requests, Span::from_secs(2), Seed(40))
}
