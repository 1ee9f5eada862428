//! Parts of one phase, absorbed, against the record of all of it.

use super::*;

/// What each of `parts` recorded on its own, absorbed in this order.
fn absorbed(spec: &RecordingSpec, parts: &[Vec<Sample>], order: [usize; 3], wall: Span) -> TrialRecord {
    let records = order.into_iter().map(|part| record_with(spec.clone(), &parts[part..=part], wall));
    records
        .reduce(|mut sum, part| {
            sum.absorb(part);
            sum
        })
        .expect("three parts")
}

fn order() -> impl Strategy<Value = [usize; 3]> {
    Just([0, 1, 2]).prop_shuffle()
}

/// Samples in the order of `done`, and the part of each one.
fn dealt(
    mut samples: Vec<Sample>,
    part: impl Fn(usize, &Sample) -> usize,
) -> (Vec<Sample>, [Vec<Sample>; 3]) {
    samples.sort_by_key(|sample| sample.done);
    let mut parts = [const { Vec::new() }; 3];
    for (number, sample) in samples.iter().enumerate() {
        parts[part(number, sample)].push(*sample);
    }
    (samples, parts)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn parts_with_their_own_users_equal_the_whole_in_any_order(
        samples in prop::collection::vec(any_sample(), 1..200),
        part_of_user in prop::array::uniform3(0..3usize),
        order in order(),
        wall_ms in 1..5_000u64,
    ) {
        let wall = Span::from_millis(wall_ms);
        let (samples, parts) = dealt(samples, |_, sample| part_of_user[sample.user.0 as usize]);
        prop_assert_eq!(absorbed(&spec(), &parts, order, wall), record(&[samples], wall));
    }

    #[test]
    fn parts_that_share_users_equal_the_whole_but_for_sequences(
        samples in prop::collection::vec(any_sample(), 1..200),
        cuts in prop::collection::vec(0..3usize, 200),
        order in order(),
        wall_ms in 1..5_000u64,
    ) {
        let wall = Span::from_millis(wall_ms);
        let spec = RecordingSpec { keep_actions: false, open: true, ..spec() };
        let (samples, parts) = dealt(samples, |number, _| cuts[number]);
        let whole = record_with(spec.clone(), &[samples], wall);
        prop_assert_eq!(absorbed(&spec, &parts, order, wall), whole);
    }
}

#[test]
fn backends_that_nobody_listed_are_matched_by_name() {
    let from = |backend, done_ms| Sample { backend: Some(backend), ..sample(done_ms, 40) };
    let named = |samples: Vec<Sample>, names: &[&str]| {
        let mut record = record(&[samples], Span::from_secs(1));
        record.unlisted_backends = names.iter().map(|name| (*name).to_owned()).collect();
        record
    };
    let one = named(vec![from(0, 100), from(2, 200), from(3, 300)], &["x", "y"]);
    let other = named(vec![from(1, 100), from(2, 200), from(2, 300), from(3, 450)], &["y", "z"]);
    let requests =
        |record: &TrialRecord| -> Vec<u64> { record.backends.iter().map(BackendRecord::requests).collect() };
    let expected = [1, 1, 1, 3, 1];

    let mut beside = one.clone();
    beside.absorb(other.clone());
    assert_eq!(beside.unlisted_backends, ["x", "y", "z"]);
    assert_eq!(requests(&beside), expected, "both parts' `y` is one backend");
    assert_eq!(*beside.seconds[0].backends, [1, 1, 1, 3, 1], "in the time series too");
    assert_eq!(*beside.sent[2], [0, 0, 0, 2, 0], "and in the tenths of sending");

    let mut after = one;
    after.append(other);
    assert_eq!(requests(&after), expected, "a phase that follows is matched in the same way");
    assert_eq!(*after.seconds[1].backends, [0, 1, 0, 2, 1]);
}

#[test]
fn the_worst_part_says_how_long_a_thread_waited_for_a_cpu() {
    let part = |share| TrialRecord { cpu_wait_share: share, ..record(&[], Span::from_secs(1)) };
    let both = |one, other| {
        let mut sum = part(one);
        sum.absorb(part(other));
        sum.cpu_wait_share
    };
    assert_eq!(both(Some(0.1), Some(0.3)), Some(0.3));
    assert_eq!(both(Some(0.1), None), None, "a part that does not know may have been the worst");
    assert_eq!(both(None, Some(0.1)), None);
}

#[test]
fn parts_share_their_time() {
    let mut sum = record(&[vec![sample(500, 40)]], Span::from_millis(1_500));
    let interrupted =
        TrialRecord { interrupted: true, ..record(&[vec![sample(700, 60)]], Span::from_secs(1)) };
    sum.absorb(interrupted);
    assert_eq!(sum.wall, Span::from_millis(1_500), "the phase is as long as its longest part");
    assert!(sum.interrupted, "a part that was stopped leaves the whole incomplete");
    assert_eq!(sum.seconds.len(), 1);
    assert_eq!((sum.seconds[0].requests, sum.seconds[0].users), (2, 3), "requests add up, users do not");
}
