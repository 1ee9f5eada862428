//! Overhead of a request between load balancer and backend: network, sockets and thread wake-ups.
//!
//! A log with coarse times shows no refusal and no idle backend exactly, but it shows the overhead all the same. A request
//! that found a free worker took its service and the overhead. One that waited left its service after the worker was
//! free, and of both times the overhead is a part, so it cancels out. The service itself does not depend on the queue;
//! whatever requests that did not wait took longer is the overhead ([`beside`]). It matters most where backends are
//! nearly full: 0.3 ms in 10 ms that are taken for service, at 90 % of capacity, make waits 40 % longer.

use super::pace::{Observation, Paces};
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
    /// What requests took longer that found a free worker than those that waited for one.
    Waits,
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

/// Number of periods within which requests are compared, so that a pool that becomes slower is not taken for overhead.
const PERIODS: usize = 8;
/// Fewest requests that waited, and that did not, of a backend and a route in a period.
const FEWEST: usize = 50;
/// Shares of the shortest and of the longest requests that do not count, first choice first. Few long services make means
/// of all uncertain. Without many, delays of few requests are missed.
const TRIMMED: [[f64; 2]; 2] = [[0.0, 0.02], [0.05, 0.25]];
/// Largest standard error of an estimate, as a part of the typical work.
const PRECISE: f64 = 0.02;

/// Returns how many nanoseconds longer requests took that found a free worker; `None` if the observations do not tell.
/// It is what the overhead with which their work was computed lacks.
pub(super) fn beside(observations: &[Vec<Observation>], paces: &Paces, length: f64) -> Option<f64> {
    let period = (length / PERIODS as f64).max(1.0);
    let routes = paces.routes.len();
    let mut pairs: Vec<Pair> = Vec::new();
    for (all, pace) in observations.iter().zip(&paces.backends) {
        let Some(pace) = pace else { continue };
        let mut cells: Vec<Pair> = vec![Pair::default(); PERIODS * routes];
        for one in all.iter().filter(|one| pace.factor(one.at) == 1.0) {
            let place = ((one.at / period) as usize).min(PERIODS - 1) * routes + usize::from(one.route);
            cells[place][usize::from(one.waited)].push(one.work);
        }
        pairs.extend(cells.into_iter().filter(|cell| cell.iter().all(|works| works.len() >= FEWEST)));
    }
    pairs.iter_mut().flatten().for_each(|works| works.sort_unstable_by(f64::total_cmp));
    TRIMMED.iter().find_map(|shares| difference(&pairs, *shares))
}

/// The work of one backend's requests by one route in one period: of those that did not wait, and of those that did.
type Pair = [Vec<f64>; 2];

/// Returns the mean difference within pairs of sorted values; `None` if it is too uncertain.
fn difference(pairs: &[Pair], trimmed: [f64; 2]) -> Option<f64> {
    let (mut total, mut sum, mut variance) = (0.0, 0.0, 0.0);
    let mut typical = Vec::new();
    for pair in pairs {
        let [(at_once, chance), (waited, other)] = pair.each_ref().map(|works| mean_of(works, trimmed));
        let sizes = pair.each_ref().map(|works| works.len() as f64);
        // Faster backends tell the same overhead more precisely. Weights by the variances at hand would favour pairs that
        // happen to lack long requests.
        let weight = sizes[0] * sizes[1] / (sizes[0] + sizes[1]) / (waited * waited);
        total += weight;
        sum += weight * (at_once - waited);
        variance += weight * weight * (chance + other);
        typical.push(waited);
    }
    let typical = stats::median(&mut typical)?;
    (variance.sqrt() < PRECISE * typical * total).then_some(sum / total)
}

/// Returns the mean of sorted values without shares at both ends, and its variance (Tukey and McLaughlin, 1963).
fn mean_of(sorted: &[f64], trimmed: [f64; 2]) -> (f64, f64) {
    let count = sorted.len() as f64;
    let [low, high] = [trimmed[0], 1.0 - trimmed[1]].map(|share| (share * count) as usize);
    let kept = &sorted[low..high];
    let winsorised = || sorted.iter().map(|value| value.clamp(kept[0], kept[kept.len() - 1]));
    let middle = winsorised().sum::<f64>() / count;
    let variance = winsorised().map(|value| (value - middle) * (value - middle)).sum::<f64>() / (count - 1.0);
    let share = kept.len() as f64 / count;
    (stats::mean(kept), variance / (share * share * count))
}

/// Returns the largest overhead that latencies allow: hardly any request took less. `None` if there are no requests.
pub(super) fn largest(traces: &Traces) -> Option<f64> {
    let exchanges = traces.episodes.iter().flat_map(|episode| &episode.exchanges);
    let served = exchanges.filter(|one| one.end == End::Served);
    let mut latencies: Vec<f64> =
        served.filter_map(|one| one.latency.map(|latency| latency.as_nanos() as f64)).collect();
    latencies.sort_unstable_by(f64::total_cmp);
    stats::quantile(&latencies, SHORT)
}

/// Share of requests that may take less than the overhead, because times are cut off.
const SHORT: f64 = 0.02;
