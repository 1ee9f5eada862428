//! Replies told apart by the value of a header, over both versions of HTTP, and slow requests.

use crate::scenario::{Users, gets, plan_load, run};
use crate::server::{Answer, Seen, Server, reply};
use lb_core::connections::HttpChoice;
use lb_core::{Observation, Span};
use lb_load::{Hooks, LoadPlan};
use lb_record::{FURTHER, SlowSink, TrialRecord, WITHOUT};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

/// Says `HIT` to three of four requests for `/entry/cached`, and nothing about others.
fn cache(seen: &Seen) -> Answer {
    let mut reply = reply(200, "");
    if seen.path == "/entry/cached" {
        let value = if seen.number.is_multiple_of(4) { "MISS" } else { "HIT" };
        reply.headers_mut().insert("x-cache-status", value.parse().expect("a valid header"));
    }
    Answer::Reply(reply)
}

/// The number of replies by step and value.
fn replies(record: &TrialRecord) -> BTreeMap<(usize, String), u64> {
    let observed = record.observed.as_ref().expect("a header was observed");
    let mut replies = BTreeMap::new();
    for (step, row) in observed.steps.iter().enumerate() {
        for (number, one) in (0..).zip(row).filter(|(_, one)| one.replies > 0) {
            let name = observed
                .name_of(number)
                .map_or_else(|| if number == WITHOUT { "none" } else { "further" }.to_owned(), str::to_owned);
            replies.insert((step, name), one.replies);
        }
    }
    replies
}

#[test]
fn the_values_of_a_header_are_counted_as_the_server_sent_them() {
    for (http, server) in
        [(HttpChoice::One, Server::start(cache)), (HttpChoice::Two, Server::start_http2(100, cache))]
    {
        let actions = vec![("cached", 1.0), ("plain", 1.0)];
        let users = Users { actions, ..Users::busy(4, 200, "cached") };
        let plan = plan_load(&server.url(), gets(&["cached", "plain"]), &[users]);
        let observe = Some(Observation::of("X-Cache-Status"));
        let workers = NonZeroUsize::new(2).expect("two");
        let record = run(LoadPlan { observe, http, workers, ..plan }).expect("the phase runs");
        let mut sent: BTreeMap<(usize, String), u64> = BTreeMap::new();
        for seen in server.seen() {
            let value = match (seen.path.as_str(), seen.number % 4) {
                ("/entry/cached", 0) => (0, "MISS"),
                ("/entry/cached", _) => (0, "HIT"),
                _ => (1, "none"),
            };
            *sent.entry((value.0, value.1.to_owned())).or_default() += 1;
        }
        assert!(sent.len() == 3, "{http}: all kinds were sent: {sent:?}");
        assert_eq!(replies(&record), sent, "{http}: what was sent is what was counted");
    }
}

#[test]
fn without_an_observed_header_nothing_is_told_apart() {
    let server = Server::start(cache);
    let plan = plan_load(&server.url(), gets(&["cached"]), &[Users::busy(1, 100, "cached")]);
    assert_eq!(run(plan).expect("the phase runs").observed, None);
}

#[test]
fn a_server_that_invents_values_is_counted_without_their_names() {
    let server = Server::start(|seen| {
        let mut reply = reply(200, "");
        let value = format!("v{}", seen.number);
        reply.headers_mut().insert("x-cache-status", value.parse().expect("a valid header"));
        Answer::Reply(reply)
    });
    let plan = plan_load(&server.url(), gets(&["get"]), &[Users::busy(1, 300, "get")]);
    let observe = Some(Observation::of("X-Cache-Status"));
    let record = run(LoadPlan { observe, ..plan }).expect("the phase runs");
    let observed = record.observed.as_ref().expect("a header was observed");
    assert_eq!(observed.values.len(), lb_record::MOST_VALUES);
    let further = observed.steps[0][usize::from(FURTHER)].replies;
    assert_eq!(further + lb_record::MOST_VALUES as u64, record.requests(), "none is lost");
}

#[test]
fn slow_requests_are_handed_over_with_their_keys() {
    let server = Server::start(|seen| {
        if seen.path == "/entry/late" {
            Answer::After(Duration::from_millis(60), reply(200, ""))
        } else {
            Answer::Reply(reply(200, ""))
        }
    });
    let actions = vec![("late", 1.0), ("quick", 1.0)];
    let users = Users { actions, ..Users::busy(1, 300, "late") };
    let plan = plan_load(&server.url(), gets(&["late", "quick"]), &[users]);
    let (sink, slow) = SlowSink::new(Span::from_millis(50));
    let hooks = Hooks { slow: Some(sink), ..Hooks::default() };
    let record = lb_load::run(plan, hooks).expect("the phase runs");
    let slow: Vec<_> = slow.into_iter().collect();
    assert!(record.steps[0].all().count() > 0, "some were slow");
    // A busy machine may make others slow as well.
    let told = slow.iter().filter(|one| one.sample.step.0 == 0).count() as u64;
    assert_eq!(told, record.steps[0].all().count(), "each slow request is told once");
    let keys: std::collections::BTreeSet<Option<u64>> = slow.iter().map(|one| one.key).collect();
    assert!(keys.len() == slow.len() && !keys.contains(&None), "by its own key");
}
