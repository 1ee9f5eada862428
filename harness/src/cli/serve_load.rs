//! `bench serve-load`, and a run with `--duration forever`: sends load until it is stopped.

use super::args::ReportArgs;
use super::history::refuse_without_history;
use super::job::{Job, log_to, open};
use super::run_args::RunArgs;
use super::shared::{block_on, command_line, listen_saying, print, read_plan};
use super::steered::{Steered, steered};
use crate::continuous::{self, Finished, Options, render_console, render_markdown, render_page};
use crate::exit::{ExitCode, Failure, OrExit};
use crate::experiment::{Ended, Event, Mode, Observe, RunOptions};
use crate::show::Progress;
use anyhow::anyhow;
use lb_config::Length;
use lb_continuous::ContinuousDocument;
use lb_report::{Detail, ReportFormat};
use lb_results::ResultsFolder;
use std::time::Duration;

/// What the first signal says. It is the ordinary end of such a load.
pub(super) const STOPPING: &str = "stopping the load and writing its report (press again to quit at once)";

/// The reports that a load without end has, with the names of their files.
const REPORTS: [(ReportFormat, &str); 2] =
    [(ReportFormat::Html, "continuous.html"), (ReportFormat::Markdown, "continuous.md")];

pub(super) fn execute(args: &RunArgs) -> Result<ExitCode, Failure> {
    let mut args = args.clone();
    let typed = args.experiment.overrides.duration.replace(Length::Forever);
    block_on(async {
        let (loaded, plan) = read_plan(&args.experiment)?;
        let job = Job { loaded, plan, command: command_line(), replication: 0 };
        let limit = typed.and_then(Length::duration);
        steered(args.steer, STOPPING, async |steered| serve(&args, &job, limit, steered).await).await
    })
}

/// Rejects modes that need trials.
pub(super) fn refuse_mode(mode: &Mode) -> Result<(), Failure> {
    match mode {
        Mode::Compare => Ok(()),
        _ => Err(anyhow!("--duration forever: an A/A comparison needs an end; use a time such as `10m`"))
            .or_exit(ExitCode::Usage),
    }
}

/// Sends the load of a job until a signal, or for `limit`, and writes its report. `steered` takes commands, if anything
/// does.
pub(super) async fn serve(
    args: &RunArgs,
    job: &Job,
    limit: Option<Duration>,
    steered: Option<&Steered>,
) -> Result<ExitCode, Failure> {
    let Job { loaded, plan, command, .. } = job;
    refuse_without_history(args)?;
    args.workers.refuse_elsewhere("a load without end")?;
    refuse_what_grows(args)?;
    let live = args.live.options(limit)?;
    let (run_id, folder, _claim) = open(args, plan)?;
    log_to(folder.create_log("bench.log").or_exit(ExitCode::Preflight)?);
    let interrupt = steered.map(|steered| steered.interrupt.clone());
    let interrupt = interrupt.unwrap_or_else(|| listen_saying(STOPPING));
    args.live.wait(plan, &interrupt, args.quiet).await?;
    let progress = Progress::new(args.quiet, Detail::Brief);
    let mut observers: Vec<&dyn Observe> = vec![&progress];
    observers.extend(steered.map(|steered| &steered.events as &dyn Observe));
    let run = RunOptions {
        loaded,
        command: command.clone(),
        run_id,
        folder: folder.clone(),
        record_actions: false,
        record_requests: false,
        traces: None,
        access_log: None,
        accept_invalid: args.accept_invalid,
        oracles: false,
        replication: 0,
        mode: Mode::Compare,
        resume: false,
        desk: steered.map(|steered| steered.desk.clone()),
        fleet: None,
    };
    let Finished { document, ended } =
        continuous::run(plan, Options { run, live }, &interrupt, &observers).await?;
    print(&render_console(&document));
    let events: &dyn Observe = steered.map_or(&(), |steered| &steered.events);
    let written = write_reports(&folder, &document, &args.report, events);
    print(&format!("results: {}", folder.path().display()));
    match ended {
        Ended::Failed(error) => Err(error.into()),
        Ended::Complete | Ended::Interrupted => written.map(|()| ExitCode::Ok),
    }
}

/// Writes the reports of a load without end again, for `bench report`. That of a process that was killed covers what it
/// wrote last.
pub(super) fn report(args: &ReportArgs, document: &ContinuousDocument) -> Result<ExitCode, Failure> {
    // This fails while the load runs.
    let (folder, _claim) = ResultsFolder::claim(&args.folder).or_exit(ExitCode::Preflight)?;
    if args.verbose {
        print(&render_console(document));
    }
    write_reports(&folder, document, &args.report, &()).map(|()| ExitCode::Ok)
}

/// Writes those of the reports that a load without end has, prints where, and tells `events`.
fn write_reports(
    folder: &ResultsFolder,
    document: &ContinuousDocument,
    formats: &[ReportFormat],
    events: &dyn Observe,
) -> Result<(), Failure> {
    for (format, name) in REPORTS.into_iter().filter(|(format, _)| formats.contains(format)) {
        let text =
            if format == ReportFormat::Html { render_page(document) } else { render_markdown(document) };
        folder.write(name, text.as_bytes()).or_exit(ExitCode::Preflight)?;
        let path = folder.path().join(name).display().to_string();
        print(&format!("report: {path}"));
        events.observe(&Event::ReportWritten { path });
    }
    Ok(())
}

/// Rejects what would fill the disk, and what needs trials.
fn refuse_what_grows(args: &RunArgs) -> Result<(), Failure> {
    let given = [
        ("--record-requests", args.record_requests, "its file would grow without end"),
        ("--record-actions", args.record_actions, "its file would grow without end"),
        ("--traces", args.traces, "its file would grow without end"),
        ("--access-log", args.access_log.is_some(), "its file would grow without end"),
        ("--events", args.events.is_some(), "its file would grow without end"),
        ("--max-rate", args.max_rate.is_some(), "a search needs trials with an end"),
        ("--resume", args.resume.is_some(), "there is nothing to resume"),
        ("--history", args.history.is_some(), "a history holds trials, and such a load has none"),
    ];
    match given.into_iter().find(|(_, given, _)| *given) {
        Some((flag, _, why)) => Err(anyhow!(
            "{flag}: {why}; leave it out, or give the load an end such as `--duration 10m` without `serve-load`"
        ))
        .or_exit(ExitCode::Usage),
        None => Ok(()),
    }
}
