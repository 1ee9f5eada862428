//! A run: scenario by scenario, block by block, each algorithm once per block in a shuffled order.
//! Each trial is on disk before the next one begins, so a failure loses nothing that was measured.

use super::Interrupt;
use super::blocks::valid;
use super::fingerprint::fingerprint;
use super::oracles::oracles;
use super::scenario::{Played, not_ours, run_scenario, summarise_scenario};
use super::schedules::combined_sha256;
use super::verdicts::noise;
use crate::exit::{ExitCode, Failure, OrExit};
use crate::show::Progress;
use crate::target::{Choice, Own, choose};
use lb_analysis::threshold::{Threshold, evaluate};
use lb_config::{Engine, Loaded, Plan, TrainedPolicy};
use lb_results::Trial;
use lb_results::{
    ConfigSummary, Host, NoiseFloors, PolicySummary, ResultsFolder, SCHEMA_VERSION, Summary, TRACES,
    TracesSummary, machine, write_scenario, write_summary,
};

/// What a run is for.
#[derive(Clone, Debug, PartialEq)]
pub enum Mode {
    /// Algorithms against each other.
    Compare,
    /// The first algorithm against itself: what a difference of nothing looks like.
    Aa,
    /// The highest rate at which each algorithm keeps an objective.
    MaxRate(Vec<Threshold>),
}

/// What a run is told besides its plan.
#[derive(Debug)]
pub struct RunOptions<'a> {
    /// The config that the plan was made from.
    pub loaded: &'a Loaded,
    /// Name of the run.
    pub run_id: String,
    /// Where results go.
    pub folder: ResultsFolder,
    /// Whether to keep each user's sequence of requests.
    pub record_actions: bool,
    /// Whether to write every request.
    pub record_requests: bool,
    /// Whether to record every decision, and the probability with which exploration makes one meanwhile.
    pub traces: Option<f64>,
    /// Whether trials that cannot be believed count, with a note.
    pub accept_invalid: bool,
    /// Whether to simulate bounds.
    pub oracles: bool,
    /// A simulation's own luck: with another one the same users meet other service times. 0 is the
    /// luck of the schedule.
    pub luck: u64,
    /// What it is for.
    pub mode: Mode,
}

/// What all trials of a run share.
pub(super) struct Context<'a> {
    pub(super) plan: &'a Plan,
    pub(super) folder: &'a ResultsFolder,
    pub(super) interrupt: &'a Interrupt,
    pub(super) record_actions: bool,
    pub(super) luck: u64,
    pub(super) record_requests: bool,
    /// Probability of exploration, where decisions are recorded.
    pub(super) traces: Option<f64>,
    pub(super) run_id: &'a str,
    pub(super) accept_invalid: bool,
    pub(super) mode: &'a Mode,
}

/// Runs a plan and writes its results. The summary is given back even when the run ended early; the
/// failure then says why.
pub async fn run(
    plan: &Plan,
    options: RunOptions<'_>,
    interrupt: &Interrupt,
    progress: &mut Progress,
) -> Result<(Summary, Option<Failure>), Failure> {
    let engine = plan.engine.unwrap_or(Engine::Live);
    let choice = match engine {
        Engine::Sim => None,
        Engine::Live => Some(choose(&plan.target).await.or_exit(ExitCode::Preflight)?),
    };
    let driven = choice.as_ref().map_or_else(|| "simulated".to_owned(), ToString::to_string);
    progress.announce(&format!("load balancer: {driven}"));
    progress.say(&format!("results: {}", options.folder.path().display()));
    for note in &plan.notes {
        progress.say(&format!("note: {note}"));
    }

    let ours = !matches!(choice, Some(Choice::Running(_)));
    if !ours {
        refuse_ours_only(plan, options.traces.is_some()).or_exit(ExitCode::Usage)?;
    }
    let mut summary = blank_summary(plan, &options, engine, driven);
    summary.policy = followed(plan).filter(|_| ours);
    summary.fingerprint = fingerprint(plan, &kind(choice.as_ref()), options.traces);
    if let Some(exploration) = options.traces.filter(|exploration| *exploration > 0.0) {
        summary.notes.push(format!(
            "traces were recorded with an exploration of {} %: so many decisions of every algorithm were made at random",
            exploration * 100.0
        ));
    }
    let floors = NoiseFloors::load(options.folder.path(), &summary.fingerprint, &summary.host)
        .or_exit(ExitCode::Preflight)?
        .filter(|_| options.mode == Mode::Compare);
    let context = Context {
        plan,
        folder: &options.folder,
        interrupt,
        record_actions: options.record_actions,
        luck: options.luck,
        record_requests: options.record_requests,
        traces: options.traces,
        run_id: &options.run_id,
        accept_invalid: options.accept_invalid,
        mode: &options.mode,
    };
    let mut failure = None;
    let mut hashes = Vec::new();
    for (number, scenario) in plan.scenarios.iter().enumerate() {
        if failure.is_some() || interrupt.is_set() {
            break;
        }
        let mut played = Played::default();
        failure = run_scenario(&context, number, &options.run_id, choice.as_ref(), progress, &mut played)
            .await
            .err();
        hashes.extend(played.blocks.schedules.iter().cloned());
        let believed: Vec<&Trial> = valid(&played.blocks.trials).collect();
        // What was measured is worth its tables even when it cannot be written.
        let written =
            write_scenario(&options.folder, &scenario.scenario, &believed).or_exit(ExitCode::Preflight);
        failure = failure.or(written.err());
        let mut result = summarise_scenario(plan, scenario, &played, floors.as_ref(), ours);
        result.max_rates = std::mem::take(&mut played.max_rates);
        if options.mode == Mode::Aa {
            result.aa = noise(&result.trials, &played.contestants, plan, &result.name);
        }
        if !ours {
            summary.notes.extend(not_ours(scenario));
            result.topology = "of the load balancer".to_owned();
        }
        for contestant in &played.contestants {
            let of: Vec<&Trial> =
                believed.iter().copied().filter(|trial| trial.label == contestant.label).collect();
            if !of.is_empty() {
                let found = evaluate(&plan.thresholds, scenario.scope(), &of, &contestant.label);
                summary.thresholds.extend(found);
            }
        }
        if options.oracles && options.mode == Mode::Compare && ours && failure.is_none() {
            let blocks = played.blocks.schedules.len() as u32;
            progress.phase(&scenario.scenario.name, "simulating bounds");
            result.oracles = oracles(&context, scenario, blocks).await?;
        }
        summary.scenarios.push(result);
        summary.notes.append(&mut played.blocks.notes);
        for trial in &played.blocks.trials {
            summary.notes.extend(trial.notes.iter().map(|note| format!("{}: {note}", trial.label)));
        }
    }
    summary.notes.dedup();
    summary.schedule_sha256 = combined_sha256(hashes.iter().map(String::as_str));
    summary.interrupted = interrupt.is_set();
    progress.finish();
    let written = write_summary(&options.folder, &summary).or_exit(ExitCode::Preflight);
    if options.mode == Mode::Aa && failure.is_none() && !summary.interrupted {
        keep_noise(&options.folder, &summary, progress).or_exit(ExitCode::Preflight)?;
    }
    Ok((summary, failure.or(written.err())))
}

/// Keeps what an A/A comparison found for later verdicts.
fn keep_noise(folder: &ResultsFolder, summary: &Summary, progress: &Progress) -> anyhow::Result<()> {
    let found =
        summary.scenarios.iter().filter_map(|scenario| Some((scenario.name.clone(), scenario.aa.clone()?)));
    let floors = NoiseFloors {
        schema_version: SCHEMA_VERSION,
        run_id: summary.run_id.clone(),
        fingerprint: summary.fingerprint.clone(),
        host: machine(&summary.host),
        scenarios: found.collect(),
    };
    let path = floors.store(folder.path(), &summary.host)?;
    progress.say(&format!("noise floor: {}", path.display()));
    Ok(())
}

/// What can be said to a load balancer of our own only.
fn refuse_ours_only(plan: &Plan, traces: bool) -> anyhow::Result<()> {
    anyhow::ensure!(
        !traces,
        "--traces: the load balancer that answers is not started by `bench`, and where it records its decisions is \
         its own matter; leave --traces out, or stop that load balancer to use the embedded one"
    );
    anyhow::ensure!(
        plan.balancers == 1,
        "balancers = {}: the load balancer that answers is not started by `bench`, and has as many as it has; \
         leave --balancers out, or stop that load balancer to use the embedded one",
        plan.balancers
    );
    if let Some(policy) = plan.policy.as_ref().filter(|policy| policy.source != TrainedPolicy::BUNDLED) {
        anyhow::bail!(
            "policy = {}: the load balancer that answers is not started by `bench` and follows a policy of its own; \
             leave --policy out and reload the policy there, or stop that load balancer to use the embedded one",
            policy.source
        );
    }
    Ok(())
}

/// What `rl` follows, if it runs.
fn followed(plan: &Plan) -> Option<PolicySummary> {
    let policy = plan.policy.as_ref().filter(|_| plan.runs_learned())?;
    Some(PolicySummary { source: policy.source.clone(), sha256: policy.file.sha256.clone() })
}

/// What is driven, as far as noise depends on it.
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

fn blank_summary(plan: &Plan, options: &RunOptions<'_>, engine: Engine, load_balancer: String) -> Summary {
    Summary {
        schema_version: SCHEMA_VERSION,
        run_id: options.run_id.clone(),
        started_at: jiff::Timestamp::now().to_string(),
        command: std::env::args().collect(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit: env!("BENCH_COMMIT").to_owned(),
        host: Host::read(),
        config: ConfigSummary {
            name: plan.name.clone(),
            source: plan.source.clone(),
            dialect: serde_json::to_value(plan.dialect)
                .ok()
                .and_then(|d| d.as_str().map(str::to_owned))
                .unwrap_or_default(),
            content: options.loaded.document(),
        },
        seed: plan.seed.0,
        engine: match engine {
            Engine::Live => lb_results::Engine::Live,
            Engine::Sim => lb_results::Engine::Sim,
        },
        load_balancer,
        balancers: plan.balancers,
        policy: None,
        traces: options.traces.map(|exploration| TracesSummary { folder: TRACES.to_owned(), exploration }),
        schedule_sha256: String::new(),
        interrupted: false,
        fingerprint: String::new(),
        scenarios: Vec::new(),
        thresholds: Vec::new(),
        notes: plan.notes.iter().map(ToString::to_string).collect(),
    }
}
