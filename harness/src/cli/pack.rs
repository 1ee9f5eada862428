//! `bench pack`: plays a mode of a scenario pack, or a suite of its modes.

use super::args::RunArgs;
use super::pack_args::PackArgs;
use super::plan;
use super::run::{Job, run_job};
use super::shared::{block_on, command_line};
use super::suite::{SuiteEntry, SuiteJob, play_suite};
use crate::exit::{ExitCode, Failure, OrExit};
use crate::experiment::Mode;
use anyhow::anyhow;
use lb_config::{Pack, Selected};
use lb_core::secret::mask_passwords;

pub(super) fn execute(args: &PackArgs) -> Result<ExitCode, Failure> {
    refuse_config(&args.run)?;
    let pack = Pack::load(&args.name).or_exit(ExitCode::Usage)?;
    let profile = args.profile.as_deref();
    match pack.select(args.mode.as_deref()).or_exit(ExitCode::Usage)? {
        Selected::Mode(mode) => {
            if args.cool_down.is_some() {
                let problem =
                    format!("--cool-down: `{mode}` is a single mode, and only suites pause; leave it out");
                return Err(anyhow!(problem)).or_exit(ExitCode::Usage);
            }
            let (job, ready) = prepare(&pack, &mode, profile, &args.run, command_line())?;
            if args.plan {
                plan::show(&job.plan);
                return Ok(ExitCode::Ok);
            }
            let run = waiting(&args.run, ready.as_deref());
            block_on(async { Ok(run_job(&run, &job, Mode::Compare, None).await?.code) })
        }
        Selected::Suite(suite) => {
            let typed: Vec<&str> =
                ["pack", args.name.as_str()].into_iter().chain(args.mode.as_deref()).collect();
            let entry = |mode: &String| -> Result<SuiteEntry, Failure> {
                let command = repeated(&["pack", &args.name, mode], &typed);
                let (job, ready) = prepare(&pack, mode, profile, &args.run, command)?;
                Ok(SuiteEntry { name: mode.clone(), job, ready })
            };
            let entries: Result<Vec<SuiteEntry>, Failure> = suite.modes.iter().map(entry).collect();
            let name = format!("{}-{}", pack.name(), suite.name);
            let cool_down = args.cool_down.unwrap_or(suite.cool_down);
            let rests_in_virtual_time = args.cool_down.is_some();
            let suite = SuiteJob { name, cool_down, rests_in_virtual_time, entries: entries? };
            play_suite(&suite, &args.run, args.plan)
        }
    }
}

/// Makes a mode of a pack ready to run. Returns it with the address that answers once the target is ready, if there is
/// one.
pub(super) fn prepare(
    pack: &Pack,
    mode: &str,
    profile: Option<&str>,
    run: &RunArgs,
    mut command: Vec<String>,
) -> Result<(Job, Option<String>), Failure> {
    let variable = |name: &str| std::env::var(name).ok();
    let played = pack.play(mode, profile, &run.experiment.overrides, &variable).or_exit(ExitCode::Usage)?;
    let plan = lb_config::plan(&played.loaded, &played.overrides).or_exit(ExitCode::Usage)?;
    // Another environment must not change what the command means when a run is resumed or summarised.
    command.extend(played.from_environment.iter().map(|word| mask_passwords(word).into_owned()));
    Ok((Job { loaded: played.loaded, plan, command }, played.ready))
}

/// Rejects `--config`, since a pack brings its own.
pub(super) fn refuse_config(run: &RunArgs) -> Result<(), Failure> {
    match &run.experiment.config {
        Some(config) => Err(anyhow!(
            "--config {config}: packs and suites bring their own configs; leave it out, or run it by itself with \
             `bench --config {config}`"
        ))
        .or_exit(ExitCode::Usage),
        None => Ok(()),
    }
}

/// Returns the flags of a run that waits for the page at `ready` first, unless a flag says what to wait for.
pub(super) fn waiting(run: &RunArgs, ready: Option<&str>) -> RunArgs {
    let mut run = run.clone();
    run.live.wait_for = run.live.wait_for.or_else(|| ready.map(str::to_owned));
    run
}

/// Returns the command that plays one run of a suite: `words`, and the command line without the words that are `typed`
/// for the suite.
pub(super) fn repeated(words: &[&str], typed: &[&str]) -> Vec<String> {
    let mut line = command_line().into_iter();
    let program = line.next();
    let words = words.iter().map(|word| (*word).to_owned());
    program.into_iter().chain(words).chain(without(line, typed.to_vec())).collect()
}

/// Returns words without the first of each that is dropped, and without the pause of a suite.
fn without(words: impl Iterator<Item = String>, mut dropped: Vec<&str>) -> Vec<String> {
    const PAUSE: &str = "--cool-down";
    let (mut kept, mut skips) = (Vec::new(), false);
    for word in words {
        if std::mem::take(&mut skips) {
            continue;
        }
        if let Some(at) = dropped.iter().position(|drop| *drop == word) {
            dropped.remove(at);
        } else if word == PAUSE {
            skips = true;
        } else if !word.starts_with("--cool-down=") {
            kept.push(word);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_of_a_suite_without_its_own_words_is_that_of_a_mode() {
        for (typed, flags) in [
            ("pack model-api all --users 5", "--users 5"),
            ("--users 5 pack model-api --cool-down 0 all", "--users 5"),
            ("pack model-api --cool-down=0 all --label all", "--label all"),
        ] {
            let kept = without(typed.split(' ').map(str::to_owned), vec!["pack", "model-api", "all"]);
            assert_eq!(kept.join(" "), flags, "{typed}");
        }
    }
}
