//! Reads the journey and the topology that a plan uses.

use super::bundled;
use super::environment;
use super::error::Findings;
use super::settings::Settings;
use super::source::resolve;
use lb_core::topology::Topology;
use lb_core::workload::Journey;
use std::path::Path;

/// Reads the journey, with the values that it takes from the environment. `None` after a problem.
pub(super) fn read_journey(
    settings: &Settings,
    folder: Option<&Path>,
    variable: &dyn Fn(&str) -> Option<String>,
    findings: &mut Findings,
) -> Option<Journey> {
    let at = &settings.journey.at;
    let mut journey: Journey = resolve(&settings.journey.value, at, bundled::JOURNEYS, folder, findings)?;
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
    let mut topology: Topology = resolve(&source.value, &source.at, bundled::TOPOLOGIES, folder, findings)?;
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
