//! From trials to verdicts: the statistics of `analysis`, given what a run knows.

use super::contestant::Contestant;
use lb_analysis::{CompareOptions, aa, compare_some, tenth_means, trial_summary};
use lb_config::Plan;
use lb_core::rng::Seed;
use lb_results::Trial;
use lb_results::{AaSummary, Comparison, NoiseFloors, TrialSummary};
use lb_stats::mser5;

/// Label of the statistics' own random stream: resampling must not depend on who else draws.
const RESAMPLE: u64 = 0x7265_7361;

/// How a run compares, with the noise floor of a scenario where one is known.
fn options(plan: &Plan, scenario: &str, floors: Option<&NoiseFloors>) -> CompareOptions {
    let noise = floors.map(|floors| floors.of(scenario)).unwrap_or_default();
    CompareOptions {
        margin: plan.margin,
        noise_source: floors.filter(|_| !noise.is_empty()).map(|floors| floors.run_id.clone()),
        noise,
        seed: Seed(plan.seed.key(&[RESAMPLE])),
        ..CompareOptions::default()
    }
}

fn labels(contestants: &[Contestant]) -> Vec<String> {
    contestants.iter().map(|contestant| contestant.label.clone()).collect()
}

/// Compares every pair of contestants that is a question: of one load balancer, or of one algorithm. None
/// with fewer than two.
pub(super) fn compare_trials(
    trials: &[TrialSummary],
    contestants: &[Contestant],
    plan: &Plan,
    scenario: &str,
    floors: Option<&NoiseFloors>,
) -> Option<Comparison> {
    let asks = |first: usize, second: usize| contestants[first].is_compared_with(&contestants[second]);
    compare_some(trials, &labels(contestants), &asks, &options(plan, scenario, floors))
}

/// What the trials of one algorithm under two labels say about noise. None for other contestants.
pub(super) fn noise(
    trials: &[TrialSummary],
    contestants: &[Contestant],
    plan: &Plan,
    scenario: &str,
) -> Option<AaSummary> {
    let [first, second] = contestants else { return None };
    let labels = [first.label.as_str(), second.label.as_str()];
    Some(aa(trials, labels, &first.algorithm.to_string(), &options(plan, scenario, None)))
}

/// Whether every interval is narrow enough.
pub(super) fn precise_enough(
    trials: &[Trial],
    contestants: &[Contestant],
    plan: &Plan,
    precision: f64,
) -> bool {
    let rows: Vec<TrialSummary> = trials.iter().map(trial_summary).collect();
    let comparison = compare_trials(&rows, contestants, plan, "", None);
    comparison.is_none_or(|comparison| lb_analysis::precise_enough(&comparison, precision))
}

/// Whole seconds to cut off every trial of a block: what the slowest to settle needs. None when one is
/// too short to tell.
pub(super) fn warm_up_cut(trials: &[Trial]) -> Option<f64> {
    let cuts = trials.iter().map(|trial| {
        let (times, means): (Vec<f64>, Vec<f64>) = tenth_means(trial).into_iter().unzip();
        // Histograms are kept by second, so a cut within one is rounded up.
        mser5(&means).map(|cut| times.get(cut).copied().unwrap_or(0.0).ceil())
    });
    cuts.collect::<Option<Vec<f64>>>()?.into_iter().reduce(f64::max)
}
