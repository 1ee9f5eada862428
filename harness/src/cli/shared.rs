//! Helpers that several commands use: they read a plan, run async work, and write output.

use super::run_args::ConfigArgs;
use crate::exit::{ExitCode, Failure, OrExit};
use crate::experiment::Interrupt;
use crate::show::render_grades;
use anyhow::Context as _;
use lb_config::{ConfigError, Loaded, Overrides, Plan};
use lb_core::plain;
use lb_core::secret::{MASK, mask_passwords};
use lb_io::complain;
use lb_report::{Detail, render_locust_stats};
use lb_results::Summary;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The config that runs if none is given.
const DEFAULT_CONFIG: &str = "default_benchmark_config.json";

/// Reads the config given on the command line, and makes a plan from it.
pub(super) fn read_plan(args: &ConfigArgs) -> Result<(Loaded, Plan), Failure> {
    let (loaded, overrides) = read_config(args).or_exit(ExitCode::Usage)?;
    let plan = lb_config::plan(&loaded, &overrides).or_exit(ExitCode::Usage)?;
    check_mock_api(&plan)?;
    Ok((loaded, plan))
}

/// Refuses a mock API that the backends would refuse once they are started.
fn check_mock_api(plan: &Plan) -> Result<(), Failure> {
    let Some(api) = plan.mock_api() else { return Ok(()) };
    mock_backends::api_file::load(&api.name, &api.json).map(drop).or_exit(ExitCode::Usage)
}

/// Reads the config given on the command line; returns it with the flags that override it. Without a config, an
/// address that is measured as it is, and a declared load balancer, get requests for their own path only: the
/// default config would register users there.
pub(super) fn read_config(args: &ConfigArgs) -> Result<(Loaded, Overrides), ConfigError> {
    let flags = &args.overrides;
    match (&args.config, address(flags)) {
        (None, Some(url)) => {
            let (loaded, origin) = lb_config::one_address(&url)?;
            Ok((loaded, Overrides { url: Some(origin), ..flags.clone() }))
        }
        (config, _) => {
            let loaded = lb_config::load(config.as_deref().unwrap_or(DEFAULT_CONFIG))?;
            Ok((loaded, flags.clone()))
        }
    }
}

/// Returns the address that gets only requests for its own path if no config says otherwise: one that is
/// measured as it is, or that of a declared load balancer.
fn address(flags: &Overrides) -> Option<String> {
    if !flags.replay.is_empty() || flags.admin.is_some() {
        return None;
    }
    match &flags.load_balancer {
        None => flags.url.clone(),
        Some(name) if lb_config::is_declaration(name) => {
            flags.url.clone().or_else(|| lb_config::declared_url(name))
        }
        Some(_) => None,
    }
}

/// Returns the command line as it may be shown: passwords in URLs and the token of the admin API are masked.
pub(super) fn command_line() -> Vec<String> {
    masked(std::env::args())
}

fn masked(words: impl Iterator<Item = String>) -> Vec<String> {
    const TOKEN: &str = "--admin-token";
    let mut shown: Vec<String> = Vec::new();
    for word in words {
        let is_token = shown.last().is_some_and(|last| last == TOKEN);
        shown.push(match word.split_once('=') {
            _ if is_token => MASK.to_owned(),
            Some((TOKEN, _)) => format!("{TOKEN}={MASK}"),
            _ => mask_passwords(&word).into_owned(),
        });
    }
    shown
}

/// Returns how much of the results is printed.
pub(super) const fn detail(verbose: bool) -> Detail {
    if verbose { Detail::Full } else { Detail::Brief }
}

/// Prints what is printed on request only: requests as Locust prints them, and grades.
pub(super) fn print_more(summary: &Summary, stats: bool, grades: bool) {
    if stats {
        print(&render_locust_stats(summary));
    }
    if grades {
        print(&render_grades(summary));
    }
}

/// Runs `work` to completion. One thread is enough: the load generator has its own threads, and everything
/// else only waits.
pub(super) fn block_on(work: impl Future<Output = Result<ExitCode, Failure>>) -> Result<ExitCode, Failure> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().or_exit(ExitCode::Internal)?;
    runtime.block_on(work)
}

/// Prints to standard output, without anything that a terminal would obey.
pub(super) fn print(text: &str) {
    lb_io::print(plain::lines(text.trim_end()));
}

/// Prints JSON to standard output, in which an escape has a meaning of its own.
pub(super) fn print_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    lb_io::print(serde_json::to_string_pretty(value).or_exit(ExitCode::Internal)?);
    Ok(())
}

/// Listens for Ctrl-C, SIGTERM and SIGHUP. The first signal asks the run to end, and says this; the second ends `bench`
/// immediately (its children then end, since their standard input closes).
pub(super) fn listen_saying(text: &'static str) -> Interrupt {
    Interrupt::listen(move || complain(text), || std::process::exit(ExitCode::Interrupted as i32))
}

/// Writes `value` as JSON to a file that the user named with `--json`.
pub(super) fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).or_exit(ExitCode::Internal)?;
    write_text(path, "--json", &text)
}

/// Writes a text to a file that the user named with `flag`.
pub(super) fn write_text(path: &Path, flag: &str, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text)
        .with_context(|| format!("failed to write `{}`; give another path with {flag}", path.display()))
        .or_exit(ExitCode::Preflight)
}

/// Writes a file that the user named; `-` is standard output. A file that is there is replaced only once the new one is
/// complete, and a file that was read is not replaced.
pub(super) fn write_new(path: &Path, inputs: &[PathBuf], text: &str) -> Result<(), Failure> {
    if path == Path::new("-") {
        lb_io::print(text.trim_end());
        return Ok(());
    }
    let same = |input: &PathBuf| {
        let whole = |path: &Path| std::fs::canonicalize(path).ok();
        input == path || whole(input).is_some_and(|found| Some(found) == whole(path))
    };
    if inputs.iter().any(same) {
        let problem = format!("`{}` is also read; give another path for the output", path.display());
        return Err(anyhow::anyhow!(problem)).or_exit(ExitCode::Usage);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || -> std::io::Result<()> {
        if std::fs::metadata(path).is_ok_and(|about| !about.is_file()) {
            return std::fs::write(path, text);
        }
        let mut file = tempfile::Builder::new().prefix(".bench-").tempfile_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
        file.persist(path).map(drop).map_err(|error| error.error)
    };
    write()
        .with_context(|| format!("failed to write `{}`; give another path", path.display()))
        .or_exit(ExitCode::Preflight)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_on_the_command_line_are_masked() {
        let typed = "bench --url http://ann:secret@h/x --admin-token t0p --admin-token=t0p --seed 1";
        let shown = masked(typed.split(' ').map(str::to_owned)).join(" ");
        assert_eq!(shown, "bench --url http://ann:***@h/x --admin-token *** --admin-token=*** --seed 1");
    }
}
