//! The traffic model as a JSON document.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of the document, raised with every change that affects readers.
pub const SCHEMA_VERSION: u32 = 1;
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
