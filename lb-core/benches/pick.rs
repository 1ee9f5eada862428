//! What a decision costs: nanoseconds per pick, and per pick with the reply that it leads to, on eight
//! backends with a steady window of requests in flight.
//!
//! The budget is 100 ns per pick for every classical policy, 600 ns for the learned one, and 1 µs for the
//! learned one on 64 backends, of which it scores some. Backends are of unequal speed, so that
//! latencies, counts and ties are mixed as in service; replies come in the order of sending.
//!
//! The group `costs` has what it costs to read what a request says, to predict its cost from it (60 ns with three
//! hints and 200 ns with eight), and to learn from a reply (250 ns).

use criterion::measurement::{Measurement, WallTime};
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use lb_core::algorithm::Rule;
use lb_core::balancer::Balancer;
use lb_core::hints::{Hint, Hints, MOST, Reader, Said};
use lb_core::policy::learned::{ActionMode, PolicyFile};
use lb_core::policy::{BackendIndex, CostModel, Reply, ReplyKind, RequestInfo};
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

/// One reply in a hundred fails, so that failures are paid for too.
const FAILURE_EVERY: u64 = 100;

/// The policy that comes with `bench`, under either way to act.
fn file(mode: ActionMode) -> Arc<PolicyFile> {
    let bytes = include_bytes!("../../configs/policies/default.safetensors");
    let mut file = PolicyFile::from_bytes(bytes).expect("the bundled policy is sound");
    file.action.mode = mode;
    Arc::new(file)
}

struct Traffic {
    balancer: Balancer,
    in_flight: VecDeque<(BackendIndex, Time)>,
    now: Time,
    count: u64,
}

impl Traffic {
    fn new(algorithm: Algorithm, backends: usize, mode: ActionMode) -> Self {
        let policy = algorithm.policy_with(Some(&file(mode))).expect("there is a file");
        let weights: Vec<f64> = (0..backends).map(|place| f64::from(1u8 << (place * 4 / backends))).collect();
        let mut traffic = Self {
            balancer: Balancer::new(&weights, policy, Seed(1).stream(&[])),
            in_flight: VecDeque::with_capacity(1_024),
            now: Time::ZERO,
            count: 0,
        };
        for _ in 0..backends as u64 * WINDOW_PER_BACKEND {
            traffic.send();
        }
        for _ in 0..10_000 {
            traffic.send();
            traffic.answer();
        }
        traffic
    }

    fn send(&mut self) {
        self.count += 1;
        self.now += STEP;
        let request = RequestInfo { client_key: self.count, route: 0, ..RequestInfo::default() };
        let picked = self.balancer.pick(black_box(&request), self.now).expect("all are healthy");
        self.in_flight.push_back((picked, self.now));
    }

    fn answer(&mut self) {
        let (backend, sent) = self.in_flight.pop_front().expect("the window is never empty");
        let failed = self.count.is_multiple_of(FAILURE_EVERY);
        let kind = if failed { ReplyKind::ServerError } else { ReplyKind::Success };
        let latency = self.now.since(sent);
        self.balancer.reply(backend, &Reply { kind, latency }, self.now);
    }
}

/// Times blocks of picks and leaves the replies between them out.
fn pick_alone(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, mut traffic: Traffic) {
    group.bench_function(format!("pick/{name}"), |bencher| {
        bencher.iter_custom(|picks| {
            let mut spent = Duration::ZERO;
            for done in (0..picks).step_by(WINDOW as usize) {
                let block = WINDOW.min(picks - done);
                let start = WallTime.start();
                for _ in 0..block {
                    traffic.send();
                }
                spent += WallTime.end(start);
                for _ in 0..block {
                    traffic.answer();
                }
            }
            spent
        });
    });
}

fn pick_and_reply(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, mut traffic: Traffic) {
    group.bench_function(format!("pick+reply/{name}"), |bencher| {
        bencher.iter(|| {
            traffic.send();
            traffic.answer();
        });
    });
}

fn settle(group: &mut BenchmarkGroup<'_, WallTime>) {
    group.throughput(Throughput::Elements(1));
    group.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_millis(700));
}

fn picks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("8-backends");
    settle(&mut group);
    for entry in Algorithm::table() {
        for ejection in [false, true] {
            let algorithm = Algorithm { rule: entry.rule, ejection };
            let traffic = || Traffic::new(algorithm, 8, ActionMode::Argmax);
            pick_alone(&mut group, &algorithm.to_string(), traffic());
            pick_and_reply(&mut group, &algorithm.to_string(), traffic());
        }
    }
    group.finish();
}

fn learned(criterion: &mut Criterion) {
    for backends in [8, 16, 64] {
        let mut group = criterion.benchmark_group(format!("{backends}-backends"));
        settle(&mut group);
        for (name, mode) in [("rl-argmax", ActionMode::Argmax), ("rl-softmax", ActionMode::Softmax)] {
            let traffic = || Traffic::new(Algorithm::plain(Rule::Rl), backends, mode);
            pick_alone(&mut group, name, traffic());
            pick_and_reply(&mut group, name, traffic());
        }
        group.finish();
    }
}

/// Requests that say different things: numbers, and one word in four hints.
fn telling(hints: usize) -> Vec<RequestInfo> {
    let request = |key: u64| {
        let mut said = Hints::default();
        for name in 0..hints as u32 {
            let drawn = Seed(key).key(&[u64::from(name)]);
            said.push(Hint {
                name: name.wrapping_mul(0x9e37_79b9) | 1,
                said: match name % 4 {
                    3 => Said::Word((drawn % 20) as u32),
                    _ => Said::Number((drawn % 10_000) as f32),
                },
            });
        }
        RequestInfo { client_key: key, route: (key % 20) as u16, hints: said }
    };
    (0..1_024).map(request).collect()
}

fn costs(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("costs");
    settle(&mut group);
    for hints in [0, 1, 3, MOST] {
        let requests = telling(hints);
        let mut model = CostModel::default();
        let mut place = 0;
        let mut next = || {
            place = (place + 1) % requests.len();
            &requests[place]
        };
        for reply in 0..50_000u32 {
            model.learn(next(), (reply % 100) as f32 / 50.0 - 1.0, 1.0);
        }
        group.bench_function(format!("predict/{hints}-hints"), |bencher| {
            bencher.iter(|| model.predict(black_box(next())));
        });
        group.bench_function(format!("learn/{hints}-hints"), |bencher| {
            bencher.iter(|| model.learn(black_box(next()), black_box(0.1), black_box(1.0)));
        });
    }
    let reader = Reader::new(&["x-batch-size".to_owned()]).expect("a header");
    for (name, target) in [
        ("nothing", "/api/products"),
        ("3-hints", "/api/products/42?limit=500&sort=price"),
        ("no-end", include_str!("pick.rs")),
    ] {
        group.bench_function(format!("read/{name}"), |bencher| {
            bencher.iter(|| reader.read(black_box(target), None, |_| Some(&b"64"[..])));
        });
    }
    group.finish();
}

criterion_group!(benches, picks, learned, costs);
criterion_main!(benches);
