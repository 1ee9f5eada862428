//! How busy a pool is, from the arrivals at this load balancer.
//!
//! Two means of the gap between arrivals are kept, over the last thousand and over the last hundred, so that a
//! burst is felt before the long mean follows. The fast one counts for a third: as bursts end, later requests do
//! not meet the utilisation of the burst.

use crate::time::Time;

/// Weight of one arrival in the means.
const SLOW: f32 = 1.0 / 1_000.0;
const FAST: f32 = 1.0 / 100.0;

/// Share of the fast mean.
const OF_FAST: f32 = 0.3;

/// Mean gaps between arrivals, and mean predicted cost.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Load {
    count: f32,
    last: Time,
    gap_slow: f32,
    gap_fast: f32,
    cost: f32,
}

impl Load {
    /// Records that a request with this predicted cost was sent.
    pub(super) fn arrived(&mut self, cost: f32, now: Time) {
        let gap = now.since(self.last).as_nanos() as f32;
        self.last = now.max(self.last);
        // There is no gap before the first request.
        if self.count > 0.0 {
            let plain = 1.0 / self.count;
            self.gap_slow += plain.max(SLOW) * (gap - self.gap_slow);
            self.gap_fast += plain.max(FAST) * (gap - self.gap_fast);
        }
        // More would not change the weights.
        self.count = (self.count + 1.0).min(2.0 / SLOW);
        self.cost += (1.0 / self.count).max(SLOW) * (cost - self.cost);
    }

    /// Returns the mean predicted cost.
    pub(super) fn mean_cost(&self) -> f32 {
        if self.cost > 0.0 { self.cost } else { 1.0 }
    }

    /// Returns the number of requests per nanosecond.
    pub(super) fn rate(&self) -> f32 {
        let per = |gap: f32| if gap > 0.0 { 1.0 / gap } else { 0.0 };
        per(self.gap_slow) + OF_FAST * (per(self.gap_fast) - per(self.gap_slow))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_felt_in_part_at_once() {
        let mut load = Load::default();
        let mut now = 0;
        let mut arrive = |load: &mut Load, gap: u64, count: u32| {
            for _ in 0..count {
                now += gap;
                load.arrived(2.0, Time::from_nanos(now));
            }
            load.rate() * 1e6
        };
        let steady = arrive(&mut load, 1_000_000, 3_000);
        assert!((steady - 1.0).abs() < 0.01, "one per millisecond, not {steady}");
        let burst = arrive(&mut load, 500_000, 300);
        assert!((1.2..1.6).contains(&burst), "of two per millisecond: {burst}");
        assert!((load.mean_cost() - 2.0).abs() < 1e-3);
    }
}
