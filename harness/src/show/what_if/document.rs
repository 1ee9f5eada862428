//! The results of `bench what-if` as JSON.

use lb_calibration::log::{AccessLog, Counts, Maker};
use lb_calibration::what_if::{FittedLog, Kill, Metric, Prediction, Ratio, Routing, SliceCheck, WhatIf};
use lb_calibration::{BackendEvidence, Load, OverheadSource};
use lb_core::topology::Topology;
use lb_results::Verdict;
use serde::Serialize;

/// Raised when a reader must know of a change.
const SCHEMA_VERSION: u32 = 1;

/// What a log of a load balancer cannot tell, whatever its format.
pub(super) const CANNOT_TELL: [&str; 4] = [
    "how long requests waited before the load balancer took them: predicted latencies begin with its decision",
    "whether clients sent fewer requests because replies were slow, or sent them again: the recorded arrivals stay as \
     they were, so a slow algorithm looks a little slower and a fast one a little less busy than it would be",
    "retries: simulated load balancers send each request once",
    "what backends do beyond what was recorded: at a load that the log never saw, databases and caches behind them may \
     become slower too",
];

/// The document that `--json` prints.
#[derive(Debug, Serialize)]
pub struct WhatIfDocument<'a> {
    schema_version: u32,
    /// Number of entries, by what became of them.
    counts: Counts,
    /// Time from the first request to the last in seconds.
    length_s: f64,
    /// Unit of the log's times in milliseconds.
    resolution_ms: f64,
    notes: &'a [String],
    /// The backends as the log names them.
    pub(super) backends: &'a [String],
    pub(super) routing: &'a Routing,
    /// The load balancer whose rules are predicted: `haproxy`, `envoy`, or `other` for those of this repository.
    maker: Maker,
    /// The weight of HAProxy's servers with which its random draws are simulated; absent for others.
    #[serde(skip_serializing_if = "Option::is_none")]
    server_weight: Option<u32>,
    /// Time of a request between load balancer and backend in milliseconds.
    overhead_ms: f64,
    overhead_source: OverheadSource,
    evidence: &'a [BackendEvidence],
    topology: &'a Topology,
    load: &'a Load,
    check: &'a SliceCheck,
    /// Whether the check was passed.
    pub(super) fit_holds: bool,
    pub(super) scale: f64,
    pub(super) kills: &'a [Kill],
    pub(super) primary_metric: Metric,
    margin: f64,
    pub(super) prediction: &'a Prediction,
    /// The verdict on each algorithm compared with what was recorded; null for what was recorded.
    pub(super) verdicts: Vec<Option<Verdict>>,
    cannot_tell: [&'static str; 4],
}

impl<'a> WhatIfDocument<'a> {
    /// Collects the results. `margin` is the smallest difference that matters, as a fraction.
    pub fn new(
        log: &'a AccessLog,
        fitted: &'a FittedLog<'_>,
        check: &'a SliceCheck,
        what_if: &'a WhatIf,
        margin: f64,
        prediction: &'a Prediction,
    ) -> Self {
        let of = |ratio: &Ratio| verdict(ratio.interval, margin);
        let verdicts = prediction.predicted.iter().map(|one| one.ratio(what_if.primary).map(of)).collect();
        Self {
            schema_version: SCHEMA_VERSION,
            counts: log.counts,
            length_s: log.length().as_secs_f64(),
            resolution_ms: log.resolution.unit.as_millis_f64(),
            notes: &log.notes,
            backends: &log.names,
            routing: fitted.routing(),
            maker: log.maker,
            server_weight: (log.maker == Maker::Haproxy).then_some(log.server_weight),
            overhead_ms: fitted.calibration().overhead.as_millis_f64(),
            overhead_source: fitted.calibration().overhead_source,
            evidence: &fitted.calibration().backends,
            topology: &fitted.calibration().topology,
            load: &fitted.calibration().load,
            check,
            fit_holds: check.refusals().is_empty(),
            scale: what_if.scale,
            kills: &what_if.kills,
            primary_metric: what_if.primary,
            margin,
            prediction,
            verdicts,
            cannot_tell: CANNOT_TELL,
        }
    }
}

/// Judges the interval of a ratio of latencies.
fn verdict([low, high]: [f64; 2], margin: f64) -> Verdict {
    if low > 1.0 / (1.0 + margin) && high < 1.0 + margin {
        Verdict::Equivalent
    } else if high < 1.0 {
        Verdict::Better
    } else if low > 1.0 {
        Verdict::Worse
    } else {
        Verdict::NotEnoughData
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_follow_the_interval_and_the_margin() {
        for (interval, expected) in [
            ([0.5, 0.9], Verdict::Better),
            ([1.1, 2.0], Verdict::Worse),
            ([0.97, 1.03], Verdict::Equivalent),
            ([0.97, 0.99], Verdict::Equivalent),
            ([0.9, 1.1], Verdict::NotEnoughData),
            ([f64::NAN, f64::NAN], Verdict::NotEnoughData),
        ] {
            assert_eq!(verdict(interval, 0.05), expected, "{interval:?}");
        }
    }
}
