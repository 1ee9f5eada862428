//! Combines two records into one: one phase after the other, or parts of a phase side by side.
//!
//! Counts add up either way. Only time differs: a phase that follows continues the seconds of the one before
//! it, while parts that ran at the same time share theirs, second by second and bucket by bucket.

use crate::failures::merge as merge_failures;
use crate::histogram::{add_histogram, new_histogram};
use crate::observed::Observed;
use crate::packed_sum::PackedSum;
use crate::population::SECOND_NS;
use crate::sendings::TENTH_NS;
use crate::series::{Interval, IntervalClass, SecondLatency, SecondRecord};
use crate::slice::TENTHS;
use crate::trial::{BackendRecord, TrialRecord};
use lb_core::{Span, Time};
use std::collections::BTreeSet;

impl TrialRecord {
    /// Adds another phase of the same workload and backends, as if it had followed this one: its seconds
    /// continue where those of `self` end. Rates are then over both phases.
    ///
    /// The users' step sequences are dropped, because two phases do not form one sequence.
    pub fn append(&mut self, other: Self) {
        // Whole seconds, so that no second mixes requests of both phases.
        let offset = self.seconds.len() as u32;
        let shift = Span::from_secs(u64::from(offset));
        let mut other = self.add_counts(other);
        self.add_observed(other.observed.take(), offset);
        self.seconds.extend(other.seconds.into_iter().map(|mut second| {
            second.second += offset;
            second
        }));
        self.intervals.extend(other.intervals.into_iter().map(|mut interval| {
            interval.start += shift;
            interval
        }));
        self.failures =
            merge_failures(std::mem::take(&mut self.failures), std::mem::take(&mut other.failures), shift);
        self.actions = None;
        self.cpu_wait_share = match (self.cpu_wait_share, other.cpu_wait_share) {
            (Some(mine), Some(theirs)) => Some(mine.max(theirs)),
            (mine, theirs) => mine.or(theirs),
        };
        let tenths = offset as usize * TENTHS;
        self.sent
            .resize_with(tenths.max(self.sent.len()), || vec![0; self.backends.len()].into_boxed_slice());
        self.sent.append(&mut other.sent);
        self.tenths.resize(tenths.max(self.tenths.len()), (0, 0));
        self.tenths.append(&mut other.tenths);
        self.wall += other.wall;
        self.last_done = self.last_done.max(other.last_done + shift);
    }

    /// Adds another part of the same phase, recorded at the same time by another worker or generator, as if
    /// its requests had been recorded here. The order in which parts are absorbed does not matter.
    ///
    /// Backends that the topology does not list are matched by name. The phase is as long as its longest
    /// part. The CPU-wait share is that of the worst part, and unknown if it is unknown for any part; so
    /// start from one of the parts, not from an empty record.
    pub fn absorb(&mut self, other: Self) {
        self.absorb_all([other]);
    }

    /// Adds other parts as [`Self::absorb`] does, but adds up the histograms of each second only once for all of them.
    pub fn absorb_all(&mut self, others: impl IntoIterator<Item = Self>) {
        let mut intervals = std::mem::take(&mut self.intervals);
        restore_last(&mut intervals);
        let mut mixed = BTreeSet::new();
        for other in others {
            let mut other = self.add_counts(other);
            self.add_observed(other.observed.take(), 0);
            self.wall = self.wall.max(other.wall);
            self.last_done = self.last_done.max(other.last_done);
            self.cpu_wait_share = match (self.cpu_wait_share, other.cpu_wait_share) {
                (Some(mine), Some(theirs)) => Some(mine.max(theirs)),
                _ => None,
            };
            self.failures = merge_failures(
                std::mem::take(&mut self.failures),
                std::mem::take(&mut other.failures),
                Span::ZERO,
            );
            match (&mut self.actions, other.actions.take()) {
                (Some(mine), Some(theirs)) => add_lists(mine, theirs, |mine, theirs| mine.extend(theirs)),
                (mine, theirs) => *mine = mine.take().or(theirs),
            }
            add_lists(&mut self.sent, other.sent, |mine, theirs| add_row(mine, &theirs));
            add_lists(&mut self.tenths, other.tenths, |mine, theirs| {
                mine.0 += theirs.0;
                mine.1 = mine.1.saturating_add(theirs.1);
            });
            restore_last(&mut other.intervals);
            intervals.append(&mut other.intervals);
            let (shared, more) = split(other.seconds, self.seconds.len());
            for (place, (mine, theirs)) in self.seconds.iter_mut().zip(shared).enumerate() {
                if absorb_second(mine, &theirs) {
                    mixed.insert(place);
                }
            }
            self.seconds.extend(more);
        }
        self.intervals = add_intervals(intervals);
        for place in mixed {
            if let Some(second) = self.seconds.get_mut(place) {
                summarise_second(second, &self.intervals);
            }
        }
        self.even_rows();
        self.trim();
    }

    /// Adds everything that does not depend on time, and returns the rest of `other` with its backends
    /// renumbered to match this record.
    fn add_counts(&mut self, mut other: Self) -> Self {
        let numbers = self.numbers_for(&other);
        add_lists(&mut self.steps, std::mem::take(&mut other.steps), |mine, theirs| mine.merge(&theirs));
        add_lists(&mut self.users, std::mem::take(&mut other.users), |mine, theirs| mine.merge(theirs));
        let mut theirs = std::mem::take(&mut other.backends);
        if let Some(numbers) = numbers {
            let width = numbers.iter().map(|number| number + 1).max().unwrap_or(0);
            let mut renumbered = Vec::new();
            renumbered.resize_with(width, Default::default);
            for (number, backend) in numbers.iter().zip(theirs) {
                renumbered[*number] = backend;
            }
            theirs = renumbered;
            let old_of = |new: usize| numbers.iter().position(|number| *number == new);
            other.connections.renumber((0..width).map(old_of));
            let rows = other.seconds.iter_mut().map(|second| &mut second.backends).chain(&mut other.sent);
            for row in rows {
                let mut renumbered = vec![0; width].into_boxed_slice();
                for (number, count) in numbers.iter().zip(row.iter()) {
                    renumbered[*number] = *count;
                }
                *row = renumbered;
            }
        }
        add_lists(&mut self.backends, theirs, |mine, theirs| mine.merge(&theirs));
        self.lateness.merge(&other.lateness);
        self.service.merge(&other.service);
        self.connections.merge(&other.connections);
        self.arrivals.merge(other.arrivals);
        self.named.merge(other.named);
        self.interrupted |= other.interrupted;
        other
    }

    /// Adds the replies that were told apart by a header, in a phase that began `offset_s` seconds after this one.
    fn add_observed(&mut self, other: Option<Observed>, offset_s: u32) {
        let Some(other) = other else { return };
        match &mut self.observed {
            Some(mine) => mine.merge(&other, offset_s),
            None if offset_s == 0 => self.observed = Some(other),
            None => {
                let mut mine = Observed::new(other.observation.clone());
                mine.merge(&other, offset_s);
                self.observed = Some(mine);
            }
        }
    }

    /// Returns the number that each backend of `other` has here, after adding its unlisted names; `None` if
    /// all backends keep their numbers.
    fn numbers_for(&mut self, other: &Self) -> Option<Vec<usize>> {
        self.listed_backends = self.listed_backends.max(other.listed_backends);
        let mut numbers: Vec<usize> = (0..other.backends.len()).collect();
        for (place, name) in other.unlisted_backends.iter().enumerate() {
            let known = self.unlisted_backends.iter().position(|known| known == name);
            let position = known.unwrap_or_else(|| {
                self.unlisted_backends.push(name.clone());
                self.unlisted_backends.len() - 1
            });
            if let Some(number) = numbers.get_mut(other.listed_backends + place) {
                *number = self.listed_backends + position;
            }
        }
        (!numbers.iter().copied().eq(0..numbers.len())).then_some(numbers)
    }

    /// Replaces the listed backends by those that replies named, if replies named some backends but none of
    /// the listed ones. Returns the new names in order; `None` if the record is unchanged.
    pub fn list_by_replies(&mut self) -> Option<Vec<String>> {
        let listed = self.listed_backends.min(self.backends.len());
        let silent = self.backends[..listed].iter().all(|backend| backend.requests() == 0);
        if listed == 0 || self.unlisted_backends.is_empty() || !silent {
            return None;
        }
        let mut places: Vec<usize> = (0..self.unlisted_backends.len()).collect();
        places.sort_by(|one, other| self.unlisted_backends[*one].cmp(&self.unlisted_backends[*other]));
        let names = places.iter().map(|place| self.unlisted_backends[*place].clone()).collect();
        let of = |backends: &[BackendRecord], place: usize| backends.get(listed + place).cloned();
        self.backends = places.iter().map(|place| of(&self.backends, *place).unwrap_or_default()).collect();
        let seconds = self.seconds.iter_mut().map(|second| &mut second.backends);
        for row in seconds.chain(&mut self.sent) {
            *row = places.iter().map(|place| row.get(listed + place).copied().unwrap_or(0)).collect();
        }
        self.connections.renumber(places.iter().map(|place| Some(listed + place)));
        self.listed_backends = places.len();
        self.unlisted_backends.clear();
        Some(names)
    }

    /// Pads all rows of counts by backend to the number of backends.
    pub(crate) fn even_rows(&mut self) {
        let width = self.backends.len();
        let seconds = self.seconds.iter_mut().map(|second| &mut second.backends);
        for row in seconds.chain(&mut self.sent).filter(|row| row.len() != width) {
            let mut longer = std::mem::take(row).into_vec();
            longer.resize(width, 0);
            *row = longer.into_boxed_slice();
        }
    }

    /// Drops the empty second and tenths that closing adds when the phase ends on a boundary, and shortens
    /// the last intervals to the end of the phase or of its last reply.
    pub(crate) fn trim(&mut self) {
        let end = self.last_done.max(Time::ZERO + self.wall);
        let begin = |second: u32| Time::from_nanos(u64::from(second) * SECOND_NS);
        self.tenths.truncate(end.as_nanos().div_ceil(TENTH_NS) as usize);
        while self.seconds.last().is_some_and(|last| last.requests == 0 && begin(last.second) >= end) {
            self.seconds.pop();
        }
        for interval in self.intervals.iter_mut().rev().take(IntervalClass::ALL.len()) {
            let left = end.since(interval.start);
            if !left.is_zero() {
                interval.length = interval.length.min(left);
            }
        }
    }
}

/// Restores the lengths of the last intervals that [`TrialRecord::trim`] cut.
fn restore_last(intervals: &mut [Interval]) {
    for interval in intervals.iter_mut().rev().take(IntervalClass::ALL.len()) {
        interval.length = Span::from_nanos(SECOND_NS);
    }
}

/// Adds up the intervals of each second and class, and returns the sums in order.
fn add_intervals(mut intervals: Vec<Interval>) -> Vec<Interval> {
    let place = |interval: &Interval| (interval.start, interval.class);
    intervals.sort_by_key(place);
    let mut sum = PackedSum::default();
    let same = intervals.chunk_by(|one, other| place(one) == place(other));
    same.filter_map(|same| Interval::sum_of(same, &mut sum)).collect()
}

/// Adds a second of another part. Returns whether the latencies are those of both, so that their percentiles are to be
/// found anew.
fn absorb_second(mine: &mut SecondRecord, theirs: &SecondRecord) -> bool {
    mine.users = mine.users.max(theirs.users);
    mine.requests += theirs.requests;
    mine.errors += theirs.errors;
    add_row(&mut mine.backends, &theirs.backends);
    match (&mut mine.latency, theirs.latency) {
        (Some(mine), Some(theirs)) => {
            mine.sum += theirs.sum;
            mine.max = mine.max.max(theirs.max);
            true
        }
        (mine, theirs) => {
            *mine = mine.or(theirs);
            false
        }
    }
}

/// Finds the mean and the percentiles of a second, whose sum and maximum are known.
fn summarise_second(second: &mut SecondRecord, intervals: &[Interval]) {
    let begin = Time::from_nanos(u64::from(second.second) * SECOND_NS);
    let first = intervals.partition_point(|interval| interval.start < begin);
    let mut all = new_histogram();
    for interval in intervals[first..].iter().take_while(|interval| interval.start == begin) {
        add_histogram(&mut all, &interval.histogram());
    }
    let known = second.latency;
    second.latency =
        known.and_then(|known| SecondLatency::of(&all, known.sum.as_nanos(), known.max.as_nanos()));
}

/// Adds `theirs` to `mine` element by element; the sum is as long as the longer of the two.
fn add_row(mine: &mut Box<[u32]>, theirs: &[u32]) {
    if mine.len() < theirs.len() {
        let mut longer = std::mem::take(mine).into_vec();
        longer.resize(theirs.len(), 0);
        *mine = longer.into_boxed_slice();
    }
    for (mine, theirs) in mine.iter_mut().zip(theirs) {
        *mine += theirs;
    }
}

/// Adds `theirs` to `mine` element by element; the sum is as long as the longer of the two.
fn add_lists<T: Default>(mine: &mut Vec<T>, theirs: Vec<T>, add: impl Fn(&mut T, T)) {
    let (shared, more) = split(theirs, mine.len());
    for (mine, theirs) in mine.iter_mut().zip(shared) {
        add(mine, theirs);
    }
    mine.extend(more);
}

/// Splits a list into the elements before index `at` and those from it on.
fn split<T>(mut list: Vec<T>, at: usize) -> (Vec<T>, Vec<T>) {
    let more = list.split_off(at.min(list.len()));
    (list, more)
}
