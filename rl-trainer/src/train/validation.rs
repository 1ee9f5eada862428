//! The validation set, which alone determines the best checkpoint.

use super::args::Args;
use crate::episode::{Episode, Outcome, Players, PlayersLost};
use crate::measure::{Figures, in_parallel};
use crate::objective::Objective;
use crate::setting::Setting;
use lb_core::Algorithm;
use lb_core::policy::learned::{Action, Network};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The baseline of all ratios. It includes ejection, because otherwise a win could be due to ejection alone.
pub const BASELINE: &str = "least-connections+ejection";

/// A setting with the baseline's results.
#[derive(Clone, Debug)]
pub struct Bout {
    /// The setting.
    pub setting: Setting,
    /// Results of the baseline in this case.
    pub baseline: Figures,
    /// Cost of these results under the objective.
    pub baseline_cost: f64,
}

/// Returns the bouts of some settings, each with the baseline's results under `objective`.
pub fn bouts(settings: Vec<Setting>, objective: Objective) -> Vec<Bout> {
    let algorithm: Algorithm = BASELINE.parse().expect("the baseline is in the table");
    let played = in_parallel(&settings, |setting| {
        objective.measure(&setting.case, &mut || algorithm.policy().expect("a rule needs no file"))
    });
    let bout = |(setting, (baseline, baseline_cost))| Bout { setting, baseline, baseline_cost };
    settings.into_iter().zip(played).map(bout).collect()
}

/// Returns the validation set of a training run.
pub fn validation_set(args: &Args) -> Vec<Bout> {
    let profile = args.start.as_ref().and_then(|start| start.profile.clone()).map(Arc::new);
    bouts(args.cases.validation(profile.as_ref(), args.validation_lucks), args.objective)
}

/// Score of a policy on a set of bouts, relative to the baseline.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Geometric mean of the ratios of mean latencies.
    pub mean: f64,
    /// Geometric mean of the ratios of 99th percentiles.
    pub p99: f64,
    /// Loss that selection minimises: the cost under the objective, minus that of the baseline.
    pub loss: f64,
}

/// Plays all bouts and returns the score.
///
/// # Errors
/// Nobody is left to play.
pub fn score(
    network: &Network,
    action: Action,
    objective: Objective,
    bouts: &[Bout],
    players: &dyn Players,
) -> Result<Score, PlayersLost> {
    let episodes: Vec<Episode> =
        bouts.iter().map(|bout| bout.setting.episode(network.clone(), action, objective)).collect();
    let ratio = |one: f64, other: f64| (one / other).ln();
    let all: Vec<(f64, f64, f64)> = players
        .play(&episodes)?
        .into_iter()
        .zip(bouts)
        .map(|(Outcome { figures, cost }, bout)| {
            let Figures { mean_ms, p99_ms, .. } = bout.baseline;
            (ratio(figures.mean_ms, mean_ms), ratio(figures.p99_ms, p99_ms), cost - bout.baseline_cost)
        })
        .collect();
    let count = all.len() as f64;
    Ok(Score {
        mean: (all.iter().map(|one| one.0).sum::<f64>() / count).exp(),
        p99: (all.iter().map(|one| one.1).sum::<f64>() / count).exp(),
        loss: all.iter().map(|one| one.2).sum::<f64>() / count,
    })
}
