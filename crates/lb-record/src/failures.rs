//! What failed requests have in common: their step, outcome and status, the texts of failed checks, and when they
//! were first and last seen.
//!
//! Servers decide how many kinds there are, so their number is limited: further texts count without their text, and
//! further statuses without their status. Only failed requests reach this code.

use lb_core::workload::{Sample, StepIndex};
use lb_core::{Outcome, Span, Time};
use serde::{Deserialize, Serialize};

/// The number of different texts that are kept for each step, outcome and status: the first ones.
const MOST_MESSAGES: usize = 5;
/// The number of kinds that are kept for each step, apart from one for each outcome.
const MOST_KINDS: usize = 20;
/// The number of characters of a text that are kept.
const LONGEST_MESSAGE: usize = 200;

/// Failed requests of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureRecord {
    /// The step that the requests belong to.
    pub step: StepIndex,
    /// How they ended.
    pub outcome: Outcome,
    /// The status of the replies; `None` without a reply, and for rare statuses once there are too many.
    pub status: Option<u16>,
    /// What the failed check found; `None` for other outcomes, and for texts beyond the first few.
    pub message: Option<String>,
    /// Number of the requests.
    pub count: u64,
    /// When the first of them ended, as an offset from the start of the phase.
    pub first: Time,
    /// When the last of them ended, as an offset from the start of the phase.
    pub last: Time,
}

/// The kinds of failures so far, by step.
#[derive(Debug, Default)]
pub(crate) struct Failures(Vec<Vec<FailureRecord>>);

impl Failures {
    /// Collects failures that were listed before.
    pub(crate) fn of(records: Vec<FailureRecord>) -> Self {
        let mut all = Self::default();
        for record in records {
            all.add(record);
        }
        all
    }

    /// Counts a failed request. `message` is what a failed check found.
    #[cold]
    pub(crate) fn sample(&mut self, sample: &Sample, message: Option<String>) {
        let message = message.map(|text| match text.char_indices().nth(LONGEST_MESSAGE) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        });
        self.add(FailureRecord {
            step: sample.step,
            outcome: sample.outcome,
            status: (sample.status > 0).then_some(sample.status),
            message,
            count: 1,
            first: sample.done,
            last: sample.done,
        });
    }

    /// Adds requests of one kind.
    fn add(&mut self, mut added: FailureRecord) {
        let step = usize::from(added.step.0);
        if step >= self.0.len() {
            self.0.resize_with(step + 1, Vec::new);
        }
        let kinds = &mut self.0[step];
        if !kinds.iter().any(|kind| kind.is_like(&added)) {
            let alike = |kind: &&FailureRecord| {
                kind.outcome == added.outcome && kind.status == added.status && kind.message.is_some()
            };
            if added.message.is_some() && kinds.iter().filter(alike).count() >= MOST_MESSAGES {
                added.message = None;
            }
            if !kinds.iter().any(|kind| kind.is_like(&added)) && kinds.len() >= MOST_KINDS {
                (added.status, added.message) = (None, None);
            }
        }
        match kinds.iter_mut().find(|kind| kind.is_like(&added)) {
            Some(kind) => {
                kind.count += added.count;
                kind.first = kind.first.min(added.first);
                kind.last = kind.last.max(added.last);
            }
            None => kinds.push(added),
        }
    }

    /// Returns the kinds, ordered by step, outcome, status and text.
    pub(crate) fn into_records(self) -> Vec<FailureRecord> {
        let mut all: Vec<FailureRecord> = self.0.into_iter().flatten().collect();
        all.sort_by(|one, other| one.place().cmp(&other.place()));
        all
    }
}

impl FailureRecord {
    /// Returns whether both are of the same kind.
    fn is_like(&self, other: &Self) -> bool {
        self.outcome == other.outcome && self.status == other.status && self.message == other.message
    }

    /// Returns what failures are ordered by.
    fn place(&self) -> (u16, usize, Option<u16>, Option<&str>) {
        (self.step.0, self.outcome.index(), self.status, self.message.as_deref())
    }
}

/// Merges two lists of failures of the same workload. The times of the second are `shift` later.
pub fn merge(mine: Vec<FailureRecord>, theirs: Vec<FailureRecord>, shift: Span) -> Vec<FailureRecord> {
    let mut sum = Failures::default();
    for failure in mine {
        sum.add(failure);
    }
    for failure in theirs {
        sum.add(FailureRecord { first: failure.first + shift, last: failure.last + shift, ..failure });
    }
    sum.into_records()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_core::workload::{ActionIndex, UserId};

    fn failed(step: u16, outcome: Outcome, status: u16, done_ms: u64) -> Sample {
        let done = Time::ZERO + Span::from_millis(done_ms);
        Sample {
            user: UserId(0),
            action: ActionIndex(0),
            step: StepIndex(step),
            intended: done,
            sent: done,
            done,
            outcome,
            status,
            backend: None,
            bytes: 0,
        }
    }

    #[test]
    fn failures_of_one_kind_are_counted_with_their_first_and_last_time() {
        let mut failures = Failures::default();
        let check = Outcome::CheckFailed;
        for (sample, text) in [
            (failed(1, Outcome::UnexpectedStatus, 404, 30), None),
            (failed(0, check, 200, 20), Some("the body does not contain `a`")),
            (failed(0, check, 200, 10), Some("the body does not contain `a`")),
            (failed(0, check, 200, 15), Some("header `etag` is missing")),
            (failed(1, Outcome::UnexpectedStatus, 404, 40), None),
            (failed(1, Outcome::Timeout, 0, 50), None),
        ] {
            failures.sample(&sample, text.map(str::to_owned));
        }
        let records = failures.into_records();
        let told: Vec<_> = records
            .iter()
            .map(|one| {
                let millis = |time: Time| time.as_nanos() / 1_000_000;
                (
                    one.step.0,
                    one.status,
                    one.message.as_deref(),
                    one.count,
                    millis(one.first),
                    millis(one.last),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                (0, Some(200), Some("header `etag` is missing"), 1, 15, 15),
                (0, Some(200), Some("the body does not contain `a`"), 2, 10, 20),
                (1, Some(404), None, 2, 30, 40),
                (1, None, None, 1, 50, 50),
            ]
        );
    }

    #[test]
    fn however_many_kinds_a_server_sends_only_so_many_are_kept_and_all_are_counted() {
        let mut failures = Failures::default();
        for number in 0..1000 {
            let text = format!("{}{number}", "x".repeat(number));
            failures.sample(&failed(0, Outcome::CheckFailed, 200, 1), Some(text));
            failures.sample(&failed(0, Outcome::UnexpectedStatus, 300 + number as u16 % 190, 1), None);
        }
        let records = failures.into_records();
        assert!(records.len() <= MOST_KINDS + Outcome::ALL.len(), "{} kinds", records.len());
        assert_eq!(records.iter().map(|one| one.count).sum::<u64>(), 2000, "none is lost");
        let texts = records.iter().filter(|one| one.message.is_some()).count();
        assert_eq!(texts, MOST_MESSAGES, "the first few are kept");
        let longest = records.iter().filter_map(|one| one.message.as_ref()).map(|text| text.chars().count());
        assert!(longest.max() <= Some(LONGEST_MESSAGE + 1));
    }

    #[test]
    fn two_lists_become_one_and_those_of_a_later_phase_are_later() {
        let list = |done: u64| {
            let mut failures = Failures::default();
            failures.sample(&failed(2, Outcome::Reset, 0, done), None);
            failures.into_records()
        };
        let sum = merge(list(7), list(3), Span::from_secs(1));
        assert_eq!(sum.len(), 1);
        assert_eq!(sum[0].count, 2);
        assert_eq!(sum[0].first, Time::ZERO + Span::from_millis(7));
        assert_eq!(sum[0].last, Time::ZERO + Span::from_millis(1003));
    }
}
