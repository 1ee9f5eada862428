//! Overhead of a request between load balancer and backend: network, sockets and thread wake-ups.

use super::stats;
use lb_core::Span;
use lb_traces::read::{End, Traces};
use serde::Serialize;
use simulator::Options;

/// How the overhead was determined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OverheadSource {
    /// Latency minus the service time reported by the backend, for requests to an idle backend.
    BackendReports,
    /// Latency of immediate errors, which are refusals.
    Refusals,
    /// The simulator's default for two hops, at most 90 % of the shortest latency; used if the traces give no
    /// estimate.
    Assumed,
}

/// Minimum number of samples for an estimate.
const ENOUGH: usize = 20;
/// An error that took less than this fraction of the median latency counts as a refusal.
const AT_ONCE: f64 = 0.1;

/// Returns the overhead of a request and how it was determined.
pub(super) fn overhead(traces: &Traces) -> (Span, OverheadSource) {
    let exchanges = || traces.episodes.iter().flat_map(|episode| &episode.exchanges);
    let nanos = |span: Span| span.as_nanos() as f64;
    let mut outside: Vec<f64> = exchanges()
        .filter(|one| one.end == End::Served)
        .filter_map(|one| Some(nanos(one.latency?) - nanos(one.service?)))
        .collect();
    outside.sort_unstable_by(f64::total_cmp);
    if outside.len() >= ENOUGH
        // Only under light load do most requests not wait at all, but the fastest ones never do.
        && let Some(least) = stats::quantile(&outside, 0.05)
    {
        return (Span::from_nanos(least.max(0.0) as u64), OverheadSource::BackendReports);
    }
    let latencies =
        |end| exchanges().filter(move |one| one.end == end).filter_map(|one| one.latency.map(nanos));
    let mut served: Vec<f64> = latencies(End::Served).collect();
    let usual = stats::median(&mut served).unwrap_or(0.0);
    let mut refused: Vec<f64> = latencies(End::Failed).filter(|latency| *latency < AT_ONCE * usual).collect();
    if refused.len() >= ENOUGH
        && let Some(middle) = stats::median(&mut refused)
    {
        return (Span::from_nanos(middle as u64), OverheadSource::Refusals);
    }
    let shortest = served.first().copied().unwrap_or(f64::MAX);
    let assumed = nanos(Options::LOOPBACK_DELAY * 2).min(0.9 * shortest);
    (Span::from_nanos(assumed as u64), OverheadSource::Assumed)
}
