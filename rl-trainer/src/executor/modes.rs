//! Steps of each mode.
//!
//! | step | validation | comprehensive | custom |
//! |---|---|---|---|
//! | prerequisites | yes | yes | yes |
//! | traffic with traces | a few visitors, live | four scenarios | the scenario |
//! | look at the traces | yes | yes | yes |
//! | training runs | 1, smoke | 3, standard | 1, standard |
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
use lb_core::with_causes;
use std::time::Instant;

/// Share of decisions that are made at random while traces are recorded, to learn about choices that the
/// algorithm never makes.
const EXPLORATION: f64 = 0.02;

/// Returns the scenarios whose traffic a mode collects.
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

/// Plays one scenario with traces, writes its sessions, and inspects the traces.
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
        Ok((played, format!("{requests} requests, config `{}`", scenario.config)))
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
