//! Tables about load balancers: how switches were verified, the overhead per request, and steering by
//! weights.

use super::{Cell, Table, Tone};
use crate::text::{NONE, fixed, percent};
use lb_core::switch_evidence::{Evidence, Layer, Verdict};
use lb_results::{AlgorithmSummary, Overhead, OverheadEstimate, ScenarioSummary, SteeringSummary};

/// Tabulates one row for each algorithm that was switched to: the load balancer's own name for it, the
/// weakest evidence of each layer over all trials, and who counted requests by backend.
pub(crate) fn switches(scenario: &ScenarioSummary) -> Option<Table> {
    let header =
        ["Algorithm", "Native name", "Control plane", "Reply headers", "Behaviour", "Backends counted by"];
    let mut table = Table::new(caption(scenario), &header);
    for algorithm in &scenario.algorithms {
        let evidence = evidence_of(algorithm);
        let Some(first) = evidence.first() else { continue };
        let weakest = |layer: fn(&Evidence) -> &Layer| {
            let weakest =
                evidence.iter().map(|one| layer(one).verdict).max_by_key(|verdict| weakness(*verdict));
            let verdict = weakest.unwrap_or(Verdict::NotTested);
            Cell::toned(words(verdict), tone(verdict))
        };
        let counted_by = algorithm
            .counted_by
            .as_deref()
            .map_or_else(|| "replies".to_owned(), |name| format!("replies, {name}"));
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

fn evidence_of(algorithm: &AlgorithmSummary) -> Vec<Evidence> {
    let evidence = algorithm.switch_evidence.iter();
    evidence.filter_map(|one| serde_json::from_value(one.clone()).ok()).collect()
}

/// Returns the caption of the table of switches, with the reason why a control plane was not asked.
fn caption(scenario: &ScenarioSummary) -> String {
    let mut caption = "The weakest evidence for each switch over all trials".to_owned();
    let claims = scenario.algorithms.iter().flat_map(evidence_of).map(|one| one.control_plane);
    let unasked = claims.into_iter().find(|claim| claim.verdict == Verdict::NotTested);
    if let Some(claim) = unasked {
        caption.push_str("; the control plane was not asked: ");
        caption.push_str(&claim.detail);
    }
    caption
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

/// The label of direct connections.
const DIRECT: &str = "direct";

/// The note on what an estimate of the overhead needs.
pub(crate) const OVERHEAD_NEEDS: &str = "What a load balancer adds to a request needs the open model (--arrivals) and at least 5 blocks (--repetitions 5).";

/// Returns whether direct connections ran, but the overhead cannot be estimated.
pub(crate) fn overheads_are_missing(scenario: &ScenarioSummary) -> bool {
    let direct = scenario.algorithms.iter().any(|algorithm| algorithm.name == DIRECT);
    direct && !scenario.overheads.iter().any(is_known)
}

fn is_known(overhead: &Overhead) -> bool {
    [&overhead.p50_ms, &overhead.p99_ms, &overhead.mean_ms].into_iter().any(Option::is_some)
}

/// Tabulates the overhead of each load balancer.
pub(crate) fn overheads(scenario: &ScenarioSummary) -> Option<Table> {
    let caption = "Time added to a request, compared with direct connections to the backends in turn, with 95 % intervals; \
                   algorithms other than round-robin also differ in their choices";
    let header = ["Load balancer", "Blocks", "P50 (ms)", "P99 (ms)", "Mean (ms)", "CPU per request (µs)"];
    let mut table = Table::new(caption, &header);
    for overhead in scenario.overheads.iter().filter(|overhead| is_known(overhead)) {
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

/// Formats an overhead with its interval: `+0.12 [+0.10, +0.15]`.
fn added(found: &OverheadEstimate) -> String {
    match found.interval {
        Some([low, high]) => format!("{:+.3} [{low:+.3}, {high:+.3}]", found.ms),
        None => format!("{:+.3}", found.ms),
    }
}

/// Returns the CPU time of the load balancer per request, in microseconds.
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
        "How often weights were set, how old the observation was when they took effect, and the mean result",
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
