//! Summarises the trials of one algorithm in one scenario.
//!
//! Requests of all trials are pooled: histograms add up exactly, so pooled percentiles are those of
//! all requests, not averages of percentiles.

use super::curves::{distribution, service};
use super::fairness::{PoolShare, jain_index};
use super::hits::observed;
use super::latency::latency;
use super::steering::steering;
use lb_core::policy::GuardCounts;
use lb_core::workload::{Step, StepIndex, Workload};
use lb_core::{Outcome, Span, Time};
use lb_record::{Cell, ConnectionTimes, FailureRecord, merge_failures};
use lb_results::{
    ActionSummary, AlgorithmSummary, BackendConnections, BackendSummary, ConnectionSummary, FailureSummary,
    GuardSummary, ListedBackend, ProcessSummary, Trial, pooled_step,
};
use std::collections::BTreeMap;

/// The number of kinds of failures that are listed.
const MOST_FAILURES: usize = 50;

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
        retries: trials.iter().filter_map(|trial| trial.retries).reduce(|sum, retries| sum + retries),
        failures: failures(trials, workload),
        actions: actions(trials, workload),
        observed: observed(&records().collect::<Vec<_>>(), workload),
        recovery: None,
        service_ms: latency(&service(trials)),
        connections: connections(trials),
        distribution: distribution(&good),
        series: Vec::new(),
        fault_responses: Vec::new(),
        estimates: Vec::new(),
        switch_evidence: trials.iter().map(|trial| trial.evidence.clone()).collect(),
        processes: processes(trials, measured_s),
        counted_by: trials.iter().find_map(|trial| trial.counted_by.clone()),
        steering: steering(trials),
        resources: Vec::new(),
        guards: trials.iter().filter_map(|trial| trial.guards).reduce(GuardCounts::plus).map(guards),
    })
}

/// Summarises the connections. `None` if none were opened.
fn connections(trials: &[&Trial]) -> Option<ConnectionSummary> {
    let mut all = ConnectionTimes::default();
    // The numbers of backends outside the topology differ between trials, so they are added up by name.
    let mut by_backend: Vec<BackendConnections> = Vec::new();
    for trial in trials {
        all.merge(&trial.record.connections);
        for (id, opened) in ids(trial).zip(&trial.record.connections.by_backend) {
            match by_backend.iter_mut().find(|known| known.id == id) {
                Some(known) => known.opened += opened,
                None => by_backend.push(BackendConnections { id: id.to_owned(), opened: *opened }),
            }
        }
    }
    (all.connect.count() > 0).then(|| ConnectionSummary {
        opened: all.connect.count(),
        connect_ms: latency(&all.connect),
        handshakes: all.handshake.count(),
        resumed: all.resumed,
        handshake_ms: latency(&all.handshake),
        look_ups: all.resolve.count(),
        look_up_ms: latency(&all.resolve),
        waits: all.wait.count(),
        wait_ms: latency(&all.wait),
        by_backend,
        several: all.several,
        reused_connection_closed: all.reused_connection_closed,
        declined: all.declined,
        http2: all.http2,
        most_streams: all.most_streams,
    })
}

fn pooled(trials: &[&Trial], wanted: impl Fn(Outcome) -> bool + Copy) -> Cell {
    let mut sum = Cell::default();
    for trial in trials {
        sum.merge(&trial.record.over(wanted));
    }
    sum
}

/// Summarises each backend by name, because the numbers of backends outside the topology differ between
/// trials.
fn backends(trials: &[&Trial]) -> Vec<BackendSummary> {
    let listed = trials.first().map_or(&[][..], |trial| &trial.backends);
    let mut names: Vec<(&str, usize)> =
        listed.iter().map(|backend| (backend.id.as_str(), backend.pool)).collect();
    for name in trials.iter().flat_map(|trial| ids(trial)) {
        if !names.iter().any(|(known, _)| *known == name) {
            names.push((name, pool_of_unlisted(listed)));
        }
    }

    // Without names in replies, what the load balancer counted is all that is known.
    let named = trials.iter().flat_map(|trial| &trial.record.backends).any(|one| one.latency.count() > 0);
    if !named && trials.iter().all(|trial| trial.balancer.is_empty()) {
        // Nothing is known about any backend, and a table of zeros would look as if it were.
        return Vec::new();
    }
    let mut summaries = Vec::with_capacity(names.len());
    let mut totals: BTreeMap<usize, u64> = BTreeMap::new();
    for (id, pool) in &names {
        let mut cell = Cell::default();
        let (mut errors, mut repeated) = (0, 0);
        for trial in trials {
            let number = ids(trial).position(|other| other == *id);
            if let Some(record) = number.and_then(|number| trial.record.backends.get(number)) {
                cell.merge(&record.latency);
                errors += record.errors;
                repeated += record.retries;
            }
        }
        let counted = || trials.iter().flat_map(|trial| &trial.balancer).filter(|count| count.id == *id);
        let requests = if named { cell.count() } else { counted().map(|count| count.requests).sum() };
        *totals.entry(*pool).or_default() += requests;
        summaries.push(BackendSummary {
            id: (*id).to_owned(),
            requests,
            share: 0.0,
            errors,
            mean_ms: cell.mean().map(Span::as_millis_f64),
            peak_in_flight: counted().filter_map(|count| count.peak_in_flight).max(),
            balancer_errors: counted().filter_map(|count| count.errors).reduce(|sum, errors| sum + errors),
            retries: counted()
                .filter_map(|count| count.retries)
                .reduce(|sum, retries| sum + retries)
                .or((repeated > 0).then_some(repeated)),
        });
    }
    for (summary, (_, pool)) in summaries.iter_mut().zip(&names) {
        let total = totals[pool];
        summary.share = if total > 0 { summary.requests as f64 / total as f64 } else { 0.0 };
    }
    summaries
}

/// Returns the names of the backends of a trial, in the order of their numbers.
fn ids(trial: &Trial) -> impl Iterator<Item = &str> {
    let listed = trial.backends.iter().map(|backend| backend.id.as_str());
    listed.chain(trial.record.unlisted_backends.iter().map(String::as_str))
}

/// Returns the pool number for backends that the topology does not list: one above its highest.
fn pool_of_unlisted(listed: &[ListedBackend]) -> usize {
    listed.iter().map(|backend| backend.pool + 1).max().unwrap_or(0)
}

/// Returns the requests of each listed backend. Of the others, only those that answered are known, so they would look
/// more evenly used than they are.
fn shares(backends: &[BackendSummary], listed: &[ListedBackend]) -> Vec<PoolShare> {
    let listed = backends.iter().zip(listed);
    listed
        .map(|(backend, listed)| PoolShare {
            pool: listed.pool,
            requests: backend.requests,
            weight: listed.weight,
        })
        .collect()
}

/// Lists the failed requests by kind, the most frequent first.
fn failures(trials: &[&Trial], workload: &Workload) -> Vec<FailureSummary> {
    let lists = trials.iter().map(|trial| trial.record.failures.clone());
    let mut all = lists.reduce(|sum, list| merge_failures(sum, list, Span::ZERO)).unwrap_or_default();
    all.sort_by_key(|failure| std::cmp::Reverse(failure.count));
    let summary = |failure: FailureRecord| {
        let step = workload.steps().get(usize::from(failure.step.0))?;
        Some(FailureSummary {
            name: step.name.clone(),
            method: step.method.clone(),
            outcome: failure.outcome.name().to_owned(),
            status: failure.status,
            message: failure.message,
            count: failure.count,
            first_s: failure.first.since(Time::ZERO).as_secs_f64(),
            last_s: failure.last.since(Time::ZERO).as_secs_f64(),
        })
    };
    all.into_iter().filter_map(summary).take(MOST_FAILURES).collect()
}

/// Summarises requests by kind, slowest p95 first. Kinds without requests are left out.
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
    let all = record.all();
    let requests = all.count();
    let good = record.over(Outcome::is_success);
    (requests > 0).then(|| ActionSummary {
        name: step.name.clone(),
        method: step.method.clone(),
        set_up: workload.is_set_up(StepIndex(number as u16)),
        requests,
        errors: requests - good.count(),
        latency_ms: latency(&good),
        latency_all_ms: latency(&all),
    })
}

fn guards(counts: GuardCounts) -> GuardSummary {
    let fallback = counts.stale + counts.not_finite;
    GuardSummary {
        decisions: counts.picks,
        minimum_share: counts.minimum_share,
        stale: counts.stale,
        not_finite: counts.not_finite,
        distrusted: counts.distrusted,
        fallback_share: fallback as f64 / counts.picks.max(1) as f64,
    }
}

fn processes(trials: &[&Trial], measured_s: f64) -> Vec<ProcessSummary> {
    let mut names: Vec<&str> = Vec::new();
    for process in trials.iter().flat_map(|trial| &trial.processes) {
        if !names.contains(&process.name.as_str()) {
            names.push(&process.name);
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
