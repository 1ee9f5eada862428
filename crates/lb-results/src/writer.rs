//! Writes the files of a run: each trial as soon as it is complete, everything else at the end.

use crate::folder::ResultsFolder;
use crate::locust;
use crate::observed_file::write_observed;
use crate::records::write_record;
use crate::resources::write_resources;
use crate::summary::algorithm::AlgorithmSummary;
use crate::summary::run::Summary;
use crate::summary::scenario::ScenarioSummary;
use crate::trial::{SteeringRecord, Trial};
use crate::trial_file::{TrialFile, actions_csv};
use anyhow::Result;
use lb_core::plain;
use lb_core::slug::slug;
use lb_core::workload::{Scenario, Schedule};
use lb_record::{HlogTrial, write_hlog};
use std::fmt::Write as _;
use std::time::SystemTime;

/// Returns the common prefix of the names of a trial's files. `scenario` is the slug of the scenario, unique
/// in the run ([`lb_core::slug::slugs`]).
pub fn trial_stem(scenario: &str, label: &str, block: u32, attempt: u32) -> String {
    let again = match attempt {
        0 => String::new(),
        1 => "-again".to_owned(),
        more => format!("-again-{more}"),
    };
    format!("{scenario}-{}-{block}{again}", slug(label))
}

/// Writes one trial, so that it survives the failure of a later one. Its file names begin with `stem`
/// ([`trial_stem`]). Its record is written last, so a trial with a record is complete on disk.
pub fn write_trial(
    folder: &ResultsFolder,
    run_id: &str,
    stem: &str,
    scenario: &Scenario,
    schedule: &Schedule,
    trial: &Trial,
    result: AlgorithmSummary,
) -> Result<()> {
    let file = TrialFile::new(run_id, &scenario.name, trial, result, schedule, &scenario.workload);
    folder.write(&format!("trials/{stem}.json"), &serde_json::to_vec(&file)?)?;
    if let Some(steering) = &trial.steering {
        folder.write(&format!("trials/{stem}-weights.csv"), weights_csv(steering).as_bytes())?;
    }
    if let Some(resources) = &trial.resources {
        let name = format!("trials/{stem}-resources.csv");
        folder.write_with(&name, |out| write_resources(out, resources))?;
    }
    if let Some(actions) = actions_csv(trial, &scenario.workload) {
        folder.write(&format!("trials/{stem}-actions.csv"), actions.as_bytes())?;
    }
    if trial.record.interrupted {
        return Ok(());
    }
    write_record(folder, stem, trial)
}

/// Lists the steps of an agent: time, age of the observation when its weights took effect, weight of each
/// backend.
fn weights_csv(steering: &SteeringRecord) -> String {
    let mut out = String::from("at_s,age_ms");
    for id in &steering.ids {
        let _ = write!(out, ",{}", plain::cell(id));
    }
    for step in &steering.steps {
        let _ = write!(out, "\n{:.4},{:.3}", step.at_s, step.age_ms);
        for weight in &step.weights {
            let _ = write!(out, ",{weight:.5}");
        }
    }
    out.push('\n');
    out
}

/// Writes the files of a whole scenario: Locust's CSV files and the histogram log of each algorithm, over
/// the trials that count. `file` is the slug of the scenario, unique in the run.
pub fn write_scenario(
    folder: &ResultsFolder,
    file: &str,
    scenario: &Scenario,
    trials: &[&Trial],
) -> Result<()> {
    let mut names: Vec<String> = Vec::new();
    for trial in trials {
        if !names.contains(&trial.label) {
            names.push(trial.label.clone());
        }
    }
    for name in names {
        let of: Vec<&Trial> = trials.iter().copied().filter(|trial| trial.label == name).collect();
        let stem = format!("{file}-{}", slug(&name));
        let workload = &scenario.workload;
        folder
            .write_with(&format!("locust/{stem}_stats.csv"), |out| locust::write_stats(out, &of, workload))?;
        folder
            .write_with(&format!("locust/{stem}_stats_history.csv"), |out| locust::write_history(out, &of))?;
        folder.write_with(&format!("locust/{stem}_failures.csv"), |out| {
            locust::write_failures(out, &of, workload)
        })?;
        folder.write_with(&format!("locust/{stem}_exceptions.csv"), |out| locust::write_exceptions(out))?;
        let logged: Vec<HlogTrial<'_>> = of
            .iter()
            .map(|trial| HlogTrial {
                algorithm: &name,
                started: SystemTime::from(trial.started),
                record: &trial.record,
            })
            .collect();
        folder.write_with(&format!("hlog/{stem}.hlog"), |mut out| Ok(write_hlog(&mut out, &logged)?))?;
    }
    Ok(())
}

/// Writes hits and misses by kind of request for each algorithm of a scenario whose replies were told apart by a header.
/// `file` is the slug of the scenario, unique in the run.
pub fn write_observed_files(folder: &ResultsFolder, file: &str, scenario: &ScenarioSummary) -> Result<()> {
    for algorithm in scenario.algorithms.iter().filter(|algorithm| algorithm.observed.is_some()) {
        let name = format!("observed/{file}-{}.csv", slug(&algorithm.name));
        folder.write_with(&name, |out| write_observed(out, algorithm))?;
    }
    Ok(())
}

/// Writes the summary. It is written last, so a folder with a summary contains all other files too.
pub fn write_summary(folder: &ResultsFolder, summary: &Summary) -> Result<()> {
    folder.write("summary.json", &serde_json::to_vec_pretty(summary)?)
}
