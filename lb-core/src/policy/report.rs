//! What a backend reports about its own load.

use crate::time::Span;

/// A report of a backend about itself: by the field `endpoint-load-metrics` of a reply (Open Request Cost Aggregation), or as
/// the answer to a probe. What it does not say is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LoadReport {
    /// Requests that the backend holds, those of other load balancers included.
    pub in_flight: Option<u32>,
    /// Share of its capacity that is used; above 1 if requests wait.
    pub utilisation: Option<f32>,
    /// Requests that the backend serves per second.
    pub rate: Option<f32>,
    /// Latency that a request would see if it came now, as the backend estimates it.
    pub latency: Option<Span>,
    /// Whether it answers a probe, and so came unasked for.
    pub probed: bool,
}
