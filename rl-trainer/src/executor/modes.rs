//! Steps of each mode.
//!
//! | step | validation | comprehensive | custom |
//! |---|---|---|---|
//! | prerequisites | yes | yes | yes |
//! | traffic with traces | a few visitors, live | four scenarios, each under four policies | the scenario, under four policies, or `--traces` |
//! | look at the traces | yes | yes | yes |
//! | fit of each recorded pool, checked on what was held back | | yes | yes |
//! | general policy | 1 training, smoke | 3 trainings, standard | the bundled one |
//! | specialised policy for each pool whose fit holds | | yes | yes |
//! | the scenarios again, with the policy, in virtual time | | yes | yes |
//! | proof | a look | whole | a look |
//! | live check | | yes | of the scenario |

use super::args::{Mode, Settings, TrafficKind};
use super::fitting::{self, Fitted};
use super::learning::Known;
use super::recorded::{LOGGING, Recording};
use super::run::Run;
use super::scenarios::{self, COMPREHENSIVE, Found, QUICK_CONFIG};
use super::traffic::{self, Order, Played, look_at_traces, recover, write_sessions};
use super::{learning, objective, prerequisites as needed, proof, specialising};
use crate::evaluate::Trained;
use crate::train::{BASELINE, Objective};
use anyhow::anyhow;
use harness::exit::{ExitCode, Failure, OrExit};
use lb_config::{Overrides, plan};
use lb_core::policy::PolicyFile;
use lb_core::with_causes;
use lb_results::TRACES;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// Share of decisions that are made at random while traces are recorded, to learn about choices that the
/// algorithm never makes.
const EXPLORATION: f64 = 0.02;

/// Returns the scenarios that a mode plays.
pub(super) fn scenarios(settings: &Settings) -> Result<Vec<Found>, Failure> {
    match (settings.mode, &settings.scenario) {
        (Mode::Validation, _) => Ok(vec![scenarios::quick()?]),
        (Mode::Comprehensive, _) => COMPREHENSIVE.iter().map(|name| scenarios::find(name, None)).collect(),
        (Mode::Custom, None) => Ok(Vec::new()),
        (Mode::Custom, Some(name)) => Ok(vec![scenarios::find(name, settings.config.as_deref())?]),
    }
}

/// Checks the prerequisites and prints one line for each. Returns false if any is missing.
fn prerequisites(run: &mut Run) -> bool {
    let settings = run.settings.clone();
    let root = run.folder.root().to_owned();
    run.step("prerequisites", |run| {
        let mut missing = 0;
        for prerequisite in needed::check(&settings, &root) {
            let name = prerequisite.name;
            match prerequisite.found {
                Ok(found) => run.say(&format!("  {name}: ok, {found}")),
                Err(error) => {
                    missing += 1;
                    run.say(&format!("  {name}: MISSING, {}", with_causes(error.as_ref())));
                }
            }
        }
        match missing {
            0 => Ok(((), "all prerequisites are met".to_owned())),
            1 => Err(anyhow!("a prerequisite is missing (see above)")).or_exit(ExitCode::Preflight),
            _ => Err(anyhow!("missing prerequisites: {missing} (see above)")).or_exit(ExitCode::Preflight),
        }
    })
    .is_some()
}

/// A recorded pool whose fit holds.
struct Pool {
    fitted: Fitted,
    /// Its place among the twins of the report.
    place: usize,
    /// Scenario that was recorded; `None` for traces that existed.
    scenario: Option<String>,
}

/// Runs all steps of the mode.
pub(super) fn play(run: &mut Run, found: &[Found]) {
    if !prerequisites(run) {
        return;
    }
    if run.settings.mode == Mode::Validation {
        run.step("config of the validation", |run| {
            let name = format!("logs/{QUICK_CONFIG}");
            let path =
                run.folder.write_json(&name, &scenarios::quick_config()).or_exit(ExitCode::Preflight)?;
            Ok(((), path.display().to_string()))
        });
    }
    let pools = match run.settings.traces.clone() {
        Some(path) => {
            let Some((name, recording)) = existing(run, &path, found) else { return };
            let scenario = found.first().map(|scenario| scenario.name.clone());
            fit(run, &name, &path, &recording, scenario).into_iter().collect()
        }
        None => collect_all(run, found),
    };
    let Some(general) = learning::general(run) else { return };
    run.export(&general.file, &general.name, &general.all);
    let special = specialise(run, found, &pools, &general);
    if run.settings.mode != Mode::Validation {
        proof::compare(run, found, &special);
    }
    proof::prove(run, &proved(run, &general));
    proof::live_check(run, found);
    learning::export(run);
}

/// Returns the policies to prove on the lists of cases: all general ones, or in a custom run the exported one, without
/// the profile of its pool, since the lists are of other pools.
fn proved(run: &Run, general: &Known) -> Vec<Trained> {
    match &run.exported {
        Some(file) if run.settings.mode == Mode::Custom => {
            Trained::all([Arc::new(PolicyFile { profile: None, ..PolicyFile::clone(file) })])
        }
        _ => general.all.clone(),
    }
}

/// Plays all scenarios with traces, and fits the pools.
fn collect_all(run: &mut Run, found: &[Found]) -> Vec<Pool> {
    let mut pools = Vec::new();
    for (number, scenario) in found.iter().enumerate() {
        if number > 0 && run.settings.traffic == TrafficKind::Live {
            recover(run);
        }
        let played = collect(run, scenario);
        if let Some(played) = played.filter(|_| run.settings.mode != Mode::Validation) {
            let (path, name) = (played.folder.join(TRACES), &scenario.name);
            if let Some(mut recording) = read(run, name, &path) {
                recording.notes.extend(played.disturbances());
                pools.extend(fit(run, name, &path, &recording, Some(name.clone())));
            }
        }
    }
    pools
}

/// Reads traces that exist, and inspects them. Returns them with the name of their pool.
fn existing(run: &mut Run, path: &Path, found: &[Found]) -> Option<(String, Recording)> {
    let shown =
        path.file_name().map_or_else(|| path.display().to_string(), |name| name.display().to_string());
    let name = found.first().map_or(shown, |scenario| scenario.name.clone());
    let recording = read(run, &name, path)?;
    if recording.has_decisions() {
        // What a fit needs is less than what an inspection does.
        match look_at_traces(run, path) {
            Ok(report) => run.report.traces.push(report),
            Err(error) => run.say(&format!("note: the traces cannot be inspected: {error:#}")),
        }
    }
    Some((name, recording))
}

/// Reads what was recorded about a pool.
fn read(run: &mut Run, name: &str, path: &Path) -> Option<Recording> {
    run.step(&format!("reading the traces of `{name}`"), |run| {
        let found = Recording::read(path, run.settings.pool_of.as_deref()).or_exit(ExitCode::Usage)?;
        let policies = found.policies();
        let requests: u64 = policies.iter().map(|(_, requests)| requests).sum();
        let backends = found.traces().backends.len();
        let detail = format!("{requests} requests under {} policies to {backends} backends", policies.len());
        Ok((found, detail))
    })
}

/// Fits the pool of a recording.
fn fit(
    run: &mut Run,
    name: &str,
    path: &Path,
    recording: &Recording,
    scenario: Option<String>,
) -> Option<Pool> {
    let (place, shown) = (run.report.twins.len(), run.folder.shown(path));
    let fitted = fitting::fit(run, name, &shown, recording)?;
    Some(Pool { fitted, place, scenario })
}

/// Specialises the general policy on each pool. In a custom run, the result becomes the policy of the run. Returns the
/// scenarios with their own policies.
fn specialise(run: &mut Run, found: &[Found], pools: &[Pool], general: &Known) -> Vec<(String, PathBuf)> {
    let mut written = Vec::new();
    for Pool { fitted, place, scenario } in pools {
        let asked = wanted(run, found.iter().find(|found| Some(&found.name) == scenario.as_ref()));
        let Some(special) = specialising::specialise(run, fitted, &general.file, asked, *place) else {
            continue;
        };
        let path = match run.settings.mode {
            Mode::Custom => run.folder.policy(),
            _ => run.folder.specialised(&run.report.twins[*place].name),
        };
        specialising::write(run, &special, &fitted.profile, &path, *place);
        if run.settings.mode == Mode::Custom {
            let plain = Arc::new(PolicyFile { profile: None, ..PolicyFile::clone(&special.file) });
            run.export(&special.file, &special.name, &Trained::all([plain]));
        }
        written.extend(scenario.clone().map(|scenario| (scenario, path)));
    }
    written
}

/// Returns the objective for a scenario, and where it comes from.
fn wanted(run: &Run, scenario: Option<&Found>) -> (Objective, String) {
    if let Some(asked) = run.settings.objective {
        return (asked, "as asked for".to_owned());
    }
    let implied = scenario.and_then(|scenario| {
        let planned = plan(&scenario.loaded, &Overrides::default()).ok()?;
        objective::of_thresholds(planned.thresholds(), &scenario.name)
    });
    match implied {
        Some((objective, threshold)) => (objective, format!("by the threshold `{threshold}` of the config")),
        None => (Objective::default(), "the default".to_owned()),
    }
}

/// Plays one scenario with traces, writes its sessions, and inspects the traces.
fn collect(run: &mut Run, scenario: &Found) -> Option<Played> {
    let begun = Instant::now();
    let mode = run.settings.mode.name();
    let algorithms: &[&str] = if run.settings.mode == Mode::Validation { &[BASELINE] } else { &LOGGING };
    let mut failed = None;
    let played = run.step(&format!("traffic of `{}`", scenario.name), |run| {
        let order = Order {
            scenario,
            purpose: "traces",
            folder: scenario.name.clone(),
            kind: run.settings.traffic,
            algorithms,
            repetitions: 1,
            duration: run.settings.duration,
            policy: None,
            record: Some(EXPLORATION),
        };
        let played = traffic::play(run, &order).inspect_err(|failure| failed = Some(failure.code))?;
        let report = played.report(&order);
        let requests: u64 = report.algorithms.iter().map(|algorithm| algorithm.requests).sum();
        run.report.scenarios.push(report);
        let under = algorithms.join(", ");
        Ok((played, format!("{requests} requests under {under}, config `{}`", scenario.config)))
    });
    let Some(played) = played else {
        if let (Some(code), false) = (failed, run.interrupt.is_set()) {
            let error = run.report.steps.last().map(|step| step.detail.clone()).unwrap_or_default();
            run.record(mode, &scenario.name, begun, Err((error, code)));
        }
        return None;
    };
    let notes = played.summary.notes.join("\n");
    run.record(mode, &scenario.name, begun, Ok((played.tables(), notes)));
    run.step(&format!("sessions of `{}`", scenario.name), |run| {
        let sessions = write_sessions(run, &played, algorithms[0]).or_exit(ExitCode::Preflight)?;
        Ok(((), format!("{sessions} sessions under {}", algorithms[0])))
    });
    inspect(run, &played.folder.join(TRACES), &scenario.name);
    Some(played)
}

/// Inspects traces.
fn inspect(run: &mut Run, path: &Path, name: &str) {
    run.step(&format!("traces of `{name}`"), |run| {
        let report = look_at_traces(run, path).or_exit(ExitCode::InvalidTrials)?;
        let word = if report.fit_for_training { "fit" } else { "not fit" };
        let detail = format!(
            "{} experiences, completeness {:.1} % {}, {word} for training",
            report.experiences, report.completeness, report.verdict
        );
        run.report.traces.push(report);
        Ok(((), detail))
    });
}
