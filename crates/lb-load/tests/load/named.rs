//! Where replies name the backend: a cookie, a place in the body, and lists of attempts. And what a failed reply
//! is remembered by.

use crate::scenario::{Users, gets, plan_load, run};
use crate::server::{Answer, Server, reply};
use http_body_util::Full;
use hyper::Response;
use hyper::body::Bytes;
use lb_core::{BackendFrom, Outcome};
use lb_load::LoadPlan;
use lb_record::TrialRecord;
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn with(status: u16, body: &str, name: &'static str, value: &str) -> Response<Full<Bytes>> {
    let mut reply = reply(status, body);
    reply.headers_mut().insert(name, value.parse().expect("a valid header"));
    reply
}

/// Two users who send requests for `/get` without pause, and keep cookies if `session` says so.
fn played(server: &Server, from: BackendFrom, session: Value) -> TrialRecord {
    let mut journey = gets(&["get"]);
    journey["session"] = session;
    let plan = plan_load(&server.url(), journey, &[Users::busy(2, 200, "get")]);
    run(LoadPlan { backend_from: from, backends: vec!["b1".to_owned(), "idle".to_owned()], ..plan })
        .expect("the phase runs")
}

/// The number of replies of each backend, by name.
fn shares(record: &TrialRecord) -> BTreeMap<String, u64> {
    let names = ["b1".to_owned(), "idle".to_owned()].into_iter().chain(record.unlisted_backends.clone());
    names.zip(record.backends.iter().map(|backend| backend.requests())).collect()
}

#[test]
fn a_sticky_cookie_names_the_backend_of_every_reply_that_it_was_sent_for() {
    let server = Server::start(|seen| {
        Answer::Reply(match seen.cookie.as_str() {
            // The first reply to each user sets it, and later ones do not.
            "" if seen.user.ends_with('0') => with(200, "", "set-cookie", "route=b1; Path=/"),
            "" => with(200, "", "set-cookie", "route=b2; Path=/"),
            _ => reply(200, ""),
        })
    });
    let record = played(&server, BackendFrom::Cookie("route".to_owned()), json!({ "cookies": true }));
    let shares = shares(&record);
    assert_eq!(shares.values().sum::<u64>(), record.requests(), "every reply has a backend: {shares:?}");
    assert_eq!(shares["idle"], 0);
    let set = server.seen().iter().filter(|seen| seen.cookie.is_empty()).count() as u64;
    assert!(record.requests() > set, "most replies do not set the cookie: {set} of {}", record.requests());
}

#[test]
fn a_place_in_the_body_names_the_backend_and_other_bodies_name_none() {
    let server = Server::start(|seen| {
        Answer::Reply(match seen.number % 3 {
            0 => reply(200, r#"{"host": {"name": "b1"}}"#),
            1 => reply(200, r#"{"host": {"name": "b2"}}"#),
            _ => reply(200, "no JSON"),
        })
    });
    let record = played(&server, BackendFrom::BodyPointer("/host/name".to_owned()), json!({}));
    let seen = server.seen().len() as u64;
    let expected = [("b1", seen.div_ceil(3)), ("b2", (seen + 1) / 3), ("idle", 0)];
    let expected: BTreeMap<String, u64> =
        expected.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
    assert!(seen > 3, "all kinds were sent: {seen}");
    assert_eq!(shares(&record), expected);
}

#[test]
fn attempts_that_were_repeated_are_counted_at_the_backends_that_failed() {
    let server = Server::start(|seen| {
        let list = match seen.number % 2 {
            0 => "10.0.0.1:80, 10.0.0.2:80",
            _ => "10.0.0.2:80",
        };
        Answer::Reply(with(200, "", "x-upstream", list))
    });
    let record = played(&server, BackendFrom::Header("X-Upstream".to_owned()), json!({}));
    let shares = shares(&record);
    assert_eq!(shares["10.0.0.1:80"], 0, "it answered nothing, and is known all the same");
    assert_eq!(shares["10.0.0.2:80"], record.requests());
    let place = record.unlisted_backends.iter().position(|name| name == "10.0.0.1:80");
    let failing = &record.backends[2 + place.expect("it is listed")];
    assert_eq!(failing.retries, record.requests().div_ceil(2), "half of the requests went there first");
}

#[test]
fn a_failed_check_is_remembered_by_its_text_and_a_wrong_status_by_its_number() {
    let server = Server::start(|seen| {
        Answer::Reply(match seen.number % 2 {
            0 => reply(200, "down"),
            _ => reply(404, ""),
        })
    });
    let mut journey = gets(&["get"]);
    journey["actions"]["get"]["steps"][0]["check"] = json!({ "contains": ["up"] });
    let record = run(plan_load(&server.url(), journey, &[Users::busy(1, 200, "get")])).expect("it runs");
    let told: Vec<_> = record
        .failures
        .iter()
        .map(|one| (one.outcome, one.status, one.message.as_deref(), one.count))
        .collect();
    let all = record.requests();
    assert!(all > 1, "both happened");
    assert_eq!(
        told,
        [
            (Outcome::UnexpectedStatus, Some(404), None, all / 2),
            (Outcome::CheckFailed, Some(200), Some("the body does not contain `up`"), all.div_ceil(2)),
        ]
    );
    assert!(record.failures.iter().all(|one| one.first <= one.last && one.last <= record.last_done));
}
