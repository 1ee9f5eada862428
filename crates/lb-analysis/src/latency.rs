//! Latency of a set of requests, as results give it.

use lb_core::time::Span;
use lb_record::Cell;
use lb_results::Latency;

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
