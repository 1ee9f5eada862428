//! A run: scenario by scenario, block by block, each algorithm once per block in a shuffled order. Each trial
//! Each trial is on disk before the next one begins, so a failure loses no measurements, and an interrupted
//! run can be resumed or summarised.

use super::context::{Context, Mode, RunOptions};
use super::ended::{Ended, Run};
use super::error::{FailedScenario, RunError};
use super::events::{Event, Observe};
use super::head::{head, refuse_log, refuse_ours_only};
use super::interrupt::Interrupt;
use super::judge::{JudgedScenario, judge};
use super::live_events::Steerable;
use super::measure::{Source, measure};
use super::measured::{MeasuredScenario, valid};
use super::oracles::oracles;
use super::preflight::{UNVERIFIED, reach_target};
use super::recorded_trials::RecordedTrials;
use super::run_file::RunFile;
use super::schedules::combined_sha256;
use super::scrape;
use crate::steer::Now;
use crate::testbed::{Choice, Chosen, choose};
use anyhow::{Context as _, anyhow};
use lb_config::{Engine, MockApi, Plan};
use lb_results::{
    ListedBackend, NoiseFloors, Summary, Trial, read_records, write_observed_files, write_scenario,
    write_summary,
};

/// Runs a plan, writes its results, and reports its progress to `events`.
///
/// # Errors
/// The run could not begin, so there is no summary. Later errors are in [`Run::ended`], together with the
/// results so far.
pub async fn run(
    plan: &Plan,
    options: RunOptions<'_>,
    interrupt: &Interrupt,
    events: &dyn Observe,
) -> Result<Run, RunError> {
    let run = match recorded(&options, options.resume) {
        Ok(recorded) => {
            let context = Context::new(plan, &options, interrupt, events, recorded);
            begin(&context, &options).await
        }
        Err(error) => Err(error),
    };
    tell_end(&options, events, &run);
    run
}

/// Summarises an interrupted run from disk and writes its results, without running anything.
///
/// # Errors
/// The folder holds no run, or a run with another plan.
pub async fn recover(
    plan: &Plan,
    options: RunOptions<'_>,
    interrupt: &Interrupt,
    events: &dyn Observe,
) -> Result<Run, RunError> {
    let context = Context::new(plan, &options, interrupt, events, recorded(&options, true)?);
    let mut file = read_run_file(&options)?;
    let mut now = RunFile::new(&context, &file.head, file.managed);
    env!("CARGO_PKG_VERSION").clone_into(&mut now.head.version);
    crate::COMMIT.clone_into(&mut now.head.commit);
    now.head.config.content = options.loaded.document();
    refuse_difference(&file, &now, "the run cannot be summarised")?;
    let mut summary = file.head.clone();
    let trials = context.recorded.len();
    summary.notes.push(format!("summarised by `bench report` from the {trials} complete trials on disk"));
    let run = run_scenarios(&context, &options, summary, Source::Disk, &mut file).await;
    tell_end(&options, events, &run);
    run
}

/// Reads the trials that an earlier process completed; none for a new run.
fn recorded(options: &RunOptions<'_>, wanted: bool) -> Result<RecordedTrials, RunError> {
    if !wanted {
        return Ok(RecordedTrials::default());
    }
    let trials = read_records(options.folder.path()).map_err(|error| RunError::Results(error.into()))?;
    Ok(RecordedTrials::new(trials))
}

/// Reads the description of the run in the folder.
fn read_run_file(options: &RunOptions<'_>) -> Result<RunFile, RunError> {
    let path = options.folder.path();
    let file = RunFile::read(path).map_err(RunError::Plan)?;
    let missing = || format!("`{}` holds no run to resume: there is no run.json", path.display());
    file.with_context(missing).map_err(RunError::Plan)
}

/// Rejects trials of a different run.
fn refuse_difference(then: &RunFile, now: &RunFile, what: &str) -> Result<(), RunError> {
    match then.difference(now) {
        Some(difference) => Err(RunError::Plan(anyhow!(
            "{what}, since it differs from the one on disk: {difference}; use the same config and flags, or \
            start a new run in another folder with --out"
        ))),
        None => Ok(()),
    }
}

/// Sends the event that the run is over.
fn tell_end(options: &RunOptions<'_>, events: &dyn Observe, run: &Result<Run, RunError>) {
    let (ended, error, summary) = match run {
        Ok(run) => {
            let error = if let Ended::Failed(error) = &run.ended { Some(error.chain()) } else { None };
            (run.ended.name(), error, Some(Box::new(run.summary.clone())))
        }
        Err(error) => ("failed", Some(error.chain()), None),
    };
    events.observe(&Event::RunFinished {
        ended: ended.to_owned(),
        error,
        results: options.folder.path().display().to_string(),
        summary,
    });
}

/// Chooses the system under test, and starts or resumes the run.
async fn begin(context: &Context<'_>, options: &RunOptions<'_>) -> Result<Run, RunError> {
    let plan = context.plan;
    let engine = plan.engine().unwrap_or(Engine::Live);
    let chosen = match engine {
        Engine::Sim => None,
        Engine::Live => {
            reach_target(plan).await?;
            check_scrapes(context).await?;
            Some(choose(plan.target()).await.map_err(RunError::testbed)?)
        }
    };
    let (choice, note) = chosen.map_or((None, None), |Chosen { choice, note }| (Some(choice), note));
    let managed = !matches!(choice, Some(Choice::Running(_)));
    let mut summary = head(plan, options, engine, choice.as_ref());
    summary.notes.extend(note.clone());
    announce(context, &summary, note);
    tell_steerable(context, choice.as_ref());
    if !managed {
        refuse_ours_only(plan, options.traces.is_some()).map_err(RunError::Plan)?;
    }
    if let Some(path) = &options.access_log {
        refuse_log(path, choice.as_ref()).map_err(RunError::Plan)?;
    }
    let mut file = RunFile::new(context, &summary, managed);
    if options.resume {
        let earlier = read_run_file(options)?;
        refuse_difference(&earlier, &file, "--resume: the run cannot be resumed")?;
        (summary.run_id, summary.started_at) = (earlier.head.run_id.clone(), earlier.head.started_at.clone());
        let text = format!("resumed: {} complete trials on disk are kept", context.recorded.len());
        context.events.observe(&Event::Note { text: text.clone() });
        summary.notes.push(text);
        // A summary means that all trials are complete, which is no longer true.
        let old = context.folder.path().join("summary.json");
        if let Err(error) = std::fs::remove_file(&old)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            let error = anyhow!(error).context(format!("failed to remove `{}`", old.display()));
            return Err(RunError::Results(error));
        }
        file = earlier;
    } else {
        file.write(context.folder).map_err(RunError::Results)?;
    }
    let source = choice.as_ref().map_or(Source::Simulated, Source::Live);
    run_scenarios(context, options, summary, source, &mut file).await
}

/// Reads each target of `--scrape` that has an address of its own, so that a mistake is found before anything starts.
async fn check_scrapes(context: &Context<'_>) -> Result<(), RunError> {
    let plan = context.plan;
    if matches!(context.mode, Mode::MaxRate(_)) {
        if !plan.scrapes().is_empty() {
            let text = "--scrape has no effect: a search for rates keeps no series over time".to_owned();
            context.events.observe(&Event::Note { text });
        }
        return Ok(());
    }
    for text in scrape::check(&scrape::endpoints_of_urls(plan.scrapes()), plan.scrape_interval()).await? {
        context.events.observe(&Event::Note { text });
    }
    Ok(())
}

/// Runs all scenarios and writes the summary. A failed scenario does not prevent the others from running.
async fn run_scenarios(
    context: &Context<'_>,
    options: &RunOptions<'_>,
    mut summary: Summary,
    source: Source<'_>,
    file: &mut RunFile,
) -> Result<Run, RunError> {
    let plan = context.plan;
    let floors = NoiseFloors::load(options.folder.path(), &summary.fingerprint, &summary.host)
        .map_err(RunError::Results)?
        .filter(|_| options.mode == Mode::Compare);
    let mut failed: Vec<FailedScenario> = Vec::new();
    let mut hashes = Vec::new();
    for (number, scenario) in plan.scenarios().iter().enumerate() {
        if context.interrupt.is_set() || failed.last().is_some_and(|last| last.error.ends_the_run()) {
            break;
        }
        let mut measured = MeasuredScenario::default();
        let mut failure = measure(context, number, source, file, &mut measured).await.err();
        hashes.extend(measured.blocks.schedules.iter().cloned());
        // The measurements are summarised even if their files cannot be written.
        failure = failure.or(write_trials(context, number, &measured).err());
        let mut judged = judge(plan, &options.mode, scenario, &measured, floors.as_ref(), file.managed);
        // The simulation knows the times of the topology alone: with others, what it calls best possible could be slower
        // than what was measured.
        let timed = plan.mock_api().is_some_and(MockApi::has_own_times);
        let bounded = options.oracles && options.mode == Mode::Compare && file.managed && !timed;
        if bounded && failure.is_none() {
            failure = add_bounds(context, number, &measured, &mut judged).await.err();
        }
        failure = failure.or(write_observed(context, number, &judged).err());
        context.events.observe(&Event::ScenarioJudged { summary: Box::new(judged.summary.clone()) });
        add(&mut summary, judged, measured);
        if let Some(error) = failure {
            let scenario = scenario.scenario().name.clone();
            if plan.scenarios().len() > 1 {
                summary.notes.push(format!("scenario \"{scenario}\" failed: {}", error.chain()));
            }
            failed.push(FailedScenario { scenario, error });
        }
    }
    summary.notes.dedup();
    if !hashes.is_empty() {
        summary.schedule_sha256 = combined_sha256(hashes.iter().map(String::as_str));
    }
    if let Some(desk) = context.desk {
        summary.notes.extend(desk.take_notes());
        desk.begin(Now::Nothing);
    }
    summary.interrupted = context.interrupt.is_set() || context.recorded.are_missing_some();
    let written = write_summary(&options.folder, &summary).map_err(RunError::Results);
    let mut failure = one_error(failed, plan.scenarios().len());
    if options.mode == Mode::Aa && failure.is_none() && !summary.interrupted {
        failure = keep_noise(context, &summary).map_err(RunError::Results).err();
    }
    let ended = match failure.or(written.err()) {
        Some(error) => Ended::Failed(error),
        None if summary.interrupted => Ended::Interrupted,
        None => Ended::Complete,
    };
    Ok(Run { summary, ended })
}

/// Combines the errors of the scenarios into one. `None` if there are none.
fn one_error(mut failed: Vec<FailedScenario>, scenarios: usize) -> Option<RunError> {
    match (failed.len(), scenarios) {
        (0, _) => None,
        (1, 1) => failed.pop().map(|only| only.error),
        _ => Some(RunError::ScenariosFailed { failed, scenarios }),
    }
}

/// Reports that the run begins, and the notes on its plan.
fn announce(context: &Context<'_>, summary: &Summary, note: Option<String>) {
    let plan = context.plan;
    context.events.observe(&Event::RunStarted {
        run_id: summary.run_id.clone(),
        load_balancer: summary.load_balancer.clone(),
        engine: summary.engine,
        mode: context.mode.name().to_owned(),
        results: context.folder.path().display().to_string(),
        scenarios: plan.scenarios().iter().map(|scenario| scenario.scenario().name.clone()).collect(),
    });
    let warning = summary.unverified_tls.then(|| UNVERIFIED.to_owned());
    for text in warning.into_iter().chain(note).chain(plan.notes().iter().map(ToString::to_string)) {
        context.events.observe(&Event::Note { text });
    }
}

/// Says which commands make sense for the run, if it takes any.
fn tell_steerable(context: &Context<'_>, choice: Option<&Choice>) {
    let Some(desk) = context.desk else { return };
    desk.begin(if choice.is_some() { Now::Experiment } else { Now::Simulation });
    let mut backends: Vec<String> = Vec::new();
    for scenario in context.plan.scenarios().iter().filter(|_| matches!(choice, Some(Choice::Own(..)))) {
        for backend in ListedBackend::of_topology(&scenario.scenario().topology) {
            if !backends.contains(&backend.id) {
                backends.push(backend.id);
            }
        }
    }
    let faults = !backends.is_empty() && !matches!(context.mode, Mode::MaxRate(_));
    let steerable = Steerable { backends, faults, pause: true, ..Steerable::default() };
    context.events.observe(&Event::Steerable(Box::new(steerable)));
}

/// Writes the files of a scenario that cover its valid trials.
fn write_trials(context: &Context<'_>, number: usize, measured: &MeasuredScenario) -> Result<(), RunError> {
    let trials: Vec<&Trial> = valid(&measured.blocks.trials).collect();
    let scenario = &context.plan.scenarios()[number];
    write_scenario(context.folder, scenario.slug(), scenario.scenario(), &trials).map_err(RunError::Results)
}

/// Writes hits and misses of a scenario, if a header of replies was observed.
fn write_observed(context: &Context<'_>, number: usize, judged: &JudgedScenario) -> Result<(), RunError> {
    let file = context.plan.scenarios()[number].slug();
    write_observed_files(context.folder, file, &judged.summary).map_err(RunError::Results)
}

/// Adds the simulated bounds of a scenario to its results.
async fn add_bounds(
    context: &Context<'_>,
    number: usize,
    measured: &MeasuredScenario,
    judged: &mut JudgedScenario,
) -> Result<(), RunError> {
    let scenario = &context.plan.scenarios()[number];
    context.events.observe(&Event::phase(&scenario.scenario().name, "simulating bounds"));
    let blocks = measured.blocks.schedules.len() as u32;
    judged.summary.oracles = oracles(context, scenario, blocks).await?;
    Ok(())
}

/// Puts the results and notes of a scenario into the summary of the run.
fn add(summary: &mut Summary, judged: JudgedScenario, measured: MeasuredScenario) {
    summary.notes.extend(judged.notes);
    summary.thresholds.extend(judged.thresholds);
    summary.scenarios.push(judged.summary);
    summary.notes.extend(measured.blocks.notes);
    for trial in &measured.blocks.trials {
        summary.notes.extend(trial.notes.iter().map(|note| format!("{}: {note}", trial.label)));
    }
}

/// Stores the noise floor found by an A/A comparison for later verdicts.
fn keep_noise(context: &Context<'_>, summary: &Summary) -> anyhow::Result<()> {
    let found = summary.scenarios.iter().map(|scenario| (scenario.name.clone(), scenario.noise.clone()));
    let found = found.filter(|(_, noise)| !noise.is_empty()).collect();
    let floors = NoiseFloors::new(&summary.run_id, &summary.fingerprint, &summary.host, found);
    let path = floors.store(context.folder.path(), &summary.host)?;
    context.events.observe(&Event::NoiseFloorKept { path: path.display().to_string() });
    Ok(())
}
