//! Reads the journey and the topology that a plan uses.

use super::bundled;
use super::environment;
use super::error::Findings;
use super::library::Library;
use super::mock_api::MockApi;
use super::packs::bundled::mock_apis;
use super::raw::Source;
use super::settings::Settings;
use super::source::{read_beside, resolve};
use lb_core::suggest::{did_you_mean, listing};
use lb_core::topology::Topology;
use lb_core::workload::Journey;
use lb_document::{explain, parse};
use serde_json::Value;
use std::path::Path;

static JOURNEYS: Library<Journey> = Library::new(bundled::JOURNEYS);
static TOPOLOGIES: Library<Topology> = Library::new(bundled::TOPOLOGIES);

/// Reads the journey, with the values that it takes from the environment. `None` after a problem.
pub(super) fn read_journey(
    settings: &Settings,
    folder: Option<&Path>,
    variable: &dyn Fn(&str) -> Option<String>,
    findings: &mut Findings,
) -> Option<Journey> {
    let at = &settings.journey.at;
    let mut journey: Journey = resolve(&settings.journey.value, at, &JOURNEYS, folder, findings)?;
    environment::fill(&mut journey, at, variable, findings);
    Some(journey)
}

/// Reads the topology without the faults of the `bench` block, which follow the timeline of each scenario.
/// `None` after a problem with the topology or with those faults.
pub(super) fn read_topology(
    settings: &Settings,
    folder: Option<&Path>,
    findings: &mut Findings,
) -> Option<Topology> {
    let source = &settings.topology;
    // A path in a flag is only relative to the working directory.
    let folder = folder.filter(|_| !source.is_flag());
    let mut topology: Topology = resolve(&source.value, &source.at, &TOPOLOGIES, folder, findings)?;
    let own = topology.faults.len();
    for (key, faults) in [(source.at.as_str(), &Vec::new()), ("bench.faults", &settings.faults)] {
        topology.faults.extend(faults.iter().cloned());
        let problems = topology.problems();
        for problem in &problems {
            findings.wrong(key, topology.name.as_str(), problem.as_str());
        }
        if !problems.is_empty() {
            return None;
        }
    }
    topology.faults.truncate(own);
    Some(topology)
}

/// Reads what the mock backends answer, which they interpret themselves. `None` if nothing is said, or after a problem.
pub(super) fn read_mock_api(
    settings: &Settings,
    folder: Option<&Path>,
    findings: &mut Findings,
) -> Option<MockApi> {
    const KEY: &str = "bench.mock_api";
    let name = match settings.mock_api.as_ref()? {
        Source::Inline(object) => {
            let json = serde_json::to_string(object).ok()?;
            let own = object.get("name").and_then(Value::as_str);
            return Some(MockApi { name: own.unwrap_or(KEY).to_owned(), json });
        }
        Source::Named(name) => name,
    };
    let bundled = || mock_apis().map(|(pack, _)| pack);
    let json = match mock_apis().find(|(pack, _)| pack == name) {
        Some((_, text)) => text.to_owned(),
        None => match read_beside(name, folder) {
            Ok(text) => text,
            Err(error) => {
                let hint = did_you_mean(name, bundled());
                let message = format!(
                    "is neither a pack with a mock API ({}){hint} nor a file that can be read ({error})",
                    listing(bundled())
                );
                findings.wrong(KEY, name.as_str(), message);
                return None;
            }
        },
    };
    if let Err(error) = parse(&json, &mut Vec::new()) {
        findings.wrong(KEY, name.as_str(), explain(name, &json, &error, "docs/mock-api.md"));
        return None;
    }
    Some(MockApi { name: name.clone(), json })
}
