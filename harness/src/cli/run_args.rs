//! The arguments of a run, which several commands share. Flags that override a config are defined by [`Overrides`].

use super::live_args::LiveArgs;
use super::workers::WorkersArgs;
use clap::Args;
use lb_config::Overrides;
use lb_config::values::probability;
use lb_report::ReportFormat;
use std::path::PathBuf;

/// A config, and the flags that override it.
#[derive(Clone, Debug, Args)]
pub struct ConfigArgs {
    /// Config file, or the name of a bundled one.
    ///
    /// The value is tried as a path first. docs/configs.md describes the accepted formats. The default is
    /// `default_benchmark_config.json`, or with `--url` alone, `GET` requests to that address.
    #[arg(long, value_name = "FILE", help_heading = "Experiment")]
    pub config: Option<String>,
    /// The flags that override the config.
    #[command(flatten)]
    pub overrides: Overrides,
}

/// The flags of a run.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// The experiment to run.
    #[command(flatten)]
    pub experiment: ConfigArgs,
    /// What is waited for, and how a load without end is watched.
    #[command(flatten)]
    pub live: LiveArgs,
    /// Who plays the load.
    #[command(flatten)]
    pub workers: WorkersArgs,
    /// Keep invalid trials.
    ///
    /// They count, with a warning; by default they are repeated and left out. For trying things
    /// out on a busy machine.
    #[arg(long, help_heading = "Evidence")]
    pub accept_invalid: bool,
    /// Leave out the simulated lower bounds.
    ///
    /// The bounds come from policies that know things that a load balancer cannot know, such as the size of
    /// each request.
    #[arg(long, help_heading = "Evidence")]
    pub no_oracles: bool,
    /// Search for the highest rate at which an objective is met.
    ///
    /// Finds the highest arrival rate of each algorithm, in sessions (or single actions) per second, with an
    /// interval. An objective is a latency in milliseconds, a rate of failed requests, or both: `p(95)<200`
    /// or `p(99)<500,rate<0.01`. The longest session decides how long a probe takes; `--duration` has no
    /// effect.
    #[arg(long, value_name = "OBJECTIVE", help_heading = "Evidence")]
    pub max_rate: Option<String>,
    /// Folder for the results [default: results/<date>-<config>-<id>].
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub out: Option<PathBuf>,
    /// Resume the interrupted run in this results folder.
    ///
    /// Use the same config and flags. Complete valid trials are kept, the others run, and the results cover
    /// all of them.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["out", "max_rate"], help_heading = "Output")]
    pub resume: Option<PathBuf>,
    /// Print only the results.
    #[arg(long, help_heading = "Output")]
    pub quiet: bool,
    /// Print all tables instead of an 80-column summary.
    #[arg(long, help_heading = "Output")]
    pub verbose: bool,
    /// Also print the requests in the columns of Locust's console.
    ///
    /// Type, Name, # reqs, # fails, Avg, Min, Max, Med, req/s and failures/s, for each algorithm.
    #[arg(long, help_heading = "Output")]
    pub stats: bool,
    /// Also print grades of the P95 and of the error rate.
    ///
    /// By the fixed limits of `bench analyze`. A service with an objective of its own is judged by `--threshold`.
    #[arg(long, help_heading = "Output")]
    pub grades: bool,
    /// Write the events of the run to this file as JSON lines.
    ///
    /// Each event is written as it happens; docs/events.md describes the events. `bench replay-events FILE`
    /// prints the output of the run again.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub events: Option<PathBuf>,
    /// Take commands on standard input, and write events to standard output.
    ///
    /// For programs, such as a page that shows and steers a run: both are JSON lines, which docs/events.md describes.
    /// Everything for people goes to standard error. The end of standard input counts as the first Ctrl-C.
    #[arg(long, help_heading = "Live")]
    pub steer: bool,
    /// Reports to write into the results folder.
    #[arg(
        long,
        value_name = "FORMAT,...",
        value_enum,
        value_delimiter = ',',
        default_values_t = [ReportFormat::Html],
        help_heading = "Output"
    )]
    pub report: Vec<ReportFormat>,
    /// Record the run in a history when it ends; without a URL, results/history.db.
    ///
    /// A URL is `sqlite:FILE` or `postgres://USER@HOST/DATABASE`. `bench history` lists runs and tells when something changed. A history
    /// that does not take the run is a warning, with the command that records it later.
    #[arg(
        long,
        value_name = "URL",
        num_args = 0..=1,
        default_missing_value = "sqlite:results/history.db",
        help_heading = "Output"
    )]
    pub history: Option<String>,
    /// What is tested, for the history [default: git's commit, in a repository].
    #[arg(long, value_name = "TEXT", help_heading = "Output")]
    pub subject: Option<String>,
    /// Exit with 3 if the history does not take the run.
    #[arg(long, help_heading = "Output")]
    pub history_required: bool,
    /// Write the requests of each user, in order, for each trial.
    #[arg(long, help_heading = "Output")]
    pub record_actions: bool,
    /// Write every request with its times as Parquet for each trial.
    #[arg(long, help_heading = "Output")]
    pub record_requests: bool,
    /// Write the access log of the load balancer to this file, for `bench what-if`.
    ///
    /// For nginx, HAProxy, Envoy, Caddy or Traefik, if `bench` starts it. The log holds the measured requests with
    /// backends and times. With several trials, each gets a file of its own: `access.log` becomes
    /// `access-<scenario>-<algorithm>-<block>.log`.
    #[arg(long, value_name = "FILE", conflicts_with = "max_rate", help_heading = "Output")]
    pub access_log: Option<PathBuf>,
    /// Write every decision of the load balancer as Parquet, for training.
    ///
    /// Writes one file per trial to the folder `traces`, with each decision, its inputs, and the outcome of
    /// the request.
    #[arg(long, help_heading = "Output")]
    pub traces: bool,
    /// Share of the traced decisions to make uniformly at random, such as `2%`.
    ///
    /// Without random decisions, a trace shows nothing about choices that its algorithm never makes.
    #[arg(
        long,
        value_name = "X%",
        value_parser = probability,
        allow_hyphen_values = true,
        requires = "traces",
        default_value = "0",
        help_heading = "Output"
    )]
    pub exploration: f64,
}
