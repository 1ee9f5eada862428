//! The open model: what arrives is begun at its time, whatever became of those before it.

use super::scenario::{Users, gets, plan_load, run, run_shown, run_until, with_limit};
use super::server::{Answer, Server, reply};
use super::{only, outcomes};
use lb_core::workload::ArrivalStart;
use lb_core::{Outcome, Span};
use lb_load::LoadPlan;
use lb_record::{ArrivalCounts, NamedAlgorithm, Progress};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The same phase, lasting on after its stages, so that a machine that stalls at the end of one makes no
/// arrival too late to begin.
fn lasting(mut plan: LoadPlan) -> LoadPlan {
    plan.duration += Span::from_millis(500);
    plan
}

#[test]
fn arrivals_reach_the_target_in_their_planned_order_and_each_once() {
    let server = Server::start(|_| Answer::Reply(reply(200, "")));
    let plan = plan_load(&server.url(), gets(&["get"]), &[Users::arriving(50.0, 400, ArrivalStart::Action)]);
    let planned: Vec<String> =
        plan.schedule.arrivals().iter().map(|next| format!("10.0.0.{}", next.id.0)).collect();
    assert_eq!(planned.len(), 20, "50 a second for 400 ms");
    let record = run(lasting(plan)).expect("the phase runs");
    let seen = server.seen();
    let users: Vec<&str> = seen.iter().map(|seen| seen.user.as_str()).collect();
    assert_eq!(users, planned);
    only(&record, Outcome::Ok);
    assert_eq!(record.requests(), 20);
    assert_eq!(record.arrivals, ArrivalCounts { due: 20, begun: 20, dropped: 0 });
    assert_eq!(record.lateness.count(), 20, "the generator's own lateness is known for each");
    assert_eq!(record.service.count(), 20, "and so is the time from the sending");
    let connections: BTreeSet<usize> = seen.iter().map(|seen| seen.connection).collect();
    assert!(connections.len() < 20, "a connection outlives its arrival: {connections:?}");
}

#[test]
fn workers_share_the_arrivals_and_nothing_is_lost_between_them() {
    let server = Server::start(|_| Answer::Reply(reply(200, "")));
    let mut plan =
        plan_load(&server.url(), gets(&["get"]), &[Users::arriving(200.0, 300, ArrivalStart::Action)]);
    plan.workers = NonZeroUsize::new(3).expect("not zero");
    let record = run(lasting(plan)).expect("the phase runs");
    only(&record, Outcome::Ok);
    let users: BTreeSet<String> = server.seen().into_iter().map(|seen| seen.user).collect();
    assert_eq!((users.len(), record.requests()), (60, 60), "each arrival once");
    assert_eq!(record.arrivals, ArrivalCounts { due: 60, begun: 60, dropped: 0 });
}

#[test]
fn an_arrival_at_the_limit_is_dropped_and_never_sent_later() {
    let server = Server::start(|_| Answer::Never);
    for (workers, limit) in [(1, 3), (2, 3), (3, 1)] {
        let before = server.seen().len();
        let users = Users::arriving(100.0, 300, ArrivalStart::Action);
        let mut plan = with_limit(plan_load(&server.url(), gets(&["get"]), &[users]), limit);
        plan.workers = NonZeroUsize::new(workers).expect("not zero");
        plan.drain_timeout = Span::from_millis(100);
        let record = run(plan).expect("the phase runs");
        only(&record, Outcome::Timeout);
        let begun = u64::from(limit);
        let counts = ArrivalCounts { due: 30, begun, dropped: 30 - begun };
        assert_eq!(record.arrivals, counts, "{workers} workers keep one limit of {limit}");
        assert_eq!(server.seen().len() - before, limit as usize, "what is dropped is not load");
    }
}

#[test]
fn a_place_in_flight_that_is_free_again_is_taken_again() {
    let server = Server::start(|_| Answer::Reply(reply(200, "")));
    let users = Users::arriving(20.0, 500, ArrivalStart::Action);
    let record = run(with_limit(lasting(plan_load(&server.url(), gets(&["get"]), &[users])), 1));
    let record = record.expect("the phase runs");
    let ArrivalCounts { due, begun, dropped } = record.arrivals;
    assert_eq!((due, begun + dropped), (10, 10), "each is begun or dropped");
    assert!(begun > 1, "the limit is on sessions at once, not in all");
    let connections: BTreeSet<usize> = server.seen().iter().map(|seen| seen.connection).collect();
    assert_eq!(connections.len(), 1, "one place has one connection");
}

#[test]
fn sessions_that_arrive_think_and_run_to_their_end() {
    let server = Server::start(|_| Answer::Reply(reply(200, "")));
    let users = Users { think_s: 0.01, ..Users::arriving(25.0, 200, ArrivalStart::Session) };
    let mut plan = plan_load(&server.url(), gets(&["get"]), &[users]);
    let progress = Arc::new(Progress::default());
    plan.duration = Span::from_millis(1_500);
    let record = run_shown(plan, &progress).expect("the phase runs");
    only(&record, Outcome::Ok);
    let mut sessions: BTreeMap<String, u32> = BTreeMap::new();
    for seen in server.seen() {
        *sessions.entry(seen.user).or_default() += 1;
    }
    assert_eq!(sessions.into_values().collect::<Vec<u32>>(), [10; 5], "ten requests a session");
    assert_eq!(record.arrivals, ArrivalCounts { due: 5, begun: 5, dropped: 0 });
    assert_eq!(record.lateness.count(), 50, "each request follows a wait of its session");
    assert_eq!(progress.snapshot().users, 0, "who left is not there any more");
}

#[test]
fn sessions_in_flight_at_the_end_may_finish_their_request_but_begin_no_other() {
    let server = Server::start(|_| Answer::After(Duration::from_millis(300), reply(200, "")));
    let users = Users::arriving(50.0, 100, ArrivalStart::Session);
    let record = run(plan_load(&server.url(), gets(&["get"]), &[users])).expect("the phase runs");
    only(&record, Outcome::Ok);
    let users: BTreeSet<String> = server.seen().into_iter().map(|seen| seen.user).collect();
    assert_eq!(server.seen().len(), users.len(), "one request each, and none after the end");
    assert_eq!(record.requests(), record.arrivals.begun);
}

#[test]
fn users_who_stay_and_arrivals_share_a_phase() {
    let server = Server::start(|seen| {
        Answer::After(Duration::from_millis(if seen.user == "10.0.0.0" { 5 } else { 0 }), reply(200, ""))
    });
    let stages = [Users::busy(1, 300, "get"), Users::arriving(50.0, 300, ArrivalStart::Action)];
    let record = run(lasting(plan_load(&server.url(), gets(&["get"]), &stages))).expect("the phase runs");
    only(&record, Outcome::Ok);
    let of_user = server.seen().iter().filter(|seen| seen.user == "10.0.0.0").count();
    assert_eq!(record.requests(), server.seen().len() as u64);
    assert_eq!(record.arrivals, ArrivalCounts { due: 15, begun: 15, dropped: 0 });
    assert_eq!(server.seen().len() - of_user, 15, "arrivals come beside the user");
    assert_eq!(record.users.len(), 1, "only who stays is listed");
    assert_eq!(u64::from(record.users[0].requests), of_user as u64);
}

#[test]
fn a_stall_is_charged_to_every_arrival_that_it_kept_waiting() {
    // The server has one thread, and the first request takes it for 300 ms.
    let server = Server::start(|seen| {
        if seen.number == 0 {
            std::thread::sleep(Duration::from_millis(300));
        }
        Answer::Reply(reply(200, ""))
    });
    let users = Users::arriving(100.0, 600, ArrivalStart::Action);
    let record = run(lasting(plan_load(&server.url(), gets(&["get"]), &[users]))).expect("the phase runs");
    only(&record, Outcome::Ok);
    let total = record.total();
    assert_eq!(total.count(), 60);
    // Arrivals 0 to 20 are due within the first 200 ms of the stall.
    let waited = total.histogram().count_between(100_000, u64::MAX);
    assert!(waited >= 20, "a closed user would have waited once; {waited} of 60 waited 100 ms");
    let p99 = total.quantile(0.99).expect("there are requests");
    assert!(p99 >= Span::from_millis(280), "the first arrivals waited for nearly all of it: {p99:?}");
}

#[test]
fn a_target_that_is_not_there_refuses_arrivals_one_by_one() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("a bound socket"));
    drop(listener);
    let users = Users::arriving(50.0, 200, ArrivalStart::Action);
    let record =
        run(lasting(plan_load(&url, gets(&["get"]), &[users]))).expect("a refusal is data, not an error");
    only(&record, Outcome::Refused);
    assert_eq!(record.requests(), 10, "nobody rests for those who come after");
}

#[test]
fn replies_are_counted_by_the_algorithm_that_they_name() {
    let server = Server::start(|seen| {
        let mut reply = reply(200, "");
        let name = ["round-robin", "random", ""][seen.number % 3];
        if !name.is_empty() {
            reply.headers_mut().insert("x-lb-algorithm", name.parse().expect("a value"));
        }
        Answer::Reply(reply)
    });
    let users = || Users::arriving(100.0, 300, ArrivalStart::Action);
    let mut asked = plan_load(&server.url(), gets(&["get"]), &[users()]);
    asked.algorithm_names = Some(["rr", "round-robin"].map(str::to_owned));
    let record = run(lasting(asked)).expect("the phase runs");
    assert_eq!(record.requests(), 30);
    assert_eq!(record.named, NamedAlgorithm { right: 10, wrong: 10 }, "no name is no evidence");
    let unasked = run(plan_load(&server.url(), gets(&["get"]), &[users()])).expect("the phase runs");
    assert_eq!(unasked.named, NamedAlgorithm::default(), "who does not ask is not told");
}

#[test]
fn a_stop_ends_the_arrivals() {
    let stop = Arc::new(AtomicBool::new(false));
    let server = Server::start({
        let stop = Arc::clone(&stop);
        move |seen| {
            if seen.number < 9 {
                return Answer::Reply(reply(200, ""));
            }
            stop.store(true, Ordering::Relaxed);
            Answer::Never
        }
    });
    let an_hour = 3_600_000;
    let users = Users::arriving(100.0, an_hour, ArrivalStart::Action);
    let plan = plan_load(&server.url(), gets(&["get"]), &[users]);
    let record = run_until(plan, stop).expect("the phase runs");
    assert!(record.interrupted, "the record says that it is not whole");
    assert_eq!(outcomes(&record), BTreeMap::from([("ok", 9)]), "what is in flight is no outcome");
    assert!(record.arrivals.due < 360_000, "what was not due yet is not missing");
    assert!(record.arrivals.begun <= record.arrivals.due, "{:?}", record.arrivals);
}
