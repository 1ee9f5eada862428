//! How latencies scatter, for box plots.

/// The five numbers of a box plot, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The lower whisker: the smallest latency, or the smallest that the source reports.
    pub low: f64,
    /// The lower and upper quartiles; `None` if the source reports only percentiles from the median upwards.
    pub quartiles: Option<[f64; 2]>,
    /// The median.
    pub median: f64,
    /// The upper whisker: the 95th percentile.
    pub high: f64,
}

impl Spread {
    /// Returns the spread of sorted latencies; `None` if there are none.
    pub(super) fn of_sorted(sorted: &[f64]) -> Option<Self> {
        let at = |share| super::quantile(sorted, share);
        Some(Self {
            low: *sorted.first()?,
            quartiles: at(0.25).zip(at(0.75)).map(<[f64; 2]>::from),
            median: at(0.5)?,
            high: at(0.95)?,
        })
    }
}
