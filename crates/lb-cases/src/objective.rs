//! What a policy is optimised for: a single number for a simulated case, by which evolution improves a network and
//! validation selects it.
//!
//! Latencies enter as logarithms, so that a ratio counts the same in every case. Every objective also charges
//! failures, because a policy could shorten all latencies by failing the requests that take long.

use crate::measure::{Figures, measure_late};
use crate::scenarios::Case;
use lb_core::Span;
use lb_core::policy::Policy;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a policy is optimised for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// The 99th percentile of latency, and the mean with a tenth of the weight: a percentile of a short simulation is
    /// noisy.
    P99,
    /// Mean latency.
    Mean,
    /// The share of requests that fail or take longer than this.
    Slo(Span),
    /// Mean and 99th percentile with equal weights.
    #[default]
    Blend,
}

/// Weight of the error rate relative to logarithms of latencies: one failure in a thousand counts as much as
/// 1 % of latency.
const FAILURES: f64 = 10.0;

/// Share of late requests below which a difference is hardly worth anything: that of a percentile that ten requests
/// of a simulation of ten thousand decide.
const LEAST_LATE: f64 = 0.001;

/// Weight of the blend in [`Objective::Slo`], which leads the way while no request, or every one, is late.
const BLEND_IN_SLO: f64 = 0.1;

impl Objective {
    /// Simulates `case` under a policy, and returns its figures and the cost that the objective gives them. Costs are
    /// comparable only within one case.
    ///
    /// # Panics
    /// Panics if the case cannot be simulated.
    pub fn measure(self, case: &Case, policy: &mut dyn FnMut() -> Box<dyn Policy>) -> (Figures, f64) {
        let limit = match self {
            Self::Slo(limit) => limit,
            Self::P99 | Self::Mean | Self::Blend => case.load.request_timeout,
        };
        let (figures, late) = measure_late(case, limit, policy);
        (figures, self.cost(case, &figures, late))
    }

    /// Returns the cost of `figures`, of which the share `late` missed the limit.
    pub fn cost(self, case: &Case, figures: &Figures, late: f64) -> f64 {
        let log = |ms: f64| (ms.max(1e-9) / case.service_ms).ln();
        let (mean, p99) = (log(figures.mean_ms), log(figures.p99_ms));
        let blend = 0.5 * mean + 0.5 * p99;
        let latency = match self {
            Self::P99 => 0.1 * mean + 0.9 * p99,
            Self::Mean => mean,
            Self::Slo(_) => (late + LEAST_LATE).ln() + BLEND_IN_SLO * blend,
            Self::Blend => blend,
        };
        latency + FAILURES * figures.error_rate
    }
}

impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::P99 => f.write_str("p99"),
            Self::Mean => f.write_str("mean"),
            Self::Slo(limit) => write!(f, "slo:{}ms", limit.as_millis_f64()),
            Self::Blend => f.write_str("blend"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenarios::situation;

    fn figures(mean_ms: f64, p99_ms: f64, error_rate: f64) -> Figures {
        Figures { mean_ms, p50_ms: mean_ms, p99_ms, p999_ms: p99_ms, error_rate, max_share: 0.2 }
    }

    #[test]
    fn each_objective_prefers_what_it_is_named_after() {
        let case = situation('b').expect("there is a B");
        let (quick, even) = (figures(10.0, 90.0, 0.0), figures(14.0, 60.0, 0.0));
        let prefers_quick = |objective: Objective, late: [f64; 2]| {
            objective.cost(&case, &quick, late[0]) < objective.cost(&case, &even, late[1])
        };
        assert!(prefers_quick(Objective::Mean, [0.0; 2]), "the lower mean");
        assert!(!prefers_quick(Objective::P99, [0.0; 2]), "the lower percentile");
        assert!(!prefers_quick(Objective::Blend, [0.0; 2]), "1.4 times the mean for two thirds of the tail");
        assert!(prefers_quick(Objective::Slo(Span::from_millis(80)), [0.01, 0.02]), "fewer late requests");
        for objective in
            [Objective::P99, Objective::Mean, Objective::Blend, Objective::Slo(Span::from_secs(1))]
        {
            let failing = figures(9.0, 80.0, 0.05);
            assert!(
                objective.cost(&case, &failing, 0.05) > objective.cost(&case, &quick, 0.0),
                "{objective}: one failure in twenty is not worth a tenth of latency"
            );
        }
    }

    #[test]
    fn an_objective_is_written_as_it_is_typed() {
        let texts =
            [Objective::P99, Objective::Mean, Objective::Slo(Span::from_millis(200)), Objective::Blend]
                .map(|objective| objective.to_string());
        assert_eq!(texts, ["p99", "mean", "slo:200ms", "blend"]);
    }
}
