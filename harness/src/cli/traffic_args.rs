//! The flags of the commands around synthetic traffic: `learn`, `synthesise`, `validate` and `export`.

use clap::{Args, ValueEnum};
use lb_config::values::{duration, number, whole};
use lb_synthesis::Zone;
use std::path::PathBuf;
use std::time::Duration;

/// The flags of `bench learn`.
#[derive(Clone, Debug, Args)]
pub struct LearnArgs {
    /// Recordings to learn from, in any format that `--replay` reads; together they are one recording.
    #[arg(value_name = "FILE", required_unless_present = "simulate", conflicts_with = "simulate")]
    pub files: Vec<PathBuf>,
    /// Write the model to this file as JSON.
    ///
    /// With `--simulate`, write the invented log to it, in a format by its ending: `.jsonl` (JSON lines with clients),
    /// `.log` (combined log format, times in whole seconds) or `.json` (a list of {endpoint, method, timestamp}).
    #[arg(short, long, value_name = "FILE", required_if_eq("simulate", "true"), help_heading = "Output")]
    pub out: Option<PathBuf>,
    /// Time zone of hours and weekdays, such as `Europe/Berlin` or `+02:00`.
    #[arg(long, value_name = "ZONE", value_parser = Zone::parse, allow_hyphen_values = true, default_value = "UTC", help_heading = "Recording")]
    pub time_zone: Zone,
    /// Inactivity that ends a session.
    #[arg(long, value_name = "TIME", value_parser = duration, allow_hyphen_values = true, default_value = "30m", help_heading = "Recording")]
    pub session_gap: Duration,
    /// Learn nothing; write an invented log.
    ///
    /// The log has three endpoints, peaks around midday and in the evening, bursts and sessions.
    #[arg(long, help_heading = "Simulation")]
    pub simulate: bool,
    /// Days of the invented log.
    #[arg(long, value_name = "N", value_parser = whole::<u32>, allow_hyphen_values = true, default_value = "7", requires = "simulate", help_heading = "Simulation")]
    pub days: u32,
    /// Expected number of requests in the invented log.
    #[arg(long, value_name = "N", value_parser = whole::<u32>, allow_hyphen_values = true, default_value = "40000", requires = "simulate", help_heading = "Simulation")]
    pub requests: u32,
    /// Seed of the invented log.
    #[arg(long, value_name = "N", value_parser = whole::<u64>, allow_hyphen_values = true, default_value = "1", requires = "simulate", help_heading = "Simulation")]
    pub seed: u64,
}

/// How requests are synthesised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SynthesisMethod {
    /// The baseline: observed requests of each hour, drawn with replacement.
    Resample,
    /// Visits, drawn from popularity, bursts and sessions.
    Model,
}

/// The flags of `bench synthesise`.
#[derive(Clone, Debug, Args)]
pub struct SynthesiseArgs {
    /// The model that `bench learn` wrote.
    pub model: PathBuf,
    /// Write the requests to this file, a JSON list of {endpoint, method, timestamp}.
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub out: PathBuf,
    /// How to draw requests.
    #[arg(long, value_name = "METHOD", value_enum, default_value = "model", help_heading = "Requests")]
    pub method: SynthesisMethod,
    /// When the list begins, such as `monday`, `2026-01-31` or `2026-01-31T12:00`.
    ///
    /// In the time zone of the model. A weekday is the first one after the recording. The default is the day after the
    /// recording.
    #[arg(long, value_name = "DAY", help_heading = "Requests")]
    pub day: Option<String>,
    /// How long the list is.
    #[arg(long, value_name = "TIME", value_parser = duration, allow_hyphen_values = true, default_value = "24h", help_heading = "Requests")]
    pub length: Duration,
    /// Factor of all rates.
    #[arg(long, value_name = "X", value_parser = number, allow_hyphen_values = true, default_value = "1", help_heading = "Requests")]
    pub scale: f64,
    /// Seed of all draws.
    #[arg(long, value_name = "N", value_parser = whole::<u64>, allow_hyphen_values = true, default_value = "1", help_heading = "Requests")]
    pub seed: u64,
}

/// The flags of `bench validate`.
#[derive(Clone, Debug, Args)]
pub struct ValidateArgs {
    /// The recording.
    pub real: PathBuf,
    /// The synthetic list, or any recording to compare.
    pub synthetic: PathBuf,
    /// Time zone of hours and weekdays, such as `Europe/Berlin` or `+02:00`.
    #[arg(long, value_name = "ZONE", value_parser = Zone::parse, allow_hyphen_values = true, default_value = "UTC", help_heading = "Recording")]
    pub time_zone: Zone,
    /// Also write a page with charts to this file.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub html: Option<PathBuf>,
    /// Also write the comparison as JSON to this file.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub json: Option<PathBuf>,
}

/// The tool that a script is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportTool {
    /// A script for k6.
    K6,
    /// A file for Locust.
    Locust,
}

/// The flags of `bench export`.
#[derive(Clone, Debug, Args)]
pub struct ExportArgs {
    /// The list of requests that `bench synthesise` wrote; the script reads it when it runs.
    pub list: PathBuf,
    /// The tool that will play the list.
    #[arg(long, value_name = "TOOL", value_enum, help_heading = "Output")]
    pub to: ExportTool,
    /// Write the script to this file.
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub out: PathBuf,
    /// Follow the rate of the list in stages, not the time of each request (k6 only).
    #[arg(long, help_heading = "Output")]
    pub stages: bool,
}
