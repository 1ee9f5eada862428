//! Judging a measured scenario: from trials to results, verdicts, thresholds and noise. The statistics are those of
//! `lb-analysis`, given what a run knows.

use super::contestant::{Contestant, DIRECT};
use super::context::Mode;
use super::measured::{MeasuredScenario, valid};
use lb_analysis::threshold::evaluate;
use lb_analysis::{
    CompareOptions, aa, compare_some, estimates, fault_marks, fault_responses, overheads, series, summarise,
    tenth_means, trial_summary,
};
use lb_config::{Plan, PlannedScenario};
use lb_core::rng::Seed;
use lb_core::workload::Stage;
use lb_results::{
    AaSummary, Comparison, LoadModel, NoiseFloors, ScenarioSummary, Skipped, StageMark, StageModel,
    ThresholdResult, Trial, TrialSummary, WarmUp,
};
use lb_stats::mser5;

/// The label of the random stream of the statistics: resampling must not depend on what else draws.
const RESAMPLE: u64 = 0x7265_7361;

/// What a scenario adds to the summary of its run.
pub(super) struct JudgedScenario {
    pub(super) summary: ScenarioSummary,
    pub(super) thresholds: Vec<ThresholdResult>,
    pub(super) notes: Vec<String>,
}

/// Judges what was measured of a scenario. `managed` says whether `bench` started the load balancer and the
/// backends, or simulated them.
pub(super) fn judge(
    plan: &Plan,
    mode: &Mode,
    scenario: &PlannedScenario,
    measured: &MeasuredScenario,
    floors: Option<&NoiseFloors>,
    managed: bool,
) -> JudgedScenario {
    let mut notes = Vec::new();
    let mut summary = summarise_scenario(plan, scenario, measured, floors, managed);
    summary.max_rates.clone_from(&measured.max_rates);
    if *mode == Mode::Aa {
        summary.aa = noise(&summary.trials, &measured.contestants, plan, &summary.name);
    }
    if !managed {
        notes.extend(faults_not_applied(scenario));
        summary.topology = "of the load balancer".to_owned();
    }
    let mut thresholds = Vec::new();
    for Contestant { label, .. } in &measured.contestants {
        let of: Vec<&Trial> = valid(&measured.blocks.trials).filter(|trial| trial.label == *label).collect();
        if !of.is_empty() {
            thresholds.extend(evaluate(plan.thresholds(), scenario.scope(), &of, label));
        }
    }
    JudgedScenario { summary, thresholds, notes }
}

/// Notes the faults of a config that are not applied because the load balancer was running already.
fn faults_not_applied(scenario: &PlannedScenario) -> Option<String> {
    let faults = scenario.scenario().topology.faults.len();
    (faults > 0).then(|| {
        format!(
            "{}: {faults} faults of the config are not applied, the backends belong to the load balancer that was driven",
            scenario.scenario().name
        )
    })
}

/// Sums up and compares the trials of a scenario. `managed` says whether its backends and faults are those of the
/// config.
fn summarise_scenario(
    plan: &Plan,
    scenario: &PlannedScenario,
    measured: &MeasuredScenario,
    floors: Option<&NoiseFloors>,
    managed: bool,
) -> ScenarioSummary {
    let inner = &scenario.scenario();
    let duration_s = inner.duration.as_secs_f64();
    let trials = &measured.blocks.trials;
    let mut summary = ScenarioSummary::empty(inner, scenario.peak_users());
    summary.schedules.clone_from(&measured.blocks.schedules);
    summary.stages = inner.workload.stages().iter().map(stage_mark).collect();
    summary.model = LoadModel::of(summary.stages.iter().map(|stage| stage.model));
    summary.warm_up = if plan.detect_warm_up() { WarmUp::Mser5 } else { WarmUp::Fixed };
    summary.faults = if managed { fault_marks(&inner.topology, duration_s) } else { Vec::new() };
    summary.trials = trials.iter().map(trial_summary).collect();
    for contestant in &measured.contestants {
        let of: Vec<&Trial> = valid(trials).filter(|trial| trial.label == contestant.label).collect();
        if let Some(mut result) = summarise(&of, &inner.workload) {
            result.estimates = estimates(&summary.trials, &contestant.label, plan.seed());
            result.series = series(&of);
            result.fault_responses = fault_responses(&of, &summary.faults, duration_s);
            summary.algorithms.push(result);
        }
    }
    summary.comparison = compare_trials(&summary.trials, &measured.contestants, plan, &inner.name, floors);
    if measured.contestants.iter().any(|contestant| contestant.label == DIRECT) {
        let labels: Vec<String> = measured.contestants.iter().map(|one| one.label.clone()).collect();
        summary.overheads = overheads(&summary.trials, &labels, DIRECT, plan.seed());
    }
    summary.skipped = scenario
        .skipped()
        .iter()
        .chain(plan.skipped())
        .map(|skipped| Skipped { name: skipped.name.clone(), reason: skipped.reason.clone() })
        .chain(measured.skipped.iter().cloned())
        .collect();
    summary
}

fn stage_mark(stage: &Stage) -> StageMark {
    StageMark {
        name: stage.name.clone(),
        start_s: stage.start.as_secs_f64(),
        end_s: (stage.start + stage.duration).as_secs_f64(),
        ramp_up_s: if stage.arrivals.is_some() { 0.0 } else { stage.ramp_up.as_secs_f64() },
        model: if stage.arrivals.is_some() { StageModel::Open } else { StageModel::Closed },
    }
}

/// Returns how a run compares, with the noise floor of the scenario if one is known.
fn options(plan: &Plan, scenario: &str, floors: Option<&NoiseFloors>) -> CompareOptions {
    let noise = floors.map(|floors| floors.of(scenario)).unwrap_or_default();
    CompareOptions {
        margin: plan.margin(),
        noise_source: floors.filter(|_| !noise.is_empty()).map(|floors| floors.run_id.clone()),
        noise,
        seed: Seed(plan.seed().key(&[RESAMPLE])),
        ..CompareOptions::default()
    }
}

fn labels(contestants: &[Contestant]) -> Vec<String> {
    contestants.iter().map(|contestant| contestant.label.clone()).collect()
}

/// Compares every pair of contestants that share a load balancer or an algorithm. `None` with fewer than two
/// contestants.
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

/// Measures the noise between the trials of one algorithm under two labels. `None` for other contestants.
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

/// Whether every interval is at most as wide as `precision`, a fraction, asks for.
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

/// Returns the whole seconds of warm-up to cut off every trial of a block: as many as the trial that settles last
/// needs. `None` when a trial is too short to tell.
pub(super) fn warm_up_cut(trials: &[Trial]) -> Option<f64> {
    let cuts = trials.iter().map(|trial| {
        let (times, means): (Vec<f64>, Vec<f64>) = tenth_means(trial).into_iter().unzip();
        // Histograms are kept by second, so a cut within one is rounded up.
        mser5(&means).map(|cut| times.get(cut).copied().unwrap_or(0.0).ceil())
    });
    cuts.collect::<Option<Vec<f64>>>()?.into_iter().reduce(f64::max)
}
