//! Makes runs of packs: what `bench pack` and `bench suite` share.

use super::job::Job;
use super::run_args::RunArgs;
use super::shared::command_line;
use crate::exit::{ExitCode, Failure, OrExit};
use anyhow::anyhow;
use lb_config::Pack;
use lb_core::secret::mask_passwords;

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
    Ok((Job { loaded: played.loaded, plan, command, replication: 0 }, played.ready))
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
pub(super) fn wait_first(run: &RunArgs, ready: Option<&str>) -> RunArgs {
    let mut run = run.clone();
    run.live.wait_for = run.live.wait_for.or_else(|| ready.map(str::to_owned));
    run
}

/// Returns the command that plays one run of a suite: `words`, and the command line without the words that are `typed`
/// for the suite.
pub(super) fn repeat_command(words: &[&str], typed: &[&str]) -> Vec<String> {
    let mut line = command_line().into_iter();
    let program = line.next();
    let words = words.iter().map(|word| (*word).to_owned());
    program.into_iter().chain(words).chain(leave_out(line, typed.to_vec())).collect()
}

/// Returns words without the first of each that is dropped, and without the pause of a suite.
fn leave_out(words: impl Iterator<Item = String>, mut dropped: Vec<&str>) -> Vec<String> {
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
            let kept = leave_out(typed.split(' ').map(str::to_owned), vec!["pack", "model-api", "all"]);
            assert_eq!(kept.join(" "), flags, "{typed}");
        }
    }
}
