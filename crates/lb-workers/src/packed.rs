//! What a worker recorded, as bytes: compressed JSON, with histograms in HdrHistogram's V2 encoding. And the sum over
//! workers, which loses nothing: histograms are added bucket by bucket, and seconds are those of one clock.
//!
//! A list by user is as long as the whole schedule, but each worker plays only its share of the users. So only those that
//! did something are sent, with their numbers.

use crate::exchange::{deflate, inflate};
use lb_core::workload::StepIndex;
use lb_record::{TrialRecord, UserRecord};
use serde::{Deserialize, Serialize};
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

/// How many records are unpacked at once: the histograms of a second are added up for all of them together.
const BATCH: usize = 16;

/// A record without its lists by user, and what is in them.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Part {
    record: TrialRecord,
    users: Sparse<UserRecord>,
    actions: Option<Sparse<Vec<StepIndex>>>,
}

/// The entries of a list that say something, and how long it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Sparse<T> {
    len: usize,
    entries: Vec<(usize, T)>,
}

impl<T: Default + PartialEq> Sparse<T> {
    fn of(list: Vec<T>) -> Self {
        let len = list.len();
        let entries = list.into_iter().enumerate().filter(|(_, one)| *one != T::default()).collect();
        Self { len, entries }
    }

    /// Adds the entries to a list, which `add` does with those that are in both.
    fn add_to(self, list: &mut Vec<T>, add: impl Fn(&mut T, T)) {
        if list.len() < self.len {
            list.resize_with(self.len, T::default);
        }
        for (place, entry) in self.entries {
            if let Some(mine) = list.get_mut(place) {
                add(mine, entry);
            }
        }
    }
}

impl Part {
    fn of(mut record: TrialRecord) -> Self {
        let users = Sparse::of(std::mem::take(&mut record.users));
        let actions = record.actions.take().map(Sparse::of);
        Self { record, users, actions }
    }
}

/// Packs what a worker recorded.
///
/// # Errors
/// It cannot be written.
pub fn pack(record: TrialRecord) -> Result<Vec<u8>, String> {
    deflate(&Part::of(record))
}

/// Unpacks what a worker recorded.
fn unpack(packed: &[u8]) -> Result<Part, String> {
    inflate(packed)
}

/// Unpacks what workers recorded, shows each record to `look`, and adds them up, on all cores. Returns the sum, `None`
/// without any, and what `look` returned for each, in their order. Never more than a few are unpacked.
///
/// # Errors
/// The bytes of one are not those of a record.
pub fn sum_packed<T: Send>(
    packed: Vec<Vec<u8>>,
    look: impl Fn(usize, &TrialRecord) -> T + Sync,
) -> Result<(Option<TrialRecord>, Vec<T>), String> {
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get).min(packed.len().max(1));
    let waiting = Mutex::new(packed.into_iter().enumerate());
    let adding = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(|| add_waiting(&waiting, &look))).collect();
        let failed = |_| Err("a thread that adds up records failed".to_owned());
        let joined = threads.into_iter().map(|thread| thread.join().unwrap_or_else(failed));
        joined.collect::<Result<Vec<_>, String>>()
    })?;
    let (parts, looked): (Vec<_>, Vec<_>) = adding.into_iter().unzip();
    let mut looked: Vec<(usize, T)> = looked.into_iter().flatten().collect();
    looked.sort_by_key(|(number, _)| *number);
    Ok((sum(parts.into_iter().flatten()), looked.into_iter().map(|(_, found)| found).collect()))
}

/// The sum of some records, and what was said of each.
type Added<T> = (Option<Part>, Vec<(usize, T)>);

/// Adds up records that wait, batch by batch, until none does.
fn add_waiting<T>(
    waiting: &Mutex<impl Iterator<Item = (usize, Vec<u8>)>>,
    look: impl Fn(usize, &TrialRecord) -> T,
) -> Result<Added<T>, String> {
    let (mut all, mut looked) = (None, Vec::new());
    loop {
        let batch: Vec<(usize, Vec<u8>)> =
            waiting.lock().unwrap_or_else(PoisonError::into_inner).by_ref().take(BATCH).collect();
        if batch.is_empty() {
            return Ok((all, looked));
        }
        let mut parts = Vec::from_iter(all);
        for (number, packed) in batch {
            let part = unpack(&packed)?;
            looked.push((number, look(number, &part.record)));
            parts.push(part);
        }
        all = sum(parts).map(Part::of);
    }
}

/// Adds up what workers recorded; `None` without any.
fn sum(parts: impl IntoIterator<Item = Part>) -> Option<TrialRecord> {
    let mut parts = parts.into_iter();
    let Part { mut record, users, actions } = parts.next()?;
    let mut lists = (Vec::new(), actions.is_some().then(Vec::new));
    add_users(&mut lists, users, actions);
    record.absorb_all(parts.map(|part| {
        add_users(&mut lists, part.users, part.actions);
        part.record
    }));
    (record.users, record.actions) = lists;
    Some(record)
}

type Lists = (Vec<UserRecord>, Option<Vec<Vec<StepIndex>>>);

fn add_users(lists: &mut Lists, users: Sparse<UserRecord>, actions: Option<Sparse<Vec<StepIndex>>>) {
    users.add_to(&mut lists.0, |mine, theirs| mine.merge(theirs));
    if let Some(actions) = actions {
        actions.add_to(lists.1.get_or_insert_default(), |mine, theirs| mine.extend(theirs));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_core::workload::{ActionIndex, Observer, Sample, UserId};
    use lb_core::{Outcome, Span, Time};
    use lb_record::{Recording, RecordingSpec};

    /// What one of `of` workers records of a thousand requests of seven users, or one alone of all.
    fn record(share: u32, of: u32) -> TrialRecord {
        let spec = RecordingSpec { steps: 2, backends: 2, keep_actions: true, ..RecordingSpec::default() };
        let (recording, mut recorders) = Recording::start(spec, 1);
        for n in (0..1_000_u32).filter(|n| (n % 7) % of == share) {
            let sent = Time::from_nanos(u64::from(n) * 3_000_000);
            recorders[0].sample(&Sample {
                user: UserId(n % 7),
                action: ActionIndex(0),
                step: StepIndex((n % 2) as u16),
                intended: sent,
                sent,
                done: sent + Span::from_micros(u64::from(100 + n * n % 977)),
                outcome: if n % 100 == 0 { Outcome::ServerError } else { Outcome::Ok },
                status: 200,
                backend: Some((n % 2) as u16),
                bytes: 10,
            });
        }
        TrialRecord { cpu_wait_share: Some(0.0), ..recording.finish(recorders, Span::from_secs(3)) }
    }

    #[test]
    fn the_sum_over_workers_is_what_one_would_have_recorded() {
        let whole = record(0, 1);
        for of in [1, 2, 3, 7] {
            let packed = (0..of).map(|share| pack(record(share, of)).expect("it can be written")).collect();
            let looked = sum_packed(packed, |number, record| (number, record.requests()));
            let (sum, looked) = looked.expect("it was just written");
            let sum = sum.expect("there are parts");
            assert!(looked.iter().map(|(number, _)| *number).eq(0..of as usize), "in their order");
            assert_eq!(looked.iter().map(|(_, requests)| requests).sum::<u64>(), 1_000);
            assert_eq!(sum.users, whole.users, "{of} workers");
            assert_eq!(sum.actions, whole.actions, "{of} workers");
            assert_eq!(sum.total(), whole.total(), "every bucket is the same with {of} workers");
            assert_eq!(sum.seconds, whole.seconds, "{of} workers");
            assert_eq!(sum, whole, "{of} workers");
        }
        let (none, _) = sum_packed(Vec::new(), |_, _| ()).expect("there is nothing to read");
        assert!(none.is_none());
    }

    #[test]
    fn bytes_that_are_no_record_are_refused() {
        let packed = pack(record(0, 2)).expect("it can be written");
        assert!(unpack(&packed[..packed.len() / 2]).is_err());
        assert!(unpack(b"{}").is_err());
        assert!(sum_packed(vec![packed, b"{}".to_vec()], |_, _| ()).is_err());
    }
}
