//! Requests that were sent to a backend, and what their ends have shown.

use super::pattern::{NEVER, SIZES};
use crate::policy::{PredictedCost, RequestInfo};
use crate::time::Time;

/// A request that has been sent and has not ended.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// When it was sent.
    pub at: Time,
    /// What it was expected to cost, within bounds.
    pub predicted: PredictedCost,
    /// What it said.
    pub request: RequestInfo,
    /// Number of requests that were in flight to the backend before it.
    pub(super) in_flight: u32,
    /// Nanoseconds after `at` when a queue of each size would have begun with it; [`NEVER`] if it still waits.
    pub(super) began: [f32; SIZES],
    /// Work clocks of shared processors of each size when it was sent.
    pub(super) marks: [f64; SIZES],
}

impl Sent {
    pub(super) fn new(at: Time, request: RequestInfo, predicted: PredictedCost) -> Self {
        Self {
            at,
            predicted: bounded(predicted),
            request,
            in_flight: 0,
            began: [NEVER; SIZES],
            marks: [0.0; SIZES],
        }
    }
}

/// Ranges of what is predicted: logarithm, cost, and deviation. A deviation of zero would make any jitter odd.
const LOG_COST: std::ops::RangeInclusive<f32> = -8.0..=8.0;
const COST: std::ops::RangeInclusive<f32> = 1e-3..=1e3;
const DEVIATION: std::ops::RangeInclusive<f32> = 0.05..=3.0;

/// Returns a prediction within bounds; an ordinary request for one that is not a number.
pub(super) fn bounded(predicted: PredictedCost) -> PredictedCost {
    let within = |value: f32, range: std::ops::RangeInclusive<f32>, otherwise: f32| match value.is_nan() {
        true => otherwise,
        false => value.clamp(*range.start(), *range.end()),
    };
    PredictedCost {
        log_cost: within(predicted.log_cost, LOG_COST, 0.0),
        cost: within(predicted.cost, COST, 1.0),
        deviation: within(predicted.deviation, DEVIATION, 1.0),
    }
}

/// What the end of a request has shown about its own service.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// What the request said.
    pub request: RequestInfo,
    /// What it was expected to cost.
    pub predicted: PredictedCost,
    /// Number of requests that were in flight to the backend before it.
    pub in_flight_when_sent: u32,
    /// Natural logarithm of its time in service in nanoseconds, as estimated.
    pub log_service: f32,
    /// `log_service` less the logarithm that was expected of an ordinary request at this backend: what
    /// [`CostModel::learn`](crate::policy::CostModel::learn) takes.
    pub log_relative: f32,
    /// How far that is known to be the request's own, from 0 to 1.
    pub certainty: f32,
}
