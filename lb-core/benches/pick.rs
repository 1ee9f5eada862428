//! What a decision costs: nanoseconds per pick, and per pick with the reply that it leads to, on eight
//! backends with a steady window of requests in flight.
//!
//! The budget is 100 ns per pick for every classical policy. Backends are of unequal speed, so that
//! latencies, counts and ties are mixed as in service; replies come in the order of sending.

use criterion::measurement::{Measurement, WallTime};
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use lb_core::balancer::Balancer;
use lb_core::policy::{BackendIndex, Reply, ReplyKind, RequestInfo};
use lb_core::{Algorithm, Seed, Span, Time};
use std::collections::VecDeque;
use std::hint::black_box;
use std::time::Duration;

/// Three per backend: busy, not saturated.
const WINDOW: u64 = 24;

/// Time between two requests.
const STEP: Span = Span::from_micros(50);

/// One reply in a hundred fails, so that failures are paid for too.
const FAILURE_EVERY: u64 = 100;

struct Traffic {
    balancer: Balancer,
    in_flight: VecDeque<BackendIndex>,
    now: Time,
    count: u64,
}

impl Traffic {
    fn new(algorithm: Algorithm) -> Self {
        let policy = algorithm.policy().expect("classical policies need no file");
        let weights = [1.0, 1.0, 2.0, 2.0, 4.0, 4.0, 8.0, 8.0];
        let mut traffic = Self {
            balancer: Balancer::new(&weights, policy, Seed(1).stream(&[])),
            in_flight: VecDeque::with_capacity(2 * WINDOW as usize),
            now: Time::ZERO,
            count: 0,
        };
        for _ in 0..WINDOW {
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
        let request = RequestInfo { client_key: self.count, route: 0 };
        let picked = self.balancer.pick(black_box(&request), self.now).expect("all are healthy");
        self.in_flight.push_back(picked);
    }

    fn answer(&mut self) {
        let backend = self.in_flight.pop_front().expect("the window is never empty");
        let failed = self.count.is_multiple_of(FAILURE_EVERY);
        let kind = if failed { ReplyKind::ServerError } else { ReplyKind::Success };
        let latency = Span::from_micros(8_000 >> (backend.0 / 2)) + STEP * (self.count % 16);
        self.balancer.reply(backend, &Reply { kind, latency }, self.now);
    }
}

/// Times blocks of picks and leaves the replies between them out.
fn pick_alone(group: &mut BenchmarkGroup<'_, WallTime>, algorithm: Algorithm) {
    let mut traffic = Traffic::new(algorithm);
    group.bench_function(format!("pick/{algorithm}"), |bencher| {
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

fn pick_and_reply(group: &mut BenchmarkGroup<'_, WallTime>, algorithm: Algorithm) {
    let mut traffic = Traffic::new(algorithm);
    group.bench_function(format!("pick+reply/{algorithm}"), |bencher| {
        bencher.iter(|| {
            traffic.send();
            traffic.answer();
        });
    });
}

fn picks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("8-backends");
    group.throughput(Throughput::Elements(1));
    group.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_millis(700));
    for entry in Algorithm::table() {
        for ejection in [false, true] {
            let algorithm = Algorithm { rule: entry.rule, ejection };
            if algorithm.policy().is_ok() {
                pick_alone(&mut group, algorithm);
                pick_and_reply(&mut group, algorithm);
            }
        }
    }
    group.finish();
}

criterion_group!(benches, picks);
criterion_main!(benches);
