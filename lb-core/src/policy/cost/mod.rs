//! The predicted cost of a request, relative to an ordinary one, from its route and its [`Hints`](crate::hints::Hints).

use super::RequestInfo;

/// Learns what requests cost, and predicts it.
#[derive(Clone, Debug, Default)]
pub struct CostModel {}

/// What a request is expected to cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PredictedCost {
    /// Natural logarithm of the cost; 0 is an ordinary request.
    pub log_cost: f32,
    /// The cost; 1 is an ordinary request. It is the mean of the costs that are possible, which is more than
    /// `exp(log_cost)` if the prediction is uncertain.
    pub cost: f32,
    /// Standard deviation of the logarithm of the cost around `log_cost`.
    pub deviation: f32,
}

impl CostModel {
    /// Predicts the cost of a request.
    pub fn predict(&self, _request: &RequestInfo) -> PredictedCost {
        PredictedCost { log_cost: 0.0, cost: 1.0, deviation: 1.0 }
    }

    /// Learns that a request took `log` longer, as a natural logarithm, than an ordinary request would have taken at the
    /// same backend. `certainty`, from 0 to 1, says how far the time is known to be the request's own and not that of
    /// a queue.
    pub fn learn(&mut self, _request: &RequestInfo, _log: f32, _certainty: f32) {}
}
