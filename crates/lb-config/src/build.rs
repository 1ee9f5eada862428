//! Builds a plan from a config and its resolved settings, and collects all problems on the way.

use super::algorithms::{Chosen, Runner, all_declared, choose, named_algorithms, names_some};
use super::content::{Content, read_content, select_scenario};
use super::draft::types::{Context, Draft, DraftScenario};
use super::endless::check_endless;
use super::engine::Engine;
use super::error::{ConfigError, Findings};
use super::frame::Frame;
use super::inputs::{read_journey, read_mock_api, read_topology};
use super::length::Length;
use super::plan::Plan;
use super::planned::PlannedScenario;
use super::policy::read_policy;
use super::replay::open_topology;
use super::said::{By, Said};
use super::scenario::build_scenario;
use super::scrape::read_scrapes;
use super::select::select_parts;
use super::settings::Settings;
use super::source::{BUNDLED, Loaded};
use super::target::{note_ignored_weights, ours_only, runner_of, settle_target};
use super::thresholds::read_thresholds;
use super::tls::settle_tls;
use lb_core::slug::slugs;
use std::path::Path;

/// Builds the plan, or returns all problems. `variable` gives the values of environment variables, and `findings` holds those found while resolving the settings.
pub(super) fn build_plan(
    loaded: &Loaded,
    settings: &Settings,
    variable: &dyn Fn(&str) -> Option<String>,
    mut findings: Findings,
) -> Result<Plan, ConfigError> {
    let plan = gather(loaded, settings, variable, &mut findings);
    let (found, notes) = findings.into_parts();
    let mut problems = loaded.problems.clone();
    // Values at or below a schema violation were repaired, so further problems there are noise.
    problems
        .extend(found.into_iter().filter(|new| !loaded.problems.iter().any(|old| old.touches(&new.path))));
    match plan {
        Some(plan) if problems.is_empty() => {
            let notes = loaded.notes.iter().cloned().chain(notes).collect();
            Ok(Plan { notes, ..plan })
        }
        _ => Err(ConfigError::Invalid { name: loaded.name.clone(), problems }),
    }
}

/// Builds as much of the plan as possible, and adds problems and notes to `findings`.
fn gather(
    loaded: &Loaded,
    settings: &Settings,
    variable: &dyn Fn(&str) -> Option<String>,
    findings: &mut Findings,
) -> Option<Plan> {
    let folder = loaded.folder.as_deref();
    let journey = read_journey(settings, folder, variable, findings);
    let mut topology = read_topology(settings, folder, findings);
    let mock_api = read_mock_api(settings, folder, findings);
    // A config cannot be interpreted without its journey, but the names of algorithms can still be checked.
    let Some(journey) = journey else {
        choose(&named_algorithms(&Draft::default(), settings), &Runner::External, findings);
        return None;
    };
    let stem = stem_of(&loaded.name);
    let context = Context { journey: &journey, settings, stem: &stem };
    let Content { mut draft, open, recorded } = read_content(loaded, &context, findings)?;
    let own = loaded.source != BUNDLED;
    let target = settle_target(draft.base_url.as_ref(), own, &settings.target, folder, findings);
    if let (Some(topology), Some(recorded)) = (&mut topology, &recorded) {
        // A running load balancer has backends of its own, so findings about the topology are irrelevant.
        let mut unused = Findings::default();
        let is_chosen = settings.topology.is_flag() || own && settings.topology.by == By::Config;
        let findings = if target.explicit { &mut unused } else { &mut *findings };
        open_topology(topology, recorded, is_chosen, findings);
    }
    select_scenario(&mut draft, settings, findings);
    select_parts(&mut draft, recorded.as_ref().unwrap_or(&journey), settings, findings);
    // A bundled config cannot know what is declared.
    let chooses = settings.algorithms.is_flag() || own && names_some(&draft, settings);
    let named = match &target.declared {
        Some(spec) if !chooses => all_declared(spec),
        _ => named_algorithms(&draft, settings),
    };
    let policy = read_policy(settings.policy.as_ref(), folder, findings);
    let runner = runner_of(&target, policy.as_ref());
    let brings_own = |scenario: &DraftScenario| {
        scenario.algorithms.is_some()
            && !settings.algorithms.is_flag()
            && target.as_is.is_none()
            && (own || target.declared.is_none())
    };
    let unused = !draft.scenarios.is_empty() && draft.scenarios.iter().all(brings_own);
    let chosen = match target.as_is {
        Some(one) => Chosen { algorithms: vec![one], skipped: Vec::new() },
        // Its problems are reported instead of those of algorithms.
        None if unused || settings.target.is_declared() && target.declared.is_none() => Chosen::default(),
        None => choose(&named, &runner, findings),
    };
    let frame = Frame {
        settings,
        target: &target,
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
    let mut scenarios: Vec<PlannedScenario> = planned.collect();
    let slugs = slugs(scenarios.iter().map(|planned| planned.scenario.name.as_str()));
    for (planned, slug) in scenarios.iter_mut().zip(slugs) {
        planned.slug = slug;
    }
    ours_only(&target, settings, findings);
    check_endless(settings, &chosen.algorithms, findings);
    let switch_once = match chosen.algorithms.as_slice() {
        [only] if chooses && target.as_is.is_none() => Some(*only),
        _ => None,
    };
    note_ignored_weights(&target, &scenarios, findings);
    let tls = settle_tls(&settings.tls, &target, folder, findings);
    note_unused_transport(settings, findings);
    let baseline = read_baseline(settings.baseline.as_ref(), &scenarios, findings);
    let scrapes = read_scrapes(&settings.scrape, findings);
    let thresholds = read_thresholds(settings, &scenarios, &chosen.skipped, findings);
    (!scenarios.is_empty()).then(|| Plan {
        name: loaded.name.clone(),
        source: loaded.source.clone(),
        dialect: loaded.dialect,
        target,
        tls,
        http: settings.http.value,
        connections: settings.connections.value,
        connect_timeout: settings.connect_timeout,
        resolve_every: settings.resolve_every,
        observe: settings.observe.as_ref().map(|said| said.value.clone()),
        slow: settings.slow,
        algorithms: chosen.algorithms,
        skipped: chosen.skipped,
        policy,
        balancers: settings.balancers.value,
        load_reports: settings.load_reports.as_ref().map(|said| said.value),
        repetitions: settings.passes.least,
        precision: settings.passes.precision,
        detect: settings.passes.detect,
        max_repetitions: settings.passes.most,
        margin: settings.margin,
        primary_metric: settings.primary_metric,
        baseline,
        detect_warm_up: settings.detect_warm_up,
        seed: settings.seed,
        steering_period: settings.steering_period,
        engine: settings.engine,
        endless: settings.length.as_ref().is_some_and(|said| said.value == Length::Forever),
        switch_once,
        cool_down: settings.cool_down,
        drain_timeout: settings.drain_timeout,
        scrapes,
        scrape_interval: settings.scrape_interval,
        thresholds,
        mock_api,
        scenarios,
        notes: Vec::new(),
    })
}

/// Notes settings of connections that have no effect in virtual time.
fn note_unused_transport(settings: &Settings, findings: &mut Findings) {
    if settings.engine != Some(Engine::Sim) {
        return;
    }
    let (http, connections) = (&settings.http, &settings.connections);
    let said = [
        (&http.at, http.by, http.value.to_string()),
        (&connections.at, connections.by, connections.value.to_string()),
    ];
    for (at, _, value) in said.into_iter().filter(|(_, by, _)| *by != By::Default) {
        findings.note(at, value, "has no effect: in virtual time no connection is opened");
    }
    if let Some(Said { at, value, .. }) = &settings.observe {
        findings.note(at, value.header.as_str(), "has no effect: in virtual time replies have no headers");
    }
    if let Some(first) = settings.scrape.first() {
        findings.note(
            &first.at,
            settings.scrape.len(),
            "has no effect: in virtual time nothing is read beside the load",
        );
    }
}

/// Checks that the baseline runs in some scenario.
fn read_baseline(
    baseline: Option<&Said<String>>,
    scenarios: &[PlannedScenario],
    findings: &mut Findings,
) -> Option<String> {
    let Said { at, value, .. } = baseline?;
    let mut names: Vec<String> = Vec::new();
    for algorithm in scenarios.iter().flat_map(PlannedScenario::algorithms) {
        let name = algorithm.to_string();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if !names.is_empty() && !names.contains(value) {
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        findings.wrong(at, value.as_str(), format!("does not run; name one of {}", names.join(", ")));
        return None;
    }
    Some(value.clone())
}

/// Returns the name of a file without its folder and extension.
fn stem_of(name: &str) -> String {
    Path::new(name).file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
}
