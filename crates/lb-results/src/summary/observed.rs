//! Replies told apart by the value of a header: hits and misses of a cache, and what hits are worth.

use super::latency::Latency;
use lb_core::observation::ObservedClass;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The replies of one algorithm by the value of a header (`--observe`), over all its valid trials.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ObservedSummary {
    /// The header.
    pub header: String,
    /// Replies by value, the most frequent first.
    pub values: Vec<ObservedValue>,
    /// Share of hits among the hits and misses of all kinds of requests. Null without hits and misses.
    pub ratio: Option<HitRatio>,
    /// Results by kind of request, for those with a hit or a miss, the most requested first.
    pub actions: Vec<ObservedAction>,
    /// Whether hits are faster than misses. Null if there are no hits or no misses.
    pub gain: Option<HitGain>,
    /// The first and the last quarter of the measured phase. Null without hits and misses in both.
    pub quarters: Option<[ObservedQuarter; 2]>,
}

/// Replies with one value of the header.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ObservedValue {
    /// The value. Null for replies without the header, and for values beyond the first eight.
    pub value: Option<String>,
    /// Whether the replies had the header.
    pub present: bool,
    /// What the value means: `hit`, `miss` or `other`.
    pub class: ObservedClass,
    /// Number of replies.
    pub replies: u64,
    /// Latency of those that were expected. Null without any.
    pub latency_ms: Option<Latency>,
}

/// A share of hits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HitRatio {
    /// Number of replies that were hits.
    pub hits: u64,
    /// Number of replies that were misses.
    pub misses: u64,
    /// Hits among hits and misses, from 0 to 1.
    pub ratio: f64,
    /// 95 % interval of the ratio: from five trials on over trials, otherwise over blocks of time within them. Null if
    /// there is too little data.
    pub interval: Option<[f64; 2]>,
}

/// Hits and misses of one kind of request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ObservedAction {
    /// Name of the kind of request.
    pub name: String,
    /// HTTP method of the request.
    pub method: String,
    /// Its share of hits.
    pub ratio: HitRatio,
    /// Latency of hits that were expected replies. Null without any.
    pub hit_ms: Option<Latency>,
    /// Latency of misses that were expected replies. Null without any.
    pub miss_ms: Option<Latency>,
}

/// Whether hits are faster than misses of the same kinds of requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HitGain {
    /// Mean latency of hits in milliseconds, over kinds of requests that have both, each weighted by its requests.
    pub hit_ms: f64,
    /// Mean latency of misses in milliseconds, over the same kinds with the same weights.
    pub miss_ms: f64,
    /// Latency that a hit saves, as a share of that of a miss: 0.9 means that hits take a tenth of the time. Negative if
    /// hits are slower.
    pub gain: f64,
    /// 95 % interval of the gain. Null if there is too little data.
    pub interval: Option<[f64; 2]>,
    /// What follows.
    pub verdict: HitVerdict,
    /// The result in a sentence.
    pub sentence: String,
}

/// What follows from the latencies of hits and misses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HitVerdict {
    /// Hits are faster: the whole interval is above zero.
    Faster,
    /// Hits are slower: the whole interval is below zero.
    Slower,
    /// The interval holds zero.
    NoDifference,
    /// There is too little data for an interval.
    NotEnoughData,
}

/// Hits and misses in a part of the measured phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ObservedQuarter {
    /// Hits among hits and misses, from 0 to 1.
    pub ratio: f64,
    /// Mean latency of expected replies that were hits or misses, in milliseconds. Null without any.
    pub mean_ms: Option<f64>,
}
