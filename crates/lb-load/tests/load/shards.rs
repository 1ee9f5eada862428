//! Several generators, each with its part of a phase: together they do what one does.

use super::scenario::{Users, gets, plan_load, run};
use super::server::{Answer, Seen, Server, reply_of};
use lb_core::workload::ArrivalStart;
use lb_core::{Outcome, Span};
use lb_load::{LoadPlan, Shard};
use lb_record::TrialRecord;
use serde_json::Value;
use std::num::NonZeroUsize;

/// Three kinds of request, answered by two backends, with each kind of outcome in its place.
fn answer(seen: &Seen) -> Answer {
    let backend = if seen.path == "/entry/a" { "b-1" } else { "b-2" };
    let is_odd = seen.user.ends_with(['1', '3', '5', '7', '9']);
    Answer::Reply(match seen.path.as_str() {
        "/entry/b" if is_odd => reply_of(backend, 404),
        "/entry/c" => reply_of(backend, 500),
        _ => reply_of(backend, 200),
    })
}

/// Actions follow each other without thinking, and a session is followed by an hour of it: so each user
/// sends ten requests, however fast they are answered.
fn one_session_each() -> (Value, Vec<Users>) {
    let mut journey = gets(&["a", "b", "c"]);
    for action in journey["actions"].as_object_mut().expect("a map").values_mut() {
        action["think_time_s"] = serde_json::json!([0.0, 0.0]);
    }
    let actions = vec![("a", 3.0), ("b", 2.0), ("c", 1.0)];
    let closed = Users { actions: actions.clone(), think_s: 3_600.0, ..Users::busy(7, 2_000, "a") };
    let open = Users { actions, ..Users::arriving(20.0, 500, ArrivalStart::Session) };
    (journey, vec![closed, open])
}

/// What does not depend on how fast replies came.
fn timeless(record: &TrialRecord) -> impl PartialEq + std::fmt::Debug + use<> {
    let steps: Vec<_> = record
        .steps
        .iter()
        .map(|step| {
            Outcome::ALL.map(|outcome| step.outcome(outcome).map(|cell| (cell.count(), cell.bytes())))
        })
        .collect();
    let backends: Vec<_> = record.backends.iter().map(|one| (one.requests(), one.errors)).collect();
    let requests: u64 = record.seconds.iter().map(|second| second.requests).sum();
    let errors: u64 = record.seconds.iter().map(|second| second.errors).sum();
    let sent: u32 = record.sent.iter().flat_map(|row| row.iter()).sum();
    (
        (steps, backends, record.users.clone(), record.actions.clone()),
        (record.arrivals, record.named, record.lateness.count(), record.service.count()),
        (requests, errors, sent, record.seconds[0].users, record.wall, record.interrupted),
    )
}

/// Who sent what with which key, in order of users.
fn sent_to(server: &Server) -> Vec<(String, String, String)> {
    let mut sent: Vec<_> = server.seen().into_iter().map(|seen| (seen.user, seen.key, seen.path)).collect();
    sent.sort();
    sent
}

/// Runs a phase against a server of its own.
fn play(change: impl Fn(&mut LoadPlan)) -> (TrialRecord, Vec<(String, String, String)>) {
    let server = Server::start(answer);
    let (journey, stages) = one_session_each();
    let mut plan = plan_load(&server.url(), journey, &stages);
    plan.workers = NonZeroUsize::new(2).expect("not zero");
    plan.duration = Span::from_secs(3);
    change(&mut plan);
    let record = run(plan).expect("the phase runs");
    let sent = sent_to(&server);
    (record, sent)
}

#[test]
fn two_shards_absorbed_equal_one_plan() {
    let (whole, sent) = play(|_| {});
    let (mut sum, first) = play(|plan| plan.shard = Shard::new(0, 2).expect("0 is below 2"));
    let (second, mut both) = play(|plan| plan.shard = Shard::new(1, 2).expect("1 is below 2"));
    assert_eq!(whole.requests(), 70 + 100, "seven users and ten arrivals with ten requests each");
    let played =
        |record: &TrialRecord| -> Vec<bool> { record.users.iter().map(|user| user.requests > 0).collect() };
    assert_eq!(played(&sum), [true, false, true, false, true, false, true], "users 0, 2, 4 and 6");
    assert_eq!(sum.arrivals.due, 5, "every other arrival");

    sum.absorb(second);
    assert_eq!(timeless(&sum), timeless(&whole));
    both.extend(first);
    both.sort();
    assert_eq!(both, sent, "the same requests went out, key by key");
}

#[test]
fn a_record_of_a_shard_survives_the_way_to_another_process() {
    let (record, _) = play(|plan| plan.shard = Shard::new(1, 3).expect("1 is below 3"));
    let text = serde_json::to_string(&record).expect("plain data");
    assert_eq!(serde_json::from_str::<TrialRecord>(&text).expect("it was just written"), record);
}

#[test]
fn the_limit_of_sessions_in_flight_is_shared_by_the_shards() {
    let never = || Server::start(|_| Answer::Never);
    let begun = |shard| {
        let server = never();
        let users = Users::arriving(50.0, 200, ArrivalStart::Action);
        let mut plan = plan_load(&server.url(), gets(&["get"]), &[users]);
        plan.duration = Span::from_millis(700);
        plan.drain_timeout = Span::from_millis(50);
        plan.max_in_flight = 3;
        plan.shard = shard;
        let arrivals = run(plan).expect("the phase runs").arrivals;
        assert_eq!(arrivals.begun + arrivals.dropped, arrivals.due, "each is begun or dropped");
        arrivals.begun
    };
    let shards = [0, 1].map(|index| begun(Shard::new(index, 2).expect("below 2")));
    assert_eq!(shards, [2, 1], "together as many as one generator may have");
    assert_eq!(begun(Shard::WHOLE), 3);
}

#[test]
fn plans_are_equal_when_they_ask_for_the_same() {
    let plan = |seed| {
        let (journey, stages) = one_session_each();
        let mut plan = plan_load("http://127.0.0.1:1", journey, &stages);
        plan.schedule =
            lb_core::workload::Schedule::new(plan.schedule.workload().clone(), lb_core::Seed(seed));
        plan
    };
    assert_eq!(plan(7), plan(7), "made apart, from the same inputs");
    assert_ne!(plan(7), plan(8), "another seed is another schedule");
    assert_ne!(plan(7), LoadPlan { shard: Shard::new(0, 2).expect("0 is below 2"), ..plan(7) });
}
