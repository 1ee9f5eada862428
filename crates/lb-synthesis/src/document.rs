//! The traffic model as a JSON document, and its checks.

use crate::error::SynthesisError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Version of the document, raised with every change that affects readers.
pub const SCHEMA_VERSION: u32 = 1;
/// The longest model that is read, in bytes.
const LONGEST: u64 = 64 << 20;
/// The most JSON values in a model.
const MOST_VALUES: usize = 4_000_000;

/// What recorded traffic is like, fitted by `bench learn`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrafficModel {
    /// Version of this schema.
    pub schema_version: u32,
    /// What the model was learned from.
    pub source: Source,
    /// Kinds of requests, the most frequent first.
    pub kinds: Vec<Kind>,
    /// Rates of each hour of the week that was observed.
    pub hours: Vec<Hour>,
    /// Rates by weekday, hour and kind, where there was at least one request.
    pub cells: Vec<Cell>,
    /// How well the rates are known.
    pub rates: Rates,
    /// How requests are spread over what is requested.
    pub popularity: Popularity,
    /// How far requests cluster in time beyond the rates of hours.
    pub bursts: Bursts,
    /// What visitors do in a visit. Null if the recording does not say who sent a request.
    pub sessions: Option<Sessions>,
    /// Sizes of bodies.
    pub sizes: Sizes,
}

/// What a model was learned from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Number of requests.
    pub requests: u64,
    /// Time of the first request (RFC 3339).
    pub from: String,
    /// Time of the last request (RFC 3339).
    pub to: String,
    /// Time zone of weekdays and hours.
    pub time_zone: String,
    /// Precision of the recorded times in seconds, such as 1 for access logs.
    pub resolution_s: f64,
    /// Remarks on the recording and on what could not be learned.
    pub notes: Vec<String>,
}

/// A method and an endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Kind {
    /// Method of the request.
    pub method: String,
    /// Path without the query, with `{id}` for identifiers.
    pub endpoint: String,
    /// Number of requests.
    pub requests: u64,
    /// Share of all requests, from 0 to 1.
    pub share: f64,
    /// The most frequent request targets of this kind, which are what is synthesised.
    pub targets: Vec<Target>,
}

/// A path with its query, as it is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Path with query.
    pub target: String,
    /// Number of requests.
    pub requests: u64,
}

/// The rate of one hour of the week.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hour {
    /// Weekday; 1 is Monday, 7 is Sunday.
    pub weekday: u8,
    /// Hour of the day, from 0 to 23.
    pub hour: u8,
    /// How long this hour was observed, in seconds.
    pub observed_s: f64,
    /// Number of requests.
    pub requests: u64,
    /// Requests per second, drawn towards the same hour of similar days as far as days are alike.
    pub per_second: f64,
    /// Lower end of the 95 % interval of the rate.
    pub low: f64,
    /// Upper end of the 95 % interval of the rate.
    pub high: f64,
    /// Sessions that began, per second. Null without sessions.
    pub sessions_per_second: Option<f64>,
}

/// The rate of one kind of request in one hour of the week.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// Weekday; 1 is Monday, 7 is Sunday.
    pub weekday: u8,
    /// Hour of the day, from 0 to 23.
    pub hour: u8,
    /// Place of the kind in `kinds`, from 0.
    pub kind: u32,
    /// Number of requests.
    pub requests: u64,
    /// Requests per second.
    pub per_second: f64,
    /// Lower end of the 95 % interval of the rate.
    pub low: f64,
    /// Upper end of the 95 % interval of the rate.
    pub high: f64,
}

/// How well rates are known.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rates {
    /// Variance of a count over its mean, by which intervals are wider than those of a Poisson process; at least 1.
    pub overdispersion: f64,
    /// Coefficient of variation between the same hours of similar days.
    pub between_days: f64,
    /// Share of the variance of hourly counts that the rates explain, from 0 to 1. Null with fewer than three hours.
    pub explained: Option<f64>,
}

/// How requests are spread over what is requested.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Popularity {
    /// Number of distinct methods and request targets.
    pub items: u64,
    /// Zipf's law, fitted to the requests by rank. Null with fewer than three items.
    pub zipf: Option<Zipf>,
}

/// Zipf's law: the share of the item of rank r is proportional to `r^-exponent`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Zipf {
    /// The exponent of greatest likelihood.
    pub exponent: f64,
    /// Standard error of the exponent.
    pub standard_error: f64,
    /// Kolmogorov-Smirnov distance between observed and fitted shares, from 0 to 1.
    pub distance: f64,
    /// Share of samples of the fitted law whose distance is at least as great; a small one speaks against the law.
    pub p_value: f64,
}

/// What bursts are measured on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// The beginnings of sessions.
    Sessions,
    /// Requests.
    Requests,
}

/// How far events cluster in time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bursts {
    /// What `modulation` applies to.
    pub unit: Unit,
    /// Indices of dispersion of requests at several time scales.
    pub requests: Vec<DispersionPoint>,
    /// Indices of dispersion of what `unit` says, with those of the fitted process.
    pub fitted: Vec<DispersionPoint>,
    /// The fitted two-state Markov-modulated Poisson process. Null if a Poisson process fits as well.
    pub modulation: Option<Modulation>,
}

/// The index of dispersion for counts at one time scale.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DispersionPoint {
    /// Length of the windows in seconds.
    pub scale_s: f64,
    /// Number of windows.
    pub windows: u64,
    /// Variance of counts over their mean, within hours; 1 for a Poisson process.
    pub index: f64,
    /// The index of the fitted process. Null if there is none.
    pub model: Option<f64>,
}

/// A two-state Markov-modulated Poisson process: the rate of the hour, times the factor of the current state.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Modulation {
    /// Factor of the rate in calm times.
    pub calm_factor: f64,
    /// Factor of the rate in bursts.
    pub burst_factor: f64,
    /// Mean length of a calm time in seconds.
    pub calm_s: f64,
    /// Mean length of a burst in seconds.
    pub burst_s: f64,
    /// Length of the intervals that the fit counts in, in seconds.
    pub interval_s: f64,
    /// By how much the Bayesian information criterion prefers this process to a Poisson process; above 0.
    pub preference: f64,
}

/// What visitors do in a visit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sessions {
    /// Inactivity after which a visitor's next request begins a new session, in seconds.
    pub gap_s: f64,
    /// Number of sessions.
    pub sessions: u64,
    /// Number of visitors: clients with their user agents.
    pub visitors: u64,
    /// Requests per session.
    pub mean_length: f64,
    /// How many sessions have which length.
    pub lengths: Vec<SessionLength>,
    /// Kolmogorov-Smirnov distance of the lengths from a geometric distribution.
    pub geometric_distance: f64,
    /// How often a session began with each kind, in the order of `kinds`.
    pub first: Vec<u64>,
    /// How often one kind followed another within a session.
    pub transitions: Vec<Transition>,
    /// Likelihood-ratio statistic (G) of the chain against independent requests.
    pub chain_g: f64,
    /// Degrees of freedom of `chain_g`.
    pub chain_degrees: u64,
    /// Probability of such a statistic if requests were independent.
    pub chain_p_value: f64,
    /// Quantiles of the time between requests of a session, in seconds, at equal steps from 0 to 1.
    pub think_times_s: Vec<f64>,
    /// A log-normal distribution of the time between requests. Null if there are too few.
    pub think_fit: Option<Lognormal>,
}

/// How many sessions have a length.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionLength {
    /// Number of requests.
    pub requests: u64,
    /// Number of sessions.
    pub sessions: u64,
}

/// How often one kind followed another.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Transition {
    /// Place of the earlier kind in `kinds`.
    pub from: u32,
    /// Place of the later kind in `kinds`.
    pub to: u32,
    /// Number of times.
    pub requests: u64,
}

/// A fitted log-normal distribution.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lognormal {
    /// Mean of the logarithm.
    pub mu: f64,
    /// Standard deviation of the logarithm.
    pub sigma: f64,
    /// Kolmogorov-Smirnov distance of the values from the distribution.
    pub distance: f64,
}

/// Sizes of bodies in bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// Bodies of replies. Null if the recording does not say.
    pub replies: Option<SizeFit>,
    /// Bodies of requests that have one. Null if none has.
    pub requests: Option<SizeFit>,
}

/// The distribution of a size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SizeFit {
    /// Number of bodies.
    pub count: u64,
    /// Mean in bytes.
    pub mean: f64,
    /// Quantiles in bytes, at equal steps from 0 to 1.
    pub quantiles: Vec<f64>,
    /// A log-normal distribution. Null if there are too few sizes.
    pub fit: Option<Lognormal>,
}

/// Reads a model from a file.
///
/// # Errors
/// The file cannot be read, is not a model, is of another version, or contradicts itself.
pub fn read_model(path: &Path) -> Result<TrafficModel, SynthesisError> {
    let name = path.display().to_string();
    let wrong = |problem: String| SynthesisError::Model { name: name.clone(), problem };
    let text =
        lb_io::read_text(path, LONGEST).map_err(|error| wrong(format!("it cannot be read: {error}")))?;
    lb_io::check_json(text.as_bytes(), MOST_VALUES).map_err(|problem| wrong(format!("it {problem}")))?;
    parse(&text).map_err(wrong)
}

fn parse(text: &str) -> Result<TrafficModel, String> {
    let value: serde_json::Value =
        serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))?;
    match value.get("schema_version").and_then(serde_json::Value::as_u64) {
        None => return Err("`schema_version` is missing".to_owned()),
        Some(version) if version != u64::from(SCHEMA_VERSION) => {
            return Err(format!(
                "`schema_version` is {version}, but this version of bench reads {SCHEMA_VERSION}"
            ));
        }
        Some(_) => {}
    }
    let model: TrafficModel = serde_path_to_error::deserialize(value)
        .map_err(|error| format!("`{}`: {}", error.path(), error.inner()))?;
    model.check().map(|()| model)
}

impl TrafficModel {
    /// Checks that numbers are in range and that places refer to something.
    fn check(&self) -> Result<(), String> {
        let positive = |value: f64| value.is_finite() && value > 0.0;
        if self.kinds.is_empty() {
            return Err("`kinds` is empty; a model has at least one kind of request".to_owned());
        }
        for (number, kind) in self.kinds.iter().enumerate() {
            let usable = !kind.targets.is_empty() && kind.targets.iter().any(|target| target.requests > 0);
            if !usable {
                return Err(format!("`kinds[{number}].targets` names no target with requests"));
            }
        }
        let is_slot = |weekday: u8, hour: u8| (1..=7).contains(&weekday) && hour < 24;
        for (number, hour) in self.hours.iter().enumerate() {
            let rates = [hour.per_second, hour.sessions_per_second.unwrap_or(0.0), hour.observed_s];
            let sane =
                is_slot(hour.weekday, hour.hour) && rates.iter().all(|rate| rate.is_finite() && *rate >= 0.0);
            if !sane || hour.observed_s <= 0.0 {
                return Err(format!(
                    "`hours[{number}]` needs a weekday from 1 to 7, an hour from 0 to 23, a time above 0 and rates of at least 0"
                ));
            }
        }
        let known = |kind: u32| (kind as usize) < self.kinds.len();
        if let Some(number) =
            self.cells.iter().position(|cell| !known(cell.kind) || !is_slot(cell.weekday, cell.hour))
        {
            return Err(format!("`cells[{number}]` names a kind, a weekday or an hour that does not exist"));
        }
        if let Some(modulation) = &self.bursts.modulation {
            let Modulation { calm_factor, burst_factor, calm_s, burst_s, .. } = *modulation;
            let sane = positive(calm_s) && positive(burst_s) && positive(burst_factor) && calm_factor >= 0.0;
            if !sane || !calm_factor.is_finite() {
                return Err("`bursts.modulation` needs lengths and a burst factor above 0".to_owned());
            }
        }
        self.sessions.as_ref().map_or(Ok(()), |sessions| self.check_sessions(sessions))
    }

    fn check_sessions(&self, sessions: &Sessions) -> Result<(), String> {
        let known = |kind: u32| (kind as usize) < self.kinds.len();
        if sessions.first.len() != self.kinds.len() || sessions.first.iter().all(|count| *count == 0) {
            return Err("`sessions.first` needs one number per kind, and one above 0".to_owned());
        }
        if sessions.transitions.iter().any(|one| !known(one.from) || !known(one.to)) {
            return Err("`sessions.transitions` names a kind that does not exist".to_owned());
        }
        let lengths = &sessions.lengths;
        if lengths.iter().all(|one| one.sessions == 0) || lengths.iter().any(|one| one.requests == 0) {
            return Err(
                "`sessions.lengths` needs lengths of at least 1 with their numbers of sessions".to_owned()
            );
        }
        let think = &sessions.think_times_s;
        let sane = think.iter().all(|time| time.is_finite() && *time >= 0.0);
        if !sane || (think.is_empty() && lengths.iter().any(|one| one.requests > 1)) {
            return Err("`sessions.think_times_s` needs times of at least 0".to_owned());
        }
        Ok(())
    }
}
