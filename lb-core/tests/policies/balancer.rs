//! The state of a pool: who may be picked, and what is in flight.

use crate::pool::{Pool, ten_ms};
use lb_core::balancer::Balancer;
use lb_core::policy::learned::{Action, Network};
use lb_core::policy::{BackendIndex, Policy, PolicyFile, Reply, ReplyKind, RequestInfo};
use lb_core::{Algorithm, Seed, Span, Time};
use proptest::prelude::*;
use std::sync::Arc;

/// All algorithms; `rl` with a policy that has learnt nothing.
fn all() -> impl Iterator<Item = (Algorithm, Box<dyn Policy>)> {
    let file = Arc::new(PolicyFile::new(Network::zero(), Action::default()));
    Algorithm::table()
        .iter()
        .flat_map(|entry| [false, true].map(|ejection| Algorithm { rule: entry.rule, ejection }))
        .map(move |algorithm| (algorithm, algorithm.policy_with(Some(&file)).expect("there is a file")))
}

fn classical() -> impl Iterator<Item = Algorithm> {
    Algorithm::table()
        .iter()
        .flat_map(|entry| [false, true].map(|ejection| Algorithm { rule: entry.rule, ejection }))
        .filter(|algorithm| algorithm.policy().is_ok())
}

#[test]
fn a_pool_without_eligible_backends_gives_none() {
    for algorithm in classical() {
        let name = algorithm.to_string();
        let mut pool = Pool::new(&name, &[1.0, 2.0]);
        pool.set_healthy(0, false);
        pool.balancer.set_draining(BackendIndex(1), true);
        let picked = pool.balancer.pick(&RequestInfo::default(), pool.now);
        assert_eq!(picked, None, "{name}: nobody takes requests");
        assert_eq!(pool.balancer.in_flight(), 0, "{name}: a request not placed is not in flight");
        pool.balancer.set_draining(BackendIndex(1), false);
        assert_eq!(pool.send(), 1, "{name}: the only one that takes requests gets it");
        let mut empty = Pool::new(&name, &[]);
        assert_eq!(empty.balancer.pick(&RequestInfo::default(), empty.now), None, "{name}: empty");
    }
}

#[test]
fn a_draining_backend_finishes_and_gets_nothing_new() {
    let mut pool = Pool::new("round-robin", &[1.0, 1.0]);
    assert_eq!(pool.send(), 0);
    pool.balancer.set_draining(BackendIndex(0), true);
    assert_eq!(pool.balancer.state(BackendIndex(0)), (true, true), "healthy, and draining");
    assert_eq!([pool.send(), pool.send()], [1, 1], "a draining backend gets nothing new");
    pool.reply(0, ReplyKind::Success, ten_ms(0));
    assert_eq!(pool.balancer.backends()[0].in_flight, 0, "what it had is answered");
}

#[test]
fn counters_tell_replies_errors_and_cancels_apart() {
    let mut pool = Pool::new("round-robin", &[1.0]);
    for _ in 0..3 {
        pool.send();
    }
    pool.reply(0, ReplyKind::Success, Span::from_millis(2));
    pool.reply(0, ReplyKind::Timeout, Span::from_millis(5));
    let counters = pool.balancer.counters(BackendIndex(0));
    assert_eq!((counters.requests, counters.errors, counters.cancelled), (3, 1, 0));
    assert_eq!(counters.latency_sum, Span::from_millis(7), "all replies count, failed ones too");
    assert_eq!(counters.peak_in_flight, 3);
    pool.balancer.reset_counters();
    let counters = pool.balancer.counters(BackendIndex(0));
    assert_eq!((counters.requests, counters.peak_in_flight), (0, 1), "one is still in flight");
    pool.balancer.cancel(BackendIndex(0), pool.now);
    let counters = pool.balancer.counters(BackendIndex(0));
    assert_eq!((counters.errors, counters.cancelled), (0, 1), "a cancel is the client's, no error");
    assert_eq!(pool.balancer.in_flight(), 0);
}

#[test]
fn a_new_policy_inherits_what_is_in_flight() {
    let mut pool = Pool::new("round-robin", &[1.0, 1.0, 1.0]);
    assert_eq!([pool.send(), pool.send()], [0, 1]);
    let least: Algorithm = "least-connections".parse().unwrap();
    pool.balancer.set_policy(least.policy().unwrap());
    assert_eq!(pool.send(), 2, "the new policy sees that the other two are busy");
    for algorithm in classical() {
        pool.balancer.set_policy(algorithm.policy().unwrap());
        // Replies to requests of the policy before come first.
        pool.reply(0, ReplyKind::ServerError, ten_ms(0));
        pool.reply(1, ReplyKind::Success, ten_ms(1));
        pool.reply(2, ReplyKind::Success, ten_ms(2));
        assert_eq!(pool.balancer.in_flight(), 0, "{algorithm} inherits and releases");
        pool.balancer.set_policy("rr".parse::<Algorithm>().unwrap().policy().unwrap());
        let picked = [pool.send(), pool.send(), pool.send()];
        assert_eq!(picked, [0, 1, 2], "a fresh policy starts afresh");
    }
}

#[test]
fn an_added_backend_is_used() {
    for algorithm in classical() {
        let name = algorithm.to_string();
        let mut pool = Pool::new(&name, &[1.0]);
        pool.serve(ten_ms);
        let added = pool.balancer.add(1.0);
        let used = (0..1_000).any(|key| pool.send_for(key) == added.0);
        assert!(used, "{name}: of a thousand clients some meet the new backend");
    }
}

/// What may happen to a pool.
#[derive(Clone, Debug)]
enum Event {
    Send(u64),
    Reply(prop::sample::Index, ReplyKind, u64),
    Cancel(prop::sample::Index),
    Healthy(prop::sample::Index, bool),
    Draining(prop::sample::Index, bool),
    Weight(prop::sample::Index, f64),
    Add(f64),
    Wait(u64),
}

fn event() -> impl Strategy<Value = Event> {
    let any_index = any::<prop::sample::Index>;
    let kind = prop::sample::select(vec![
        ReplyKind::Success,
        ReplyKind::Success,
        ReplyKind::ServerError,
        ReplyKind::Timeout,
        ReplyKind::ConnectionError,
    ]);
    prop_oneof![
        8 => (0u64..50).prop_map(Event::Send),
        5 => (any_index(), kind, 0u64..3_000).prop_map(|(i, kind, ms)| Event::Reply(i, kind, ms)),
        1 => any_index().prop_map(Event::Cancel),
        1 => (any_index(), any::<bool>()).prop_map(|(i, yes)| Event::Healthy(i, yes)),
        1 => (any_index(), any::<bool>()).prop_map(|(i, yes)| Event::Draining(i, yes)),
        1 => (any_index(), 0.1f64..10.0).prop_map(|(i, weight)| Event::Weight(i, weight)),
        1 => (0.1f64..10.0).prop_map(Event::Add),
        2 => (0u64..20_000).prop_map(Event::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happens, the balancer counts exactly what was sent and not yet ended, and picks
    /// someone who takes requests whenever there is one.
    #[test]
    fn in_flight_is_conserved(events in prop::collection::vec(event(), 1..200)) {
        for (algorithm, policy) in all() {
            let mut balancer = Balancer::new(&[1.0, 2.0, 1.0], policy, Seed(7).stream(&[]));
            let mut sent: Vec<BackendIndex> = Vec::new();
            let mut now = Time::ZERO;
            for event in &events {
                let count = balancer.backends().len();
                let backend = |index: &prop::sample::Index| BackendIndex(index.index(count) as u32);
                match event {
                    Event::Send(client_key) => {
                        let request = RequestInfo { client_key: *client_key, route: 0, ..RequestInfo::default() };
                        let takes = |backend| balancer.state(BackendIndex(backend)) == (true, false);
                        let some_take = (0..count as u32).any(takes);
                        let picked = balancer.pick(&request, now);
                        prop_assert_eq!(picked.is_some(), some_take, "{}", algorithm);
                        if let Some(picked) = picked {
                            prop_assert_eq!(balancer.state(picked), (true, false), "{}", algorithm);
                            sent.push(picked);
                        }
                    }
                    Event::Reply(which, kind, ms) if !sent.is_empty() => {
                        let backend = sent.swap_remove(which.index(sent.len()));
                        let reply = Reply { kind: *kind, latency: Span::from_millis(*ms) };
                        balancer.reply(backend, &reply, now);
                    }
                    Event::Cancel(which) if !sent.is_empty() => {
                        balancer.cancel(sent.swap_remove(which.index(sent.len())), now);
                    }
                    Event::Reply(..) | Event::Cancel(_) => {}
                    Event::Healthy(index, yes) => balancer.set_healthy(backend(index), *yes),
                    Event::Draining(index, yes) => balancer.set_draining(backend(index), *yes),
                    Event::Weight(index, weight) => balancer.set_weight(backend(index), *weight),
                    Event::Add(weight) => drop(balancer.add(*weight)),
                    Event::Wait(ms) => now += Span::from_millis(*ms),
                }
                prop_assert_eq!(balancer.in_flight() as usize, sent.len(), "{}", algorithm);
                for (index, view) in balancer.backends().iter().enumerate() {
                    let there = sent.iter().filter(|backend| backend.get() == index).count();
                    prop_assert_eq!(view.in_flight as usize, there, "{} on {}", algorithm, index);
                }
            }
        }
    }
}
