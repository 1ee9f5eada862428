//! Policies whose backends report their load: what other load balancers sent there counts, too.

use crate::pool::{Pool, ten_ms};
use lb_core::Span;
use lb_core::policy::{BackendIndex, LoadReport, ReplyKind};

/// Tells the policy that a backend holds `in_flight` requests.
fn report(pool: &mut Pool, backend: u32, in_flight: u32) {
    let report = LoadReport { in_flight: Some(in_flight), ..LoadReport::default() };
    pool.balancer.report(BackendIndex(backend), &report, pool.now);
}

/// Tells the policy what a backend answered to a probe.
fn answer(pool: &mut Pool, backend: u32, in_flight: u32, latency_ms: u64) {
    let latency = Some(Span::from_millis(latency_ms));
    let report = LoadReport { in_flight: Some(in_flight), latency, probed: true, ..LoadReport::default() };
    pool.balancer.report(BackendIndex(backend), &report, pool.now);
}

/// A pool in which each backend has served some requests of 10 ms, and is idle.
fn settled(backends: usize) -> Pool {
    let mut pool = Pool::new("prequal", &vec![1.0; backends]);
    pool.shares(200, ten_ms);
    pool
}

#[test]
fn requests_of_other_load_balancers_count_when_replies_report_them() {
    let mut pool = settled(2);
    report(&mut pool, 0, 30);
    report(&mut pool, 1, 2);
    for _ in 0..8 {
        assert_eq!(pool.send(), 1, "backend 0 looks idle from here, but is not");
        pool.wait(Span::from_micros(10));
    }
}

#[test]
fn without_news_the_usual_load_counts() {
    let mut pool = settled(2);
    for _ in 0..100 {
        report(&mut pool, 0, 4);
        report(&mut pool, 1, 4);
        pool.wait(Span::from_millis(10));
    }
    report(&mut pool, 0, 400);
    assert_eq!(pool.send(), 1, "backend 0 is crowded just now");
    pool.wait(Span::from_secs(1));
    let both: Vec<u32> = (0..20).map(|_| pool.send()).collect();
    assert!(both.contains(&0), "a second later, that says little: {both:?}");
}

#[test]
fn of_probed_backends_the_fast_one_is_picked_unless_it_is_crowded() {
    let mut pool = settled(8);
    let mut picks = [0; 8];
    for round in 0..400 {
        for backend in 1..7 {
            answer(&mut pool, backend, 3, 20);
        }
        answer(&mut pool, 0, 3, 10);
        answer(&mut pool, 7, 9, 5);
        let picked = pool.serve(ten_ms);
        picks[picked as usize] += u32::from(round >= 100);
    }
    assert_eq!(picks[7], 0, "it is faster, but crowded: {picks:?}");
    assert!(picks[0] > 200, "of the others, it is the fastest: {picks:?}");
}

#[test]
fn own_requests_count_at_once_and_not_only_with_the_next_answer() {
    let mut pool = settled(8);
    for _ in 0..200 {
        for backend in 0..8 {
            answer(&mut pool, backend, 1, 10 + u64::from(backend));
        }
        pool.serve(ten_ms);
    }
    let mut picks: Vec<u32> = (0..12).map(|_| pool.send()).collect();
    picks.sort_unstable();
    picks.dedup();
    assert!(picks.len() >= 4, "each fills up while no answer comes: {picks:?}");
}

#[test]
fn a_probed_backend_that_fails_fast_is_no_sinkhole() {
    let mut pool = settled(8);
    for _ in 0..10 {
        for backend in 0..4 {
            answer(&mut pool, backend, if backend == 0 { 0 } else { 3 }, if backend == 0 { 1 } else { 10 });
        }
        let backend = pool.send();
        let (kind, latency) = match backend {
            0 => (ReplyKind::ServerError, Span::from_micros(100)),
            _ => (ReplyKind::Success, Span::from_millis(10)),
        };
        pool.wait(latency);
        pool.reply(backend, kind, latency);
    }
    for backend in 0..4 {
        answer(&mut pool, backend, if backend == 0 { 0 } else { 3 }, if backend == 0 { 1 } else { 10 });
    }
    assert_ne!(pool.send(), 0, "idle and fast, because it refuses everything");
}

#[test]
fn when_probes_cease_the_own_counts_decide_again() {
    let mut pool = settled(2);
    answer(&mut pool, 0, 0, 1);
    answer(&mut pool, 1, 90, 900);
    assert_eq!(pool.send(), 0);
    pool.reply(0, ReplyKind::Success, Span::from_millis(1));
    pool.wait(Span::from_secs(3_600));
    let picks = pool.shares(50, |backend| Span::from_millis(if backend == 1 { 1 } else { 200 }));
    assert!(picks[1] > 25, "what was true an hour ago is not believed: {picks:?}");
}

#[test]
fn every_policy_takes_reports_and_goes_on() {
    for entry in lb_core::Algorithm::table() {
        if entry.name == "rl" {
            continue;
        }
        for name in [entry.name.to_owned(), format!("{}+ejection", entry.name)] {
            let mut pool = Pool::new(&name, &[1.0; 3]);
            for number in 0..30 {
                report(&mut pool, number % 3, number);
                answer(&mut pool, number % 3, 1_000_000, 0);
                assert!(pool.serve(ten_ms) < 3, "{name}");
            }
        }
    }
}
