//! The data of charts: latency by percentile, and time series of at most 300 points.

use super::window::Window;
use lb_core::Span;
use lb_record::Cell;
use lb_results::SeriesPoint;
use lb_results::Trial;

/// Largest number of points of a time series; a screen cannot show more.
const MOST_POINTS: usize = 300;
/// Tenths of a second per second: the resolution of requests sent.
const TENTHS: usize = 10;

/// Returns latency by percentile as `[percentile, ms]`: every whole percentile, then finer steps towards the
/// end as far as the number of requests allows, then the greatest latency.
pub fn distribution(cell: &Cell) -> Vec<[f64; 2]> {
    let Some(max) = cell.max() else { return Vec::new() };
    let mut points: Vec<[f64; 2]> = Vec::new();
    let mut add = |percentile: f64| {
        if let Some(latency) = cell.quantile(percentile / 100.0) {
            points.push([percentile, latency.as_millis_f64()]);
        }
    };
    for percentile in 0..=99 {
        add(f64::from(percentile));
    }
    // Each decade of the tail needs ten times the requests of the one before it.
    let (mut base, mut step, mut needed) = (99.0, 0.1, 1_000);
    while cell.count() >= needed && step > 1e-5 {
        for tenth in 1..=9 {
            add(base + step * f64::from(tenth));
        }
        base += step * 9.0;
        step /= 10.0;
        needed *= 10;
    }
    points.push([100.0, max.as_millis_f64()]);
    points
}

/// Returns the time series of one algorithm, averaged over its trials.
pub fn series(trials: &[&Trial]) -> Vec<SeriesPoint> {
    let seconds = trials.iter().map(|trial| trial.record.wall.as_secs_f64()).fold(0.0, f64::max);
    let width = (seconds / MOST_POINTS as f64).ceil().max(1.0);
    let points = (seconds / width).ceil() as usize;
    let point = |number: usize| {
        let at_s = number as f64 * width;
        let mut window = Window::empty();
        for trial in trials {
            window.add(&trial.record, at_s, at_s + width);
        }
        SeriesPoint {
            at_s,
            length_s: width.min(seconds - at_s),
            throughput_rps: window.throughput_rps(),
            errors_rps: window.error_rate() * window.throughput_rps(),
            mean_ms: window.mean_ms(),
            p50_ms: window.quantile_ms(0.50),
            p95_ms: window.quantile_ms(0.95),
            p99_ms: window.quantile_ms(0.99),
            shares: shares(trials, at_s, at_s + width),
        }
    };
    (0..points).map(point).collect()
}

/// Returns each backend's share of the requests sent in a span of time. Empty if none were sent.
fn shares(trials: &[&Trial], from_s: f64, to_s: f64) -> Vec<f64> {
    let from = (from_s * TENTHS as f64).round() as usize;
    let to = (to_s * TENTHS as f64).round() as usize;
    let mut sums: Vec<u64> = Vec::new();
    for sent in trials.iter().flat_map(|trial| trial.record.sent.iter().take(to).skip(from)) {
        if sums.len() < sent.len() {
            sums.resize(sent.len(), 0);
        }
        for (sum, count) in sums.iter_mut().zip(sent) {
            *sum += u64::from(*count);
        }
    }
    let all: u64 = sums.iter().sum();
    if all == 0 {
        return Vec::new();
    }
    sums.into_iter().map(|sum| sum as f64 / all as f64).collect()
}

/// Returns the latency of successes from when they were sent, over all trials. Empty in a closed model, where
/// it equals the recorded latency.
pub(super) fn service(trials: &[&Trial]) -> Cell {
    let mut sum = Cell::default();
    for trial in trials {
        sum.merge(&trial.record.service);
    }
    sum
}

/// Returns the mean latency of successes for each tenth of a second, as `(start in seconds, ms)`; tenths
/// without successes are left out. The end of a warm-up is detected from these values.
pub fn tenth_means(trial: &Trial) -> Vec<(f64, f64)> {
    let mean = |(tenth, (count, sum_ns)): (usize, &(u32, u64))| {
        let mean = Span::from_nanos(sum_ns.checked_div(u64::from(*count))?);
        Some((tenth as f64 / TENTHS as f64, mean.as_millis_f64()))
    };
    trial.record.tenths.iter().enumerate().filter_map(mean).collect()
}
