//! What was typed: the command line, as `clap` reads it, and nothing decided yet.

use crate::target::ChildCommand;
use clap::{Args, Parser, Subcommand, ValueEnum};
use lb_report::ReportFormat;
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
4 switch not verified, 5 too few valid trials, 98 regression, 99 threshold not held, 130 interrupted (partial results are kept).";

/// What to do instead of running.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check a config and show what would run.
    Plan(PlanArgs),
    /// Check that everything is reachable and that each request succeeds once.
    Doctor(ExperimentArgs),
    /// List the algorithms.
    Algorithms,
    /// Run one algorithm under two labels: how much of a difference is noise on this machine?
    ///
    /// The noise floor is kept beside the results and used by later verdicts on the same machine and
    /// experiment.
    Aa(AaArgs),
    /// Compare two runs of the same experiment, such as last night's and tonight's.
    Compare(CompareArgs),
    /// Grade results of Locust, k6, oha or `bench`, and name bottlenecks.
    Analyze(AnalyzeArgs),
    /// Write reports of a run that is finished.
    Report(ReportArgs),
    /// Print what a run printed, from the events that `--events` wrote.
    ReplayEvents(ReplayEventsArgs),
    /// What `bench` starts for itself.
    #[command(flatten)]
    Child(ChildCommand),
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
    /// Add passes until the intervals of mean and p95 are within this, such as `3%`.
    #[arg(long, value_name = "X%", value_parser = fraction)]
    pub precision: Option<f64>,
    /// Most passes that `--precision` may lead to.
    #[arg(long, value_name = "N")]
    pub max_repetitions: Option<u32>,
    /// Differences up to this count as none, such as `5%`.
    #[arg(long, value_name = "X%", value_parser = fraction)]
    pub margin: Option<f64>,
    /// Length of the warm-up phase, or `detect`: look for its end in the measurements (MSER-5).
    #[arg(long, value_name = "TIME", value_parser = warm_up)]
    pub warm_up: Option<WarmUp>,
    /// Open model in place of users: `constant:500`, `poisson:500`, `ramp:100-800` or
    /// `bursts:200-1600:5s-1s` arrivals per second.
    #[arg(long, value_name = "PROCESS", conflicts_with = "replay")]
    pub arrivals: Option<String>,
    /// Replay a recorded list of requests: a JSON list, Vegeta targets, k6 points or an access log.
    #[arg(long, value_name = "FILE")]
    pub replay: Option<PathBuf>,
    /// Replay this many times as fast as recorded.
    #[arg(long, value_name = "X")]
    pub speed: Option<f64>,
    /// Exit with 99 unless this holds, such as `http_req_duration{algorithm:rl}: p(95)<200`.
    #[arg(long, value_name = "RULE")]
    pub threshold: Vec<String>,
    /// A bundled set of thresholds: `basic`, `stress`, `light`, `medium` or `heavy`.
    #[arg(long, value_name = "NAME")]
    pub threshold_preset: Vec<String>,
    /// Seed of the schedule: the same seed gives the same users, actions and think times.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Most users at once; all patterns are scaled alike.
    #[arg(long, value_name = "N")]
    pub users: Option<u32>,
    /// Length of each scenario, such as `30s` or `2m`; its timeline is scaled to fit, with the faults of
    /// the config; those of a topology keep their times.
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
    /// Policy file that `rl` follows [default: the one that comes with `bench`].
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Load balancers, each of which sees only what it has sent itself: data threads with private views
    /// when live.
    #[arg(long, value_name = "N")]
    pub balancers: Option<u16>,
    /// The load balancer: `reference`, `haproxy`, `nginx`, `envoy`, `caddy` or `traefik`, which is started, or the
    /// URL of one that runs; with a name and `--url`, the named one runs there.
    #[arg(long, value_name = "NAME|URL")]
    pub load_balancer: Option<String>,
    /// Load balancers to compare on one schedule, such as `reference,haproxy,envoy`, and with direct connections
    /// to the backends; each is started.
    #[arg(long, value_name = "A,B", value_delimiter = ',', conflicts_with_all = ["load_balancer", "url", "program", "listen"])]
    pub compare_load_balancers: Option<Vec<String>>,
    /// The load balancer's program, in place of the first on PATH.
    #[arg(long, value_name = "FILE", requires = "load_balancer")]
    pub program: Option<PathBuf>,
    /// Where the load balancer listens that is started [default: a free loopback port].
    #[arg(long, value_name = "ADDRESS", requires = "load_balancer")]
    pub listen: Option<String>,
    /// How algorithms are selected in a real load balancer: among groups of backends, or by a new configuration.
    #[arg(long, value_enum, value_name = "HOW")]
    pub switching: Option<Switching>,
    /// Where `rl` steers a real load balancer by weights: time from one look to the next [default: 100ms].
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub steering_period: Option<Duration>,
    /// The entry of a load balancer that runs, with the path below which services lie (`http://host:8080/proxy`).
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// Where that one is told what to do: the URL of its admin API, where that is not at the same origin;
    /// HAProxy's stats socket, nginx's folder.
    #[arg(long, value_name = "ADDRESS", requires = "url")]
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
    /// Also write what happens in the run as JSON lines, while it happens.
    #[arg(long, value_name = "FILE")]
    pub events: Option<PathBuf>,
    /// Also write every request of every user, in order, beside each trial.
    #[arg(long)]
    pub record_actions: bool,
    /// Also write every request with its times as Parquet, beside each trial.
    #[arg(long)]
    pub record_requests: bool,
    /// Also write every decision of the load balancer and how it ended as Parquet, for training: one file per
    /// trial in `traces`.
    #[arg(long)]
    pub traces: bool,
    /// While traces are recorded, make this part of the decisions evenly at random, such as `2%`: without it
    /// nothing can be learnt from a trace about what its algorithm never does.
    #[arg(long, value_name = "X%", value_parser = probability, requires = "traces", default_value = "0")]
    pub exploration: f64,
    /// Reports to write into the results folder.
    #[arg(long, value_name = "FORMAT,...", value_enum, value_delimiter = ',', default_values_t = [ReportFormat::Html])]
    pub report: Vec<ReportFormat>,
    /// Count trials that cannot be believed, and note why, instead of repeating them and leaving them
    /// out: for trying things out on a busy machine.
    #[arg(long)]
    pub accept_invalid: bool,
    /// Leave out the simulated bounds (policies that know what none can know).
    #[arg(long)]
    pub no_oracles: bool,
    /// Search for the highest arrival rate at which each algorithm keeps an objective, such as
    /// `p(95)<200` or `p(99)<500,rate<0.01`.
    #[arg(long, value_name = "OBJECTIVE")]
    pub max_rate: Option<String>,
}

/// One algorithm under two labels.
#[derive(Clone, Debug, Args)]
pub struct AaArgs {
    /// The run; the first of its algorithms is compared with itself.
    #[command(flatten)]
    pub run: RunArgs,
}

/// Two runs.
#[derive(Clone, Debug, Args)]
pub struct CompareArgs {
    /// Results folder that is the standard.
    pub base: PathBuf,
    /// Results folder that is judged.
    pub new: PathBuf,
    /// Differences up to this count as none, such as `5%`.
    #[arg(long, value_name = "X%", value_parser = fraction, default_value = "5%")]
    pub margin: f64,
    /// Also write the comparison as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// Results to be graded.
#[derive(Clone, Debug, Args)]
pub struct AnalyzeArgs {
    /// A Locust stats CSV or a folder of them, a k6 summary, an oha report, or a results folder.
    pub path: PathBuf,
    /// Also write the analysis as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// A finished run.
#[derive(Clone, Debug, Args)]
pub struct ReportArgs {
    /// Results folder.
    pub folder: PathBuf,
    /// Reports to write into it.
    #[arg(long, value_name = "FORMAT,...", value_enum, value_delimiter = ',', default_values_t = ReportFormat::ALL)]
    pub report: Vec<ReportFormat>,
}

/// The events of a run.
#[derive(Clone, Debug, Args)]
pub struct ReplayEventsArgs {
    /// The file that `--events` wrote.
    pub file: PathBuf,
    /// Print the tables only.
    #[arg(long)]
    pub quiet: bool,
}

/// The warm-up as typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WarmUp {
    /// A phase of this length.
    Fixed(Duration),
    /// Its end is looked for in the measurements.
    Detect,
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

/// How algorithms are selected in a real load balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switching {
    /// One group of backends for each algorithm, and a selector: breaks no connection.
    Selector,
    /// A new configuration is loaded (nginx, Caddy, Envoy).
    Config,
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

/// Reads `3%` or `0.03`.
fn fraction(text: &str) -> Result<f64, String> {
    let (number, unit) = text.strip_suffix('%').map_or((text, 1.0), |number| (number, 100.0));
    let value = number.trim().parse::<f64>().map(|value| value / unit);
    value
        .ok()
        .filter(|value| *value > 0.0 && *value < 1.0)
        .ok_or_else(|| format!("`{text}` is no part of a whole; write it as `3%` or `0.03`"))
}

/// Reads `2%`, `0.02`, and both ends: `0` and `100%`.
fn probability(text: &str) -> Result<f64, String> {
    let (number, unit) = text.strip_suffix('%').map_or((text, 1.0), |number| (number, 100.0));
    let value = number.trim().parse::<f64>().map(|value| value / unit);
    value
        .ok()
        .filter(|value| (0.0..=1.0).contains(value))
        .ok_or_else(|| format!("`{text}` is no probability; write it as `2%` or `0.02`"))
}

/// Reads a time or `detect`.
fn warm_up(text: &str) -> Result<WarmUp, String> {
    if text == "detect" {
        return Ok(WarmUp::Detect);
    }
    let bad = || format!("`{text}` is neither a time such as `5s` nor `detect`");
    duration(text).map(WarmUp::Fixed).map_err(|_| bad())
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
    fn parts_of_a_whole_are_read_with_and_without_the_percent_sign() {
        for (text, value) in [("3%", 0.03), ("0.03", 0.03), ("12.5 %", 0.125)] {
            assert_eq!(fraction(text), Ok(value), "{text}");
        }
        for text in ["", "0", "100%", "-1%", "5", "much"] {
            let error = fraction(text).expect_err("a part that is none must be refused");
            assert!(error.contains(&format!("`{text}`")), "the message names the value: {error}");
        }
    }

    #[test]
    fn a_probability_has_both_ends() {
        for (text, value) in [("2%", 0.02), ("0.02", 0.02), ("0", 0.0), ("100%", 1.0), ("1", 1.0)] {
            assert_eq!(probability(text), Ok(value), "{text}");
        }
        for text in ["", "2", "101%", "-1%", "NaN"] {
            let error = probability(text).expect_err("a probability that is none must be refused");
            assert!(error.contains(&format!("`{text}`")), "the message names the value: {error}");
        }
    }

    #[test]
    fn a_warm_up_is_a_time_or_detected() {
        assert_eq!(warm_up("detect"), Ok(WarmUp::Detect));
        assert_eq!(warm_up("5s"), Ok(WarmUp::Fixed(Duration::from_secs(5))));
        let error = warm_up("mser").expect_err("neither a time nor the word");
        assert!(error.contains("`detect`"), "{error}");
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
