//! The outcome of a validation, as JSON.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of the document, raised with every change that affects readers.
pub const VALIDATION_SCHEMA_VERSION: u32 = 1;

/// How synthetic traffic differs from a recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Validation {
    /// Version of this schema.
    pub schema_version: u32,
    /// Whether no measure is beyond its limit.
    pub passed: bool,
    /// The measures, each with its limit.
    pub measures: Vec<Judged>,
    /// The recording.
    pub real: Side,
    /// The synthetic list.
    pub synthetic: Side,
    /// Time zone of the hours.
    pub time_zone: String,
    /// Rates by hour.
    pub hours: Vec<HourRow>,
    /// Shares and hourly rates by method and endpoint, the most frequent first.
    pub endpoints: Vec<EndpointRow>,
    /// Indices of dispersion by time scale.
    pub dispersion: Vec<DispersionRow>,
    /// Quantiles of the time between requests, multiplied by the rate of the hour: `[real, synthetic]` at equal steps
    /// from 0 to 1.
    pub gaps: Vec<[f64; 2]>,
    /// Rates over the time of the synthetic list.
    pub timeline: Timeline,
    /// Remarks on the files and on the comparison.
    pub notes: Vec<String>,
}

/// One of the two lists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Side {
    /// Number of requests.
    pub requests: u64,
    /// Time of the first request (RFC 3339).
    pub from: String,
    /// Time of the last request (RFC 3339).
    pub to: String,
    /// Number of requests in hours of the day that both lists cover.
    pub compared_requests: u64,
    /// Time in hours that both lists cover, in seconds.
    pub compared_s: f64,
    /// Requests per second in these hours. Not judged, because a list may be scaled on purpose.
    pub per_second: f64,
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Jensen-Shannon distance between shares of the hours, from 0 to 1.
    Hours,
    /// Jensen-Shannon distance between shares of methods and endpoints, from 0 to 1.
    Endpoints,
    /// Kolmogorov-Smirnov distance between times between requests, relative to the rate of the hour, from 0 to 1.
    Gaps,
    /// Mean absolute logarithm of the ratio of indices of dispersion over the time scales.
    Dispersion,
    /// How far the hours of the recording's peaks are from the nearest synthetic peak, in hours.
    Peaks,
}

impl Measure {
    /// All measures, in the order of reports.
    pub const ALL: [Self; 5] = [Self::Hours, Self::Endpoints, Self::Gaps, Self::Dispersion, Self::Peaks];

    /// Returns a limit below which a difference is irrelevant, however surely it is there.
    pub const fn floor(self) -> f64 {
        match self {
            Self::Hours | Self::Endpoints => 0.03,
            Self::Gaps => 0.05,
            Self::Dispersion => 0.2,
            Self::Peaks => 1.0,
        }
    }

    /// Describes the measure in a few words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hours => "hours (Jensen-Shannon)",
            Self::Endpoints => "endpoints (Jensen-Shannon)",
            Self::Gaps => "gaps (Kolmogorov-Smirnov)",
            Self::Dispersion => "dispersion (mean |ln ratio|)",
            Self::Peaks => "peaks (hours apart)",
        }
    }
}

/// A measure with its limit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Judged {
    /// The measure.
    pub measure: Measure,
    /// The measure between the recording and the synthetic list. Null if they have too little in common for it.
    pub value: Option<f64>,
    /// Mean of the measure between parts of the recording. Null if it cannot be split for this.
    pub split_mean: Option<f64>,
    /// The greatest value that passes. Null if the measure is not judged.
    pub limit: Option<f64>,
    /// Whether the value is within the limit. Null if the measure is not judged.
    pub passed: Option<bool>,
    /// Chi-square statistic over its degrees of freedom, about 1 for independent requests of equal shares. Clustered
    /// requests have greater values, so it is not judged. Null for other measures.
    pub chi_square_per_degree: Option<f64>,
}

/// Rates of an hour.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HourRow {
    /// Whether the hour is one of a weekend.
    pub weekend: bool,
    /// Hour of the day, from 0 to 23.
    pub hour: u8,
    /// Requests per hour in the recording.
    pub real: f64,
    /// Requests per hour in the synthetic list.
    pub synthetic: f64,
}

/// Shares and rates of a method and an endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EndpointRow {
    /// Method.
    pub method: String,
    /// Path without the query, with `{id}` for identifiers.
    pub endpoint: String,
    /// Share of the recorded requests, weighted as the hours of the synthetic list.
    pub real: f64,
    /// Share of the synthetic requests.
    pub synthetic: f64,
    /// Recorded requests per hour, by hour of the day; null where nothing is compared.
    pub real_by_hour: Vec<Option<f64>>,
    /// Synthetic requests per hour, by hour of the day; null where nothing is compared.
    pub synthetic_by_hour: Vec<Option<f64>>,
}

/// Indices of dispersion at one time scale, both at the rate of the recording.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DispersionRow {
    /// Length of the windows in seconds.
    pub scale_s: f64,
    /// Index of the recording; 1 for a Poisson process. Null with too few windows.
    pub real: Option<f64>,
    /// Index of the synthetic list. Null with too few windows.
    pub synthetic: Option<f64>,
}

/// Rates over the time of the synthetic list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Timeline {
    /// Length of a step in seconds.
    pub step_s: f64,
    /// The steps, in order.
    pub points: Vec<TimePoint>,
}

/// Rates in one step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TimePoint {
    /// Middle of the step, in seconds from the beginning of the synthetic list.
    pub at_s: f64,
    /// Mean of the recording at the same time of similar days, in requests per second. Null if it does not cover that.
    pub real: Option<f64>,
    /// The synthetic list, in requests per second.
    pub synthetic: f64,
}
