//! What a decision of the learned policy costs, with the prediction of what the request costs.
//!
//! The budget is 0.7 µs for a pick among eight backends and 1.2 µs among 64, of which it scores twelve. Requests of
//! four routes say three things each, of which one tells their size; backends are of unequal speed; replies come in
//! the order of sending. The parts of a decision are timed alone as well.

use criterion::measurement::{Measurement, WallTime};
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use lb_core::algorithm::Rule;
use lb_core::balancer::Balancer;
use lb_core::hints::{self, Hint, Said};
use lb_core::policy::learned::{Features, Network, PolicyFile, WIDTH};
use lb_core::policy::{BackendIndex, BackendView, PoolView, Reply, ReplyKind, RequestInfo};
use lb_core::{Algorithm, Seed, Span, Time};
use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

/// Three per backend: busy, not saturated.
const WINDOW_PER_BACKEND: u64 = 3;

/// Picks that are timed at once.
const WINDOW: u64 = 24;

/// Time between two requests.
const STEP: Span = Span::from_micros(50);

fn file() -> Arc<PolicyFile> {
    let bytes = include_bytes!("../../configs/policies/default.safetensors");
    Arc::new(PolicyFile::from_bytes(bytes).expect("the bundled policy is sound"))
}

/// The request with this number; it says how much it asks for, a page and a word.
fn request(number: u64) -> RequestInfo {
    let mut request =
        RequestInfo { client_key: number, route: (number % 4) as u16, ..RequestInfo::default() };
    let says = [
        (&b"query.limit"[..], Said::Number((number * 37 % 500) as f32)),
        (&b"query.page"[..], Said::Number((number % 9) as f32)),
        (&b"query.sort"[..], Said::Word((number % 3) as u32)),
    ];
    says.into_iter().for_each(|(name, said)| request.hints.push(Hint { name: hints::hash(name), said }));
    request
}

struct Traffic {
    balancer: Balancer,
    in_flight: VecDeque<(BackendIndex, Time)>,
    requests: Vec<RequestInfo>,
    now: Time,
    count: u64,
}

impl Traffic {
    fn new(backends: usize) -> Self {
        let policy = Algorithm::plain(Rule::Rl).policy_with(Some(&file())).expect("there is a file");
        let weights: Vec<f64> = (0..backends).map(|place| f64::from(1u8 << (place * 4 / backends))).collect();
        let mut traffic = Self {
            balancer: Balancer::new(&weights, policy, Seed(1).stream(&[])),
            in_flight: VecDeque::with_capacity(1_024),
            requests: (0..1_024).map(request).collect(),
            now: Time::ZERO,
            count: 0,
        };
        for _ in 0..backends as u64 * WINDOW_PER_BACKEND {
            traffic.send();
        }
        for _ in 0..20_000 {
            traffic.send();
            traffic.answer();
        }
        traffic
    }

    fn send(&mut self) {
        self.count += 1;
        self.now += STEP;
        let request = &self.requests[self.count as usize % self.requests.len()];
        let picked = self.balancer.pick(black_box(request), self.now).expect("all are healthy");
        self.in_flight.push_back((picked, self.now));
    }

    fn answer(&mut self) {
        let (backend, sent) = self.in_flight.pop_front().expect("the window is never empty");
        let latency = self.now.since(sent);
        self.balancer.reply(backend, &Reply { kind: ReplyKind::Success, latency }, self.now);
    }
}

/// Times blocks of picks, and of replies, each without the other.
fn apart(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, mut traffic: Traffic) {
    for (part, is_pick) in [("pick", true), ("reply", false)] {
        group.bench_function(format!("{part}/{name}"), |bencher| {
            bencher.iter_custom(|rounds| {
                let mut spent = Duration::ZERO;
                for done in (0..rounds).step_by(WINDOW as usize) {
                    let block = WINDOW.min(rounds - done);
                    let start = WallTime.start();
                    (0..block).for_each(|_| traffic.send());
                    let picks = WallTime.end(start);
                    let start = WallTime.start();
                    (0..block).for_each(|_| traffic.answer());
                    spent += if is_pick { picks } else { WallTime.end(start) };
                }
                spent
            });
        });
    }
}

/// Times the parts of a pick among eight backends.
fn parts(group: &mut BenchmarkGroup<'_, WallTime>) {
    let views = vec![BackendView { weight: 1.0, in_flight: 2 }; 8];
    let eligible: Vec<BackendIndex> = (0..8).map(BackendIndex).collect();
    let pool = PoolView { backends: &views, eligible: &eligible, generation: 1 };
    let mut features = Features::default();
    features.adapt(&pool, Time::ZERO);
    let mut now = Time::ZERO;
    for number in 0..8_000u64 {
        now += STEP;
        let (backend, request) = (BackendIndex((number % 8) as u32), request(number));
        features.on_arrival(&request, now);
        features.on_sent(backend, &request, now);
        let latency = Span::from_micros(20 + number % 8 * 20);
        if number % 3 > 0 {
            features.on_reply(backend, &Reply { kind: ReplyKind::Success, latency }, now + latency);
        } else {
            features.on_cancel(backend, now);
        }
    }
    let (mut rows, mut scores) = (vec![0.0; 8 * WIDTH], vec![0.0; 8]);
    let request = request(7);
    group.bench_function("part/predict", |bencher| {
        bencher.iter(|| features.on_arrival(black_box(&request), now));
    });
    group.bench_function("part/observe", |bencher| {
        bencher.iter(|| features.observe(black_box(&request), &pool, &eligible, now, &mut rows, &mut scores));
    });
    let network: Network = file().network.clone();
    group.bench_function("part/network", |bencher| {
        bencher.iter(|| network.add_scores(black_box(&rows), &mut scores));
    });
}

fn learned(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("learned");
    group.throughput(Throughput::Elements(1));
    group.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_millis(700));
    parts(&mut group);
    for backends in [8, 64] {
        apart(&mut group, &format!("{backends}-backends"), Traffic::new(backends));
    }
    group.finish();
}

criterion_group!(benches, learned);
criterion_main!(benches);
