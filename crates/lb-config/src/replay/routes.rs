//! Fits a topology to recorded requests: every path reaches a pool, and routes may be written as tables show paths.

use crate::error::Findings;
use lb_core::topology::{Route, Topology};
use lb_core::workload::{Journey, Step};
use serde_json::{Value, json};

/// Makes the first pool serve all services that no other pool names, so that recorded paths reach backends, and
/// matches routes that are written with their full paths. `is_chosen` says whether the user named the topology: that of
/// a bundled config is not expected to fit, so nothing is noted about it.
pub(crate) fn open_topology(
    topology: &mut Topology,
    journey: &Journey,
    is_chosen: bool,
    findings: &mut Findings,
) {
    let mut unused = Findings::default();
    match_routes(topology, journey, if is_chosen { &mut *findings } else { &mut unused });
    let steps = journey.actions.values().flat_map(|action| &action.steps);
    let homeless = |step: &Step| topology.pool_of(step.service.as_deref().unwrap_or_default()).is_none();
    let Some(step) = steps.into_iter().find(|step| homeless(step)) else { return };
    let example = step.name.clone();
    // The pool still serves the services that faults may name.
    if let Some(pool) = topology.pools.first_mut() {
        let message = format!(
            "no pool serves recorded requests such as `{example}`, so the pool `{}` serves all services that no other pool names",
            pool.name
        );
        pool.services.clear();
        if is_chosen {
            findings.note("bench.topology", json!(topology.name), message);
        }
    }
}

/// Splits the first segment off routes that match no request as they are, because it is the service of a recorded
/// request; and notes those that match none either way.
fn match_routes(topology: &mut Topology, journey: &Journey, findings: &mut Findings) {
    let steps: Vec<&Step> = journey.actions.values().flat_map(|action| &action.steps).collect();
    let own = std::mem::take(&mut topology.routes);
    let mut probe = topology.clone();
    let mut matches = |route: &Route| {
        probe.routes = vec![route.clone()];
        let meets = |step: &&&Step| {
            probe.route(step.service.as_deref().unwrap_or_default(), &step.method, &step.path).0 == 0
        };
        steps.iter().any(|step| meets(&step))
    };
    for (number, mut route) in own.into_iter().enumerate() {
        if !matches(&route) {
            match below_service(&route).filter(|split| matches(split)) {
                Some(split) => route = split,
                None => {
                    let key = format!("bench.topology ({}): routes[{number}].path", topology.name);
                    let message = "matches no recorded request, so its service time is not used";
                    findings.note(&key, Value::from(route.path.as_str()), message);
                }
            }
        }
        topology.routes.push(route);
    }
}

/// Returns a route whose path begins with the name of a service, as a route of that service.
fn below_service(route: &Route) -> Option<Route> {
    let path = route.path.strip_prefix('/')?;
    let (service, rest) = path.split_at(path.find('/').unwrap_or(path.len()));
    if route.service.is_some() || service.is_empty() || service.contains('*') {
        return None;
    }
    let path = if rest.is_empty() { "/" } else { rest };
    Some(Route { service: Some(service.to_owned()), path: path.to_owned(), ..route.clone() })
}
