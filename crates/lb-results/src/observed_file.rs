//! Writes `observed/<scenario>-<algorithm>.csv`: hits and misses of each kind of request, with their latencies.

use crate::summary::algorithm::AlgorithmSummary;
use crate::summary::latency::Latency;
use crate::summary::observed::HitRatio;
use anyhow::Result;
use lb_core::plain;
use std::io::Write;

/// The columns of the file: times in milliseconds, shares from 0 to 1.
const COLUMNS: [&str; 15] = [
    "name",
    "method",
    "hits",
    "misses",
    "hit_ratio",
    "ratio_low",
    "ratio_high",
    "hit_mean_ms",
    "hit_p50_ms",
    "hit_p95_ms",
    "hit_p99_ms",
    "miss_mean_ms",
    "miss_p50_ms",
    "miss_p95_ms",
    "miss_p99_ms",
];

/// Writes one row for each kind of request, and a last one, without a method, for all of them.
pub(crate) fn write_observed(out: &mut dyn Write, algorithm: &AlgorithmSummary) -> Result<()> {
    let mut csv = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(out);
    csv.write_record(COLUMNS)?;
    let Some(observed) = &algorithm.observed else { return Ok(()) };
    for action in &observed.actions {
        let latencies = [&action.hit_ms, &action.miss_ms].map(Option::as_ref);
        csv.write_record(row(&action.name, &action.method, &action.ratio, latencies))?;
    }
    if let Some(ratio) = &observed.ratio {
        csv.write_record(row("all", "", ratio, [None; 2]))?;
    }
    csv.flush()?;
    Ok(())
}

fn row(name: &str, method: &str, ratio: &HitRatio, latencies: [Option<&Latency>; 2]) -> Vec<String> {
    let [low, high] = match ratio.interval {
        Some(ends) => ends.map(|end| format!("{end:.6}")),
        None => [String::new(), String::new()],
    };
    let mut row = vec![
        plain::cell(name).into_owned(),
        plain::cell(method).into_owned(),
        ratio.hits.to_string(),
        ratio.misses.to_string(),
        format!("{:.6}", ratio.ratio),
        low,
        high,
    ];
    for latency in latencies {
        let of =
            |pick: fn(&Latency) -> f64| latency.map_or_else(String::new, |one| format!("{:.3}", pick(one)));
        row.extend([of(|one| one.mean), of(|one| one.p50), of(|one| one.p95), of(|one| one.p99)]);
    }
    row
}
