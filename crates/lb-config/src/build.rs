//! Builds a plan from a config and its resolved settings, and collects all faults on the way.

use super::algorithms::{Chosen, Runner, choose, named_algorithms};
use super::content::{Content, read_content, select_scenario};
use super::draft::types::{Context, Draft, DraftScenario};
use super::error::{ConfigError, Findings};
use super::frame::Frame;
use super::inputs::{read_journey, read_topology};
use super::plan::Plan;
use super::planned::PlannedScenario;
use super::policy::read_policy;
use super::replay::open_topology;
use super::scenario::build_scenario;
use super::settings::Settings;
use super::source::Loaded;
use super::target::{ours_only, runner_of, settle_target};
use super::thresholds::read_thresholds;
use std::path::Path;

/// Makes the plan, or says all that is wrong. `findings` holds what was found while settling the knobs.
pub(super) fn build_plan(
    loaded: &Loaded,
    settings: &Settings,
    mut findings: Findings,
) -> Result<Plan, ConfigError> {
    let plan = gather(loaded, settings, &mut findings);
    let (found, notes) = findings.into_parts();
    let mut problems = loaded.problems.clone();
    // What lies at or under a fault of shape was repaired, and what is said about the repair is noise.
    problems
        .extend(found.into_iter().filter(|new| !loaded.problems.iter().any(|old| old.touches(&new.path))));
    match plan {
        Some(plan) if problems.is_empty() => Ok(Plan { notes, ..plan }),
        _ => Err(ConfigError::Invalid { name: loaded.name.clone(), problems }),
    }
}

/// The plan, as far as there is one; problems and notes go to `findings`.
fn gather(loaded: &Loaded, settings: &Settings, findings: &mut Findings) -> Option<Plan> {
    let folder = loaded.folder.as_deref();
    let journey = read_journey(settings, folder, findings);
    let mut topology = read_topology(settings, folder, findings);
    // Without its journey a config cannot be understood, but the names of algorithms can be checked.
    let Some(journey) = journey else {
        choose(&named_algorithms(&Draft::default(), settings), &Runner::External, findings);
        return None;
    };
    let stem = stem_of(&loaded.name);
    let context = Context { journey: &journey, settings, stem: &stem };
    let Content { mut draft, open, recorded } = read_content(loaded, &context, findings)?;
    let target = settle_target(draft.base_url.as_ref(), &settings.target, findings);
    if let (Some(topology), Some(recorded)) = (&mut topology, &recorded) {
        open_topology(topology, recorded, findings);
    }
    select_scenario(&mut draft, settings, findings);
    let named = named_algorithms(&draft, settings);
    let policy = read_policy(settings.policy.as_ref(), folder, findings);
    let runner = runner_of(&target, policy.as_ref());
    let brings_own =
        |scenario: &DraftScenario| scenario.algorithms.is_some() && !settings.algorithms.is_flag();
    let unused = !draft.scenarios.is_empty() && draft.scenarios.iter().all(brings_own);
    let chosen = if unused { Chosen::default() } else { choose(&named, &runner, findings) };
    let frame = Frame {
        settings,
        open: open.as_ref(),
        journey: recorded.as_ref().unwrap_or(&journey),
        topology: topology.as_ref(),
        flawed: !loaded.problems.is_empty(),
    };
    let planned = draft.scenarios.into_iter().filter_map(|scenario| {
        let mine = match scenario.algorithms.as_ref().filter(|_| brings_own(&scenario)) {
            Some(named) => choose(named, &runner, findings),
            None => Chosen { skipped: Vec::new(), ..chosen.clone() },
        };
        let planned = build_scenario(scenario, &frame, findings)?;
        Some(PlannedScenario { algorithms: mine.algorithms, skipped: mine.skipped, ..planned })
    });
    let scenarios: Vec<PlannedScenario> = planned.collect();
    ours_only(&target, settings, findings);
    let thresholds = read_thresholds(&settings.thresholds, &scenarios, &chosen.skipped, findings);
    (!scenarios.is_empty()).then(|| Plan {
        name: loaded.name.clone(),
        source: loaded.source.clone(),
        dialect: loaded.dialect,
        target,
        algorithms: chosen.algorithms,
        skipped: chosen.skipped,
        policy,
        balancers: settings.balancers.value,
        repetitions: settings.passes.least,
        precision: settings.passes.precision,
        max_repetitions: settings.passes.most,
        margin: settings.margin,
        detect_warm_up: settings.detect_warm_up,
        seed: settings.seed,
        steering_period: settings.steering_period,
        engine: settings.engine,
        cool_down: settings.cool_down,
        drain_timeout: settings.drain_timeout,
        thresholds,
        scenarios,
        notes: Vec::new(),
    })
}

/// The name of a file without its folder and its ending.
fn stem_of(name: &str) -> String {
    Path::new(name).file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
}
