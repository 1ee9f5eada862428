//! `bench pack`: plays a mode of a scenario pack, or a suite of its modes.

use super::pack_args::PackArgs;
use super::pack_job::{prepare, refuse_config, repeat_command, wait_first};
use super::plan;
use super::run::run_alone;
use super::shared::{block_on, command_line};
use super::suite::{SuiteEntry, SuiteJob, play_suite};
use crate::exit::{ExitCode, Failure, OrExit};
use crate::experiment::Mode;
use anyhow::anyhow;
use lb_config::{Pack, Selected};

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
            let run = wait_first(&args.run, ready.as_deref());
            block_on(run_alone(&run, &job, Mode::Compare))
        }
        Selected::Suite(suite) => {
            let typed: Vec<&str> =
                ["pack", args.name.as_str()].into_iter().chain(args.mode.as_deref()).collect();
            let entry = |mode: &String| -> Result<SuiteEntry, Failure> {
                let command = repeat_command(&["pack", &args.name, mode], &typed);
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
