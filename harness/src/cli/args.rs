//! The command line as `clap` parses it. Flags that override a config are defined by
//! [`Overrides`].

use crate::children::ChildCommand;
use clap::{Args, Parser, Subcommand};
use lb_config::Overrides;
use lb_config::values::{fraction, probability};
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
    /// The command to run in place of an experiment.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The flags of a run; they apply when no command is given.
    #[command(flatten)]
    pub run: RunArgs,
}

const EXIT_CODES: &str = "Exit codes: 0 ok, 1 internal error, 2 usage or config, 3 preflight failed, \
4 switch not verified, 5 too few valid trials, 98 regression, 99 threshold not held, 130 interrupted (partial results are kept).";

/// A command in place of a run.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check a config and show what would run.
    Plan(PlanArgs),
    /// Check that everything is reachable and that each request succeeds once.
    Doctor(ConfigArgs),
    /// List the algorithms.
    Algorithms,
    /// Measure the noise of this machine: run one algorithm under two labels.
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
    /// Programs that `bench` starts for itself.
    #[command(flatten)]
    Child(ChildCommand),
}

/// A config, and the flags that override it.
#[derive(Clone, Debug, Args)]
pub struct ConfigArgs {
    /// Config file, or the name of a bundled one.
    ///
    /// It is tried as a path first. Any of the shapes described in docs/configs.md.
    #[arg(
        long,
        value_name = "FILE",
        default_value = "default_benchmark_config.json",
        help_heading = "Experiment"
    )]
    pub config: String,
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
    /// Keep trials that are invalid.
    ///
    /// They count, with a note; by default they are repeated and left out. For trying things
    /// out on a busy machine.
    #[arg(long, help_heading = "Evidence")]
    pub accept_invalid: bool,
    /// Leave out the simulated lower bounds.
    ///
    /// The bounds are policies that know what no load balancer can know, such as the size of each request.
    #[arg(long, help_heading = "Evidence")]
    pub no_oracles: bool,
    /// Search for the highest rate at which an objective holds.
    ///
    /// The highest arrival rate is searched for each algorithm. An objective is a latency in milliseconds, a
    /// rate of failed requests, or both: `p(95)<200` or `p(99)<500,rate<0.01`.
    #[arg(long, value_name = "OBJECTIVE", help_heading = "Evidence")]
    pub max_rate: Option<String>,
    /// Folder for the results [default: results/<date>-<config>-<id>].
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub out: Option<PathBuf>,
    /// Print the tables only.
    #[arg(long, help_heading = "Output")]
    pub quiet: bool,
    /// Write what happens in the run to this file as JSON lines.
    ///
    /// Each line is written while the run goes on; docs/events.md describes the events. `bench replay-events FILE`
    /// prints what the run printed.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub events: Option<PathBuf>,
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
    /// Write every request of every user, in order, beside each trial.
    #[arg(long, help_heading = "Output")]
    pub record_actions: bool,
    /// Write every request with its times as Parquet beside each trial.
    #[arg(long, help_heading = "Output")]
    pub record_requests: bool,
    /// Write every decision of the load balancer as Parquet, for training.
    ///
    /// One file per trial in the folder `traces`, with each decision, what it was based on, and how the
    /// request ended.
    #[arg(long, help_heading = "Output")]
    pub traces: bool,
    /// Share of the traced decisions to make evenly at random, such as `2%`.
    ///
    /// Without it, nothing can be learnt from a trace about decisions that its algorithm never makes.
    #[arg(
        long,
        value_name = "X%",
        value_parser = probability,
        requires = "traces",
        default_value = "0",
        help_heading = "Output"
    )]
    pub exploration: f64,
}

/// The flags of `bench aa`.
#[derive(Clone, Debug, Args)]
pub struct AaArgs {
    /// The run; the first of its algorithms is compared with itself.
    #[command(flatten)]
    pub run: RunArgs,
}

/// The flags of `bench compare`.
#[derive(Clone, Debug, Args)]
pub struct CompareArgs {
    /// Results folder to compare with.
    pub base: PathBuf,
    /// Results folder to judge.
    pub new: PathBuf,
    /// Smallest difference that matters, such as `5%`.
    #[arg(long, value_name = "X%", value_parser = fraction, default_value = "5%", help_heading = "Evidence")]
    pub margin: f64,
    /// Write the comparison as JSON to this file, too.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub json: Option<PathBuf>,
}

/// The flags of `bench analyze`.
#[derive(Clone, Debug, Args)]
pub struct AnalyzeArgs {
    /// Results to grade.
    ///
    /// A Locust stats CSV or a folder of them, a k6 summary, an oha report, or a results folder of `bench`.
    pub path: PathBuf,
    /// Write the analysis as JSON to this file, too.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub json: Option<PathBuf>,
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
}

/// The flags of `bench replay-events`.
#[derive(Clone, Debug, Args)]
pub struct ReplayEventsArgs {
    /// The file that `--events` wrote.
    pub file: PathBuf,
    /// Print the tables only.
    #[arg(long, help_heading = "Output")]
    pub quiet: bool,
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
