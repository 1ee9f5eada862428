//! The course of latency in a trial, in slices of equal length.

use lb_record::TrialRecord;

/// Mean latencies of successful requests in milliseconds, in slices of equal length. `None` without any.
pub(super) struct Slices {
    pub(super) width_s: f64,
    counts: Vec<u64>,
    sums_ms: Vec<f64>,
}

impl Slices {
    pub(super) fn of(record: &TrialRecord, tenths: usize) -> Self {
        let chunks = || record.tenths.chunks(tenths);
        Self {
            width_s: tenths as f64 / 10.0,
            counts: chunks().map(|part| part.iter().map(|(count, _)| u64::from(*count)).sum()).collect(),
            sums_ms: chunks().map(|part| part.iter().map(|(_, sum)| *sum as f64 / 1e6).sum()).collect(),
        }
    }

    /// Returns the whole slices within a span of time in seconds.
    pub(super) fn within(&self, from_s: f64, to_s: f64) -> std::ops::Range<usize> {
        let first = (from_s / self.width_s - 1e-6).ceil().max(0.0) as usize;
        let end = ((to_s / self.width_s + 1e-6).floor().max(0.0) as usize).min(self.counts.len());
        first.min(end)..end
    }

    /// Returns the mean latency over slices. `None` without requests.
    pub(super) fn mean(&self, slices: std::ops::Range<usize>) -> Option<f64> {
        let count: u64 = self.counts[slices.clone()].iter().sum();
        (count > 0).then(|| self.sums_ms[slices].iter().sum::<f64>() / count as f64)
    }

    /// Returns the mean latency of each slice that has requests.
    pub(super) fn means(&self, slices: std::ops::Range<usize>) -> Vec<f64> {
        slices.filter_map(|slice| self.mean(slice..slice + 1)).collect()
    }

    pub(super) fn requests(&self, slices: std::ops::Range<usize>) -> u64 {
        self.counts[slices].iter().sum()
    }
}
