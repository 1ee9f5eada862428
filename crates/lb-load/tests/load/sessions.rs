//! What users keep and follow: cookies, redirects, values and conditions of replies.

use crate::scenario::{Users, plan_load, run};
use crate::server::{Answer, Server, reply};
use crate::{only, outcomes};
use http_body_util::Full;
use hyper::Response;
use hyper::body::Bytes;
use lb_core::Outcome;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A reply with these headers.
fn with(status: u16, body: &str, headers: &[(&'static str, &str)]) -> Response<Full<Bytes>> {
    let mut reply = reply(status, body);
    for (name, value) in headers {
        reply.headers_mut().append(*name, value.parse().expect("a valid header"));
    }
    reply
}

fn visit(steps: Value) -> Value {
    json!({ "name": "visit", "actions": { "visit": { "steps": steps } } })
}

/// Three users that act without pause.
fn three() -> Vec<Users> {
    vec![Users::busy(3, 200, "visit")]
}

#[test]
fn each_user_sends_the_cookies_of_its_session_back_and_those_of_no_other() {
    let server = Server::start(|seen| {
        Answer::Reply(match seen.path.as_str() {
            "/entry/begin" => {
                let own = format!("sid={}; Path=/; HttpOnly", seen.user);
                with(200, "", &[("set-cookie", &own), ("set-cookie", "deep=1; Path=/entry/deep")])
            }
            "/entry/page" if seen.cookie == format!("sid={}", seen.user) => reply(200, ""),
            "/entry/deep/page" if seen.cookie == format!("deep=1; sid={}", seen.user) => reply(200, ""),
            _ => reply(400, ""),
        })
    });
    let steps = json!([
        { "name": "begin", "path": "/begin" },
        { "name": "page", "path": "/page" },
        { "name": "deep", "path": "/deep/page" }
    ]);
    let record = run(plan_load(&server.url(), visit(steps.clone()), &three())).expect("the phase runs");
    only(&record, Outcome::Ok);
    assert!(record.steps[2].all().count() > 0, "the last page was reached");

    let mut without = visit(steps);
    without["session"] = json!({ "cookies": false });
    let record = run(plan_load(&server.url(), without, &three())).expect("the phase runs");
    assert_eq!(
        record.steps[1].outcome(Outcome::Ok).map_or(0, |cell| cell.count()),
        0,
        "nobody keeps a cookie"
    );
}

#[test]
fn redirects_are_followed_in_rows_of_their_own() {
    let server = Server::start(|seen| {
        let line = format!("{} {}", seen.method, seen.path);
        Answer::Reply(match line.as_str() {
            "POST /entry/login" => {
                with(303, "", &[("location", "/entry/home"), ("set-cookie", "sid=1; Path=/")])
            }
            "GET /entry/home" if seen.cookie == "sid=1" => with(302, "", &[("location", "shop?x=1")]),
            "GET /entry/shop?x=1" if seen.cookie == "sid=1" => reply(200, r#"{"token": "t"}"#),
            "GET /entry/me" if seen.authorization == "t" => reply(200, ""),
            _ => reply(404, ""),
        })
    });
    let steps = json!([
        { "name": "login", "method": "POST", "path": "/login", "body": { "a": 1 }, "follow": 3,
          "extract": { "token": "/token" }, "required": true },
        { "name": "me", "path": "/me", "headers": { "authorization": "{{token}}" } }
    ]);
    let record = run(plan_load(&server.url(), visit(steps), &three())).expect("the phase runs");
    only(&record, Outcome::Ok);
    let counts: Vec<u64> = record.steps.iter().map(|step| step.all().count()).collect();
    assert_eq!(counts.len(), 3, "login, me, and the redirects of login");
    assert_eq!(counts[2], 2 * counts[0], "two redirects for each login: {counts:?}");
    assert!(counts[1] > 0, "the value of the last reply is used: {counts:?}");
    assert_eq!(server.seen().len() as u64, counts.iter().sum::<u64>(), "each request is counted once");
}

#[test]
fn a_redirect_is_followed_neither_for_ever_nor_elsewhere() {
    let server = Server::start(|seen| {
        Answer::Reply(match seen.path.as_str() {
            "/entry/loop" => with(302, "", &[("location", "/entry/loop")]),
            "/entry/away" => with(302, "", &[("location", "http://shop.example/")]),
            _ => with(301, "", &[("location", "/entry/loop")]),
        })
    });
    let steps = json!([
        { "name": "loop", "path": "/loop", "follow": 2 },
        { "name": "away", "path": "/away", "follow": 2 },
        { "name": "plain", "path": "/plain", "expect": [301] }
    ]);
    let record = run(plan_load(&server.url(), visit(steps), &three())).expect("the phase runs");
    let count = |step: usize, outcome| record.steps[step].outcome(outcome).map_or(0, |cell| cell.count());
    let all = |step: usize| record.steps[step].all().count();
    assert_eq!(count(0, Outcome::Ok), all(0), "the first redirects");
    assert_eq!(all(3), 2 * all(0), "two are followed");
    assert_eq!(count(3, Outcome::UnexpectedStatus), all(0), "the third reply is a redirect still");
    assert_eq!(count(1, Outcome::UnexpectedStatus), all(1), "no load is sent to another site");
    assert_eq!(count(2, Outcome::Ok), all(2), "an expected redirect is a reply like any other");
}

#[test]
fn a_reply_that_is_not_as_demanded_is_an_error_of_its_own_kind() {
    let server = Server::start(|seen| {
        Answer::Reply(match seen.path.as_str() {
            "/entry/good" => with(200, r#"{"status": "ok"}"#, &[("x-kind", "a")]),
            _ => with(200, r#"{"status": "down"}"#, &[("x-kind", "b")]),
        })
    });
    let check = json!({ "json": { "/status": "ok" }, "headers": { "X-Kind": "a" }, "bytes": [1, 100] });
    let steps = json!([
        { "name": "good", "path": "/good", "check": check.clone() },
        { "name": "bad", "path": "/bad", "check": check }
    ]);
    let record = run(plan_load(&server.url(), visit(steps), &three())).expect("the phase runs");
    let [good, bad] = [0, 1].map(|step: usize| record.steps[step].all().count());
    assert_eq!(outcomes(&record), BTreeMap::from([("ok", good), ("check_failed", bad)]));
    assert!(bad > 0, "some were sent");
}
