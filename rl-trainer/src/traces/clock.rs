//! Finds out whether the clock of a recording was set while it was recorded.
//!
//! The load balancer of this repository times decisions from the beginning of the recording by a clock that nobody can
//! set. Traces that others wrote, or that were put together from several recordings, may jump: then requests look as if
//! they had been in flight together that never were, and a fit finds queues that nobody saw.

use lb_traces::format::Column;
use lb_traces::read::{Batch, ParquetFile, Source, TraceError, source};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// A decision that is earlier than the one before it by more than this was timed by a clock that was set. Threads that
/// share a view decide within microseconds of each other.
const SET_BACK_NS: i64 = 100_000_000;
/// Shortest pause that counts as a jump, in nanoseconds.
const LONG_NS: i64 = 30_000_000_000;
/// A pause counts as a jump if it is this many times the mean time between decisions.
const MANY_TIMES: f64 = 1_000.0;

/// What the times of a recording say about its clock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Clock {
    /// Number of decisions that are earlier than the one before.
    pub back: u64,
    /// The largest step back, in nanoseconds.
    pub most_back_ns: u64,
    /// The longest pause between two decisions, in nanoseconds, if it is far longer than others.
    pub pause_ns: Option<u64>,
}

impl Clock {
    /// Returns what is wrong with the clock and what to do, as a problem and an advice, for each way in which it is.
    pub fn problems(&self) -> Vec<(String, &'static str)> {
        let mut all = Vec::new();
        if self.back > 0 {
            all.push((
                format!(
                    "the clock was set back {} times, by up to {:.1} s, so requests look as if they had been in flight \
                     together that never were",
                    self.back,
                    self.most_back_ns as f64 / 1e9
                ),
                "leave out recordings during which the clock was set, or record again with `bench --traces`, whose clock \
                 nobody can set",
            ));
        }
        if let Some(pause) = self.pause_ns {
            all.push((
                format!(
                    "there is a pause of {:.0} s between two decisions: the clock was set forward, or nothing was sent",
                    pause as f64 / 1e9
                ),
                "give recordings from before and after it as files of their own, so that each is fitted by itself",
            ));
        }
        all
    }
}

/// Finds out about the clock of a trace, or of all traces in a folder.
///
/// # Errors
/// The traces cannot be read.
pub fn clock(path: &Path) -> Result<Clock, TraceError> {
    let Source::Parquet(files) = source(path)? else { return Ok(Clock::default()) };
    let mut clocks = Clocks::default();
    for file in &files {
        let file = ParquetFile::open(file)?;
        file.read(&Clocks::COLUMNS, |batch| (0..batch.rows).for_each(|row| clocks.take(batch, row)))?;
        clocks.end_of_file();
    }
    Ok(clocks.clock())
}

/// Follows the times of all load balancers of a file.
#[derive(Debug, Default)]
pub(super) struct Clocks {
    /// Last decision, by load balancer.
    last: BTreeMap<i64, Decision>,
    found: Clock,
    longest_pause_ns: i64,
    steps: u64,
    steps_ns: f64,
}

#[derive(Clone, Copy, Debug)]
struct Decision {
    number: i64,
    at_ns: i64,
}

impl Clocks {
    /// The columns that are needed; without them, nothing is found.
    pub(super) const COLUMNS: [Column; 3] = [Column::LbId, Column::DecisionId, Column::TsNs];

    /// Takes a row.
    pub(super) fn take(&mut self, batch: &Batch, row: usize) {
        let whole = |column: Column| batch.column(column).integer(row);
        if let (Some(number), Some(at_ns)) = (whole(Column::DecisionId), whole(Column::TsNs)) {
            self.decision(whole(Column::LbId).unwrap_or(0), Decision { number, at_ns });
        }
    }

    fn decision(&mut self, balancer: i64, next: Decision) {
        let last = self.last.insert(balancer, next);
        // Only decisions in the order in which they were made tell the order of times.
        let Some(last) = last.filter(|last| next.number > last.number) else { return };
        let step = next.at_ns.saturating_sub(last.at_ns);
        if step < -SET_BACK_NS {
            self.found.back += 1;
            self.found.most_back_ns = self.found.most_back_ns.max(step.unsigned_abs());
        }
        if step > 0 {
            self.longest_pause_ns = self.longest_pause_ns.max(step);
            self.steps += 1;
            self.steps_ns += step as f64;
        }
    }

    /// Ends a file: each has a clock of its own.
    pub(super) fn end_of_file(&mut self) {
        self.last.clear();
    }

    pub(super) fn clock(&self) -> Clock {
        // The pause itself is no usual step.
        let usual =
            (self.steps_ns - self.longest_pause_ns as f64) / self.steps.saturating_sub(1).max(1) as f64;
        let is_long = self.longest_pause_ns >= LONG_NS && self.longest_pause_ns as f64 > MANY_TIMES * usual;
        Clock { pause_ns: is_long.then_some(self.longest_pause_ns.unsigned_abs()), ..self.found.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock_of(decisions: &[(i64, i64, i64)]) -> Clock {
        let mut clocks = Clocks::default();
        for (balancer, number, ms) in decisions {
            clocks.decision(*balancer, Decision { number: *number, at_ns: ms * 1_000_000 });
        }
        clocks.clock()
    }

    #[test]
    fn a_clock_that_was_set_back_is_found_and_threads_that_overtake_each_other_are_not() {
        let usual = clock_of(&[(0, 0, 0), (0, 1, 10), (1, 0, 5), (0, 2, 9), (1, 1, 11)]);
        assert_eq!(usual, Clock::default(), "a millisecond is no jump, and each balancer counts by itself");
        let set = clock_of(&[(0, 0, 10_000), (0, 1, 4_000), (0, 2, 4_010), (0, 3, 1_000)]);
        assert_eq!((set.back, set.most_back_ns), (2, 6_000_000_000));
        let problems = set.problems();
        assert!(problems[0].0.contains("set back 2 times, by up to 6.0 s"), "{problems:?}");
        let shuffled = clock_of(&[(0, 5, 10_000), (0, 4, 4_000), (0, 6, 11_000)]);
        assert_eq!(shuffled.back, 0, "rows in another order tell nothing");
    }

    #[test]
    fn a_pause_is_a_jump_only_if_others_are_far_shorter() {
        let mut decisions: Vec<(i64, i64, i64)> = (0..100).map(|number| (0, number, number * 10)).collect();
        decisions.push((0, 100, 61_000));
        let jumped = clock_of(&decisions);
        assert_eq!(jumped.pause_ns, Some(60_010_000_000));
        assert!(jumped.problems()[0].0.contains("a pause of 60 s"), "{:?}", jumped.problems());
        let slow: Vec<(i64, i64, i64)> = (0..100).map(|number| (0, number, number * 31_000)).collect();
        assert_eq!(clock_of(&slow).pause_ns, None, "a request every 31 seconds is what it is");
    }
}
