//! Outlier ejection around a rule.

use crate::pool::Pool;
use lb_core::policy::{BackendIndex, ReplyKind};
use lb_core::{Span, Time};

/// Sends until `backend` gets a request, answers it with an error and all others well.
fn fail_on(pool: &mut Pool, backend: u32, times: u32) {
    let mut left = times;
    for _ in 0..1_000 {
        if left == 0 {
            return;
        }
        let picked = pool.send();
        pool.wait(Span::from_micros(10));
        let kind = if picked == backend { ReplyKind::ServerError } else { ReplyKind::Success };
        left -= u32::from(picked == backend);
        pool.reply(picked, kind, Span::from_micros(10));
    }
    panic!("backend {backend} gets no requests");
}

fn out(pool: &Pool) -> Vec<u32> {
    let is_out = |backend: &u32| pool.balancer.ejected_until(BackendIndex(*backend), pool.now).is_some();
    (0..pool.balancer.backends().len() as u32).filter(is_out).collect()
}

/// Seconds for which `backend` is out from now on.
fn seconds_out(pool: &Pool, backend: u32) -> f64 {
    let until = pool.balancer.ejected_until(BackendIndex(backend), pool.now);
    until.expect("the backend is out").since(pool.now).as_secs_f64()
}

fn gets_requests(pool: &mut Pool, backend: u32) -> bool {
    (0..32).any(|_| {
        let picked = pool.send();
        pool.balancer.cancel(BackendIndex(picked), pool.now);
        picked == backend
    })
}

#[test]
fn five_errors_in_a_row_eject_and_four_do_not() {
    let mut pool = Pool::new("round-robin+ejection", &[1.0; 4]);
    fail_on(&mut pool, 2, 4);
    assert_eq!(out(&pool), [0u32; 0], "four are not enough");
    // A success in between starts the count anew.
    for _ in 0..4 {
        let picked = pool.send();
        pool.reply(picked, ReplyKind::Success, Span::from_micros(10));
    }
    fail_on(&mut pool, 2, 4);
    assert_eq!(out(&pool), [0u32; 0], "errors must be in a row");
    fail_on(&mut pool, 2, 1);
    assert_eq!(out(&pool), [2], "the fifth in a row ejects");
    assert!(!gets_requests(&mut pool, 2), "an ejected backend gets nothing");
    assert!(gets_requests(&mut pool, 3), "the others do");
}

#[test]
fn timeouts_and_broken_connections_count_as_errors() {
    for kind in [ReplyKind::ServerError, ReplyKind::Timeout, ReplyKind::ConnectionError] {
        let mut pool = Pool::new("round-robin+ejection", &[1.0; 2]);
        for _ in 0..10 {
            let picked = pool.send();
            let kind = if picked == 0 { kind } else { ReplyKind::Success };
            pool.reply(picked, kind, Span::from_micros(10));
        }
        assert_eq!(out(&pool), [0], "{kind:?} counts");
    }
}

#[test]
fn an_ejected_backend_returns_and_stays_out_longer_each_time() {
    let mut pool = Pool::new("least-connections+ejection", &[1.0; 4]);
    let lengths: Vec<f64> = (0..14)
        .map(|_| {
            fail_on(&mut pool, 1, 5);
            let seconds = seconds_out(&pool, 1).round();
            pool.wait(Span::from_secs(seconds as u64 - 1));
            assert!(!gets_requests(&mut pool, 1), "out until its time is over");
            pool.wait(Span::from_secs(1));
            assert!(gets_requests(&mut pool, 1), "back when its time is over");
            seconds
        })
        .collect();
    assert_eq!(lengths[..4], [5.0, 10.0, 15.0, 20.0], "5 s times the number of ejections");
    assert_eq!(lengths[11..], [60.0; 3], "at most a minute");
}

#[test]
fn good_behaviour_is_forgiven() {
    let mut pool = Pool::new("round-robin+ejection", &[1.0; 4]);
    fail_on(&mut pool, 1, 5);
    pool.wait(Span::from_secs(5));
    assert!(gets_requests(&mut pool, 1));
    fail_on(&mut pool, 1, 5);
    assert_eq!(seconds_out(&pool, 1).round(), 10.0, "the second in a row");
    // Back after 10 s, then 25 s in service: two of two are forgiven.
    pool.wait(Span::from_secs(35));
    assert!(gets_requests(&mut pool, 1));
    fail_on(&mut pool, 1, 5);
    assert_eq!(seconds_out(&pool, 1).round(), 5.0, "the first again");
}

#[test]
fn at_most_half_of_the_pool_is_out() {
    for (size, most) in [(1, 0), (2, 1), (3, 1), (4, 2), (5, 2), (8, 4)] {
        let mut pool = Pool::new("random+ejection", &vec![1.0; size]);
        for _ in 0..1_000 {
            let picked = pool.send();
            pool.reply(picked, ReplyKind::ServerError, Span::from_micros(10));
            assert!(out(&pool).len() <= most, "{size} backends: {:?} are out", out(&pool));
        }
        assert_eq!(out(&pool).len(), most, "all fail: half of {size} are out, the rest serve");
    }
}

#[test]
fn a_backend_spared_by_the_limit_is_ejected_when_there_is_room() {
    let mut pool = Pool::new("round-robin+ejection", &[1.0; 2]);
    fail_on(&mut pool, 0, 5);
    fail_on(&mut pool, 1, 9);
    assert_eq!(out(&pool), [0], "the second must stay, whatever it does");
    pool.wait(Span::from_secs(5));
    assert!(gets_requests(&mut pool, 0), "the first is back");
    fail_on(&mut pool, 1, 1);
    assert_eq!(out(&pool), [1], "now there is room, and one more error is enough");
}

#[test]
fn health_checks_take_ejected_backends_back_rather_than_leave_nobody() {
    let mut pool = Pool::new("round-robin+ejection", &[1.0; 4]);
    fail_on(&mut pool, 0, 5);
    pool.wait(Span::from_secs(1));
    fail_on(&mut pool, 1, 5);
    assert_eq!(out(&pool), [0, 1]);
    pool.set_healthy(2, false);
    pool.send();
    assert_eq!(out(&pool), [1], "half of three is one: the one due first comes back early");
    pool.set_healthy(3, false);
    assert!((0..4).any(|_| pool.send() == 0), "half of two is one");
    pool.set_healthy(0, false);
    assert_eq!(pool.send(), 1, "the last one serves, ejected or not");
}

#[test]
fn late_replies_from_before_an_ejection_do_not_eject_again() {
    let mut pool = Pool::new("round-robin+ejection", &[1.0; 2]);
    pool.now = Time::from_nanos(1_000_000_000);
    // Twenty slow requests on backend 0 that will time out long after it was ejected and came back.
    for _ in 0..40 {
        pool.send();
    }
    for _ in 0..20 {
        pool.reply(1, ReplyKind::Success, Span::from_micros(10));
    }
    fail_on(&mut pool, 0, 5);
    pool.wait(Span::from_secs(6));
    assert!(gets_requests(&mut pool, 0), "back after five seconds");
    for _ in 0..20 {
        pool.reply(0, ReplyKind::Timeout, Span::from_millis(6_001));
    }
    assert_eq!(out(&pool), [0u32; 0], "what was sent before the ejection is paid for already");
    for _ in 0..10 {
        let picked = pool.send();
        pool.wait(Span::from_micros(10));
        let kind = if picked == 0 { ReplyKind::Timeout } else { ReplyKind::Success };
        pool.reply(picked, kind, Span::from_micros(10));
    }
    assert_eq!(out(&pool), [0], "what is sent after it counts");
}

#[test]
fn ejection_leaves_the_rule_as_it_is_while_nothing_fails() {
    for algorithm in lb_core::Algorithm::table() {
        if lb_core::Algorithm::plain(algorithm.rule).policy().is_err() {
            continue;
        }
        let name = algorithm.name;
        let mut plain = Pool::new(name, &[1.0, 2.0, 3.0]);
        let mut worn = Pool::new(&format!("{name}+ejection"), &[1.0, 2.0, 3.0]);
        for client in 0..300 {
            let picked = plain.send_for(client);
            assert_eq!(picked, worn.send_for(client), "{name}: the same choices");
            for pool in [&mut plain, &mut worn] {
                pool.wait(Span::from_millis(1));
                if client % 2 == 0 {
                    pool.reply(picked, ReplyKind::Success, Span::from_millis(u64::from(picked)));
                }
            }
        }
    }
}
