//! Load balancers: how switches were verified, what they add to a request, and how weights were steered.

use super::{Cell, Table, Tone};
use crate::text::{NONE, fixed, percent};
use lb_core::switch_evidence::{Evidence, Layer, Verdict};
use lb_results::{AlgorithmSummary, OverheadEstimate, ScenarioSummary, SteeringSummary};

/// One row for each algorithm that was switched to: the load balancer's own name for it, what each layer of
/// evidence says, the weakest over all trials, and who counted requests by backend.
pub(crate) fn switches(scenario: &ScenarioSummary) -> Option<Table> {
    let header =
        ["Algorithm", "Native name", "Control plane", "Reply headers", "Behaviour", "Backends counted by"];
    let mut table = Table::new("The weakest evidence of all trials on each switch", &header);
    for algorithm in &scenario.algorithms {
        let evidence: Vec<Evidence> = algorithm
            .switch_evidence
            .iter()
            .filter_map(|one| serde_json::from_value(one.clone()).ok())
            .collect();
        let Some(first) = evidence.first() else { continue };
        let weakest = |layer: fn(&Evidence) -> &Layer| {
            let weakest =
                evidence.iter().map(|one| layer(one).verdict).max_by_key(|verdict| weakness(*verdict));
            let verdict = weakest.unwrap_or(Verdict::NotTested);
            Cell::toned(words(verdict), tone(verdict))
        };
        let counted_by = algorithm.counted_by.as_deref().map_or_else(
            || "X-Backend of replies".to_owned(),
            |name| format!("X-Backend of replies, {name}"),
        );
        table.add_toned(
            Tone::Plain,
            vec![
                algorithm.name.clone().into(),
                first.native.clone().into(),
                weakest(|one| &one.control_plane),
                weakest(|one| &one.header),
                weakest(|one| &one.behaviour),
                counted_by.into(),
            ],
        );
    }
    table.unless_empty()
}

const fn weakness(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Confirmed => 0,
        Verdict::Consistent => 1,
        Verdict::NotTested => 2,
        Verdict::Contradicted => 3,
    }
}

const fn words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Confirmed => "confirmed",
        Verdict::Consistent => "consistent",
        Verdict::NotTested => "not tested",
        Verdict::Contradicted => "contradicted",
    }
}

const fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Confirmed => Tone::Good,
        Verdict::Contradicted => Tone::Bad,
        Verdict::Consistent | Verdict::NotTested => Tone::Plain,
    }
}

/// Tabulates what each load balancer adds to a request.
pub(crate) fn overheads(scenario: &ScenarioSummary) -> Option<Table> {
    let caption = "Added to a request, against direct connections that take the backends in turn, with 95 % intervals; \
                   algorithms other than round-robin also differ in their choices";
    let header = ["Load balancer", "Blocks", "P50 (ms)", "P99 (ms)", "Mean (ms)", "CPU per request (µs)"];
    let mut table = Table::new(caption, &header);
    for overhead in &scenario.overheads {
        let of = |found: &Option<OverheadEstimate>| found.as_ref().map_or_else(|| NONE.to_owned(), added);
        let algorithm = scenario.algorithms.iter().find(|one| one.name == overhead.name);
        table.add(vec![
            overhead.name.clone(),
            overhead.blocks.to_string(),
            of(&overhead.p50_ms),
            of(&overhead.p99_ms),
            of(&overhead.mean_ms),
            fixed(algorithm.and_then(cpu_per_request), 1),
        ]);
    }
    table.unless_empty()
}

/// `+0.12 [+0.10, +0.15]`.
fn added(found: &OverheadEstimate) -> String {
    match found.interval {
        Some([low, high]) => format!("{:+.3} [{low:+.3}, {high:+.3}]", found.ms),
        None => format!("{:+.3}", found.ms),
    }
}

/// CPU microseconds of the load balancer for each request.
fn cpu_per_request(algorithm: &AlgorithmSummary) -> Option<f64> {
    let process = algorithm.processes.iter().find(|process| process.name == "load-balancer")?;
    (algorithm.total_requests > 0).then(|| process.cpu_s * 1e6 / algorithm.total_requests as f64)
}

/// Tabulates how each load balancer was steered by weights.
pub(crate) fn steering(scenario: &ScenarioSummary) -> Option<Table> {
    let header = [
        "Algorithm",
        "Period (ms)",
        "Actual (ms)",
        "Observations",
        "Failed",
        "Age p50 (ms)",
        "Age p99 (ms)",
        "Mean share of the weights",
    ];
    let mut table = Table::new(
        "How often weights were set, how old the observation was when they were in force, and the mean result",
        &header,
    );
    for algorithm in &scenario.algorithms {
        if let Some(steering) = &algorithm.steering {
            table.add(row(&algorithm.name, steering));
        }
    }
    table.unless_empty()
}

fn row(name: &str, steering: &SteeringSummary) -> Vec<String> {
    let shares: Vec<String> =
        steering.mean_shares.iter().map(|(id, share)| format!("{id} {}", percent(*share, 1))).collect();
    vec![
        name.to_owned(),
        fixed(Some(steering.period_ms), 0),
        fixed(steering.achieved_period_ms, 1),
        steering.looks.to_string(),
        steering.failures.to_string(),
        fixed(steering.age_p50_ms, 1),
        fixed(steering.age_p99_ms, 1),
        shares.join(", "),
    ]
}
