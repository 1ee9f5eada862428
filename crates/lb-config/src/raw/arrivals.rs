//! `bench.arrivals`: the open model, as a short text or as an object.

use super::limits::LONGEST_SECONDS;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Upper limit for arrivals per second: a single process cannot keep up with more.
pub(crate) const MOST_PER_SECOND: f64 = 1_000_000.0;

/// The open model in the `bench` block.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Arrivals {
    /// `constant:500`, `poisson:500`, `ramp:100-800` or `bursts:200-1600:5s-1s`.
    Short(String),
    /// An object with all settings.
    Long(Box<ArrivalSettings>),
}

/// Arrivals in place of users.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ArrivalSettings {
    /// The arrival process: when sessions or actions arrive.
    pub(crate) process: Process,
    /// Arrivals per second, in each pattern. For a replay without timestamps, requests per second.
    #[schemars(range(max = MOST_PER_SECOND), extend("exclusiveMinimum" = 0))]
    pub(crate) rate: Option<f64>,
    /// Stages of a changing rate, each from one rate to another. The last stage is cut, or its final rate
    /// kept, to fill the pattern.
    #[schemars(length(min = 1))]
    pub(crate) stages: Option<Vec<RateStage>>,
    /// Two rates in arrivals per second. `ramp`: at the beginning and at the end of each pattern. `bursts`:
    /// in the calm and in the busy state.
    #[schemars(inner(range(min = 0, max = MOST_PER_SECOND)))]
    pub(crate) rates: Option<[f64; 2]>,
    /// `bursts`: mean stay in the calm and in the busy state, in seconds.
    #[schemars(inner(range(min = 0.001, max = LONGEST_SECONDS)))]
    pub(crate) mean_stay_s: Option<[f64; 2]>,
    /// How arrivals are spaced at a given rate. By default, `constant` is even and `ramp` is Poisson.
    pub(crate) spacing: Option<Spacing>,
    /// What an arrival does. By default a session if the sessions of the journey open with something, such as
    /// a log-in, and otherwise an action.
    pub(crate) start: Option<Start>,
    /// `replay`: the file with recorded requests, relative to the working directory or else to the config's
    /// folder; or several, which are played as one.
    pub(crate) file: Option<Files>,
    /// `replay`: the format of the file. By default it is detected from the content.
    pub(crate) format: Option<RecordingFormat>,
    /// `replay`: the format of log lines, as nginx's `log_format` or Apache's `LogFormat` has it.
    #[schemars(length(min = 1))]
    pub(crate) log_format: Option<String>,
    /// `replay`: where JSON objects or columns hold what, such as `{"time": "ts", "path": "req.uri"}`. Other names
    /// keep their usual meaning.
    pub(crate) fields: Option<BTreeMap<String, String>>,
    /// `replay`: how the requests of a second are placed in it if all times are whole seconds. By default `even`.
    pub(crate) spread: Option<Spread>,
    /// `replay`: which statuses count as a success. By default `recorded`.
    pub(crate) expect: Option<Expect>,
    /// `replay`: which host is asked for. By default `header`.
    pub(crate) host: Option<HostChoice>,
    /// `replay`: whether requests without times are repeated until the end of the run.
    pub(crate) cycle: Option<bool>,
    /// `replay`: patterns that group paths, such as `/user/{name}`. They come before the rules for identifiers.
    pub(crate) paths: Option<Vec<String>>,
    /// `replay`: playback speed, as a multiple of the recorded speed.
    #[schemars(range(min = 0.001, max = 1_000_000))]
    pub(crate) speed: Option<f64>,
}

impl ArrivalSettings {
    /// Returns settings with this process and nothing else set.
    pub(crate) fn of(process: Process) -> Self {
        Self {
            process,
            rate: None,
            stages: None,
            rates: None,
            mean_stay_s: None,
            spacing: None,
            start: None,
            file: None,
            format: None,
            log_format: None,
            fields: None,
            spread: None,
            expect: None,
            host: None,
            cycle: None,
            paths: None,
            speed: None,
        }
    }
}

/// The arrival process: when sessions or actions arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Process {
    /// Evenly, at a given rate.
    Constant,
    /// At random, at a given rate, like independent clients.
    Poisson,
    /// At a rate that changes from one value to another over each pattern.
    Ramp,
    /// In bursts: calm and busy times alternate.
    Bursts,
    /// At recorded times, one request per arrival.
    Replay,
}

/// A stage of a changing rate.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RateStage {
    /// Length in seconds, on the config's timeline.
    #[schemars(range(max = LONGEST_SECONDS), extend("exclusiveMinimum" = 0))]
    pub(crate) duration_s: f64,
    /// Arrivals per second at the beginning of the stage.
    #[schemars(range(min = 0, max = MOST_PER_SECOND))]
    pub(crate) from: f64,
    /// Arrivals per second at the end of the stage.
    #[schemars(range(min = 0, max = MOST_PER_SECOND))]
    pub(crate) to: f64,
}

/// How arrivals are spaced at a given rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Spacing {
    /// At equal intervals.
    Even,
    /// At random, as a Poisson process.
    Poisson,
}

/// What an arrival does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Start {
    /// A whole session.
    Session,
    /// A single action, without think time.
    Action,
}

/// One file or several.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Files {
    /// One file.
    One(#[schemars(length(min = 1))] String),
    /// Several files, which are played as one.
    Several(#[schemars(length(min = 1))] Vec<String>),
}

/// How the requests of a second are placed in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Spread {
    /// At equal intervals.
    Even,
    /// At random, as a Poisson process does.
    Poisson,
    /// All together.
    None,
}

/// Which statuses count as a success.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Expect {
    /// Those from 200 to 399, and the recorded one if it is from 400 to 499.
    Recorded,
    /// Those from 200 to 399.
    Ok,
}

/// Which host is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum HostChoice {
    /// That of a `Host` header among the headers to send, or else the target's.
    Header,
    /// The recorded one.
    Recorded,
    /// The target's.
    Target,
}

/// Formats of recorded requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RecordingFormat {
    /// A JSON list of `{endpoint, method, timestamp}`.
    Requests,
    /// Vegeta's JSON targets or results, one per line.
    Vegeta,
    /// Vegeta's text targets.
    VegetaText,
    /// k6's JSON output, one point per line.
    K6,
    /// Access logs in the common or combined format, and their relatives.
    AccessLog,
    /// Access logs in the format that `log_format` gives.
    LogFormat,
    /// HAProxy's `option httplog`.
    Haproxy,
    /// Envoy's default access log.
    Envoy,
    /// Access logs of AWS's load balancers.
    Elb,
    /// squid's native access log.
    Squid,
    /// Logs with a line `#Fields:`.
    W3c,
    /// One JSON object per line.
    Json,
    /// Comma-separated values with a header.
    Csv,
    /// An HTTP archive.
    Har,
    /// The files of GoReplay.
    Goreplay,
}
