//! Summarises an interrupted run (such as after `kill -9`) from disk: parses its command again, rebuilds its
//! plan, and judges its complete trials.

use super::args::{Cli, Command, ReportArgs};
use super::pack_args::PackArgs;
use super::run_args::RunArgs;
use super::shared::{block_on, print, print_more, read_config};
use crate::exit::{ExitCode, Failure, OrExit};
use crate::experiment::{self, Ended, Interrupt, Mode, RunFile, RunOptions};
use anyhow::{Context as _, anyhow, bail};
use clap::Parser;
use lb_config::{ConfigError, Loaded, Overrides, Pack};
use lb_io::complain;
use lb_report::write_reports;
use lb_results::{ResultsFolder, Summary};

/// Summarises the run in the folder and writes its reports.
pub(super) fn recover(args: &ReportArgs, file: &RunFile) -> Result<ExitCode, Failure> {
    let path = std::path::absolute(&args.folder).or_exit(ExitCode::Usage)?;
    // This fails while the run is in progress.
    let (folder, _claim) = ResultsFolder::claim(&path).or_exit(ExitCode::Preflight)?;
    // Relative paths in the command are relative to where it was typed; if that folder is gone, they are not
    // found.
    let _ = std::env::set_current_dir(file.directory());
    let (run, mode, pack) = read_command(file).or_exit(ExitCode::Usage)?;
    let (loaded, overrides) = match &pack {
        Some(pack) => config_of_pack(pack, file)?,
        None => config_of(&run, file).or_exit(ExitCode::Usage)?,
    };
    let plan = lb_config::plan(&loaded, &overrides).or_exit(ExitCode::Usage)?;
    let options = RunOptions {
        loaded: &loaded,
        command: file.command().to_vec(),
        run_id: file.run_id().to_owned(),
        folder: folder.clone(),
        record_actions: run.record_actions,
        record_requests: run.record_requests,
        traces: run.traces.then_some(run.exploration),
        access_log: None,
        accept_invalid: run.accept_invalid,
        oracles: !run.no_oracles,
        replication: 0,
        mode,
        resume: false,
        desk: None,
        fleet: None,
    };
    block_on(async {
        let experiment::Run { summary, ended } =
            experiment::recover(&plan, options, &Interrupt::default(), &()).await?;
        complain(format_args!(
            "note: the run was interrupted; its {} complete trials are summarised",
            trials(&summary)
        ));
        print_more(&summary, args.stats, args.grades);
        for report in write_reports(&folder, &summary, &args.report).or_exit(ExitCode::Preflight)? {
            print(&format!("report: {}", report.display()));
        }
        match ended {
            Ended::Failed(error) => Err(error.into()),
            Ended::Complete | Ended::Interrupted => Ok(ExitCode::Ok),
        }
    })
}

fn trials(summary: &Summary) -> usize {
    summary.scenarios.iter().map(|scenario| scenario.trials.len()).sum()
}

/// Parses the command of the run again: its flags, its mode, and the pack that it played.
fn read_command(file: &RunFile) -> anyhow::Result<(RunArgs, Mode, Option<PackArgs>)> {
    let cli = Cli::try_parse_from(file.command())
        .map_err(|error| anyhow!("{}", error.to_string().lines().next().unwrap_or_default()))
        .with_context(|| {
            format!("failed to parse the command of the run again: `{}`", file.command().join(" "))
        })?;
    match cli.command {
        None if cli.run.max_rate.is_some() => {
            bail!(
                "a search for rates (--max-rate) keeps no trials on disk, so it cannot be summarised; run \
                it again"
            )
        }
        None => Ok((cli.run, Mode::Compare, None)),
        Some(Command::Aa(aa)) => Ok((aa.run, Mode::Aa, None)),
        Some(Command::Pack(pack)) => Ok((pack.run.clone(), Mode::Compare, Some(pack))),
        Some(_) => bail!("`{}` is not the command of a run", file.command().join(" ")),
    }
}

/// Reads the config of a run of a pack: that of the pack, or the run's own copy if the pack has changed. What
/// environment variables said is in the command.
fn config_of_pack(args: &PackArgs, file: &RunFile) -> Result<(Loaded, Overrides), Failure> {
    let pack = Pack::load(&args.name).or_exit(ExitCode::Usage)?;
    let mode = args.mode.as_deref().unwrap_or_else(|| pack.default_name());
    let flags = &args.run.experiment.overrides;
    let played = pack.play(mode, args.profile.as_deref(), flags, &|_| None).or_exit(ExitCode::Usage)?;
    let (name, content) = file.config();
    let loaded = match played.loaded.document() == *content {
        true => played.loaded,
        false => lb_config::from_text(name, &content.to_string()).or_exit(ExitCode::Usage)?,
    };
    Ok((loaded, played.overrides))
}

/// Reads the config of the run from the file, or the run's own copy if the file has changed or is gone; returns
/// it with the flags that override it.
fn config_of(run: &RunArgs, file: &RunFile) -> Result<(Loaded, Overrides), ConfigError> {
    let (name, content) = file.config();
    match read_config(&run.experiment) {
        Ok((loaded, overrides)) if loaded.document() == *content => Ok((loaded, overrides)),
        _ => Ok((lb_config::from_text(name, &content.to_string())?, run.experiment.overrides.clone())),
    }
}
