//! What was typed: the command line, as `clap` reads it, and nothing decided yet.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// Compares load-balancing algorithms under the identical load.
///
/// Without a command it runs the experiment that the config describes: it switches the load balancer
/// to each algorithm, verifies the switch, sends every algorithm the same users, and prints what
/// differs.
#[derive(Debug, Parser)]
#[command(name = "bench", version, args_conflicts_with_subcommands = true, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do instead of running.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The run.
    #[command(flatten)]
    pub run: RunArgs,
}

const EXIT_CODES: &str = "Exit codes: 0 ok, 1 internal error, 2 usage or config, 3 preflight failed, \
4 switch not verified, 5 too few valid trials, 130 interrupted (partial results are kept).";

/// What to do instead of running.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check a config and show what would run.
    Plan(PlanArgs),
    /// Check that everything is reachable and that each request succeeds once.
    Doctor(ExperimentArgs),
    /// List the algorithms.
    Algorithms,
    /// Run the reference load balancer (what `bench` starts for itself).
    #[command(name = "__load-balancer", hide = true)]
    LoadBalancer(load_balancer::cli::Args),
    /// Run the mock backends (what `bench` starts for itself).
    #[command(name = "__mock-backends", hide = true)]
    MockBackends(mock_backends::cli::Args),
}

/// What to run, and how.
#[derive(Clone, Debug, Args)]
pub struct ExperimentArgs {
    /// Config file: a path, or the name of a bundled one.
    #[arg(long, value_name = "FILE", default_value = "default_benchmark_config.json")]
    pub config: String,
    /// Algorithms to compare, such as `round-robin,least-connections+ejection`.
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub algorithms: Option<Vec<String>>,
    /// Run only this scenario of the config.
    #[arg(long, value_name = "NAME")]
    pub scenario: Option<String>,
    /// Passes over all algorithms.
    #[arg(long, value_name = "N")]
    pub repetitions: Option<u32>,
    /// Seed of the schedule: the same seed gives the same users, actions and think times.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Most users at once; all patterns are scaled alike.
    #[arg(long, value_name = "N")]
    pub users: Option<u32>,
    /// Length of each scenario, such as `30s` or `2m`; its timeline is scaled to fit.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub duration: Option<Duration>,
    /// Time over which a pattern's users arrive.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub ramp_up: Option<Duration>,
    /// Live over real sockets, or simulated in virtual time.
    #[arg(long, value_enum)]
    pub engine: Option<Engine>,
    /// Divides offsets, durations and ramp-ups (not think times or service times).
    #[arg(long, value_name = "X")]
    pub time_scale: Option<f64>,
    /// Backends and faults of the embedded run and the simulator: a bundled name or a path.
    #[arg(long, value_name = "NAME")]
    pub topology: Option<String>,
    /// The load balancer to drive, with the path below which services lie (`http://host:8080/proxy`).
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// Its admin API, where that is not at the same origin.
    #[arg(long, value_name = "URL", requires = "url")]
    pub admin: Option<String>,
    /// Bearer token of the admin API.
    #[arg(long, value_name = "TOKEN", env = "BENCH_ADMIN_TOKEN", hide_env_values = true)]
    pub admin_token: Option<String>,
}

/// A run.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// What to run.
    #[command(flatten)]
    pub experiment: ExperimentArgs,
    /// Folder for the results [default: results/<date>-<config>-<id>].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Print the tables only.
    #[arg(long)]
    pub quiet: bool,
    /// Also write every request of every user, in order, beside each trial.
    #[arg(long)]
    pub record_actions: bool,
}

/// A look at the plan.
#[derive(Clone, Debug, Args)]
pub struct PlanArgs {
    /// What would run.
    #[command(flatten)]
    pub experiment: ExperimentArgs,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// How trials are driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// Real HTTP, real sockets, real time.
    Live,
    /// The same rules in virtual time.
    Sim,
}

/// Reads `30s`, `1m30s`, `500ms`, or a bare number of seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("`{text}` is no time; write it as `30s`, `2m` or `1h30m`");
    let seconds = match text.parse::<f64>() {
        Ok(seconds) => seconds,
        Err(_) => text.parse::<jiff::SignedDuration>().map_err(|_| bad())?.as_secs_f64(),
    };
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| format!("`{text}` is negative or too long; write a time such as `30s`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn command_line_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn times_are_read_with_and_without_units() {
        for (text, seconds) in [("30s", 30.0), ("1m30s", 90.0), ("500ms", 0.5), ("12", 12.0), ("0.5", 0.5)] {
            assert_eq!(duration(text).map(|time| time.as_secs_f64()), Ok(seconds), "{text}");
        }
        for text in ["", "soon", "-3s", "-1", "NaN"] {
            let error = duration(text).expect_err("a time that is none must be refused");
            assert!(error.contains(&format!("`{text}`")), "the message names the value: {error}");
        }
    }
}
