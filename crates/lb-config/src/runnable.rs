//! Finds what mock backends, load balancers and the simulator would refuse on startup, so that a valid plan
//! can start.

use super::error::Findings;
use super::frame::Frame;
use super::load_balancer::{LoadBalancer, Target};
use lb_core::catalogue::{Product, catalogue_problems};
use lb_core::suggest::{did_you_mean, listing};
use lb_core::topology::{Topology, is_part};
use lb_core::workload::{Journey, Step};
use serde_json::Value;

/// The feed that holds the products of the mock backends.
const PRODUCTS: &str = "products";

/// Reports what cannot run on the backends of `topology`. A load balancer at an address has its own backends.
pub(super) fn check_runnable(
    journey: &Journey,
    topology: &Topology,
    frame: &Frame<'_>,
    findings: &mut Findings,
) {
    if frame.target.explicit {
        return;
    }
    check_services(journey, topology, findings);
    if frame.settings.engine != Some(super::Engine::Sim) {
        check_products(journey, findings);
        check_names(topology, frame, findings);
    }
}

/// Reports steps that no pool answers.
fn check_services(journey: &Journey, topology: &Topology, findings: &mut Findings) {
    let known = || topology.pools.iter().flat_map(|pool| &pool.services).map(String::as_str);
    for (action, steps) in &journey.actions {
        for (number, Step { service, name, .. }) in steps.steps.iter().enumerate() {
            if topology.pool_of(service.as_deref().unwrap_or_default()).is_some() {
                continue;
            }
            let way_out = format!(
                "use one of {}, or leave out the `services` of a pool so that it answers for all services",
                listing(known())
            );
            let message = match service {
                Some(service) => format!(
                    "no pool of the topology `{}` answers for it{}; {way_out}",
                    topology.name,
                    did_you_mean(service, known())
                ),
                None => format!(
                    "missing in the request `{name}`, and every pool of the topology `{}` answers for named services \
                     only; {way_out}",
                    topology.name
                ),
            };
            let path = format!("bench.journey.actions.{action}.steps[{number}].service");
            findings.wrong(&path, service.clone(), message);
        }
    }
}

/// Reports rows of the product feed that mock backends cannot use.
fn check_products(journey: &Journey, findings: &mut Findings) {
    let Some(rows) = journey.feeds.get(PRODUCTS).filter(|rows| !rows.is_empty()) else { return };
    let feed = format!("bench.journey.feeds.{PRODUCTS}");
    let mut products = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        match serde_path_to_error::deserialize::<_, Product>(row) {
            Ok(product) => products.push(product),
            Err(error) => {
                let key = match error.path().to_string() {
                    key if key == "." => String::new(),
                    key => format!(".{key}"),
                };
                let message = format!(
                    "{}; mock backends sell the products in this feed, so each row needs a string `sku` and \
                    a number `price`; rename the feed if it holds something else",
                    error.inner()
                );
                findings.wrong(&format!("{feed}[{number}]{key}"), row.clone(), message);
            }
        }
    }
    if products.len() == rows.len() {
        for problem in catalogue_problems(&products) {
            findings.wrong(&feed, Value::from(rows.len()), problem);
        }
    }
}

/// Reports names that the configuration of a real load balancer cannot contain.
fn check_names(topology: &Topology, frame: &Frame<'_>, findings: &mut Findings) {
    let real = |target: &Target| target.started().iter().any(|one| matches!(one, LoadBalancer::Real(_)));
    if !real(frame.target) {
        return;
    }
    let names = topology
        .pools
        .iter()
        .flat_map(|pool| std::iter::once(&pool.name).chain(pool.backends.iter().map(|backend| &backend.id)));
    for name in names.filter(|name| !is_part(name)) {
        let message = format!(
            "the configuration of a load balancer cannot contain the name `{name}`; use only letters, \
             digits, `-` and `_`"
        );
        findings.wrong(&frame.settings.topology.at, topology.name.as_str(), message);
    }
}
