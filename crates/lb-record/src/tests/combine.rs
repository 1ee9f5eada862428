//! Tests that the absorbed parts of a phase equal the record of the whole phase.

use super::*;

/// Records each of `parts` on its own and absorbs them in this order.
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
        let mut whole = record_with(spec.clone(), &[samples], wall);
        let mut absorbed = absorbed(&spec, &parts, order, wall);
        for user in whole.users.iter_mut().chain(&mut absorbed.users) {
            *user = unordered(user);
        }
        prop_assert_eq!(absorbed, whole);
    }
}

#[test]
fn a_user_that_meets_another_backend_than_before_moves() {
    let from = |user, backend| Sample { user: UserId(user), backend, ..sample(100, 40) };
    let samples =
        [(0, Some(0)), (0, None), (0, Some(0)), (0, Some(1)), (1, Some(1)), (0, Some(0)), (1, Some(1))];
    let record = record(&[samples.map(|(user, backend)| from(user, backend)).to_vec()], Span::from_secs(1));
    let seen: Vec<_> = record.users.iter().map(|user| (user.named, user.moves, user.last_backend)).collect();
    assert_eq!(seen[..2], [(4, 2, Some(0)), (2, 0, Some(1))]);
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
    assert_eq!(*beside.sent[2], [0, 0, 0, 2, 0], "and in the tenths of a second");

    let mut after = one;
    after.append(other);
    assert_eq!(requests(&after), expected, "a phase that follows is matched in the same way");
    assert_eq!(*after.seconds[1].backends, [0, 1, 0, 2, 1]);
}

#[test]
fn names_in_replies_take_the_place_of_listed_backends_that_never_replied() {
    let from = |backend, done_ms| Sample { backend: Some(backend), ..sample(done_ms, 40) };
    let named = |samples: Vec<Sample>, names: &[&str]| {
        let mut record = record(&[samples], Span::from_secs(1));
        record.unlisted_backends = names.iter().map(|name| (*name).to_owned()).collect();
        record
    };
    let mut strangers = named(vec![from(2, 100), from(3, 200), from(3, 300)], &["shop-2", "shop-1"]);
    assert_eq!(strangers.listed_backends, 2);
    let names = strangers.list_by_replies().expect("no listed backend replied");
    assert_eq!(names, ["shop-1", "shop-2"], "in the order of their names");
    let requests: Vec<u64> = strangers.backends.iter().map(BackendRecord::requests).collect();
    assert_eq!(requests, [2, 1]);
    assert_eq!((strangers.listed_backends, strangers.unlisted_backends.len()), (2, 0));
    assert_eq!(*strangers.seconds[0].backends, [2, 1], "in the time series too");
    assert_eq!(strangers.sent.iter().map(|row| row[0]).sum::<u32>(), 2, "and in the tenths of sending");

    let mut mixed = named(vec![from(0, 100), from(2, 200)], &["new"]);
    let before = mixed.clone();
    assert_eq!(mixed.list_by_replies(), None, "a listed backend replied, so the list is right");
    assert_eq!(mixed, before);
    assert_eq!(named(vec![from(1, 100)], &[]).list_by_replies(), None, "no other name was seen");
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
    assert_eq!(both(Some(0.1), None), None, "a part with an unknown share may have been the worst");
    assert_eq!(both(None, Some(0.1)), None);
}

#[test]
fn parts_share_their_time() {
    let mut sum = record(&[vec![sample(500, 40)]], Span::from_millis(1_500));
    let interrupted =
        TrialRecord { interrupted: true, ..record(&[vec![sample(700, 60)]], Span::from_secs(1)) };
    sum.absorb(interrupted);
    assert_eq!(sum.wall, Span::from_millis(1_500), "the phase is as long as its longest part");
    assert!(sum.interrupted, "one interrupted part makes the whole phase incomplete");
    assert_eq!(sum.seconds.len(), 1);
    assert_eq!((sum.seconds[0].requests, sum.seconds[0].users), (2, 3), "requests add up, users do not");
}
