//! Judges a measured scenario: turns its trials into results, verdicts, thresholds and noise, with the
//! statistics of `lb-analysis`.

use super::contestant::{Contestant, DIRECT, aa_labels};
use super::context::Mode;
use super::measured::{MeasuredScenario, valid};
use lb_analysis::threshold::evaluate;
use lb_analysis::{
    CompareOptions, Twice, aa, add_resources, answer, compare_some, detectable_with, estimates, fault_marks,
    fault_responses, overheads, recovery, repetitions_for, scrape_notes, series, summarise, tenth_means,
    trial_summary,
};
use lb_config::{Plan, PlannedScenario};
use lb_core::rng::Seed;
use lb_core::workload::Stage;
use lb_results::{
    AaSummary, Comparison, LoadModel, NoiseFloors, PilotSummary, ScenarioSummary, Skipped, StageMark,
    StageModel, ThresholdResult, Trial, TrialSummary, WarmUp,
};
use lb_stats::mser5;

/// The label of the random stream for resampling, which must not depend on other random draws.
const RESAMPLE: u64 = 0x7265_7361;

/// What a scenario adds to the summary of its run.
pub(super) struct JudgedScenario {
    pub(super) summary: ScenarioSummary,
    pub(super) thresholds: Vec<ThresholdResult>,
    pub(super) notes: Vec<String>,
}

/// Judges the measurements of a scenario. `managed` says whether `bench` started the load balancer and the
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
    summary.pilot.clone_from(&measured.pilot);
    if *mode == Mode::Aa {
        summary.noise = noise(&summary.trials, &measured.contestants, plan, &summary.name);
    } else if let Some(comparison) = &summary.comparison {
        let options = options(plan, &summary.name, floors, &measured.contestants);
        summary.answer = answer(&summary.trials, &labels(&measured.contestants), comparison, &options);
    }
    if !managed {
        notes.extend(faults_not_applied(scenario));
        summary.topology = "of the load balancer".to_owned();
    }
    notes.extend(scrape_notes(&measured.blocks.trials));
    let mut thresholds = Vec::new();
    for Contestant { label, .. } in &measured.contestants {
        let of: Vec<&Trial> = valid(&measured.blocks.trials).filter(|trial| trial.label == *label).collect();
        if !of.is_empty() {
            thresholds.extend(evaluate(plan.thresholds(), scenario.scope(), &of, label));
        }
    }
    JudgedScenario { summary, thresholds, notes }
}

/// Returns a note on the faults of a config that are not applied because the load balancer was already
/// running.
fn faults_not_applied(scenario: &PlannedScenario) -> Option<String> {
    let faults = scenario.scenario().topology.faults.len();
    (faults > 0).then(|| {
        format!(
            "{}: {} not applied, since the backends belong to the running load balancer",
            scenario.scenario().name,
            if faults == 1 {
                "the fault of the config is".to_owned()
            } else {
                format!("the {faults} faults of the config are")
            }
        )
    })
}

/// Summarises and compares the trials of a scenario. `managed` says whether its backends and faults are those
/// of the config.
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
    summary.as_is = scenario.algorithms().iter().any(|algorithm| algorithm.is_foreign());
    scenario.slug().clone_into(&mut summary.files);
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
            result.recovery = recovery(&of, &inner.workload, duration_s);
            summary.algorithms.push(result);
        }
    }
    add_resources(&mut summary.algorithms, &valid(trials).collect::<Vec<_>>());
    summary.comparison = compare_trials(&summary.trials, &measured.contestants, plan, &inner.name, floors);
    if measured.contestants.iter().any(|contestant| contestant.label == DIRECT) {
        summary.overheads =
            overheads(&summary.trials, &labels(&measured.contestants), DIRECT, summary.model, plan.seed());
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

/// Returns the options for comparing, with the known noise floors of the scenario. If the baseline does not
/// run in this scenario, every pair is compared.
fn options(
    plan: &Plan,
    scenario: &str,
    floors: Option<&NoiseFloors>,
    contestants: &[Contestant],
) -> CompareOptions {
    let noise = floors.map(|floors| floors.of(scenario)).unwrap_or_default();
    let runs = |name: &&str| contestants.iter().any(|contestant| contestant.label == **name);
    CompareOptions {
        margin: plan.margin(),
        primary: vec![plan.primary_metric()],
        baseline: plan.baseline().filter(runs).map(str::to_owned),
        noise_source: floors.filter(|_| !noise.is_empty()).map(|floors| floors.run_id.clone()),
        noise,
        seed: Seed(plan.seed().key(&[RESAMPLE])),
        ..CompareOptions::default()
    }
}

fn labels(contestants: &[Contestant]) -> Vec<String> {
    contestants.iter().map(|contestant| contestant.label.clone()).collect()
}

/// Compares every pair of contestants that share a load balancer or an algorithm; with a baseline, only the
/// pairs that contain it. `None` with fewer than two contestants.
pub(super) fn compare_trials(
    trials: &[TrialSummary],
    contestants: &[Contestant],
    plan: &Plan,
    scenario: &str,
    floors: Option<&NoiseFloors>,
) -> Option<Comparison> {
    let options = options(plan, scenario, floors, contestants);
    let is_baseline = |contestant: &Contestant| Some(&contestant.label) == options.baseline.as_ref();
    let asks = |first: usize, second: usize| {
        let [first, second] = [first, second].map(|number| &contestants[number]);
        first.is_compared_with(second)
            && (options.baseline.is_none() || is_baseline(first) || is_baseline(second))
    };
    compare_some(trials, &labels(contestants), &asks, &options)
}

/// Plans the blocks of a scenario from the trials of a pilot: the number in the plan, or the number that
/// finds the difference to detect.
pub(super) fn pilot_plan(trials: &[TrialSummary], contestants: &[Contestant], plan: &Plan) -> PilotSummary {
    /// The difference to find if the plan does not name one: large enough to act on.
    const TARGET: f64 = 0.10;
    let (labels, metric) = (labels(contestants), plan.primary_metric());
    let options = options(plan, "", None, contestants);
    let target = plan.detect().unwrap_or(TARGET);
    let needed = repetitions_for(trials, &labels, target, metric, &options);
    let blocks = match plan.detect() {
        Some(_) => needed.max(plan.repetitions()).min(plan.max_repetitions()),
        None => plan.repetitions(),
    };
    PilotSummary {
        metric,
        played: trials.iter().map(|trial| trial.block + 1).max().unwrap_or(0),
        blocks,
        finds: detectable_with(blocks, trials, &labels, metric, &options),
        target,
        needed,
    }
}

/// Measures the noise between the two labels of each algorithm.
pub(super) fn noise(
    trials: &[TrialSummary],
    contestants: &[Contestant],
    plan: &Plan,
    scenario: &str,
) -> Vec<AaSummary> {
    let mut twice: Vec<Twice> = Vec::new();
    for Contestant { algorithm, .. } in contestants {
        let algorithm_name = algorithm.to_string();
        if twice.iter().all(|known| known.algorithm != algorithm_name) {
            twice.push(Twice { labels: aa_labels(algorithm), algorithm: algorithm_name });
        }
    }
    aa(trials, &twice, &options(plan, scenario, None, contestants))
}

/// Whether every confidence interval is narrow enough for `precision`, a fraction.
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

/// Returns the warm-up to cut off every trial of a block, in whole seconds: the time that the slowest trial
/// takes to settle. Returns `None` if a trial is too short to tell.
pub(super) fn warm_up_cut(trials: &[Trial]) -> Option<f64> {
    let cuts = trials.iter().map(|trial| {
        let (times, means): (Vec<f64>, Vec<f64>) = tenth_means(trial).into_iter().unzip();
        // Histograms are kept by second, so a cut within one is rounded up.
        mser5(&means).map(|cut| times.get(cut).copied().unwrap_or(0.0).ceil())
    });
    cuts.collect::<Option<Vec<f64>>>()?.into_iter().reduce(f64::max)
}
