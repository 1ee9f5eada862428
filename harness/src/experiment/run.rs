//! A run: scenario by scenario, block by block, each algorithm once per block in a shuffled order.
//! Each trial is on disk before the next one begins, so a failure loses nothing that was measured.

use super::context::{Context, Mode, RunOptions};
use super::ended::{Ended, Run};
use super::error::RunError;
use super::events::{Event, Observe};
use super::fingerprint::fingerprint;
use super::interrupt::Interrupt;
use super::judge::{JudgedScenario, judge};
use super::measure::measure;
use super::measured::{MeasuredScenario, valid};
use super::oracles::oracles;
use super::schedules::combined_sha256;
use crate::testbed::{Choice, Own, choose};
use lb_config::{Engine, Plan, TrainedPolicy};
use lb_results::{
    ConfigSummary, Host, NoiseFloors, PolicySummary, SCHEMA_VERSION, Summary, TRACES, TracesSummary, Trial,
    machine, write_scenario, write_summary,
};

/// Runs a plan, writes its results, and reports its progress to `events`.
///
/// # Errors
/// The run could not begin, so that there is no summary. What goes wrong later is in [`Run::ended`], beside the
/// results up to there.
pub async fn run(
    plan: &Plan,
    options: RunOptions<'_>,
    interrupt: &Interrupt,
    events: &dyn Observe,
) -> Result<Run, RunError> {
    let context = Context::new(plan, &options, interrupt, events);
    let run = run_scenarios(&context, &options).await;
    let (ended, error, summary) = match &run {
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
    run
}

/// Chooses what is under test, runs all scenarios, and writes the summary.
async fn run_scenarios(context: &Context<'_>, options: &RunOptions<'_>) -> Result<Run, RunError> {
    let plan = context.plan;
    let engine = plan.engine().unwrap_or(Engine::Live);
    let choice = match engine {
        Engine::Sim => None,
        Engine::Live => Some(choose(plan.target()).await.map_err(RunError::testbed)?),
    };
    let mut summary = blank_summary(plan, options, engine, choice.as_ref());
    announce(context, &summary);
    let managed = !matches!(choice, Some(Choice::Running(_)));
    if !managed {
        refuse_ours_only(plan, options.traces.is_some()).map_err(RunError::Plan)?;
    }
    summary.policy = followed(plan).filter(|_| managed);
    summary.fingerprint = fingerprint(plan, &kind(choice.as_ref()), options.traces);
    summary.notes.extend(exploration_note(options.traces));
    let floors = NoiseFloors::load(options.folder.path(), &summary.fingerprint, &summary.host)
        .map_err(RunError::Results)?
        .filter(|_| options.mode == Mode::Compare);
    let mut failure = None;
    let mut hashes = Vec::new();
    for number in 0..plan.scenarios().len() {
        if failure.is_some() || context.interrupt.is_set() {
            break;
        }
        let mut measured = MeasuredScenario::default();
        failure = measure(context, number, choice.as_ref(), &mut measured).await.err();
        hashes.extend(measured.blocks.schedules.iter().cloned());
        // What was measured is worth its tables even when its files cannot be written.
        failure = failure.or(write_trials(context, number, &measured).err());
        let scenario = &plan.scenarios()[number];
        let mut judged = judge(plan, &options.mode, scenario, &measured, floors.as_ref(), managed);
        if options.oracles && options.mode == Mode::Compare && managed && failure.is_none() {
            failure = add_bounds(context, number, &measured, &mut judged).await.err();
        }
        context.events.observe(&Event::ScenarioJudged { summary: Box::new(judged.summary.clone()) });
        add(&mut summary, judged, measured);
    }
    summary.notes.dedup();
    summary.schedule_sha256 = combined_sha256(hashes.iter().map(String::as_str));
    summary.interrupted = context.interrupt.is_set();
    let written = write_summary(&options.folder, &summary).map_err(RunError::Results);
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

/// Tells what is about to run.
fn announce(context: &Context<'_>, summary: &Summary) {
    let plan = context.plan;
    context.events.observe(&Event::RunStarted {
        run_id: summary.run_id.clone(),
        load_balancer: summary.load_balancer.clone(),
        engine: summary.engine,
        mode: context.mode.name().to_owned(),
        results: context.folder.path().display().to_string(),
        scenarios: plan.scenarios().iter().map(|scenario| scenario.scenario().name.clone()).collect(),
    });
    for note in plan.notes() {
        context.events.observe(&Event::Note { text: note.to_string() });
    }
}

/// Says how many decisions were random, where any were.
fn exploration_note(traces: Option<f64>) -> Option<String> {
    let exploration = traces.filter(|exploration| *exploration > 0.0)?;
    Some(format!(
        "traces were recorded with an exploration of {} %: so many decisions of every algorithm were made at random",
        exploration * 100.0
    ))
}

/// Writes the files of a scenario over its valid trials.
fn write_trials(context: &Context<'_>, number: usize, measured: &MeasuredScenario) -> Result<(), RunError> {
    let trials: Vec<&Trial> = valid(&measured.blocks.trials).collect();
    let scenario = context.plan.scenarios()[number].scenario();
    write_scenario(context.folder, scenario, &trials).map_err(RunError::Results)
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

/// Keeps what an A/A comparison found for later verdicts.
fn keep_noise(context: &Context<'_>, summary: &Summary) -> anyhow::Result<()> {
    let found =
        summary.scenarios.iter().filter_map(|scenario| Some((scenario.name.clone(), scenario.aa.clone()?)));
    let floors = NoiseFloors {
        schema_version: SCHEMA_VERSION,
        run_id: summary.run_id.clone(),
        fingerprint: summary.fingerprint.clone(),
        host: machine(&summary.host),
        scenarios: found.collect(),
    };
    let path = floors.store(context.folder.path(), &summary.host)?;
    context.events.observe(&Event::NoiseFloorKept { path: path.display().to_string() });
    Ok(())
}

/// Refuses settings that only a load balancer that `bench` starts can honour.
fn refuse_ours_only(plan: &Plan, traces: bool) -> anyhow::Result<()> {
    anyhow::ensure!(
        !traces,
        "--traces: the load balancer that answers is not started by `bench`, and where it records its decisions is \
         its own matter; leave --traces out, or stop that load balancer to use the embedded one"
    );
    anyhow::ensure!(
        plan.balancers() == 1,
        "balancers = {}: the load balancer that answers is not started by `bench`, and has as many as it has; \
         leave --balancers out, or stop that load balancer to use the embedded one",
        plan.balancers()
    );
    if let Some(policy) = plan.policy().as_ref().filter(|policy| policy.source != TrainedPolicy::BUNDLED) {
        anyhow::bail!(
            "policy = {}: the load balancer that answers is not started by `bench` and follows a policy of its own; \
             leave --policy out and reload the policy there, or stop that load balancer to use the embedded one",
            policy.source
        );
    }
    Ok(())
}

/// Returns the policy that `rl` follows; `None` when `rl` does not run.
fn followed(plan: &Plan) -> Option<PolicySummary> {
    let policy = plan.policy().filter(|_| plan.runs_learned())?;
    Some(PolicySummary { source: policy.source.clone(), sha256: policy.file.sha256.clone() })
}

/// Names what is under test for the fingerprint: runs with the same name may share a noise floor.
fn kind(choice: Option<&Choice>) -> String {
    match choice {
        None => "simulated".to_owned(),
        Some(Choice::Own(own)) if own.as_slice() == [Own::Reference] => "embedded".to_owned(),
        Some(Choice::Own(own)) => {
            let names: Vec<String> = own.iter().map(|one| one.load_balancer().to_string()).collect();
            names.join(", ")
        }
        Some(Choice::Running(running)) => running.base_url.clone(),
    }
}

/// Makes the summary of a run of which nothing is measured yet.
fn blank_summary(plan: &Plan, options: &RunOptions<'_>, engine: Engine, choice: Option<&Choice>) -> Summary {
    Summary {
        schema_version: SCHEMA_VERSION,
        run_id: options.run_id.clone(),
        started_at: jiff::Timestamp::now().to_string(),
        command: options.command.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit: crate::COMMIT.to_owned(),
        host: Host::read(),
        config: ConfigSummary {
            name: plan.name().to_owned(),
            source: plan.source().to_owned(),
            dialect: serde_json::to_value(plan.dialect())
                .ok()
                .and_then(|d| d.as_str().map(str::to_owned))
                .unwrap_or_default(),
            content: options.loaded.document(),
        },
        seed: plan.seed().0,
        engine: match engine {
            Engine::Live => lb_results::Engine::Live,
            Engine::Sim => lb_results::Engine::Sim,
        },
        load_balancer: choice.map_or_else(|| "simulated".to_owned(), ToString::to_string),
        balancers: plan.balancers(),
        policy: None,
        traces: options.traces.map(|exploration| TracesSummary { folder: TRACES.to_owned(), exploration }),
        schedule_sha256: String::new(),
        interrupted: false,
        fingerprint: String::new(),
        scenarios: Vec::new(),
        thresholds: Vec::new(),
        notes: plan.notes().iter().map(ToString::to_string).collect(),
    }
}
