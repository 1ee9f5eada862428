//! Replies told apart by the value of a header, such as hits and misses of a cache: counts and latencies of each kind
//! of request and value, and their course over time.
//!
//! Servers decide about the values, so only the first few are kept by name, and the course has a bounded number of
//! batches: when it is full, neighbours are added up, and each batch is then twice as long.

use crate::cell::Cell;
use crate::sendings::TENTH_NS;
use crate::slice::TENTHS;
use lb_core::workload::Sample;
use lb_core::{Observation, Span};
use serde::{Deserialize, Serialize};

/// The number of a value in a recording.
pub type ValueNumber = u8;

/// The number of values that are kept by name: the first ones.
pub const MOST_VALUES: usize = 8;
/// The number of replies without the header.
pub const WITHOUT: ValueNumber = 0;
/// The number of replies with another value than the first few.
pub const FURTHER: ValueNumber = 1;
/// The number of the first value that is kept by name.
pub const FIRST_VALUE: ValueNumber = 2;
/// The most batches of a course.
const MOST_BATCHES: usize = 128;

/// Replies by kind of request and value of the observed header.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// The header, and what its values mean.
    pub observation: Observation,
    /// The values that are kept by name. The first one has the number [`FIRST_VALUE`].
    pub values: Vec<String>,
    /// The replies by step, and then by the number of their value.
    pub steps: Vec<Vec<ObservedReplies>>,
}

/// The replies to one kind of request with one value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ObservedReplies {
    /// The number of replies, expected or not.
    pub replies: u64,
    /// The latencies of those that were expected.
    pub latency: Cell,
    /// Their course over time.
    pub course: Course,
}

/// Counts and sums of latency in batches of equal length, from the start of the phase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Course {
    /// The length of a batch in tenths of a second: a power of two.
    pub tenths: u32,
    /// The batches, up to the last one with a reply.
    pub batches: Vec<Batch>,
}

/// The replies that ended in one batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// The number of replies, expected or not.
    pub replies: u64,
    /// The number of those that were expected.
    pub successes: u64,
    /// The sum of the latencies of those that were expected.
    pub sum: Span,
}

impl Observed {
    /// Makes a record without replies.
    pub fn new(observation: Observation) -> Self {
        Self { observation, values: Vec::new(), steps: Vec::new() }
    }

    /// Adds a reply with the value `value`.
    #[inline]
    pub(crate) fn record(&mut self, sample: &Sample, value: ValueNumber) {
        let latency = sample.done.since(sample.intended);
        let success = sample.outcome.is_success();
        let replies = self.replies_mut(usize::from(sample.step.0), value);
        replies.replies += 1;
        if success {
            replies.latency.record(latency, sample.bytes);
        }
        let batch = Batch {
            replies: 1,
            successes: u64::from(success),
            sum: if success { latency } else { Span::ZERO },
        };
        replies.course.add((sample.done.as_nanos() / TENTH_NS) as u32, &batch);
    }

    /// Adds the replies of `other`, whose phase began `offset_s` seconds after this one. Values are matched by name.
    pub fn merge(&mut self, other: &Self, offset_s: u32) {
        let offset = offset_s * TENTHS as u32;
        let numbers: Vec<ValueNumber> = other.values.iter().map(|value| self.number_of(value)).collect();
        for (step, row) in other.steps.iter().enumerate() {
            for (number, theirs) in (0..).zip(row).filter(|(_, theirs)| theirs.replies > 0) {
                // Without names, both are recordings of workers that share their numbers.
                let known = usize::from(number).checked_sub(usize::from(FIRST_VALUE));
                let number = known.and_then(|place| numbers.get(place)).copied().unwrap_or(number);
                let mine = self.replies_mut(step, number);
                mine.replies += theirs.replies;
                mine.latency.merge(&theirs.latency);
                for (place, batch) in (0..).zip(&theirs.course.batches) {
                    mine.course.add(offset + place * theirs.course.tenths, batch);
                }
                mine.course.lengthen(theirs.course.tenths);
            }
        }
    }

    /// Returns the name of a value; `None` for replies without the header and for further values.
    pub fn name_of(&self, number: ValueNumber) -> Option<&str> {
        let place = number.checked_sub(FIRST_VALUE)?;
        self.values.get(usize::from(place)).map(String::as_str)
    }

    /// Returns the number of a value by name, which gets one if there is room.
    fn number_of(&mut self, value: &str) -> ValueNumber {
        let known = self.values.iter().position(|known| known == value);
        let place = match known {
            Some(place) => place,
            None if self.values.len() == MOST_VALUES => return FURTHER,
            None => {
                self.values.push(value.to_owned());
                self.values.len() - 1
            }
        };
        FIRST_VALUE + place as ValueNumber
    }

    #[inline]
    fn replies_mut(&mut self, step: usize, value: ValueNumber) -> &mut ObservedReplies {
        if step >= self.steps.len() {
            self.steps.resize_with(step + 1, Vec::new);
        }
        let row = &mut self.steps[step];
        let value = usize::from(value);
        if value >= row.len() {
            row.resize_with(value + 1, ObservedReplies::default);
        }
        &mut row[value]
    }
}

impl Default for Course {
    fn default() -> Self {
        Self { tenths: 1, batches: Vec::new() }
    }
}

impl Course {
    /// Returns the same course in batches of at least this many tenths of a second, a power of two.
    pub fn with_length(&self, tenths: u32) -> Self {
        let mut longer = self.clone();
        longer.lengthen(tenths);
        longer
    }

    /// Adds replies that ended in a tenth of a second, counted from the start of the phase.
    #[inline]
    fn add(&mut self, tenth: u32, batch: &Batch) {
        while (tenth / self.tenths) as usize >= MOST_BATCHES {
            self.lengthen(self.tenths * 2);
        }
        let place = (tenth / self.tenths) as usize;
        if place >= self.batches.len() {
            self.batches.resize(place + 1, Batch::default());
        }
        self.batches[place].add(batch);
    }

    /// Adds up neighbours until a batch is at least this many tenths of a second long.
    fn lengthen(&mut self, tenths: u32) {
        while self.tenths < tenths {
            let pairs = self.batches.chunks(2).map(|pair| {
                let mut sum = pair[0];
                pair[1..].iter().for_each(|other| sum.add(other));
                sum
            });
            self.batches = pairs.collect();
            self.tenths *= 2;
        }
    }
}

impl Batch {
    /// Adds the replies of `other`.
    pub fn add(&mut self, other: &Self) {
        self.replies += other.replies;
        self.successes += other.successes;
        self.sum += other.sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_core::workload::{ActionIndex, StepIndex, UserId};
    use lb_core::{Outcome, Time};

    fn sample(step: u16, done_s: u64, millis: u64, outcome: Outcome) -> Sample {
        let done = Time::ZERO + Span::from_secs(done_s) + Span::from_millis(500);
        let sent = Time::from_nanos(done.as_nanos() - millis * 1_000_000);
        Sample {
            user: UserId(0),
            action: ActionIndex(0),
            step: StepIndex(step),
            intended: sent,
            sent,
            done,
            outcome,
            status: 200,
            backend: None,
            bytes: 3,
        }
    }

    fn observed(values: &[&str], samples: &[(Sample, ValueNumber)]) -> Observed {
        let mut observed = Observed::new(Observation::of("X-Cache"));
        observed.values = values.iter().map(|value| (*value).to_owned()).collect();
        for (sample, value) in samples {
            observed.record(sample, *value);
        }
        observed
    }

    #[test]
    fn replies_are_counted_by_step_and_value_and_failed_ones_have_no_latency() {
        let ok = Outcome::Ok;
        let record = observed(
            &["HIT"],
            &[
                (sample(1, 0, 4, ok), 2),
                (sample(1, 3, 8, ok), 2),
                (sample(1, 3, 90, Outcome::BackendError), 2),
            ],
        );
        let hits = &record.steps[1][2];
        assert_eq!((hits.replies, hits.latency.count()), (3, 2));
        assert_eq!(hits.latency.mean(), Some(Span::from_millis(6)));
        assert_eq!(hits.course.batches.len(), 36, "tenths of a second without a reply are there, too");
        assert_eq!(hits.course.batches[35].replies, 2);
        assert_eq!(hits.course.batches[35].sum, Span::from_millis(8));
        assert_eq!(record.name_of(2), Some("HIT"));
        assert_eq!([record.name_of(WITHOUT), record.name_of(FURTHER), record.name_of(3)], [None; 3]);
    }

    #[test]
    fn a_course_of_any_length_keeps_all_counts_in_a_bounded_number_of_batches() {
        let samples: Vec<_> = (0..1000).map(|second| (sample(0, second, 1, Outcome::Ok), 2)).collect();
        let record = observed(&["HIT"], &samples);
        let course = &record.steps[0][2].course;
        assert_eq!(course.tenths, 128, "10,000 tenths in at most 128 batches");
        assert!(course.batches.len() <= MOST_BATCHES);
        assert_eq!(course.batches[0].replies, 13, "those of the first 12.8 seconds");
        assert_eq!(course.batches.iter().map(|batch| batch.replies).sum::<u64>(), 1000);
        assert_eq!(course.with_length(512).batches.iter().map(|batch| batch.replies).sum::<u64>(), 1000);
    }

    #[test]
    fn records_are_added_up_by_the_names_of_their_values() {
        let ok = Outcome::Ok;
        let mut one = observed(&["HIT", "MISS"], &[(sample(0, 1, 2, ok), 2), (sample(0, 1, 9, ok), 3)]);
        let other = observed(
            &["MISS", "STALE"],
            &[(sample(0, 1, 8, ok), 2), (sample(0, 2, 1, ok), 3), (sample(0, 0, 1, ok), WITHOUT)],
        );
        one.merge(&other, 10);
        assert_eq!(one.values, ["HIT", "MISS", "STALE"]);
        let replies: Vec<u64> = one.steps[0].iter().map(|replies| replies.replies).collect();
        assert_eq!(replies, [1, 0, 1, 2, 1]);
        assert_eq!(one.steps[0][3].course.batches.len(), 116, "the second phase began at second 10");
        assert_eq!(one.steps[0][3].latency.max(), Some(Span::from_millis(9)));
    }

    #[test]
    fn only_so_many_values_are_kept_by_name() {
        let names: Vec<String> = (0..MOST_VALUES).map(|number| format!("v{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut one = observed(&names, &[]);
        one.merge(&observed(&["new"], &[(sample(0, 1, 2, Outcome::Ok), 2)]), 0);
        assert_eq!(one.values.len(), MOST_VALUES);
        assert_eq!(one.steps[0][usize::from(FURTHER)].replies, 1);
    }

    #[test]
    fn a_record_reads_back_as_it_was_written() {
        let record = observed(&["HIT"], &[(sample(0, 1, 2, Outcome::Ok), 2)]);
        let text = serde_json::to_string(&record).expect("plain data");
        assert_eq!(serde_json::from_str::<Observed>(&text).expect("it was just written"), record);
    }
}
