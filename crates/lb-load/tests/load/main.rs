//! The load engine against a small server: counts and orders, never speeds.

mod balancer;
mod connections;
mod endless;
mod headcount;
mod http2;
mod named;
mod observed;
mod open;
mod scenario;
mod secure;
mod server;
mod sessions;
mod shards;

use lb_core::{BackendFrom, Outcome, Span};
use lb_load::LoadPlan;
use lb_record::{Progress, TrialRecord};
use scenario::{Users, gets, plan_load, run, run_shown, run_until, with_timeout};
use serde_json::json;
use server::{Answer, Seen, Server, reply, reply_of};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How often each outcome happened, without those that did not.
fn outcomes(record: &TrialRecord) -> BTreeMap<&'static str, u64> {
    Outcome::ALL
        .into_iter()
        .map(|outcome| (outcome.name(), record.count(outcome)))
        .filter(|(_, count)| *count > 0)
        .collect()
}

fn only(record: &TrialRecord, outcome: Outcome) {
    let others = record.requests() - record.count(outcome);
    assert!(record.requests() > 0, "users must have sent something");
    assert_eq!(others, 0, "all should be {}: {:?}", outcome.name(), outcomes(record));
}

fn users_of(seen: &[Seen]) -> BTreeSet<&str> {
    seen.iter().map(|seen| seen.user.as_str()).collect()
}

#[test]
fn each_user_has_one_connection_and_everything_is_counted_once() {
    let server = Server::start(|_| Answer::Reply(reply_of("b-2", 200)));
    let record = run(plan_load(&server.url(), gets(&["get"]), &[Users::busy(3, 200, "get")]));
    let record = record.expect("the phase runs");
    let seen = server.seen();
    only(&record, Outcome::Ok);
    assert_eq!(record.requests(), seen.len() as u64, "what was sent is what is recorded");
    assert_eq!(record.backends[1].requests(), seen.len() as u64, "b-2 is the second backend");
    assert_eq!(users_of(&seen), BTreeSet::from(["10.0.0.0", "10.0.0.1", "10.0.0.2"]));
    for user in users_of(&seen) {
        let connections: BTreeSet<usize> =
            seen.iter().filter(|seen| seen.user == user).map(|seen| seen.connection).collect();
        assert_eq!(connections.len(), 1, "{user} keeps its connection");
    }
    assert!(seen.iter().all(|seen| seen.path == "/entry/get"), "the entry's path comes first");
    assert!(record.users.iter().all(|user| user.requests > 0), "everyone has a turn");
    assert!(!record.interrupted);
}

#[test]
fn users_are_only_there_in_their_windows() {
    let server = Server::start(|_| Answer::Reply(reply(200, "")));
    let second = Users { from_ms: 300, ..Users::busy(3, 200, "late") };
    let progress = Arc::new(Progress::default());
    let plan = plan_load(&server.url(), gets(&["early", "late"]), &[Users::busy(2, 200, "early"), second]);
    let record = run_shown(plan, &progress).expect("the phase runs");
    let seen = server.seen();
    let first_late = seen.iter().position(|seen| seen.path == "/entry/late").expect("some are late");
    assert!(first_late > 0, "some are early");
    assert!(
        seen[first_late..].iter().all(|seen| seen.path == "/entry/late"),
        "nobody sends after its window, nobody before"
    );
    assert_eq!(users_of(&seen[..first_late]).len(), 2);
    assert_eq!(users_of(&seen[first_late..]).len(), 3);
    let active: Vec<u32> = record.seconds.iter().map(|second| second.users).collect();
    assert_eq!(active, [3], "two, then three: never more than three at once");
    assert_eq!(progress.snapshot().users, 0, "who left is not there any more");
}

#[test]
fn replies_are_told_apart_by_status_and_by_who_made_them() {
    let server = Server::start(|seen| {
        Answer::Reply(match seen.path.as_str() {
            "/entry/fine" => reply_of("b-1", 200),
            "/entry/missing" => reply_of("b-1", 404),
            "/entry/broken" => reply_of("stranger", 500),
            _ => reply(502, "nobody there"),
        })
    });
    let actions = vec![("fine", 1.0), ("missing", 1.0), ("broken", 1.0), ("unserved", 1.0)];
    let users = Users { actions, ..Users::busy(2, 300, "fine") };
    let plan = plan_load(&server.url(), gets(&["fine", "missing", "broken", "unserved"]), &[users]);
    let record = run(plan).expect("the phase runs");
    let mut expected: BTreeMap<&str, u64> = BTreeMap::new();
    for seen in server.seen() {
        let outcome = match seen.path.as_str() {
            "/entry/fine" => Outcome::Ok,
            "/entry/missing" => Outcome::UnexpectedStatus,
            "/entry/broken" => Outcome::BackendError,
            _ => Outcome::BalancerError,
        };
        *expected.entry(outcome.name()).or_default() += 1;
    }
    assert_eq!(expected.len(), 4, "all four happened");
    assert_eq!(outcomes(&record), expected);
    assert_eq!(record.unlisted_backends, ["stranger"], "a name that nobody listed is reported");
    assert_eq!(record.backends[2].errors, expected["backend_error"], "and counted after the others");
}

#[test]
fn an_error_is_nobodys_where_backends_need_not_be_named() {
    let server = Server::start(|seen| {
        Answer::Reply(if seen.path == "/entry/named" { reply_of("b-1", 500) } else { reply(502, "nginx") })
    });
    let actions = vec![("named", 1.0), ("unnamed", 1.0)];
    let users = Users { actions, ..Users::busy(2, 300, "named") };
    let plan = plan_load(&server.url(), gets(&["named", "unnamed"]), &[users]);
    let record = run(LoadPlan { names_backends: false, ..plan }).expect("the phase runs");
    let unnamed = server.seen().iter().filter(|seen| seen.path == "/entry/unnamed").count() as u64;
    let named = record.requests() - unnamed;
    assert!(named > 0 && unnamed > 0, "both happened: {named}, {unnamed}");
    let expected = BTreeMap::from([("backend_error", named), ("server_error", unnamed)]);
    assert_eq!(outcomes(&record), expected, "who made the unnamed ones is not known");
}

#[test]
fn backends_are_told_apart_by_the_header_of_the_plan() {
    let server = Server::start(|seen| {
        let mut reply = reply_of("ignored", 200);
        let name = if seen.number % 2 == 0 { "web-1" } else { "web-2" };
        reply.headers_mut().insert("x-served-by", name.parse().expect("a valid name"));
        Answer::Reply(reply)
    });
    let plan = plan_load(&server.url(), gets(&["get"]), &[Users::busy(1, 300, "get")]);
    let listed = vec!["web-2".to_owned(), "idle".to_owned()];
    let plan =
        LoadPlan { backend_from: BackendFrom::Header("X-Served-By".to_owned()), backends: listed, ..plan };
    let record = run(plan).expect("the phase runs");
    assert_eq!(record.unlisted_backends, ["web-1"], "the other header names nothing");
    let even = server.seen().iter().filter(|seen| seen.number % 2 == 0).count() as u64;
    let odd = server.seen().len() as u64 - even;
    let counts: Vec<u64> = record.backends.iter().map(|backend| backend.latency.count()).collect();
    assert!(odd > 0, "both answered");
    assert_eq!(counts, [odd, 0, even], "listed ones first, in their order");
}

#[test]
fn a_request_without_reply_is_a_timeout_and_costs_its_connection() {
    let server = Server::start(|_| Answer::Never);
    let plan = plan_load(&server.url(), gets(&["get"]), &[Users::busy(1, 300, "get")]);
    let record = run(with_timeout(plan, Span::from_millis(50))).expect("the phase runs");
    let seen = server.seen();
    only(&record, Outcome::Timeout);
    assert_eq!(record.requests(), seen.len() as u64);
    assert!(seen.len() > 1, "the user goes on after a timeout");
    let connections: BTreeSet<usize> = seen.iter().map(|seen| seen.connection).collect();
    assert_eq!(connections.len(), seen.len(), "a late reply must never answer the next request");
    let shortest = record.total().min().expect("there are requests");
    assert!(shortest >= Span::from_millis(50), "no timeout before its time: {shortest:?}");
}

#[test]
fn interim_replies_without_end_do_not_prolong_a_request() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("a bound socket"));
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            while stream.write_all(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n").is_ok() {}
        }
    });
    let plan = plan_load(&url, gets(&["get"]), &[Users::busy(1, 200, "get")]);
    let record = run(with_timeout(plan, Span::from_millis(50))).expect("the phase runs");
    only(&record, Outcome::Timeout);
}

#[test]
fn a_target_that_is_not_there_refuses_and_users_rest_before_they_try_again() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("a bound socket"));
    drop(listener);
    let record = run(plan_load(&url, gets(&["get"]), &[Users::busy(1, 300, "get")]));
    let record = record.expect("a refusal is data, not an error");
    only(&record, Outcome::Refused);
    // 10 + 20 + 40 + 80 + 160 ms of rest: the sixth attempt comes after the end.
    assert!((2..=6).contains(&record.requests()), "{} attempts", record.requests());
}

#[test]
fn a_connection_that_breaks_is_a_reset_and_the_user_reconnects() {
    let server = Server::start(|seen| match seen.number % 2 {
        0 => Answer::Hang,
        _ => Answer::Reply(reply(200, "")),
    });
    // A request that must not be sent twice.
    let journey = json!({"name": "buy", "actions": {"buy": {"steps": [
        {"name": "buy", "method": "POST", "path": "/buy", "body": {"count": 1}}
    ]}}});
    let record = run(plan_load(&server.url(), journey, &[Users::busy(1, 200, "buy")]));
    let record = record.expect("the phase runs");
    let seen = server.seen().len() as u64;
    let expected = BTreeMap::from([("ok", seen / 2), ("reset", seen.div_ceil(2))]);
    assert!(seen >= 2, "the user goes on after a reset");
    assert_eq!(outcomes(&record), expected, "every other request breaks");
}

#[test]
fn requests_go_over_the_wire_as_http_and_what_is_not_http_is_a_reset() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    let journey = json!({
        "name": "buy",
        "actions": {"buy": {"steps": [{
            "name": "buy", "method": "POST", "service": "shop", "path": "/items?for={{user.id}}",
            "headers": {"x-kind": "test"}, "body": {"count": 2}
        }]}}
    });
    let url = format!("http://{address}/entry");
    let plan = plan_load(&url, journey, &[Users::busy(1, 100, "buy")]);
    let phase = std::thread::spawn(move || run(plan));

    let (mut stream, _) = listener.accept().expect("the user connects");
    drop(listener);
    let mut request = String::new();
    while !request.ends_with('}') {
        let mut piece = [0; 1024];
        let count = stream.read(&mut piece).expect("the user sends");
        assert!(count > 0, "the request ends with its body: {request}");
        request.push_str(std::str::from_utf8(&piece[..count]).expect("text"));
    }
    stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").expect("the user reads");
    let record = phase.join().expect("no panic").expect("the phase runs");

    let (head, body) = request.split_once("\r\n\r\n").expect("a blank line");
    let mut lines: Vec<&str> = head.split("\r\n").collect();
    let key = lines.pop().and_then(|line| line.strip_prefix("x-request-key: "));
    assert_eq!(key.map(str::len), Some(16), "16 hex digits: {head}");
    let host = format!("host: {address}");
    let expected = [
        "POST /entry/shop/items?for=0 HTTP/1.1",
        &host,
        "x-kind: test",
        "content-type: application/json",
        "content-length: 11",
        "x-forwarded-for: 10.0.0.0",
    ];
    assert_eq!((lines.as_slice(), body), (&expected[..], r#"{"count":2}"#));
    assert_eq!(record.count(Outcome::Reset), 1, "{:?}", outcomes(&record));
    assert_eq!(record.count(Outcome::Ok), 0, "{:?}", outcomes(&record));
}

#[test]
fn a_reply_that_closes_the_connection_is_followed_by_a_new_one() {
    let server = Server::start(|_| {
        let mut reply = reply(200, "bye");
        reply.headers_mut().insert("connection", "close".parse().expect("a value"));
        Answer::Reply(reply)
    });
    let record = run(plan_load(&server.url(), gets(&["get"]), &[Users::busy(1, 100, "get")]));
    let record = record.expect("the phase runs");
    let seen = server.seen();
    only(&record, Outcome::Ok);
    let connections: BTreeSet<usize> = seen.iter().map(|seen| seen.connection).collect();
    assert_eq!(connections.len(), seen.len(), "one request a connection");
    assert_eq!(record.total().bytes(), 3 * seen.len() as u64, "bodies are counted");
}

#[test]
fn a_value_of_one_reply_is_used_in_the_next_request() {
    let server = Server::start(|seen| {
        Answer::Reply(match seen.path.as_str() {
            "/entry/login" => reply(200, &format!(r#"{{"session": {{"token": "t{}"}}}}"#, seen.user)),
            _ if seen.authorization == format!("Bearer t{}", seen.user) => reply(200, ""),
            _ => reply(401, ""),
        })
    });
    let journey = json!({
        "name": "login",
        "actions": {"visit": {"steps": [
            {"name": "login", "method": "POST", "path": "/login", "body": {"user": "{{user.email}}"},
             "extract": {"token": "/session/token"}, "required": true},
            {"name": "me", "path": "/me", "headers": {"authorization": "Bearer {{token}}"}}
        ]}}
    });
    let record = run(plan_load(&server.url(), journey, &[Users::busy(4, 200, "visit")]));
    let record = record.expect("the phase runs");
    only(&record, Outcome::Ok);
    let of_step = |step: usize| record.steps[step].all().count();
    assert!(of_step(1) > 0, "the token is used");
    assert!(of_step(0) >= of_step(1), "nobody comes in without logging in");
}

#[test]
fn what_is_in_flight_at_the_end_is_waited_for_and_nothing_new_is_sent() {
    let late = Duration::from_millis(300);
    let server = Server::start(move |_| Answer::After(late, reply(200, "")));
    let record = run(plan_load(&server.url(), gets(&["get"]), &[Users::busy(5, 100, "get")]));
    let record = record.expect("the phase runs");
    only(&record, Outcome::Ok);
    assert_eq!(server.seen().len(), 5, "one request each, and none after the window");
    assert_eq!(record.requests(), 5, "all of them count");
    let over = "one slow reply must not thin out the rates of a short phase";
    assert_eq!(record.wall, Span::from_millis(100), "{over}");
}

#[test]
fn what_is_left_after_the_drain_is_a_timeout() {
    let server = Server::start(|_| Answer::Never);
    let mut plan = plan_load(&server.url(), gets(&["get"]), &[Users::busy(5, 100, "get")]);
    plan.drain_timeout = Span::from_millis(100);
    let record = run(plan).expect("the phase runs");
    only(&record, Outcome::Timeout);
    assert_eq!(record.requests(), 5, "leaving them out would make a dead target look fast");
}

#[test]
fn a_stop_ends_the_phase_at_once_and_keeps_what_is_complete() {
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
    let plan = plan_load(&server.url(), gets(&["get"]), &[Users::busy(1, an_hour, "get")]);
    let record = run_until(plan, stop).expect("the phase runs");
    assert!(record.interrupted, "the record says that it is not whole");
    assert_eq!(outcomes(&record), BTreeMap::from([("ok", 9)]), "what is in flight is no outcome");
    assert!(record.wall < Span::from_secs(3_600), "rates are over the time until the stop");
}

#[test]
fn a_phase_ends_in_time_even_if_its_schedule_goes_on() {
    let server = Server::start(|_| Answer::Reply(reply(200, "")));
    let an_hour = 3_600_000;
    let thinking = Users { think_s: 3_000.0, ..Users::busy(1, an_hour, "get") };
    let late = Users { from_ms: 1_000_000, ..Users::busy(1, an_hour, "get") };
    let stages = [Users::busy(2, an_hour, "get"), thinking, late];
    let mut plan = plan_load(&server.url(), gets(&["get"]), &stages);
    plan.duration = Span::from_millis(200);
    let record = run(plan).expect("the phase runs");
    only(&record, Outcome::Ok);
    assert_eq!(record.requests(), server.seen().len() as u64);
    assert_eq!(users_of(&server.seen()).len(), 2, "the others' turn does not come");
    assert!(!record.interrupted, "this is its planned end");
}

#[test]
fn workers_share_the_users_and_nothing_is_lost_between_them() {
    let server = Server::start(|seen| Answer::Reply(reply_of(&format!("pod-{}", seen.user), 200)));
    let mut plan = plan_load(&server.url(), gets(&["get"]), &[Users::busy(7, 200, "get")]);
    plan.workers = NonZeroUsize::new(3).expect("not zero");
    let record = run(plan).expect("the phase runs");
    let seen = server.seen();
    only(&record, Outcome::Ok);
    assert_eq!(record.requests(), seen.len() as u64);
    assert_eq!(users_of(&seen).len(), 7, "every user has one worker");
    let numbered = record.backends.iter().skip(2).map(|backend| backend.requests()).sum::<u64>();
    assert_eq!(record.unlisted_backends.len(), 7, "a name has one number in all workers");
    assert_eq!(numbered, record.requests(), "all replies were named");
}

#[test]
fn users_do_the_same_whatever_the_target_does() {
    let sequences = |delay: Duration| {
        let server = Server::start(move |seen| match seen.number % 5 {
            4 => Answer::After(delay, reply(500, "")),
            _ => Answer::After(delay, reply(200, "")),
        });
        let actions = vec![("a", 3.0), ("b", 2.0), ("c", 1.0)];
        let users = Users { actions, ..Users::busy(4, 300, "a") };
        let record = run(plan_load(&server.url(), gets(&["a", "b", "c"]), &[users]));
        let mut keys: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for seen in server.seen() {
            keys.entry(seen.user).or_default().push(seen.key);
        }
        (record.expect("the phase runs").actions.expect("they are kept"), keys)
    };
    let (fast, fast_keys) = sequences(Duration::ZERO);
    let (slow, slow_keys) = sequences(Duration::from_millis(15));
    for (user, (fast, slow)) in fast.iter().zip(&slow).enumerate() {
        let common = fast.len().min(slow.len());
        assert!(common > 0, "user {user} acts in both runs");
        assert_eq!(fast[..common], slow[..common], "user {user} does the same, only less often");
    }
    for (user, fast) in fast_keys {
        let slow = &slow_keys[&user];
        let common = fast.len().min(slow.len());
        assert_eq!(fast[..common], slow[..common], "user {user}'s requests have the same luck");
        let distinct: BTreeSet<&String> = fast.iter().collect();
        assert_eq!(distinct.len(), fast.len(), "and no two of them share it");
    }
}
