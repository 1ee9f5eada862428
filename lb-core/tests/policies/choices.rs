//! What each rule picks from a pool whose state is known.

use crate::pool::{Pool, assert_proportions, ten_ms};
use lb_core::Span;
use lb_core::policy::{BackendIndex, ReplyKind};
use proptest::prelude::*;

/// The rules that prefer backends with low latency.
const LATENCY_AWARE: [&str; 5] =
    ["peak-ewma", "ewma-scan", "shortest-expected-delay", "prequal", "least-predicted-work"];

/// Chance below one in a thousand for up to eight cells, and the seeds are fixed.
const CHI_SQUARE: f64 = 24.3;

#[test]
fn round_robin_is_a_strict_rotation() {
    let mut pool = Pool::new("round-robin", &[1.0, 5.0, 1.0]);
    let picks: Vec<u32> = (0..7).map(|_| pool.send()).collect();
    assert_eq!(picks, [0, 1, 2, 0, 1, 2, 0], "each in turn, blind to weights and load");
}

#[test]
fn round_robin_keeps_its_place_when_backends_come_and_go() {
    let mut pool = Pool::new("round-robin", &[1.0; 4]);
    assert_eq!([pool.send(), pool.send()], [0, 1]);
    pool.set_healthy(1, false);
    assert_eq!(pool.send(), 2, "the loss of a backend behind the turn does not skip one ahead");
    pool.set_healthy(3, false);
    assert_eq!([pool.send(), pool.send()], [0, 2]);
    pool.set_healthy(3, true);
    pool.set_healthy(1, true);
    let picks: Vec<u32> = (0..5).map(|_| pool.send()).collect();
    assert_eq!(picks, [3, 0, 1, 2, 3], "the turn goes on from where it was");
}

proptest! {
    /// Between two picks of one backend, every other that was eligible all the while has its turn.
    #[test]
    fn round_robin_skips_nobody(flips in prop::collection::vec((0u32..5, any::<bool>(), 1usize..9), 1..40)) {
        let mut pool = Pool::new("round-robin", &[1.0; 6]);
        for (backend, healthy, sends) in flips {
            // Backend 5 stays healthy, so somebody always takes the request.
            pool.set_healthy(backend, healthy);
            let picks: Vec<u32> = (0..sends).map(|_| pool.send()).collect();
            let eligible: Vec<u32> = (0..6).filter(|i| pool.balancer.state(BackendIndex(*i)).0).collect();
            for pair in picks.windows(2) {
                let place = eligible.iter().position(|i| *i == pair[0]).unwrap();
                prop_assert_eq!(pair[1], eligible[(place + 1) % eligible.len()]);
            }
        }
    }
}

#[test]
fn smooth_weighted_round_robin_interleaves_as_nginx_does() {
    let mut pool = Pool::new("weighted-round-robin", &[5.0, 1.0, 1.0]);
    let picks: Vec<u32> = (0..14).map(|_| pool.send()).collect();
    assert_eq!(picks, [0, 0, 1, 0, 2, 0, 0].repeat(2), "a a b a c a a, over and over");
}

#[test]
fn weighted_round_robin_honours_fractions_and_changes() {
    let mut pool = Pool::new("weighted-round-robin", &[0.5, 0.25, 0.25]);
    assert_eq!(pool.shares(400, ten_ms), [200, 100, 100], "weights need not be whole");
    pool.balancer.set_weight(BackendIndex(2), 0.75);
    let shares = pool.shares(600, ten_ms);
    for (share, expected) in shares.iter().zip([200, 100, 300]) {
        assert!(share.abs_diff(expected) <= 1, "a new weight counts at once: {shares:?}");
    }
    pool.set_healthy(0, false);
    let shares = pool.shares(400, ten_ms);
    assert_eq!(shares[0], 0);
    assert!(shares[1].abs_diff(100) <= 1, "the others share in proportion: {shares:?}");
    pool.set_healthy(0, true);
    let first: Vec<u32> = (0..6).map(|_| pool.serve(ten_ms)).collect();
    let returned = first.iter().filter(|backend| **backend == 0).count();
    assert_eq!(returned, 2, "a backend that returns gets its share, no burst: {first:?}");
}

#[test]
fn random_is_uniform_and_blind() {
    let mut pool = Pool::new("random", &[1.0, 9.0, 1.0, 1.0]);
    for _ in 0..100 {
        pool.send();
    }
    let shares = pool.shares(10_000, ten_ms);
    assert_proportions(&shares, &[1.0; 4], CHI_SQUARE, "load and weights do not matter");
    pool.set_healthy(3, false);
    let shares = pool.shares(10_000, ten_ms);
    assert_eq!(shares[3], 0, "who is not eligible gets nothing");
    assert_proportions(&shares[..3], &[1.0; 3], CHI_SQUARE, "the others share alike");
}

proptest! {
    /// Least connections never picks a backend that is busier for its weight than another.
    #[test]
    fn least_connections_never_picks_a_busier_backend(
        weights in prop::collection::vec(prop::sample::select(vec![0.5, 1.0, 2.0, 3.0]), 2..9),
        ends in prop::collection::vec(any::<prop::sample::Index>(), 1..100),
        seed in any::<u64>(),
    ) {
        let mut pool = Pool::seeded("least-connections", &weights, seed);
        for end in ends {
            let loads: Vec<f64> = pool
                .balancer
                .backends()
                .iter()
                .map(|view| f64::from(view.in_flight) / view.weight)
                .collect();
            let picked = pool.send() as usize;
            let least = loads.iter().copied().fold(f64::INFINITY, f64::min);
            prop_assert!(loads[picked] <= least + 1e-9, "picked {picked} of {loads:?}");
            // About every second request is answered, by whomever.
            let backend = end.index(2 * weights.len());
            if pool.balancer.backends().get(backend).is_some_and(|view| view.in_flight > 0) {
                pool.reply(backend as u32, ReplyKind::Success, ten_ms(0));
            }
        }
    }
}

#[test]
fn least_connections_breaks_ties_at_random_by_weight() {
    let mut pool = Pool::new("least-connections", &[1.0; 8]);
    let shares = pool.shares(16_000, ten_ms);
    assert_proportions(&shares, &[1.0; 8], CHI_SQUARE, "idle equals share alike");
    let mut pool = Pool::new("least-connections", &[1.0, 2.0, 5.0]);
    let shares = pool.shares(16_000, ten_ms);
    assert_proportions(&shares, &[1.0, 2.0, 5.0], CHI_SQUARE, "idle backends share by weight");
}

#[test]
fn least_connections_fills_backends_in_proportion_to_weight() {
    let mut pool = Pool::new("least-connections", &[1.0, 2.0, 5.0]);
    for _ in 0..80 {
        pool.send();
    }
    let in_flight: Vec<u32> = pool.balancer.backends().iter().map(|view| view.in_flight).collect();
    assert_eq!(in_flight, [10, 20, 50], "in-flight per weight is level");
}

#[test]
fn p2c_sends_two_thirds_to_the_idle_one_of_three() {
    let mut pool = Pool::new("p2c", &[1.0; 3]);
    // Two long requests on two different backends.
    let first = pool.send();
    while pool.balancer.backends().iter().filter(|view| view.in_flight > 0).count() < 2 {
        if pool.send() == first {
            pool.reply(first, ReplyKind::Success, ten_ms(0));
        }
    }
    let idle = pool.balancer.backends().iter().position(|view| view.in_flight == 0).unwrap();
    let shares = pool.shares(9_000, ten_ms);
    let mut expected = [1.0; 3];
    expected[idle] = 4.0;
    assert_proportions(&shares, &expected, CHI_SQUARE, "two of three pairs hold the idle one");
}

#[test]
fn p2c_never_picks_the_busiest_of_all() {
    let mut pool = Pool::new("p2c", &[1.0; 3]);
    pool.set_healthy(1, false);
    pool.set_healthy(2, false);
    pool.send();
    pool.set_healthy(1, true);
    pool.set_healthy(2, true);
    let shares = pool.shares(1_000, ten_ms);
    assert_eq!(shares[0], 0, "of two different ones the busiest is never the better");
}

#[test]
fn p2c_compares_load_per_weight() {
    let mut pool = Pool::new("p2c", &[1.0, 4.0]);
    for _ in 0..500 {
        pool.send();
    }
    let light = pool.balancer.backends()[0].in_flight;
    assert!(light.abs_diff(100) <= 1, "in-flight per weight is level: {light} of 500");
}

/// Gives each of two backends one reply of 10 ms.
fn two_measured(algorithm: &str) -> Pool {
    let mut pool = Pool::new(algorithm, &[1.0, 1.0]);
    let first = pool.send();
    let second = 1 - first;
    pool.set_healthy(first, false);
    assert_eq!(pool.send(), second);
    pool.set_healthy(first, true);
    pool.wait(Span::from_millis(10));
    pool.reply(0, ReplyKind::Success, Span::from_millis(10));
    pool.reply(1, ReplyKind::Success, Span::from_millis(10));
    pool
}

/// Sends to backend 0 alone and answers as told.
fn answer_on_zero(pool: &mut Pool, kind: ReplyKind, latency: Span) {
    pool.set_healthy(1, false);
    assert_eq!(pool.send(), 0);
    pool.wait(latency);
    pool.reply(0, kind, latency);
    pool.set_healthy(1, true);
}

#[test]
fn peak_ewma_believes_one_slow_reply_at_once() {
    let mut pool = two_measured("peak-ewma");
    answer_on_zero(&mut pool, ReplyKind::Success, Span::from_millis(200));
    for held in 0..15 {
        assert_eq!(pool.send(), 1, "200 ms against 10 ms x {held}: the other one, at once");
    }
}

#[test]
fn peak_ewma_forgets_a_peak_with_time() {
    let mut pool = two_measured("peak-ewma");
    answer_on_zero(&mut pool, ReplyKind::Success, Span::from_millis(200));
    // The other one goes on answering in 10 ms; the peak fades by half in about 7 s.
    let serve_for = |pool: &mut Pool, seconds: u64| {
        let mut zero = 0;
        for _ in 0..seconds * 10 {
            zero += u32::from(pool.serve(ten_ms) == 0);
            pool.wait(Span::from_millis(90));
        }
        zero
    };
    assert_eq!(serve_for(&mut pool, 20), 0, "200 ms fades to 27 ms in 20 s: still dearer");
    assert!(serve_for(&mut pool, 20) > 10, "after 40 s it is below 10 ms: tried, and used again");
}

#[test]
fn latency_aware_rules_use_the_faster_backend() {
    let slower = |backend: u32| Span::from_millis(if backend == 0 { 50 } else { 1 });
    for algorithm in LATENCY_AWARE {
        let mut pool = Pool::new(algorithm, &[1.0, 1.0]);
        let shares = pool.shares(2_000, slower);
        assert!(shares[0] <= 10, "{algorithm}: 1 ms beats 50 ms one at a time: {shares:?}");
    }
}

#[test]
fn latency_aware_rules_spread_over_equals() {
    for algorithm in LATENCY_AWARE {
        let mut pool = Pool::new(algorithm, &[1.0; 4]);
        for _ in 0..40 {
            pool.send();
        }
        let most = pool.balancer.backends().iter().map(|view| view.in_flight).max();
        assert!(most <= Some(14), "{algorithm}: without replies the load decides: {most:?} of 40");
    }
}

#[test]
fn latency_aware_rules_count_a_fast_failure_as_slow() {
    for algorithm in LATENCY_AWARE {
        let mut pool = two_measured(algorithm);
        for _ in 0..3 {
            answer_on_zero(&mut pool, ReplyKind::ServerError, Span::from_micros(100));
        }
        assert_eq!(pool.serve(ten_ms), 1, "{algorithm}: a refusal in 0.1 ms is no sign of speed");
        let shares = pool.shares(500, ten_ms);
        assert_eq!(shares[0], 0, "{algorithm}: failures keep traffic away: {shares:?}");
    }
}

#[test]
fn a_backend_once_slow_is_tried_again() {
    for algorithm in LATENCY_AWARE {
        let mut pool = two_measured(algorithm);
        for _ in 0..20 {
            answer_on_zero(&mut pool, ReplyKind::Success, Span::from_millis(300));
        }
        let mut zero = 0;
        for _ in 0..1_200 {
            zero += u32::from(pool.serve(ten_ms) == 0);
            pool.wait(Span::from_millis(90));
        }
        assert!(zero > 100, "{algorithm}: {zero} of 1200 in two minutes after it recovered");
    }
}

#[test]
fn shortest_expected_delay_starts_with_the_weights() {
    let mut pool = Pool::new("shortest-expected-delay", &[1.0, 3.0]);
    let picks: Vec<u32> = (0..3).map(|_| pool.send()).collect();
    // (0 + 1) / 3, (1 + 1) / 3, then (2 + 1) / 3 ties with (0 + 1) / 1.
    assert_eq!(picks[..2], [1, 1], "without replies the rates are the weights");
    for _ in 0..37 {
        pool.send();
    }
    let light = pool.balancer.backends()[0].in_flight;
    assert!(light.abs_diff(10) <= 1, "(in-flight + 1) / weight is level: {light} of 40");
}

#[test]
fn shortest_expected_delay_replaces_weights_by_observed_rates() {
    // The weights are wrong: the heavy one is ten times slower.
    let slower = |backend: u32| Span::from_millis(if backend == 1 { 100 } else { 10 });
    let mut pool = Pool::new("shortest-expected-delay", &[1.0, 3.0]);
    let shares = pool.shares(1_000, slower);
    assert!(shares[1] < 200, "what is seen beats what was configured: {shares:?}");
}

#[test]
fn prequal_leaves_a_fast_backend_when_it_is_crowded() {
    let speeds = |backend: u32| Span::from_millis(if backend == 0 { 5 } else { 10 });
    let mut pool = Pool::new("prequal", &[1.0; 4]);
    pool.shares(400, speeds);
    let picks: Vec<u32> = (0..40).map(|_| pool.send()).collect();
    assert_eq!(picks[0], 0, "idle, the fastest is picked");
    let fast = pool.balancer.backends()[0].in_flight;
    assert!(fast < 25, "crowded, it is left for the others: {fast} of 40");
    assert!(pool.balancer.backends().iter().all(|view| view.in_flight > 0), "all are used");
}
