//! Estimates the load of a pattern if no request waits in a queue, by the interactive response time law
//! `X = N / (R + Z)` with the mean service time as `R` (Lazowska et al., Quantitative System
//! Performance, 1984, section 3.4).

use lb_core::topology::Topology;
use lb_core::workload::{Journey, Stage, Step, Workload};

/// Returns the requests per second of a stage with all of its users active, or the offered rate of an open
/// stage.
pub(super) fn requests_per_second(
    workload: &Workload,
    stage: usize,
    journey: &Journey,
    topology: &Topology,
) -> f64 {
    let of = &workload.stages()[stage];
    if of.arrivals.is_some() {
        return workload.expected_rate(stage).unwrap_or(0.0);
    }
    let thinking = workload.expected_rate(stage).map_or(0.0, f64::recip);
    let serving = mean_service_s(workload, of, journey, topology);
    let cycle = thinking + serving;
    if cycle > 0.0 && cycle.is_finite() { f64::from(of.users) / cycle } else { 0.0 }
}

/// Returns the mean service time of the stage's requests, in seconds.
fn mean_service_s(workload: &Workload, stage: &Stage, journey: &Journey, topology: &Topology) -> f64 {
    let (mut requests, mut time) = (0.0, 0.0);
    for mix in &stage.classes {
        let class = &workload.classes()[mix.class];
        let weights = if mix.actions.is_empty() { &class.actions } else { &mix.actions };
        let sum: f64 = weights.values().sum();
        for (name, weight) in weights {
            let Some(action) = journey.actions.get(name) else {
                continue;
            };
            for step in &action.steps {
                let repeat = class.repeat.get(&step.name).unwrap_or(&step.repeat);
                let often = (f64::from(repeat[0]) + f64::from(repeat[1])) / 2.0;
                let chance = class.probability.get(&step.name).unwrap_or(&step.probability);
                let count = mix.share * weight / sum.max(f64::MIN_POSITIVE) * chance * often;
                requests += count;
                time += count * service_s(step, topology);
            }
        }
    }
    if requests > 0.0 { time / requests } else { 0.0 }
}

/// Returns the mean service time of a step in seconds, averaged over the backends of its pool.
fn service_s(step: &Step, topology: &Topology) -> f64 {
    let service = step.service.as_deref().unwrap_or_default();
    let path = step.path.split('?').next().unwrap_or_default();
    let mean_ms = topology.service_time(topology.route(service, &step.method, path)).mean_ms();
    let backends = topology.pool_of(service).map(|pool| &topology.pools[pool].backends);
    let slowness = backends.filter(|backends| !backends.is_empty()).map_or(1.0, |backends| {
        backends.iter().map(|backend| backend.speed.recip()).sum::<f64>() / backends.len() as f64
    });
    mean_ms / 1e3 * slowness
}
