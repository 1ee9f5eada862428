//! From trials to the numbers of one algorithm in one scenario.
//!
//! Requests of all trials are pooled: histograms add up exactly, so pooled percentiles are those of
//! all requests, not averages of percentiles.

use super::curves::{distribution, service};
use super::fairness::{PoolShare, jain_index};
use super::steering::steering;
use lb_core::policy::GuardCounts;
use lb_core::workload::{Step, StepIndex, Workload};
use lb_core::{Outcome, Span};
use lb_record::Cell;
use lb_results::{
    ActionSummary, AlgorithmSummary, BackendSummary, GuardSummary, Latency, ListedBackend, ProcessSummary,
    Trial, pooled_step,
};
use std::collections::BTreeMap;

/// Sums up the trials of one algorithm in one scenario. `None` without trials.
pub fn summarise(trials: &[&Trial], workload: &Workload) -> Option<AlgorithmSummary> {
    let first = trials.first()?;
    let records = || trials.iter().map(|trial| &trial.record);
    let measured_s: f64 = records().map(|record| record.wall.as_secs_f64()).sum();
    let per_second = |count: u64| if measured_s > 0.0 { count as f64 / measured_s } else { 0.0 };

    let mut outcomes = BTreeMap::new();
    for outcome in Outcome::ALL {
        let count: u64 = records().map(|record| record.count(outcome)).sum();
        outcomes.insert(outcome.name().to_owned(), count);
    }
    let of = |outcome: Outcome| outcomes[outcome.name()];
    let total: u64 = outcomes.values().sum();
    let successes: u64 = of(Outcome::Ok) + of(Outcome::ExpectedError);
    let rate = |count: u64| if total > 0 { count as f64 / total as f64 } else { 0.0 };

    let all = pooled(trials, |_| true);
    let good = pooled(trials, Outcome::is_success);
    let backends = backends(trials);
    Some(AlgorithmSummary {
        name: first.label.clone(),
        trials: u32::try_from(trials.len()).unwrap_or(u32::MAX),
        measured_s,
        total_requests: total,
        throughput_rps: per_second(total),
        goodput_rps: per_second(of(Outcome::Ok)),
        latency_ms: latency(&good),
        latency_all_ms: latency(&all),
        success_rate: rate(successes),
        error_rate: rate(total - successes),
        expected_error_rate: rate(of(Outcome::ExpectedError)),
        outcomes,
        jain_index: jain_index(&shares(&backends, &first.backends)),
        backends,
        actions: actions(trials, workload),
        service_ms: latency(&service(trials)),
        distribution: distribution(&good),
        series: Vec::new(),
        fault_responses: Vec::new(),
        estimates: Vec::new(),
        switch_evidence: trials.iter().map(|trial| trial.evidence.clone()).collect(),
        processes: processes(trials, measured_s),
        counted_by: trials.iter().find_map(|trial| trial.counted_by.clone()),
        steering: steering(trials),
        guards: trials.iter().filter_map(|trial| trial.guards).reduce(GuardCounts::plus).map(guards),
    })
}

/// Summarises the latency of a set of requests. `None` when the set is empty.
pub fn latency(cell: &Cell) -> Option<Latency> {
    let at = |quantile: f64| cell.quantile(quantile).map_or(0.0, Span::as_millis_f64);
    Some(Latency {
        mean: cell.mean()?.as_millis_f64(),
        min: cell.min()?.as_millis_f64(),
        p50: at(0.50),
        p90: at(0.90),
        p95: at(0.95),
        p99: at(0.99),
        p999: at(0.999),
        max: cell.max()?.as_millis_f64(),
    })
}

fn pooled(trials: &[&Trial], wanted: impl Fn(Outcome) -> bool + Copy) -> Cell {
    let mut sum = Cell::default();
    for trial in trials {
        sum.merge(&trial.record.over(wanted));
    }
    sum
}

fn backends(trials: &[&Trial]) -> Vec<BackendSummary> {
    let listed = trials.first().map_or(&[][..], |trial| &trial.backends);
    let unlisted = trials.iter().map(|trial| &trial.record.unlisted_backends).max_by_key(|names| names.len());
    let names: Vec<(&str, usize)> = listed
        .iter()
        .map(|backend| (backend.id.as_str(), backend.pool))
        .chain(unlisted.into_iter().flatten().map(|name| (name.as_str(), pool_of_unlisted(listed))))
        .collect();

    let mut summaries = Vec::with_capacity(names.len());
    let mut totals: BTreeMap<usize, u64> = BTreeMap::new();
    for (number, (id, pool)) in names.iter().enumerate() {
        let mut cell = Cell::default();
        let mut errors = 0;
        for record in trials.iter().filter_map(|trial| trial.record.backends.get(number)) {
            cell.merge(&record.latency);
            errors += record.errors;
        }
        let counted = || trials.iter().flat_map(|trial| &trial.balancer).filter(|count| count.id == *id);
        *totals.entry(*pool).or_default() += cell.count();
        summaries.push(BackendSummary {
            id: (*id).to_owned(),
            requests: cell.count(),
            share: 0.0,
            errors,
            mean_ms: cell.mean().map(Span::as_millis_f64),
            peak_in_flight: counted().filter_map(|count| count.peak_in_flight).max(),
            balancer_errors: counted().filter_map(|count| count.errors).reduce(|sum, errors| sum + errors),
        });
    }
    for (summary, (_, pool)) in summaries.iter_mut().zip(&names) {
        let total = totals[pool];
        summary.share = if total > 0 { summary.requests as f64 / total as f64 } else { 0.0 };
    }
    summaries
}

/// Returns the pool of backends that the topology does not list, one more than its own.
fn pool_of_unlisted(listed: &[ListedBackend]) -> usize {
    listed.iter().map(|backend| backend.pool + 1).max().unwrap_or(0)
}

fn shares(backends: &[BackendSummary], listed: &[ListedBackend]) -> Vec<PoolShare> {
    let unlisted = (pool_of_unlisted(listed), 1.0);
    backends
        .iter()
        .enumerate()
        .map(|(number, backend)| {
            let (pool, weight) = listed.get(number).map_or(unlisted, |listed| (listed.pool, listed.weight));
            PoolShare { pool, requests: backend.requests, weight }
        })
        .collect()
}

/// Requests by kind, slowest p95 first; kinds that never happened are left out.
fn actions(trials: &[&Trial], workload: &Workload) -> Vec<ActionSummary> {
    let mut actions: Vec<ActionSummary> = workload
        .steps()
        .iter()
        .enumerate()
        .filter_map(|(number, step)| action(trials, workload, number, step))
        .collect();
    let p95 = |action: &ActionSummary| action.latency_ms.as_ref().map_or(0.0, |latency| latency.p95);
    actions.sort_by(|a, b| p95(b).total_cmp(&p95(a)));
    actions
}

fn action(trials: &[&Trial], workload: &Workload, number: usize, step: &Step) -> Option<ActionSummary> {
    let record = pooled_step(trials, number);
    let requests = record.over(|_| true).count();
    let good = record.over(Outcome::is_success);
    (requests > 0).then(|| ActionSummary {
        name: step.name.clone(),
        method: step.method.clone(),
        set_up: workload.is_set_up(StepIndex(number as u16)),
        requests,
        errors: requests - good.count(),
        latency_ms: latency(&good),
    })
}

fn guards(counts: GuardCounts) -> GuardSummary {
    let fallback = counts.stale + counts.not_finite;
    GuardSummary {
        decisions: counts.picks,
        minimum_share: counts.minimum_share,
        stale: counts.stale,
        not_finite: counts.not_finite,
        fallback_share: fallback as f64 / counts.picks.max(1) as f64,
    }
}

fn processes(trials: &[&Trial], measured_s: f64) -> Vec<ProcessSummary> {
    let mut names: Vec<&str> = Vec::new();
    for process in trials.iter().flat_map(|trial| &trial.processes) {
        if !names.contains(&process.name) {
            names.push(process.name);
        }
    }
    names
        .into_iter()
        .map(|name| {
            let times =
                trials.iter().flat_map(|trial| &trial.processes).filter(|process| process.name == name);
            let cpu_s: f64 = times.map(|process| process.cpu_s).sum();
            let cores = if measured_s > 0.0 { cpu_s / measured_s } else { 0.0 };
            ProcessSummary { name: name.to_owned(), cpu_s, cores }
        })
        .collect()
}
