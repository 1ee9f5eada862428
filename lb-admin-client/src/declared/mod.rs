//! Load balancers that users declare as data: commands and calls switch them, so that nobody needs an adapter
//! in Rust to attach theirs.
//!
//! A [`Declaration`] is what a user writes. [`Declaration::faults`] checks it before anything runs, and
//! [`Declared`] is the adapter: it takes the steps of `switch`, waits until `ready` succeeds and the change has
//! settled, and holds the steps of `verify` against what it switched to. Nothing is claimed that is not
//! declared: [`Declaration::undeclared`] lists what a run does not do.

mod admin;
mod check;
mod command;
mod metrics;
mod output;
mod period;
mod program;
mod request;
mod spec;
mod step;
mod template;
mod words;

pub use check::Fault;
pub use spec::{Answered, Call, Declaration, Metrics, Printed, Step};
pub use words::blank_headers;

use crate::admin::{Capabilities, Offer, ResetKind};
use crate::error::AdminError;
use lb_core::Algorithm;
use lb_core::steering::Carrier;
use reqwest::Client;
use std::sync::{Arc, Mutex};
use template::Values;

/// The adapter of a declared load balancer.
#[derive(Debug)]
pub struct Declared {
    spec: Arc<Declaration>,
    capabilities: Capabilities,
    client: Client,
    /// The name of the algorithm that was switched to last; `None` before the first switch.
    active: Mutex<Option<String>>,
}

impl Declared {
    /// Creates the adapter of a declaration without faults. It sends nothing.
    ///
    /// # Errors
    /// When the system offers no HTTP client.
    pub fn new(spec: Arc<Declaration>) -> Result<Self, AdminError> {
        let metrics = spec.metrics.as_ref();
        let in_flight = metrics.is_some_and(|metrics| metrics.in_flight.is_some());
        let offer = |name: &str| Offer { algorithm: algorithm(name), native: name.to_owned() };
        let capabilities = Capabilities {
            algorithms: spec.algorithms.names().map(offer).collect(),
            reset: if spec.reset.is_empty() { ResetKind::None } else { ResetKind::Partial },
            per_backend: metrics.is_some() || !spec.backends.is_empty(),
            in_flight: in_flight || !spec.drain.is_empty(),
            switch_breaks_idle_connections: true,
            sees_old_in_flight: false,
            weights: false,
            carrier: Carrier::Shares,
            drain: false,
            names_backends: false,
            measurement: false,
            views: 1,
        };
        Ok(Self { capabilities, client: request::client()?, active: Mutex::new(None), spec })
    }

    /// Returns the placeholders of an algorithm with their values.
    fn values(&self, wanted: Algorithm) -> Values {
        let entry = self.spec.algorithms.iter().find(|(name, _)| algorithm(name) == wanted);
        let Some((name, keys)) = entry else { return Values::new() };
        let keys = keys.iter().map(|(key, value)| (key.to_owned(), value.clone()));
        keys.chain([(check::ALGORITHM.to_owned(), name.to_owned())]).collect()
    }
}

impl Declaration {
    /// Lists everything that is wrong with the declaration: placeholders, programs that are missing, addresses,
    /// names.
    pub fn faults(&self) -> Vec<Fault> {
        check::faults(self)
    }

    /// Lists the declared algorithms, in the order of the declaration.
    pub fn algorithms(&self) -> Vec<Algorithm> {
        self.algorithms.names().map(algorithm).collect()
    }

    /// Returns the declared algorithm that `name` means; `None` if it is not declared.
    pub fn algorithm(&self, name: &str) -> Option<Algorithm> {
        declared_as(self, name).map(algorithm)
    }
}

/// Returns the algorithm of this name: one that `bench` knows, or else one that only the load balancer knows.
fn algorithm(name: &str) -> Algorithm {
    name.parse().unwrap_or_else(|_| Algorithm::foreign(name))
}

/// Returns the name under which the algorithm `name` is declared, if it is.
fn declared_as<'a>(spec: &'a Declaration, name: &str) -> Option<&'a str> {
    let wanted = algorithm(name);
    spec.algorithms.names().find(|known| algorithm(known) == wanted)
}

#[cfg(test)]
mod tests;
