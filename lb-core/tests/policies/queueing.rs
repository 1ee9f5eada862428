//! The policies on queues: a small simulation in virtual time of first-come-first-served backends with
//! four workers each, in which the claims that the policies' heads make must hold.
//!
//! Arrivals and sizes come from streams of their own, the same for every policy. Sizes are log-normal
//! with a mean of 10 ms, so that about 62 ms at the 99th percentile is the floor for everyone.

use lb_core::balancer::Balancer;
use lb_core::hints::{Hint, Said, hash};
use lb_core::policy::{BackendIndex, Reply, ReplyKind, RequestInfo};
use lb_core::{Algorithm, Rng, Seed, Span, Time};
use rand::RngExt;
use rand_distr::{Distribution, Exp, LogNormal, StandardNormal};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

const WORKERS: usize = 4;
const MEAN_MS: f64 = 10.0;
const TIMEOUT_MS: f64 = 2_000.0;
const REQUESTS: usize = 60_000;
const EQUAL: [f64; 8] = [1.0; 8];
const UNEQUAL: [f64; 8] = [1.0, 1.0, 2.0, 2.0, 4.0, 4.0, 8.0, 8.0];

/// What backend 0 suffers, from second 10 to second 20 of every 30 unless said otherwise.
#[derive(Clone, Copy, PartialEq)]
enum Trouble {
    None,
    /// Ten times slower.
    Slow,
    /// Ten times slower in seconds 10 to 20, once.
    SlowOnce,
    /// This share of the requests is refused after half a millisecond.
    Refuses(f64),
}

#[derive(Clone, Copy)]
struct Situation {
    speeds: [f64; 8],
    load: f64,
    trouble: Trouble,
}

/// What clients and backends saw.
struct Seen {
    mean_ms: f64,
    p99_ms: f64,
    failed: f64,
    /// Share of backend 0 among the last tenth of all requests.
    late_share_of_first: f64,
}

struct Simulation {
    balancer: Balancer,
    /// When each worker is free, per backend.
    workers: Vec<BinaryHeap<Reverse<u64>>>,
    /// When, in which order, from whom: replies on their way.
    replies: BinaryHeap<Reverse<(u64, usize, u32)>>,
    /// Kind and latency of each request.
    results: Vec<(ReplyKind, Span)>,
    picks: Vec<u32>,
}

impl Situation {
    fn run(&self, algorithm: &str) -> Seen {
        self.run_weighted(algorithm, &EQUAL)
    }

    fn run_weighted(&self, algorithm: &str, weights: &[f64; 8]) -> Seen {
        self.play(algorithm, weights, None)
    }

    /// Runs with requests that tell this part of the variance of the logarithm of their sizes.
    fn run_telling(&self, algorithm: &str, told: f64) -> Seen {
        self.play(algorithm, &EQUAL, Some(told))
    }

    fn play(&self, algorithm: &str, weights: &[f64; 8], told: Option<f64>) -> Seen {
        let algorithm: Algorithm = algorithm.parse().expect("a known algorithm");
        let policy = algorithm.policy().expect("a policy that needs no file");
        let mut simulation = Simulation {
            balancer: Balancer::new(weights, policy, Seed(1).stream(&[1])),
            workers: vec![BinaryHeap::from([Reverse(0); WORKERS]); 8],
            replies: BinaryHeap::new(),
            results: Vec::new(),
            picks: Vec::new(),
        };
        let mut draws: Rng = Seed(1).stream(&[2]);
        let gap_ms = Exp::new(self.load * 8.0 * WORKERS as f64 / MEAN_MS).expect("a positive rate");
        let size_ms = LogNormal::new(MEAN_MS.ln() - 0.5, 1.0).expect("a positive sigma");
        let mut now = 0;
        for client_key in 0..REQUESTS as u64 {
            now += nanos(gap_ms.sample(&mut draws));
            let mut request = RequestInfo { client_key, ..RequestInfo::default() };
            let size = match told {
                Some(told) => telling_size(told, &mut request, &mut draws),
                None => size_ms.sample(&mut draws),
            };
            let luck = draws.random::<f64>();
            simulation.deliver_until(now);
            simulation.send(self, &request, now, size, luck);
        }
        simulation.seen()
    }

    fn is_troubled(&self, backend: usize, now: u64) -> bool {
        let second = now / 1_000_000_000;
        let second = if self.trouble == Trouble::SlowOnce { second } else { second % 30 };
        backend == 0 && (10..20).contains(&second)
    }

    fn speed(&self, backend: usize, now: u64) -> f64 {
        let slow = matches!(self.trouble, Trouble::Slow | Trouble::SlowOnce);
        let factor = if slow && self.is_troubled(backend, now) { 0.1 } else { 1.0 };
        factor * self.speeds[backend] * 8.0 / self.speeds.iter().sum::<f64>()
    }
}

impl Simulation {
    fn deliver_until(&mut self, now: u64) {
        while self.replies.peek().is_some_and(|Reverse((at, ..))| *at <= now) {
            let Some(Reverse((at, request, backend))) = self.replies.pop() else {
                return;
            };
            let (kind, latency) = self.results[request];
            let reply = Reply { kind, latency };
            self.balancer.reply(BackendIndex(backend), &reply, Time::from_nanos(at));
        }
    }

    fn send(&mut self, situation: &Situation, request: &RequestInfo, now: u64, size_ms: f64, luck: f64) {
        let picked = self.balancer.pick(request, Time::from_nanos(now));
        let backend = picked.expect("all are healthy").get();
        let refused = match situation.trouble {
            Trouble::Refuses(share) if situation.is_troubled(backend, now) => luck < share,
            _ => false,
        };
        let (kind, latency) = if refused {
            (ReplyKind::ServerError, nanos(0.5))
        } else {
            let Reverse(free) = self.workers[backend].pop().expect("four workers");
            let done = free.max(now) + nanos(size_ms / situation.speed(backend, now));
            self.workers[backend].push(Reverse(done));
            match done - now {
                latency if latency < nanos(TIMEOUT_MS) => (ReplyKind::Success, latency),
                _ => (ReplyKind::Timeout, nanos(TIMEOUT_MS)),
            }
        };
        self.replies.push(Reverse((now + latency, self.results.len(), backend as u32)));
        self.results.push((kind, Span::from_nanos(latency)));
        self.picks.push(backend as u32);
    }

    /// A failed request is charged the timeout; the first tenth is warm-up.
    fn seen(&self) -> Seen {
        let measured = &self.results[REQUESTS / 10..];
        let failed = measured.iter().filter(|(kind, _)| *kind != ReplyKind::Success).count();
        let mut latencies: Vec<f64> = measured
            .iter()
            .map(|(kind, latency)| match kind {
                ReplyKind::Success => latency.as_millis_f64(),
                _ => TIMEOUT_MS,
            })
            .collect();
        latencies.sort_by(f64::total_cmp);
        let late = &self.picks[REQUESTS / 10 * 9..];
        Seen {
            mean_ms: latencies.iter().sum::<f64>() / latencies.len() as f64,
            p99_ms: latencies[latencies.len() * 99 / 100],
            failed: failed as f64 / measured.len() as f64,
            late_share_of_first: late.iter().filter(|backend| **backend == 0).count() as f64
                / late.len() as f64,
        }
    }
}

/// Draws a size in milliseconds, of which `request` tells a part.
fn telling_size(told: f64, request: &mut RequestInfo, draws: &mut Rng) -> f64 {
    let [tells, hides]: [f64; 2] = [StandardNormal.sample(draws), StandardNormal.sample(draws)];
    let log_told = told.sqrt() * tells;
    let said = Said::Number((100.0 * log_told.exp()) as f32);
    request.hints.push(Hint { name: hash(b"query.limit"), said });
    (MEAN_MS.ln() - 0.5 + log_told + (1.0 - told).sqrt() * hides).exp()
}

fn nanos(millis: f64) -> u64 {
    Span::from_millis_f64(millis).as_nanos()
}

#[test]
fn at_low_load_on_equal_backends_all_rules_are_alike() {
    let situation = Situation { speeds: EQUAL, load: 0.3, trouble: Trouble::None };
    let baseline = situation.run("round-robin").mean_ms;
    let others = ["weighted-round-robin", "random", "least-connections", "p2c", "peak-ewma"];
    let others = others.into_iter().chain(["ewma-scan", "sed", "prequal", "lpw"]);
    for algorithm in others {
        let mean = situation.run(algorithm).mean_ms;
        let ratio = mean / baseline;
        assert!((0.95..1.05).contains(&ratio), "{algorithm}: {mean:.2} ms against {baseline:.2}");
    }
}

#[test]
fn near_saturation_on_equal_backends_seeing_the_load_pays() {
    let situation = Situation { speeds: EQUAL, load: 0.9, trouble: Trouble::None };
    let blind = situation.run("round-robin").mean_ms;
    let two = situation.run("p2c").mean_ms;
    let all = situation.run("least-connections").mean_ms;
    assert!(two < 0.65 * blind, "p2c {two:.1} ms against round-robin {blind:.1}");
    assert!(all < 0.95 * two, "least connections {all:.1} ms against p2c {two:.1}");
}

#[test]
fn on_unequal_backends_rules_that_see_speed_or_load_win() {
    let situation = Situation { speeds: UNEQUAL, load: 0.8, trouble: Trouble::None };
    let blind = situation.run("round-robin");
    let least = situation.run("least-connections");
    let two = situation.run("p2c");
    let peak = situation.run("peak-ewma");
    assert!(blind.failed > 0.3, "equal shares drown the slow ones: {:.3} fail", blind.failed);
    assert!(least.p99_ms < 0.1 * blind.p99_ms, "least connections: p99 {:.0} ms", least.p99_ms);
    assert!(two.mean_ms > 1.5 * least.mean_ms, "two choices are often two slow ones: {:.1}", two.mean_ms);
    assert!(peak.mean_ms < 0.9 * two.mean_ms, "latency helps the choice of two: {:.1}", peak.mean_ms);
    for algorithm in ["ewma-scan", "sed", "prequal", "lpw"] {
        let p99 = situation.run(algorithm).p99_ms;
        assert!(p99 < 0.8 * least.p99_ms, "{algorithm}: p99 {p99:.0} against {:.0}", least.p99_ms);
    }
}

#[test]
fn weights_that_tell_the_speeds_help_who_reads_them() {
    let situation = Situation { speeds: UNEQUAL, load: 0.8, trouble: Trouble::None };
    let rotation = situation.run_weighted("weighted-round-robin", &UNEQUAL);
    assert_eq!(rotation.failed, 0.0, "in proportion to capacity nobody is drowned");
    let blind = situation.run_weighted("round-robin", &UNEQUAL);
    assert!(blind.failed > 0.3, "round-robin does not read them: {:.3} fail", blind.failed);
    let told = situation.run_weighted("least-connections", &UNEQUAL).p99_ms;
    let untold = situation.run("least-connections").p99_ms;
    assert!(told < 0.8 * untold, "least connections does: p99 {told:.0} against {untold:.0} ms");
}

#[test]
fn a_slow_backend_hurts_only_the_blind() {
    let situation = Situation { speeds: EQUAL, load: 0.7, trouble: Trouble::Slow };
    let blind = situation.run("round-robin").p99_ms;
    for algorithm in ["least-connections", "p2c", "peak-ewma", "ewma-scan", "sed", "prequal", "lpw"] {
        let p99 = situation.run(algorithm).p99_ms;
        assert!(p99 < 0.06 * blind, "{algorithm}: p99 {p99:.0} ms against {blind:.0}");
    }
}

#[test]
fn a_backend_that_recovers_gets_its_share_again() {
    let situation = Situation { speeds: EQUAL, load: 0.3, trouble: Trouble::SlowOnce };
    for algorithm in ["least-connections", "p2c", "peak-ewma", "ewma-scan", "sed", "prequal", "lpw"] {
        let share = situation.run(algorithm).late_share_of_first;
        assert!(share > 0.06, "{algorithm}: {share:.3} of about an eighth");
    }
}

#[test]
fn a_backend_that_refuses_fast_is_no_sinkhole() {
    let situation = Situation { speeds: EQUAL, load: 0.6, trouble: Trouble::Refuses(0.9) };
    let fair = situation.run("round-robin").failed;
    let sink = situation.run("least-connections").failed;
    assert!(sink > 2.0 * fair, "load alone feeds it: {sink:.3} against {fair:.3}");
    let worn = situation.run("least-connections+ejection").failed;
    assert!(worn < 0.02 * fair, "ejection stops that: {worn:.5}");
    let peak = situation.run("peak-ewma").failed;
    assert!(peak < 0.7 * fair, "charged failures halve what a choice of two sends: {peak:.4}");
    for algorithm in ["ewma-scan", "sed", "prequal", "lpw"] {
        let failed = situation.run(algorithm).failed;
        assert!(failed < 0.05 * fair, "{algorithm}: charged failures keep traffic away: {failed:.5}");
    }
}

#[test]
fn charged_failures_protect_at_every_failure_rate() {
    for share in [0.2, 0.6, 1.0] {
        let trouble = Trouble::Refuses(share);
        let situation = Situation { speeds: EQUAL, load: 0.6, trouble };
        let fair = situation.run("round-robin").failed;
        for algorithm in ["ewma-scan", "sed", "prequal", "lpw"] {
            let failed = situation.run(algorithm).failed;
            assert!(failed < 0.2 * fair, "{algorithm}: {failed:.5} of {fair:.5} at {share}");
        }
    }
}

#[test]
fn without_hints_predicted_work_is_a_good_rule_of_latency() {
    let situation = Situation { speeds: UNEQUAL, load: 0.8, trouble: Trouble::None };
    let work = situation.run("lpw");
    for algorithm in ["sed", "ewma-scan"] {
        let other = situation.run(algorithm);
        assert!(
            work.mean_ms < 1.03 * other.mean_ms,
            "mean {:.2} ms, {algorithm} {:.2}",
            work.mean_ms,
            other.mean_ms
        );
    }
}

#[test]
fn requests_that_tell_their_size_pay_for_who_listens() {
    let situation = Situation { speeds: UNEQUAL, load: 0.8, trouble: Trouble::None };
    let work = situation.run_telling("lpw", 0.8);
    for algorithm in ["least-connections", "sed", "ewma-scan", "prequal"] {
        let deaf = situation.run_telling(algorithm, 0.8);
        assert!(
            work.mean_ms < 0.95 * deaf.mean_ms && work.p99_ms < 0.85 * deaf.p99_ms,
            "{:.2}/{:.1} ms, {algorithm} {:.2}/{:.1}",
            work.mean_ms,
            work.p99_ms,
            deaf.mean_ms,
            deaf.p99_ms
        );
    }
}

#[test]
fn weights_tell_predicted_work_the_speeds_from_the_start() {
    let situation = Situation { speeds: UNEQUAL, load: 0.8, trouble: Trouble::None };
    let (told, untold) = (situation.run_weighted("lpw", &UNEQUAL), situation.run("lpw"));
    assert!(told.mean_ms < 1.05 * untold.mean_ms, "{:.2} against {:.2} ms", told.mean_ms, untold.mean_ms);
}
