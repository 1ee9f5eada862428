//! `bench suite`: runs packs and configs one after the other. One that fails does not keep the others from running.

use super::job::{Job, log_to};
use super::pack_args::SuiteArgs;
use super::pack_job::{prepare, refuse_config, repeat_command, wait_first};
use super::plan;
use super::run::{Outcome, STOPPING, run_job};
use super::run_args::{ConfigArgs, RunArgs};
use super::shared::{block_on, command_line, listen_saying, print, read_plan};
use super::steered::steered;
use crate::exit::{ExitCode, Failure, OrExit};
use crate::experiment::{Interrupt, Mode};
use crate::suite::{Ending, Index, render_outcome};
use anyhow::anyhow;
use lb_config::{Engine, Pack, Selected, SuiteFile, SuiteRun};
use lb_core::plain;
use lb_io::complain;
use lb_results::{SuiteRunState, ThresholdResult, run_id};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often a pause looks whether the user ended it.
const LOOK_PERIOD: Duration = Duration::from_millis(100);

/// Several runs, one after the other.
pub(super) struct SuiteJob {
    /// Name of the suite.
    pub(super) name: String,
    /// The pause between two runs.
    pub(super) cool_down: Duration,
    /// Whether the pause also comes before runs in virtual time, which need none.
    pub(super) rests_in_virtual_time: bool,
    /// The runs, in order.
    pub(super) entries: Vec<SuiteEntry>,
}

/// A run of a suite.
pub(super) struct SuiteEntry {
    /// Name of the run.
    pub(super) name: String,
    /// What it plays.
    pub(super) job: Job,
    /// The address that answers once its target is ready.
    pub(super) ready: Option<String>,
}

pub(super) fn execute(args: &SuiteArgs) -> Result<ExitCode, Failure> {
    refuse_config(&args.run)?;
    let file = SuiteFile::load(&args.file).or_exit(ExitCode::Usage)?;
    let mut entries = Vec::new();
    for run in &file.suite {
        entries.extend(entries_of(run, args)?);
    }
    let suite = SuiteJob {
        name: file.name.clone(),
        cool_down: args.cool_down.unwrap_or_else(|| file.pause()),
        rests_in_virtual_time: args.cool_down.is_some(),
        entries,
    };
    play_suite(&suite, &args.run, args.plan)
}

/// Makes the entries of a run: one, or those of a suite of a pack.
fn entries_of(run: &SuiteRun, suite: &SuiteArgs) -> Result<Vec<SuiteEntry>, Failure> {
    let mut args = suite.run.clone();
    if run.scenario.is_some() {
        args.experiment.overrides.scenario.clone_from(&run.scenario);
    }
    let file = suite.file.to_string_lossy();
    let command = |words: &[&str]| {
        let mut words = words.to_vec();
        words.extend(run.scenario.iter().flat_map(|name| ["--scenario", name.as_str()]));
        repeat_command(&words, &["suite", &file])
    };
    if let Some(config) = &run.config {
        let stem = Path::new(config).file_stem().unwrap_or_default().to_string_lossy();
        let name = run.name.as_deref().or(run.scenario.as_deref()).unwrap_or(&stem).to_owned();
        let (loaded, plan) = read_plan(&ConfigArgs { config: Some(config.clone()), ..args.experiment })?;
        let job = Job { loaded, plan, command: command(&["--config", config]), replication: 0 };
        return Ok(vec![SuiteEntry { name, job, ready: None }]);
    }
    let named = run.pack.as_deref().unwrap_or_default();
    let pack = Pack::load(named).or_exit(ExitCode::Usage)?;
    let modes = match pack.select(run.mode.as_deref()).or_exit(ExitCode::Usage)? {
        Selected::Mode(mode) => vec![mode],
        Selected::Suite(suite) => suite.modes,
    };
    let several = modes.len() > 1;
    let entry = |mode: String| -> Result<SuiteEntry, Failure> {
        let mut words = vec!["pack", named, &mode];
        words.extend(run.profile.iter().flat_map(|name| ["--profile", name.as_str()]));
        let (job, ready) = prepare(&pack, &mode, run.profile.as_deref(), &args, command(&words))?;
        let name = match (&run.name, several) {
            (Some(name), true) => format!("{name} {mode}"),
            (Some(name), false) => name.clone(),
            (None, _) => format!("{} {mode}", pack.name()),
        };
        Ok(SuiteEntry { name, job, ready })
    };
    modes.into_iter().map(entry).collect()
}

/// Plays a suite, or shows the plans of its runs.
pub(super) fn play_suite(suite: &SuiteJob, args: &RunArgs, plans: bool) -> Result<ExitCode, Failure> {
    refuse_single(args)?;
    refuse_endless(suite)?;
    if plans {
        for entry in &suite.entries {
            print(&format!("== {} ==", entry.name));
            plan::show(&entry.job.plan);
        }
        return Ok(ExitCode::Ok);
    }
    let folder = args.out.clone().unwrap_or_else(|| PathBuf::from("results").join(run_id(&suite.name)));
    let names: Vec<&str> = suite.entries.iter().map(|entry| entry.name.as_str()).collect();
    let mut index = Index::create(&folder, &suite.name, command_line(), suite.cool_down, &names)
        .or_exit(ExitCode::Preflight)?;
    let log = File::options().create(true).append(true).open(folder.join("bench.log"));
    log_to(log.or_exit(ExitCode::Preflight)?);
    block_on(steered(args.steer, STOPPING, async |steered| {
        let own = steered.map(|steered| steered.interrupt.clone());
        let interrupt = own.unwrap_or_else(|| listen_saying(STOPPING));
        for (number, entry) in suite.entries.iter().enumerate() {
            if number > 0 && (suite.rests_in_virtual_time || entry.job.plan.engine() != Some(Engine::Sim)) {
                rest(suite.cool_down, &interrupt).await;
            }
            if interrupt.is_set() {
                break;
            }
            if !args.quiet {
                print(&format!("== {} ({} of {}) ==", entry.name, number + 1, suite.entries.len()));
            }
            index.begin(number).or_exit(ExitCode::Preflight)?;
            let args =
                RunArgs { out: Some(index.folder_of(number)), ..wait_first(args, entry.ready.as_deref()) };
            let began = Instant::now();
            let ended = run_job(&args, &entry.job, Mode::Compare, Some(&interrupt), steered).await;
            if let Err(failure) = &ended {
                complain(format_args!("error: {}", plain::lines(&failure.to_string())));
            }
            index.end(number, describe_end(ended, began.elapsed())).or_exit(ExitCode::Preflight)?;
        }
        index.finish(interrupt.is_set()).or_exit(ExitCode::Preflight)?;
        print(&format!(
            "== {} ==\n{}results: {}",
            suite.name,
            render_outcome(index.summary()),
            folder.display()
        ));
        let failed = index.summary().runs.iter().any(|run| run.state == SuiteRunState::Failed);
        Ok(match failed {
            _ if interrupt.is_set() => ExitCode::Interrupted,
            true => ExitCode::SUITE_FAILED,
            false => ExitCode::Ok,
        })
    }))
}

/// Rejects flags that are about the files of a single run.
fn refuse_single(args: &RunArgs) -> Result<(), Failure> {
    let single = [("--resume", args.resume.is_some()), ("--events", args.events.is_some())];
    match single.into_iter().find(|(_, given)| *given) {
        Some((flag, _)) => {
            let problem =
                format!("{flag}: is for a single run, and this is a suite; give it with one of its runs");
            Err(anyhow!(problem)).or_exit(ExitCode::Usage)
        }
        None => Ok(()),
    }
}

/// Rejects runs without an end, since no other run would follow.
fn refuse_endless(suite: &SuiteJob) -> Result<(), Failure> {
    match suite.entries.iter().find(|entry| entry.job.plan.is_endless()) {
        Some(entry) => Err(anyhow!(
            "the run `{}` has no end, so no other run of the suite would follow; leave it out, or give all runs an end \
             with --duration",
            entry.name
        ))
        .or_exit(ExitCode::Usage),
        None => Ok(()),
    }
}

/// Says how a run ended.
fn describe_end(ended: Result<Outcome, Failure>, duration: Duration) -> Ending {
    let (code, reasons) = match ended {
        Ok(Outcome { code, missed, .. }) => (code, missed.iter().map(describe).collect()),
        Err(failure) => (failure.code, vec![plain::line(&failure.to_string()).into_owned()]),
    };
    let state = match code {
        ExitCode::Ok => SuiteRunState::Passed,
        ExitCode::Interrupted => SuiteRunState::Interrupted,
        _ => SuiteRunState::Failed,
    };
    Ending { state, exit_code: code as u8, reasons, duration }
}

/// Describes a threshold that did not hold.
fn describe(missed: &ThresholdResult) -> String {
    let observed = missed.observed.map_or_else(|| "nothing".to_owned(), |value| format!("{value:.4}"));
    format!("{} ({} in \"{}\": observed {observed})", missed.threshold, missed.algorithm, missed.scenario)
}

/// Waits, unless the user ends the suite.
async fn rest(pause: Duration, interrupt: &Interrupt) {
    let end = tokio::time::Instant::now() + pause;
    while !interrupt.is_set() {
        let left = end.saturating_duration_since(tokio::time::Instant::now());
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(LOOK_PERIOD)).await;
    }
}
