//! What another machine's clock says, as measured through NATS: the worker asks the leader for its time, again and again,
//! and keeps the answer that came back soonest (Cristian 1989).
//!
//! Both clocks are monotonic and count from when their machine was started, so nothing that sets the time of day moves them.

use lb_clock::monotonic;
use serde::{Deserialize, Serialize};
use std::future::Future;

/// How often the leader is asked: one answer of many comes back without having waited anywhere.
const QUESTIONS: u32 = 16;

/// How far a worker's clock is ahead of the leader's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Offset {
    /// Worker's time less leader's time, in nanoseconds.
    pub(crate) ahead_ns: i64,
    /// The most that this can be off: half of the time between question and answer.
    pub(crate) error_ns: u64,
}

impl Offset {
    /// Reads the leader's clock through `ask`, which returns its time.
    pub(crate) async fn measure<E, A: Future<Output = Result<u64, E>>>(
        ask: impl Fn() -> A,
    ) -> Result<Self, E> {
        let mut best: Option<Self> = None;
        for _ in 0..QUESTIONS {
            let asked = monotonic();
            let leader = ask().await?;
            let found = Self::of(asked, leader, monotonic());
            best = Some(best.filter(|best| best.error_ns <= found.error_ns).unwrap_or(found));
        }
        Ok(best.unwrap_or(Self { ahead_ns: 0, error_ns: u64::MAX }))
    }

    /// The answer was given at some moment between the question and its arrival; the middle is off by at most half of that.
    fn of(asked: u64, leader: u64, answered: u64) -> Self {
        let half = answered.saturating_sub(asked) / 2;
        Self { ahead_ns: (asked + half) as i64 - leader as i64, error_ns: half }
    }

    /// Converts a time of the leader's to the worker's clock.
    pub(crate) fn to_worker(self, leader_ns: u64) -> u64 {
        leader_ns.saturating_add_signed(self.ahead_ns)
    }

    /// Converts a time of the worker's to the leader's clock.
    pub(crate) fn to_leader(self, worker_ns: u64) -> u64 {
        worker_ns.saturating_add_signed(-self.ahead_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::convert::Infallible;

    #[test]
    fn the_offset_is_off_by_at_most_half_of_the_way_there_and_back() {
        // The worker's clock is 5,000 ahead. The question takes 100 and the answer 300.
        let offset = Offset::of(15_000, 10_100, 15_400);
        assert_eq!(offset, Offset { ahead_ns: 5_100, error_ns: 200 });
        assert!((offset.ahead_ns - 5_000).unsigned_abs() <= offset.error_ns);
        assert_eq!(offset.to_leader(offset.to_worker(12_345)), 12_345);
        let behind = Offset::of(10_000, 15_050, 10_100);
        assert_eq!(behind.ahead_ns, -5_000);
        assert_eq!(behind.to_worker(16_000), 11_000);
    }

    #[tokio::test]
    async fn the_answer_that_came_back_soonest_counts() {
        const AHEAD: u64 = 1_000_000_000_000;
        let asked = Cell::new(0);
        let offset = Offset::measure(|| {
            asked.set(asked.get() + 1);
            let is_slow = asked.get() != 3;
            async move {
                let now = monotonic();
                if is_slow {
                    // The answer waits on its way back.
                    std::thread::sleep(std::time::Duration::from_millis(5));
                }
                Ok::<u64, Infallible>(now + AHEAD)
            }
        })
        .await
        .expect("it always answers");
        assert_eq!(asked.get(), QUESTIONS);
        assert!(offset.error_ns < 2_500_000, "the third answer waited for nothing: {offset:?}");
        assert!((offset.ahead_ns + AHEAD as i64).unsigned_abs() <= offset.error_ns, "{offset:?}");
    }
}
