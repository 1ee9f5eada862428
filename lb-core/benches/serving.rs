//! Time of the estimates of how backends serve: a request from sending to its end, and its cost at eight backends.
//!
//! The budget is 150 ns per request and 20 ns per backend. On a machine that was busy with other builds it
//! took 200 ns and 19 ns (2026-11-30).

use criterion::{Criterion, criterion_group, criterion_main};
use lb_core::policy::serving::Serving;
use lb_core::policy::{BackendIndex, PredictedCost, ReplyKind, RequestInfo};
use lb_core::{Span, Time};
use std::collections::VecDeque;
use std::hint::black_box;

const BACKENDS: usize = 8;
const PREDICTED: PredictedCost = PredictedCost { log_cost: 0.1, cost: 1.2, deviation: 0.6 };

/// A pool with `in_flight` requests at each of eight backends, whose requests end in the order in which they
/// were sent.
struct Pool {
    serving: Serving,
    sent: VecDeque<(BackendIndex, Time)>,
    now: Time,
    turn: usize,
}

impl Pool {
    fn new(in_flight: usize) -> Self {
        let mut serving = Serving::default();
        serving.grow(BACKENDS, Time::ZERO);
        let mut pool = Self { serving, sent: VecDeque::new(), now: Time::ZERO, turn: 0 };
        for _ in 0..in_flight * BACKENDS {
            pool.send();
        }
        for _ in 0..20_000 {
            pool.send();
            pool.end();
        }
        pool
    }

    fn send(&mut self) {
        self.turn = (self.turn + 1) % BACKENDS;
        // Gaps of 50 to 149 microseconds.
        self.now += Span::from_micros(50 + (self.turn as u64 * 37 + self.now.as_nanos() / 1_000) % 100);
        let backend = BackendIndex(self.turn as u32);
        self.serving.on_sent(backend, &RequestInfo::default(), PREDICTED, self.now);
        self.sent.push_back((backend, self.now));
    }

    fn end(&mut self) {
        if let Some((backend, sent)) = self.sent.pop_front() {
            black_box(self.serving.on_end(backend, sent, Some(ReplyKind::Success), self.now));
        }
    }
}

fn serving(criterion: &mut Criterion) {
    for in_flight in [2, 10, 50] {
        let mut pool = Pool::new(in_flight);
        criterion.bench_function(&format!("serving/send-and-end/{in_flight}-in-flight"), |bencher| {
            bencher.iter(|| {
                pool.send();
                pool.end();
            });
        });
        let pool = Pool::new(in_flight);
        criterion.bench_function(&format!("serving/index-of-8/{in_flight}-in-flight"), |bencher| {
            bencher.iter(|| {
                let cost = |place| {
                    pool.serving.index(BackendIndex(place), black_box(&PREDICTED), pool.now).log_improvement
                };
                (0..BACKENDS as u32).map(cost).fold(f32::INFINITY, f32::min)
            });
        });
    }
}

criterion_group!(benches, serving);
criterion_main!(benches);
