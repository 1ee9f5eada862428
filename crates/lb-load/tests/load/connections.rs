//! Which requests share a connection, and what happens when the other side closes one.

use super::{only, outcomes};
use crate::balancer::Layer4;
use crate::scenario::{Users, gets, plan_load, run, run_until, with_timeout};
use crate::server::{Answer, Seen, Server, reply_of};
use lb_core::connections::ConnectionPolicy;
use lb_core::workload::ArrivalStart;
use lb_core::{Outcome, Span};
use lb_load::LoadPlan;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

fn policy(text: &str) -> ConnectionPolicy {
    text.parse().expect("a policy")
}

fn keeping(text: &str, plan: LoadPlan) -> LoadPlan {
    LoadPlan { connections: policy(text), ..plan }
}

fn connections_of(seen: &[Seen]) -> BTreeSet<usize> {
    seen.iter().map(|seen| seen.connection).collect()
}

#[test]
fn users_of_a_pool_share_its_connections_and_their_wait_is_part_of_the_latency() {
    for (name, users) in
        [("closed", Users::busy(6, 300, "get")), ("open", Users::arriving(300.0, 300, ArrivalStart::Action))]
    {
        let server = Server::start(|_| Answer::After(Duration::from_millis(10), reply_of("b-1", 200)));
        let plan = keeping("pool:2", plan_load(&server.url(), gets(&["get"]), &[users]));
        let record = run(plan).expect("the phase runs");
        only(&record, Outcome::Ok);
        let seen = server.seen();
        assert_eq!(record.requests(), seen.len() as u64, "{name}: what was sent is what is recorded");
        assert_eq!(connections_of(&seen).len(), 2, "{name}: there are two connections");
        let times = &record.connections;
        assert_eq!(times.connect.count(), 2, "{name}: each is opened once");
        assert_eq!(times.by_backend, [2], "{name}: both lead to the first backend");
        assert!(times.wait.count() > 0, "{name}: two connections are too few for everyone at once");
        assert_eq!(
            record.service.count(),
            record.requests(),
            "{name}: service times do not include the wait"
        );
        let waited = record.total().sum().saturating_sub(record.service.sum());
        assert!(waited >= times.wait.sum(), "{name}: {waited:?} include the waits, {:?}", times.wait.sum());
    }
}

#[test]
fn workers_divide_a_pool_and_none_is_without_a_connection() {
    for (text, workers) in [("pool:1", 3), ("pool:5", 2)] {
        let server = Server::start(|_| Answer::Reply(reply_of("b-1", 200)));
        let plan = keeping(text, plan_load(&server.url(), gets(&["get"]), &[Users::busy(9, 300, "get")]));
        let workers = NonZeroUsize::new(workers).expect("it is not zero");
        let record = run(LoadPlan { workers, ..plan }).expect("the phase runs");
        only(&record, Outcome::Ok);
        let most = policy(text).pool().map_or(0, |pool| pool.get() as usize);
        assert_eq!(connections_of(&server.seen()).len(), most, "{text}");
        assert!(record.users.iter().all(|user| user.requests > 0), "{text}: everyone has a turn");
    }
}

#[test]
fn each_request_has_a_connection_of_its_own_if_the_plan_says_so() {
    let server = Server::start(|_| Answer::Reply(reply_of("b-2", 200)));
    let plan = plan_load(&server.url(), gets(&["get"]), &[Users::busy(3, 200, "get")]);
    let record = run(keeping("per-request", plan)).expect("the phase runs");
    only(&record, Outcome::Ok);
    let seen = server.seen();
    assert_eq!(connections_of(&seen).len(), seen.len(), "no connection is used twice");
    assert_eq!(record.connections.connect.count(), record.requests());
    assert_eq!(record.connections.by_backend, [0, record.requests()]);
}

#[test]
fn a_connection_that_meets_several_backends_is_counted_as_such() {
    let server = Server::start(|seen| Answer::Reply(reply_of(["b-1", "stranger"][seen.number % 2], 200)));
    let plan = plan_load(&server.url(), gets(&["get"]), &[Users::busy(1, 200, "get")]);
    let record = run(plan).expect("the phase runs");
    only(&record, Outcome::Ok);
    let times = &record.connections;
    assert_eq!((times.by_backend.iter().sum::<u64>(), times.several), (0, 1), "{:?}", times.by_backend);
}

#[test]
fn a_request_for_which_no_connection_becomes_free_in_time_is_a_timeout() {
    let server = Server::start(|_| Answer::Never);
    let plan = plan_load(&server.url(), gets(&["get"]), &[Users::busy(3, 300, "get")]);
    let plan = with_timeout(keeping("pool:1", plan), Span::from_millis(100));
    let record = run(plan).expect("the phase runs");
    only(&record, Outcome::Timeout);
    assert!(record.users.iter().all(|user| user.requests > 0), "those that waited, too");
    let shortest = record.total().min().expect("there are requests");
    assert!(shortest >= Span::from_millis(100), "no timeout before its time: {shortest:?}");
}

/// A server that closes a connection when a second request arrives on it, without a reply.
fn closing() -> Server {
    let answered = std::sync::Mutex::new(BTreeSet::new());
    Server::start(move |seen| {
        let first = answered.lock().expect("no test panics with it in hand").insert(seen.connection);
        if first { Answer::Reply(reply_of("b-1", 200)) } else { Answer::Hang }
    })
}

#[test]
fn a_request_that_meets_a_closed_connection_is_sent_once_more() {
    for text in ["per-user", "pool:2"] {
        let server = closing();
        let plan = plan_load(&server.url(), gets(&["get"]), &[Users::busy(2, 200, "get")]);
        let record = run(keeping(text, plan)).expect("the phase runs");
        only(&record, Outcome::Ok);
        let again = record.connections.reused_connection_closed;
        assert!(again > 0, "{text}: connections are closed at the second request");
        assert_eq!(
            record.requests() + again,
            server.seen().len() as u64,
            "{text}: each is sent at most twice"
        );
    }
}

#[test]
fn a_request_with_a_body_of_its_own_effect_is_not_sent_again() {
    let server = closing();
    let journey = json!({"name": "post", "actions": {"post": {"steps": [
        {"name": "post", "method": "POST", "path": "/post", "body": {"a": 1}}
    ]}}});
    let record =
        run(plan_load(&server.url(), journey, &[Users::busy(1, 200, "post")])).expect("the phase runs");
    assert!(record.count(Outcome::Reset) > 0, "{:?}", outcomes(&record));
    assert_eq!(record.connections.reused_connection_closed, 0);
    assert_eq!(record.requests(), server.seen().len() as u64, "each is sent once");
}

#[test]
fn a_new_connection_that_is_closed_without_a_reply_is_an_error() {
    let server = Server::start(|_| Answer::Hang);
    let plan = plan_load(&server.url(), gets(&["get"]), &[Users::busy(2, 100, "get")]);
    let record = run(plan).expect("the phase runs");
    only(&record, Outcome::Reset);
    assert_eq!(record.connections.reused_connection_closed, 0, "nothing was kept");
}

/// Sends load through HAProxy, which balances connections. `new` joins after `old` has answered 60 requests; the load
/// ends after 600 more. Returns how many requests each backend answered from then on.
fn requests_after_a_backend_joined(text: &str) -> (BTreeMap<&'static str, usize>, lb_record::TrialRecord) {
    const BEFORE: usize = 60;
    const AFTER: usize = 600;
    let [old, new] = ["old", "new"].map(|name| Server::start(move |_| Answer::Reply(reply_of(name, 200))));
    let balancer = Layer4::start(&[("old", old.port(), true), ("new", new.port(), false)]);
    let plan = plan_load(&balancer.url(), gets(&["get"]), &[Users::busy(20, 60_000, "get")]);
    let plan = LoadPlan { backends: vec!["old".to_owned(), "new".to_owned()], ..keeping(text, plan) };
    let stop = Arc::new(AtomicBool::new(false));
    let ended = Arc::clone(&stop);
    let load = std::thread::spawn(move || run_until(plan, ended));
    let answered = || old.seen().len() + new.seen().len();
    wait_until(|| answered() >= BEFORE);
    balancer.enable("new");
    let joined = old.seen().len();
    wait_until(|| answered() >= joined + AFTER);
    stop.store(true, Ordering::Relaxed);
    let record = load.join().expect("no panic").expect("the phase runs");
    let counts = BTreeMap::from([("old", old.seen().len() - joined), ("new", new.seen().len())]);
    (counts, record)
}

/// Waits until something holds; fails after far longer than it takes.
fn wait_until(holds: impl Fn() -> bool) {
    for _ in 0..6_000 {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("it never holds");
}

#[test]
fn behind_a_balancer_of_connections_only_new_connections_reach_a_backend_that_joins() {
    for text in ["per-user", "pool:8"] {
        let (counts, record) = requests_after_a_backend_joined(text);
        assert_eq!(counts["new"], 0, "{text}: every connection leads to the old backend: {counts:?}");
        let opened = record.connections.connect.count();
        assert_eq!(record.connections.by_backend, [opened], "{text}: and is counted there");
        assert_eq!(record.errors(), 0, "{text}: {:?}", outcomes(&record));
    }
    let (counts, record) = requests_after_a_backend_joined("per-request");
    let all: usize = counts.values().sum();
    assert!(counts["new"] * 3 >= all, "new connections are spread: {counts:?}");
    let [old, new] = record.connections.by_backend[..] else { panic!("there are two backends") };
    assert!(new * 4 >= old, "and counted at both: {old} and {new}");
    assert_eq!(record.connections.several, 0, "each leads to one backend");
    assert_eq!(record.errors(), 0, "{:?}", outcomes(&record));
}
