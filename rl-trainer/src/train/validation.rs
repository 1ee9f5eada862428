//! The validation set, which alone determines the best checkpoint.

use crate::evolution::cost;
use crate::measure::{Figures, in_parallel, measure};
use crate::scenarios::{Case, Family, VALIDATION_CASES};
use lb_core::Algorithm;
use lb_core::policy::Policy;
use lb_core::policy::learned::{Action, Learned, Network, PolicyFile};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The baseline of all ratios. It includes ejection, because otherwise a win could be due to ejection alone.
pub const BASELINE: &str = "least-connections+ejection";

/// A case with the baseline's results.
#[derive(Clone, Debug)]
pub struct Bout {
    /// The case.
    pub case: Case,
    /// Results of the baseline in this case.
    pub baseline: Figures,
}

/// Returns the bouts of some cases, each with the baseline's results.
pub fn bouts(cases: &[Case]) -> Vec<Bout> {
    let baseline: Algorithm = BASELINE.parse().expect("the baseline is in the table");
    in_parallel(cases, |case| {
        let mut policy = || baseline.policy().expect("a rule needs no file");
        Bout { case: case.clone(), baseline: measure(case, &mut policy) }
    })
}

/// Returns the validation set.
pub fn validation_set() -> Vec<Bout> {
    bouts(&Family::Validation.cases(VALIDATION_CASES))
}

/// Score of a policy on a set of bouts, relative to the baseline.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Geometric mean of the ratios of mean latencies.
    pub mean: f64,
    /// Geometric mean of the ratios of 99th percentiles.
    pub p99: f64,
    /// Loss that selection minimises: the cost used by evolution, minus that of the baseline.
    pub loss: f64,
}

/// Simulates all bouts and returns the score.
pub fn score(network: &Network, action: Action, bouts: &[Bout]) -> Score {
    let file = Arc::new(PolicyFile::new(network.clone(), action));
    let all = in_parallel(bouts, |bout| {
        let mut policy = || -> Box<dyn Policy> { Box::new(Learned::new(Arc::clone(&file))) };
        let figures = measure(&bout.case, &mut policy);
        let ratio = |one: f64, other: f64| (one / other).ln();
        (
            ratio(figures.mean_ms, bout.baseline.mean_ms),
            ratio(figures.p99_ms, bout.baseline.p99_ms),
            cost(&bout.case, &figures) - cost(&bout.case, &bout.baseline),
        )
    });
    let count = all.len() as f64;
    Score {
        mean: (all.iter().map(|one| one.0).sum::<f64>() / count).exp(),
        p99: (all.iter().map(|one| one.1).sum::<f64>() / count).exp(),
        loss: all.iter().map(|one| one.2).sum::<f64>() / count,
    }
}
