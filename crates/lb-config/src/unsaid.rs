//! Finds costs of a topology that no request of a journey says, so that nothing would be told.

use super::error::Findings;
use lb_core::topology::{Cost, Topology};
use lb_core::workload::{Journey, Step};

/// Notes the costs at `key` that depend on what no request says.
pub(super) fn note_unsaid_costs(journey: &Journey, topology: &Topology, key: &str, findings: &mut Findings) {
    let costs = topology.routes.iter().filter_map(|route| route.cost.as_ref()).chain(&topology.cost);
    let steps = || journey.actions.values().flat_map(|action| &action.steps);
    for Cost { from, .. } in costs {
        if !steps().any(|step| says(step, from)) {
            let message = format!(
                "costs depend on `{from}`, which no request of the journey `{}` says, so they are 1; \
                 choose a journey that says it, such as `telling_get` for `query.limit`",
                journey.name
            );
            findings.note(key, topology.name.as_str(), message);
        }
    }
}

/// Returns whether requests of a step may say what a cost depends on.
fn says(step: &Step, from: &str) -> bool {
    let (kind, name) = from.split_once('.').unwrap_or((from, ""));
    match kind {
        "query" => step.path.split_once('?').is_some_and(|(_, query)| {
            query.split('&').any(|pair| pair.split('=').next().is_some_and(|known| known == name))
        }),
        "header" => step.headers.keys().any(|known| known.eq_ignore_ascii_case(name)),
        "body" => step.body.is_some(),
        // Whether a segment varies is known only once it is filled.
        _ => true,
    }
}
