//! What a request costs between load balancer and backend: wires, sockets, the wake-up of readers.

use super::stats;
use crate::traces::{End, Traces};
use lb_core::Span;
use serde::Serialize;
use simulator::Options;

/// Where the overhead was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OverheadSource {
    /// Latency less the service that the backend reports, of requests that met an idle backend.
    BackendReports,
    /// Latency of errors that came at once: refusals.
    Refusals,
    /// Two hops of the simulator's default, at most nine tenths of the shortest latency: the traces do not
    /// tell.
    Assumed,
}

/// Fewer say nothing.
const ENOUGH: usize = 20;
/// An error within this share of the median latency was not really served.
const AT_ONCE: f64 = 0.1;

/// The overhead of a request, and how it is known.
pub(super) fn overhead(traces: &Traces) -> (Span, OverheadSource) {
    let exchanges = || traces.episodes.iter().flat_map(|episode| &episode.exchanges);
    let nanos = |span: Span| span.as_nanos() as f64;
    let mut outside: Vec<f64> = exchanges()
        .filter(|one| one.end == End::Served)
        .filter_map(|one| Some(nanos(one.latency?) - nanos(one.service?)))
        .collect();
    outside.sort_unstable_by(f64::total_cmp);
    if outside.len() >= ENOUGH
        // Most requests wait for nothing only under light load; the least of all always do.
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
