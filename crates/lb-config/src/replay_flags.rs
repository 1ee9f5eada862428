//! Flags that say how recorded requests are read and sent.

#[cfg(feature = "cli")]
use super::values;
use lb_recording::{Expect, HostChoice, PathPattern, Spread};

/// Flags for `--replay`. The default sets none of them.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
pub struct ReplayFlags {
    /// Format of the log's lines, as the configuration of the server has it.
    ///
    /// nginx's `log_format`, such as `$remote_addr [$time_local] "$request"`, or Apache's `LogFormat`, with or without
    /// the directive around it. By default the format is told from the content.
    #[cfg_attr(feature = "cli", arg(long, value_name = "FORMAT", help_heading = "Replay"))]
    pub log_format: Option<String>,
    /// Keys or columns that hold the fields of a request.
    ///
    /// For example `time=ts,method=verb,path=req.uri`, for JSON lines and columns with a header.
    #[cfg_attr(feature = "cli", arg(long, value_name = "FIELD=KEY,…", help_heading = "Replay"))]
    pub fields: Option<String>,
    /// Requests per second, in place of recorded times.
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", value_parser = values::number, allow_hyphen_values = true, conflicts_with = "arrivals", help_heading = "Replay"))]
    pub rate: Option<f64>,
    /// Repeat requests that come at a rate until `--duration` is over.
    #[cfg_attr(feature = "cli", arg(long, help_heading = "Replay"))]
    pub cycle: bool,
    /// How to spread times of whole seconds: `even` (default), `poisson` or `none`.
    ///
    /// Many logs have no finer times, but their requests did not all begin together. `even` and `poisson` place the
    /// requests of each second within it, `none` sends them together.
    #[cfg_attr(feature = "cli", arg(long, value_name = "HOW", help_heading = "Replay"))]
    pub spread: Option<Spread>,
    /// Which statuses count as a success: `recorded` or `ok` [default: recorded].
    ///
    /// `ok`: 200 to 399. `recorded`: also the recorded one, if it is from 400 to 499.
    #[cfg_attr(feature = "cli", arg(long, value_name = "WHICH", help_heading = "Replay"))]
    pub expect: Option<Expect>,
    /// Which host to ask for: `header`, `recorded` or `target` [default: header].
    ///
    /// `header`: that of a `Host` header among the headers to send, as in Vegeta's targets, or else the target's.
    /// `recorded`: the one that the recording names anywhere. `target`: always the target's.
    #[cfg_attr(feature = "cli", arg(long, value_name = "WHICH", help_heading = "Replay"))]
    pub host: Option<HostChoice>,
    /// Pattern that groups paths in results, such as `/user/{name}`; may be repeated.
    ///
    /// A part in braces stands for one segment and `*` for any text. Without one, numbers, dates and long identifiers
    /// are recognised.
    #[cfg_attr(feature = "cli", arg(long = "path-pattern", value_name = "PATTERN", help_heading = "Replay"))]
    pub patterns: Vec<PathPattern>,
}

impl ReplayFlags {
    /// Returns the flags that are set, for the message that they need a recording.
    pub(crate) fn given(&self) -> Vec<&'static str> {
        let flags = [
            ("--log-format", self.log_format.is_some()),
            ("--fields", self.fields.is_some()),
            ("--rate", self.rate.is_some()),
            ("--cycle", self.cycle),
            ("--spread", self.spread.is_some()),
            ("--expect", self.expect.is_some()),
            ("--host", self.host.is_some()),
            ("--path-pattern", !self.patterns.is_empty()),
        ];
        flags.into_iter().filter(|(_, given)| *given).map(|(flag, _)| flag).collect()
    }
}
