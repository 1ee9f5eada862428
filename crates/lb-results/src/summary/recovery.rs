//! How long latency takes to come back after a peak of the load.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The recovery of one algorithm after the highest peak of a scenario's load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RecoverySummary {
    /// The peak.
    pub peak: LoadPeak,
    /// Which part of the trials latency is compared with. Null if there is none.
    pub reference: Option<RecoveryReference>,
    /// Mean latency in the reference, in milliseconds: the median over the trials. Null without a reference.
    pub reference_ms: Option<f64>,
    /// Mean latency up to which a slice counts as recovered, in milliseconds: the median over the trials. Null without
    /// a reference.
    pub limit_ms: Option<f64>,
    /// Length in seconds of the slices whose mean latency is looked at: the resolution of the result. Null without a
    /// reference.
    pub resolution_s: Option<f64>,
    /// Number of trials that can tell.
    pub trials: u32,
    /// Number of them that recovered.
    pub recovered: u32,
    /// Seconds from the end of the peak until latency was back. Null unless all trials recovered.
    pub seconds: Option<f64>,
    /// 95 % interval of the seconds: from five trials on over trials, otherwise from blocks of time within them. Null
    /// unless all trials recovered.
    pub interval: Option<[f64; 2]>,
    /// What follows.
    pub verdict: RecoveryVerdict,
    /// The result in a sentence.
    pub sentence: String,
}

/// The highest peak of a planned load, after which it falls to less than half.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LoadPeak {
    /// Whether the load is counted in users or in arrivals per second.
    pub unit: LoadUnit,
    /// The load just before it rises to the peak; 0 if it begins with the peak.
    pub before: f64,
    /// The load at the peak.
    pub load: f64,
    /// The load after the peak.
    pub after: f64,
    /// Seconds from the start of the measured phase until the load rises to the peak.
    pub start_s: f64,
    /// Seconds from the start of the measured phase until the load is back at a low level.
    pub end_s: f64,
    /// Seconds from the start of the measured phase until the load rises again, or until the phase ends.
    pub until_s: f64,
}

/// What a planned load is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LoadUnit {
    /// Users who are there at the same time.
    Users,
    /// Arrivals per second.
    ArrivalsPerSecond,
}

/// The part of a trial that latency after a peak is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecoveryReference {
    /// The time before the peak.
    Before,
    /// The last third of the time after the peak.
    After,
}

/// What follows from the latency after a peak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecoveryVerdict {
    /// Latency came back in every trial.
    Recovered,
    /// Latency did not come back in some trial before the load rose again or the trial ended.
    NotRecovered,
    /// Too few requests ended around the peak.
    NotEnoughData,
}
