//! Which steps a mode has.
//!
//! | step | validation | comprehensive | custom |
//! |---|---|---|---|
//! | prerequisites | yes | yes | yes |
//! | traffic with traces | a few visitors, live | four scenarios | the scenario |
//! | look at the traces | yes | yes | yes |
//! | trainings | 1, smoke | 3, standard | 1, standard |
//! | the scenarios again, with the policy, in virtual time | | yes | yes |
//! | proof | a look | whole | a look |
//! | live check | | yes | |

use super::args::{Mode, Settings, TrafficKind};
use super::run::Run;
use super::scenarios::{self, COMPREHENSIVE, Found, QUICK_CONFIG};
use super::traffic::{self, Order, look_at_traces, recover, write_sessions};
use super::{learning, prerequisites as needed, proof};
use crate::train::BASELINE;
use anyhow::anyhow;
use harness::exit::{ExitCode, Failure, OrExit};
use std::time::Instant;

/// Part of the decisions that are left to chance while traces are recorded: what the algorithm never does is
/// learnt from them only.
const EXPLORATION: f64 = 0.02;

/// The scenarios whose traffic a mode collects.
pub(super) fn scenarios(settings: &Settings) -> Result<Vec<Found>, Failure> {
    match (settings.mode, &settings.scenario) {
        (Mode::Validation, _) => Ok(vec![scenarios::quick()?]),
        (Mode::Comprehensive, _) => COMPREHENSIVE.iter().map(|name| scenarios::find(name, None)).collect(),
        (Mode::Custom, name) => {
            let name = name.as_deref().unwrap_or_default();
            Ok(vec![scenarios::find(name, settings.config.as_deref())?])
        }
    }
}

/// Checks what must be there, a line each; false where something is missing.
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
                    run.say(&format!("  {name}: MISSING, {error:#}"));
                }
            }
        }
        match missing {
            0 => Ok(((), "all prerequisites are met".to_owned())),
            _ => Err(anyhow!("{missing} prerequisites are missing (see above)")).or_exit(ExitCode::Preflight),
        }
    })
    .is_some()
}

/// Goes through all steps of the mode.
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
    for (number, scenario) in found.iter().enumerate() {
        if number > 0 && run.settings.traffic == TrafficKind::Live {
            recover(run);
        }
        collect(run, scenario);
    }
    let policies = learning::learn(run);
    if run.settings.mode != Mode::Validation {
        proof::compare(run, found);
    }
    proof::prove(run, &policies);
    learning::export(run, &policies);
    proof::live_check(run);
}

/// Plays one scenario with traces, writes its sessions, and looks at the traces.
fn collect(run: &mut Run, scenario: &Found) {
    let begun = Instant::now();
    let mode = run.settings.mode.name();
    let mut failed = None;
    let played = run.step(&format!("traffic of `{}`", scenario.name), |run| {
        let order = Order {
            scenario,
            purpose: "traces",
            folder: scenario.name.clone(),
            kind: run.settings.traffic,
            algorithms: &[BASELINE],
            repetitions: 1,
            duration: run.settings.duration,
            policy: None,
            record: Some(EXPLORATION),
        };
        let played = traffic::play(run, &order).inspect_err(|failure| failed = Some(failure.code))?;
        let report = played.report(&order);
        let requests: u64 = report.algorithms.iter().map(|algorithm| algorithm.requests).sum();
        run.report.scenarios.push(report);
        Ok((played, format!("{requests} requests, as `{}` has it", scenario.config)))
    });
    let Some(played) = played else {
        if let (Some(code), false) = (failed, run.interrupt.is_set()) {
            let error = run.report.steps.last().map(|step| step.detail.clone()).unwrap_or_default();
            run.record(mode, &scenario.name, begun, Err((error, code)));
        }
        return;
    };
    let notes = played.summary.notes.join("\n");
    run.record(mode, &scenario.name, begun, Ok((played.tables(), notes)));
    run.step(&format!("sessions of `{}`", scenario.name), |run| {
        let sessions = write_sessions(run, &played).or_exit(ExitCode::Preflight)?;
        Ok(((), format!("{sessions} sessions")))
    });
    run.step(&format!("traces of `{}`", scenario.name), |run| {
        let report = look_at_traces(run, &played).or_exit(ExitCode::InvalidTrials)?;
        let fit = if report.fit_for_training { "fit" } else { "not fit" };
        let detail = format!(
            "{} experiences, completeness {:.1} % {}, {fit} for training",
            report.experiences, report.completeness, report.verdict
        );
        run.report.traces.push(report);
        Ok(((), detail))
    });
}
