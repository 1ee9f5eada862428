//! Which files a run writes, and when: each trial as soon as it is complete, the rest at the end.

use crate::folder::{ResultsFolder, slug};
use crate::locust;
use crate::summary::algorithm::AlgorithmSummary;
use crate::summary::run::Summary;
use crate::trial::{SteeringRecord, Trial};
use crate::trial_file::{TrialFile, actions_csv};
use anyhow::Result;
use lb_core::workload::{Scenario, Schedule};
use lb_record::{HlogTrial, write_hlog};
use std::fmt::Write as _;
use std::time::SystemTime;

/// Returns the common prefix of the names of a trial's files.
pub fn trial_stem(scenario: &str, label: &str, block: u32, attempt: u32) -> String {
    let again = if attempt > 0 { "-again" } else { "" };
    format!("{}-{}-{block}{again}", slug(scenario), slug(label))
}

/// Writes one trial, so that nothing is lost if a later one fails.
pub fn write_trial(
    folder: &ResultsFolder,
    run_id: &str,
    scenario: &Scenario,
    schedule: &Schedule,
    trial: &Trial,
    result: AlgorithmSummary,
) -> Result<()> {
    let stem = trial_stem(&scenario.name, &trial.label, trial.block, trial.attempt);
    let file = TrialFile::new(run_id, &scenario.name, trial, result, schedule, &scenario.workload);
    folder.write(&format!("trials/{stem}.json"), &serde_json::to_vec(&file)?)?;
    if let Some(steering) = &trial.steering {
        folder.write(&format!("trials/{stem}-weights.csv"), weights_csv(steering).as_bytes())?;
    }
    if let Some(actions) = actions_csv(trial, &scenario.workload) {
        folder.write(&format!("trials/{stem}-actions.csv"), actions.as_bytes())?;
    }
    Ok(())
}

/// Lists the steps of an agent: time, age of the observation when its weights were in force, weight of each backend.
fn weights_csv(steering: &SteeringRecord) -> String {
    let mut out = String::from("at_s,age_ms");
    for id in &steering.ids {
        let _ = write!(out, ",{id}");
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

/// Writes the files of a whole scenario: Locust's CSVs and the histogram log of each algorithm, over
/// the trials that count.
pub fn write_scenario(folder: &ResultsFolder, scenario: &Scenario, trials: &[&Trial]) -> Result<()> {
    let mut names: Vec<String> = Vec::new();
    for trial in trials {
        if !names.contains(&trial.label) {
            names.push(trial.label.clone());
        }
    }
    for name in names {
        let of: Vec<&Trial> = trials.iter().copied().filter(|trial| trial.label == name).collect();
        let stem = format!("{}-{}", slug(&scenario.name), slug(&name));
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

/// Writes the summary. It is written last, so that a folder with a summary holds all other files too.
pub fn write_summary(folder: &ResultsFolder, summary: &Summary) -> Result<()> {
    folder.write("summary.json", &serde_json::to_vec_pretty(summary)?)
}
