//! The command line as `clap` parses it.

use crate::values::{fraction, moment, wait};
use clap::{Args, Parser, Subcommand};
use jiff::Timestamp;
use lb_history::{HistoryUrl, Judgement, MetricName, SeriesFilter};
use std::path::PathBuf;
use std::time::Duration;

/// Record runs of `bench` in a history, and see what changed from run to run.
///
/// The history is a file of SQLite, or a database of PostgreSQL that a team shares. docs/history.md describes it.
#[derive(Debug, Parser)]
#[command(name = "bench-history", version, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// The history: `sqlite:FILE` or `postgres://USER@HOST/DATABASE`.
    #[arg(
        long,
        value_name = "URL",
        global = true,
        env = "BENCH_HISTORY",
        hide_env_values = true,
        default_value = HistoryUrl::DEFAULT
    )]
    pub(crate) history: HistoryUrl,
    /// How long to wait for a lock, or for a server that does not answer.
    #[arg(long, value_name = "TIME", global = true, default_value = "10s", value_parser = wait)]
    pub(crate) wait: Duration,
}

const EXIT_CODES: &str = "Exit codes: 0 ok, 1 some folders were not imported, 2 usage, 3 the history cannot be used, \
6 standard output could not be written.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Record runs from their results folders.
    ///
    /// Each run in one transaction, and once: a run that is there already is skipped, or replaced if its results changed.
    Import(ImportArgs),
    /// List the runs, the last one first.
    List(ListArgs),
    /// Show what is recorded of a run.
    Show(ShowArgs),
    /// Tell when something changed, by how much, and how sure that is.
    Changes(ChangesArgs),
    /// Draw all series over time on a page, with marks where something changed.
    Trend(TrendArgs),
    /// Write estimates as CSV or Parquet, one row per run and metric.
    Export(ExportArgs),
    /// Say what later nights may be compared with: `judge RUN accepted`.
    ///
    /// `bench nightly` compares with the last run that is good or accepted, or that nobody judged. What changed up to an accepted
    /// run is no longer an alarm.
    Judge(JudgeArgs),
    /// All runs as JSON, for `bench nightly`; makes the history.
    #[command(hide = true)]
    Nights,
    /// The changes of the series that a run belongs to, as JSON, for `bench nightly`.
    #[command(hide = true)]
    Night(ShowArgs),
    /// Remove old runs, or only their histograms.
    Prune(PruneArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// Results folders, or folders of results folders.
    #[arg(required = true, value_name = "DIR")]
    pub(crate) folders: Vec<PathBuf>,
    /// What was tested, such as a commit or a version.
    #[arg(long, value_name = "TEXT")]
    pub(crate) subject: Option<String>,
    /// Name of the machine, where its own name changes from run to run.
    ///
    /// Runs on different machines are not compared. Without this, a machine is its name, cores, CPU and system, so jobs in a
    /// cluster, whose names differ every night, need it.
    #[arg(long, value_name = "NAME", env = "BENCH_HISTORY_HOST")]
    pub(crate) host: Option<String>,
    /// Keep later nights from being compared with these runs until they are judged.
    #[arg(long)]
    pub(crate) pending: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TrendArgs {
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    /// Only runs that began at this time or later, such as `90d` or `2026-11-01`.
    #[arg(long, value_name = "TIME", value_parser = moment, help_heading = "Series")]
    pub(crate) since: Option<Timestamp>,
    /// Smallest change of a latency or of goodput that is marked.
    #[arg(long, value_name = "X%", value_parser = fraction, default_value = "2%")]
    pub(crate) smallest: f64,
    /// File for the page.
    #[arg(long, value_name = "FILE", default_value = "trend.html")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct JudgeArgs {
    /// Name of the run, as `list` shows it.
    #[arg(value_name = "RUN")]
    pub(crate) run_id: String,
    /// accepted, good, worse, unconfirmed, pending or none.
    #[arg(value_name = "JUDGEMENT")]
    pub(crate) judgement: Judgement,
    /// What became worse, as JSON.
    #[arg(long, value_name = "JSON", default_value = "[]", hide = true)]
    pub(crate) findings: String,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only runs that began at this time or later, such as `30d` or `2026-11-01`.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) since: Option<Timestamp>,
    /// Only runs that began before this time.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) before: Option<Timestamp>,
    /// At most this many.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Name of the run, as `list` shows it.
    #[arg(value_name = "RUN")]
    pub(crate) run_id: String,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which series are meant; without a flag, all.
#[derive(Debug, Args)]
pub(crate) struct FilterArgs {
    /// Only this scenario.
    #[arg(long, value_name = "NAME", help_heading = "Series")]
    pub(crate) scenario: Option<String>,
    /// Only this algorithm.
    #[arg(long, value_name = "NAME", help_heading = "Series")]
    pub(crate) algorithm: Option<String>,
    /// Only this metric, such as `p99` or `error_rate`.
    #[arg(long, value_name = "NAME", help_heading = "Series")]
    pub(crate) metric: Option<MetricName>,
    /// Only runs on this host, as `list` shows it.
    #[arg(long, value_name = "NAME", help_heading = "Series")]
    pub(crate) host: Option<String>,
    /// Only runs of this config.
    #[arg(long, value_name = "NAME", help_heading = "Series")]
    pub(crate) config: Option<String>,
    /// Only runs that began before this time.
    #[arg(long, value_name = "TIME", value_parser = moment, help_heading = "Series")]
    pub(crate) before: Option<Timestamp>,
}

impl FilterArgs {
    /// Returns the filter, for runs that began at a time or later.
    pub(crate) fn filter(&self, since: Option<Timestamp>) -> SeriesFilter {
        let text = |name: &Option<String>| name.clone().unwrap_or_default();
        SeriesFilter {
            scenario: text(&self.scenario),
            algorithm: text(&self.algorithm),
            metric: self.metric,
            host: text(&self.host),
            config: text(&self.config),
            fingerprint: String::new(),
            since,
            before: self.before,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct ChangesArgs {
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    /// Only changes that began at this time or later, such as `7d`.
    ///
    /// Earlier runs are still what later ones are compared with.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) since: Option<Timestamp>,
    /// Smallest change of a latency or of goodput that is told.
    #[arg(long, value_name = "X%", value_parser = fraction, default_value = "2%")]
    pub(crate) smallest: f64,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    /// Only runs that began at this time or later, such as `30d` or `2026-11-01`.
    #[arg(long, value_name = "TIME", value_parser = moment, help_heading = "Series")]
    pub(crate) since: Option<Timestamp>,
    /// Write CSV to this file; `-` prints it.
    #[arg(long, value_name = "FILE", required_unless_present = "parquet")]
    pub(crate) csv: Option<PathBuf>,
    /// Write Parquet to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) parquet: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct PruneArgs {
    /// Remove runs that began before this time, such as `1y` (ago) or `2026-01-01`.
    #[arg(long, value_name = "TIME", value_parser = moment, required_unless_present = "run")]
    pub(crate) before: Option<Timestamp>,
    /// Remove this run; may be repeated.
    #[arg(long, value_name = "RUN")]
    pub(crate) run: Vec<String>,
    /// Remove only the histograms, and keep everything else.
    #[arg(long)]
    pub(crate) only_histograms: bool,
    /// Say what would be removed, and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent_and_short_help_is_short() {
        fn check(command: &clap::Command) {
            for argument in command.get_arguments() {
                let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
                assert!(!help.is_empty() && help.len() <= 80, "{}: {help}", argument.get_id());
            }
            command.get_subcommands().for_each(check);
        }
        let mut command = Cli::command();
        command.build();
        command.clone().debug_assert();
        let ours = command.get_subcommands().filter(|command| command.get_name() != "help");
        ours.for_each(check);
    }
}
