//! The command line as `clap` parses it.

use super::history::HistoryArgs;
use super::inspect_costs::InspectCostsArgs;
use super::live_args::{MarkArgs, WaitArgs};
use super::nightly::NightlyArgs;
use super::pack_args::{PackArgs, ShowArgs, SuiteArgs};
use super::run_args::{ConfigArgs, RunArgs};
use super::traffic_args::{ExportArgs, LearnArgs, SynthesiseArgs, ValidateArgs};
use super::ui_args::UiArgs;
use super::what_if_args::WhatIfArgs;
use super::workers::WorkerArgs;
use crate::children::ChildCommand;
use clap::{Args, Parser, Subcommand};
use lb_config::values::fraction;
use lb_report::ReportFormat;
use std::path::PathBuf;

/// Compare load-balancing algorithms under identical load.
///
/// Without a command, runs the experiment that the config describes: switches the load balancer to each
/// algorithm, verifies the switch, sends every algorithm the same users, and prints what differs.
///
/// For example, `bench --engine sim --repetitions 5` simulates the bundled default config, and
/// `bench --load-balancer haproxy --duration 30s` measures HAProxy.
#[derive(Debug, Parser)]
#[command(name = "bench", version, args_conflicts_with_subcommands = true, after_help = EXIT_CODES)]
pub struct Cli {
    /// The command to run instead of an experiment.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The flags of a run; they apply when no command is given.
    #[command(flatten)]
    pub run: RunArgs,
}

const EXIT_CODES: &str = "Exit codes: 0 ok, 1 internal error or a failed run of a suite, 2 usage or config, 3 preflight failed, the history \
that was required did not take the run, or nothing could be judged, 4 switch not verified, 5 too few valid trials or what was under test ended, 6 standard output could not be written \
(results are kept), 98 regression, 99 threshold not held, \
130 interrupted by Ctrl-C, SIGTERM or SIGHUP (partial results are kept).";

/// A command to run instead of an experiment.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check a config and show what would run.
    Plan(PlanArgs),
    /// Check that everything is reachable and that each request succeeds once.
    Doctor(ConfigArgs),
    /// List the algorithms.
    Algorithms,
    /// List the scenario packs, with what each answers.
    Packs,
    /// Play a scenario pack: a load test in one word.
    ///
    /// On the address that `--url` or `--load-balancer` names, or on mock backends behind the reference load balancer.
    /// For example, `bench pack boutique smoke --profile checkout-heavy`. docs/packs.md describes packs.
    Pack(PackArgs),
    /// Run packs and configs one after the other, as a file lists them.
    ///
    /// One that fails does not keep the others from running. Ends with exit code 1 if any failed.
    Suite(SuiteArgs),
    /// Print files that come with `bench`, to copy and edit.
    Show(ShowArgs),
    /// Measure the noise of this machine: run one algorithm under two labels.
    ///
    /// The noise floor is stored next to the results and used by later verdicts for the same machine and
    /// experiment.
    Aa(AaArgs),
    /// Compare two runs of the same experiment, or two loads without end.
    ///
    /// Such as last night's and tonight's. Ends with exit code 98 if the second one is worse, and with 3 if nothing could be
    /// judged, such as from one block. Two `_stats.csv` of Locust are set side by side, and never judged.
    Compare(CompareArgs),
    /// Grade results of Locust, k6, oha or `bench`, and name bottlenecks.
    Analyze(AnalyzeArgs),
    /// Send load without end, with live metrics, windows and marks.
    ///
    /// The same as `--duration forever`: the busiest moment of the config goes on until Ctrl-C or SIGTERM, which end it
    /// with its report. With `--duration 1h` it ends by itself. docs/continuous.md describes it.
    ServeLoad(RunArgs),
    /// Serve a page on which runs are started, watched, steered and compared.
    ///
    /// On http://127.0.0.1:8089/ unless `--web-port` says otherwise. Each run is a process of its own, with the command line
    /// that the page shows. docs/ui.md describes the page, who may use it, and its API.
    Ui(UiArgs),
    /// Mark a running load, for example when a new version is deployed.
    ///
    /// The load then says how latency, errors and throughput changed since the mark.
    Mark(MarkArgs),
    /// Wait until a page answers with a status from 200 to 399.
    ///
    /// Asks twice a second and says who is asked, how often, and the last answer. Ends with exit code 3 if the page is not
    /// ready in time.
    Wait(WaitArgs),
    /// Learn a traffic model from recorded requests.
    ///
    /// Fits rates by weekday and hour, popularity, bursts and sessions, and prints how well each fits.
    Learn(LearnArgs),
    /// Write synthetic requests that are drawn from a traffic model.
    ///
    /// `bench --replay FILE` plays them.
    #[command(alias = "synthesize")]
    Synthesise(SynthesiseArgs),
    /// Compare synthetic requests with a recording.
    ///
    /// The limits are what parts of the recording differ by. Ends with exit code 99 if one is not held.
    Validate(ValidateArgs),
    /// Write a k6 script or a Locust file that plays a list of requests at its times.
    Export(ExportArgs),
    /// Make a config of a HAR file, a Postman collection, an API description or a log.
    ///
    /// The config runs at once: with its requests in order or by weight, values of replies that later requests send,
    /// think times and feeds. docs/import.md describes each format.
    Import(ImportArgs),
    /// Record runs over time, and tell when something changed.
    ///
    /// Starts `bench-history` with the same words; `bench history --help` lists its commands, and docs/history.md describes
    /// them. It is a program of its own: `cargo build --release -p lb-history`.
    History(HistoryArgs),
    /// Run, compare with the last good night, look for changes, and say whether it got worse.
    ///
    /// For a nightly job: exit code 98 if something became worse and a second run confirms it, 3 if nothing could be judged.
    /// docs/nightly.md describes it.
    Nightly(NightlyArgs),
    /// Draw the history on a page: all series over time, with marks where something changed.
    ///
    /// Starts `bench-history trend` with the same words, such as `--history URL --out trend.html --metric p99`.
    Trend(HistoryArgs),
    /// Predict what other algorithms would have done with the requests of an access log.
    ///
    /// Fits the backends to the log, checks the fit on a part of the log that was held back, and simulates every
    /// algorithm on the recorded arrivals. docs/what-if.md says what a log must hold.
    WhatIf(WhatIfArgs),
    /// Show how much of the cost of requests is told by what they say.
    ///
    /// By their routes, parameters, segments of their paths, lengths of bodies and chosen headers. Reads traces, or the
    /// access logs that `what-if` reads. docs/inspect-costs.md describes it.
    InspectCosts(InspectCostsArgs),
    /// Play load or training episodes for leaders found through a NATS server.
    ///
    /// A leader is `bench --workers` or `rl-train --workers`, on this machine or another one. Starts `bench-workers`, a
    /// program of its own: `cargo build --release -p lb-workers`. docs/scale.md describes it.
    Worker(WorkerArgs),
    /// Write reports of a finished or interrupted run.
    ///
    /// If the run was killed, its complete trials on disk are summarised first.
    Report(ReportArgs),
    /// Print the output of a run again, from the file that `--events` wrote.
    ReplayEvents(ReplayEventsArgs),
    /// Programs that `bench` starts as child processes, and that run on their own as well.
    #[command(flatten)]
    Child(ChildCommand),
}

/// The flags of `bench aa`.
#[derive(Clone, Debug, Args)]
pub struct AaArgs {
    /// The run, whose first algorithm is compared with itself.
    #[command(flatten)]
    pub run: RunArgs,
}

/// The flags of `bench compare`.
#[derive(Clone, Debug, Args)]
pub struct CompareArgs {
    /// Results folder, or `_stats.csv` of Locust, to compare with.
    pub base: PathBuf,
    /// Results folder, or `_stats.csv` of Locust, to judge.
    pub new: PathBuf,
    /// Smallest difference that matters, such as `5%`.
    #[arg(long, value_name = "X%", value_parser = fraction, allow_hyphen_values = true, default_value = "5%", help_heading = "Evidence")]
    pub margin: f64,
    /// Also write the comparison as JSON to this file.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub json: Option<PathBuf>,
}

/// The flags of `bench analyze`.
#[derive(Clone, Debug, Args)]
pub struct AnalyzeArgs {
    /// Results to grade, or the baseline of a comparison.
    ///
    /// A file or a folder with results of Locust, k6, JMeter, Gatling, Vegeta, wrk, hey, oha, ab, bombardier,
    /// autocannon, Artillery, Fortio, Nighthawk or `bench`. The kind is told from the content.
    pub path: PathBuf,
    /// Results to compare with the baseline, of the same kinds.
    pub improved: Option<PathBuf>,
    /// Also write the analysis or comparison as JSON to this file.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub json: Option<PathBuf>,
    /// Also write a page with charts to this file.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub html: Option<PathBuf>,
    /// Exit with 99 unless this condition holds for each test; may be repeated.
    ///
    /// For example `http_req_duration: p(95)<200`, in milliseconds, or `http_req_failed: rate<0.01`. A value that a
    /// test does not report does not meet it. Of a comparison, the second side is held against it.
    #[arg(long = "threshold", value_name = "RULE", help_heading = "Evidence")]
    pub thresholds: Vec<String>,
}

/// The flags of `bench import`.
#[derive(Clone, Debug, Args)]
pub struct ImportArgs {
    /// File to import.
    ///
    /// A HAR file, a Postman collection (v2.0, v2.1), an API description (OpenAPI 3, Swagger 2; JSON or YAML), an access
    /// log, or the recorded requests of another load generator. The format is detected from the content.
    pub file: PathBuf,
    /// Config to write; `-` prints it [default: the file's name with .json].
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,
    /// Overwrite a config that exists.
    #[arg(long, help_heading = "Output")]
    pub force: bool,
    /// Host whose requests are imported [default: that of the first one].
    ///
    /// For HAR files and logs; may be given several times. All requests go to one address.
    #[arg(long, value_name = "HOST", help_heading = "Import")]
    pub host: Vec<String>,
    /// Whether static assets are imported: `keep` or `drop`.
    #[arg(long, value_name = "WHAT", default_value = "keep", value_parser = ["keep", "drop"], help_heading = "Import")]
    pub assets: String,
    /// Where passwords and keys go: `feed` or `env`.
    ///
    /// `feed` writes them in clear into a feed of the config, so that it runs at once. `env` writes the names of
    /// environment variables, which must be set when the config is planned or run.
    #[arg(long, value_name = "WHERE", default_value = "feed", value_parser = ["feed", "env"], help_heading = "Import")]
    pub secrets: String,
    /// Address that requests go to, in place of the one in the file.
    #[arg(long, value_name = "URL", help_heading = "Import")]
    pub url: Option<String>,
    /// Weights of actions or methods, such as `GET=10,create_order=2`.
    ///
    /// For formats whose actions are drawn: API descriptions and logs.
    #[arg(long, value_name = "NAME=N,...", value_delimiter = ',', help_heading = "Import")]
    pub weights: Vec<String>,
    /// Value of a Postman variable, such as `baseUrl=http://localhost:8080`.
    #[arg(long, value_name = "NAME=VALUE", help_heading = "Import")]
    pub variable: Vec<String>,
}

/// The flags of `bench report`.
#[derive(Clone, Debug, Args)]
pub struct ReportArgs {
    /// Results folder of the run; the reports are written into it.
    pub folder: PathBuf,
    /// Reports to write.
    #[arg(
        long,
        value_name = "FORMAT,...",
        value_enum,
        value_delimiter = ',',
        default_values_t = ReportFormat::ALL,
        help_heading = "Output"
    )]
    pub report: Vec<ReportFormat>,
    /// Also print all tables.
    #[arg(long, help_heading = "Output")]
    pub verbose: bool,
    /// Also print the requests in the columns of Locust's console.
    #[arg(long, help_heading = "Output")]
    pub stats: bool,
    /// Also print grades of the P95 and of the error rate.
    #[arg(long, help_heading = "Output")]
    pub grades: bool,
}

/// The flags of `bench replay-events`.
#[derive(Clone, Debug, Args)]
pub struct ReplayEventsArgs {
    /// The file that `--events` wrote.
    pub file: PathBuf,
    /// Print only the results.
    #[arg(long, help_heading = "Output")]
    pub quiet: bool,
    /// Print all tables instead of an 80-column summary.
    #[arg(long, help_heading = "Output")]
    pub verbose: bool,
}

/// The flags of `bench plan`.
#[derive(Clone, Debug, Args)]
pub struct PlanArgs {
    /// The experiment to plan.
    #[command(flatten)]
    pub experiment: ConfigArgs,
    /// Print JSON.
    #[arg(long, help_heading = "Output")]
    pub json: bool,
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
    fn every_flag_has_a_heading_and_one_line_of_short_help() {
        const LONGEST: usize = 80;
        let mut command = Cli::command();
        command.build();
        let mut commands = vec![&command];
        commands.extend(command.get_subcommands().filter(|command| !command.is_hide_set()));
        for command in commands {
            for flag in command.get_arguments().filter(|arg| arg.get_long().is_some()) {
                let name = flag.get_id().as_str();
                if ["help", "version"].contains(&name) {
                    continue;
                }
                assert!(flag.get_help_heading().is_some(), "{}: --{name} has no heading", command.get_name());
                let help = flag.get_help().map(ToString::to_string).unwrap_or_default();
                assert!(
                    !help.is_empty() && !help.contains('\n') && help.chars().count() <= LONGEST,
                    "{}: the short help of --{name} is one line of at most {LONGEST} characters: {help}",
                    command.get_name()
                );
            }
        }
    }
}
