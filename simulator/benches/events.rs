//! Events per second on one core.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lb_core::workload::{ArrivalStart, Observer, Sample, Schedule, Spacing};
use lb_core::{Seed, Span};
use simulator::oracle::Oracle;
use simulator::{OpenLoad, Options, Report, Simulation, Telling, simulate_open};
use std::sync::Arc;

#[path = "../tests/common/mod.rs"]
mod common;

/// Looks at each sample as a recorder must, and keeps a sum.
struct Sum(u64);

impl Observer for Sum {
    fn sample(&mut self, sample: &Sample) {
        self.0 += sample.done.since(sample.sent).as_nanos();
    }
}

/// Poisson arrivals on a bundled situation: no virtual users, the system alone.
fn open(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("open");
    for (situation, load) in [("situation-a", 0.9), ("situation-b", 0.8)] {
        let topology = common::topology(situation);
        for algorithm in ["least-connections", "round-robin", "p2c", "ewma-scan"] {
            if situation == "situation-b" && algorithm == "round-robin" {
                continue; // four backends are overloaded: time-outs are measured, not events
            }
            let run = || -> Report {
                let load = OpenLoad::poisson(3_200.0 * load, 50_000, Span::from_secs(10), Seed(1));
                let mut policy = common::policies(algorithm);
                simulate_open(&topology, &load, &mut policy, &Options::default(), &mut Sum(0))
                    .expect("a bundled topology can be simulated")
            };
            group.throughput(Throughput::Elements(run().events));
            group.bench_function(format!("{situation}/{algorithm}"), |bencher| bencher.iter(run));
        }
    }
    group.finish();
}

/// Virtual users of the built-in shop on the default topology.
fn closed(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("closed");
    let scenario = common::shop(common::topology("default"), 300, Span::from_secs(120));
    let schedule = Schedule::new(Arc::clone(&scenario.workload), Seed(1));
    for algorithm in ["least-connections", "round-robin"] {
        let run = || -> Report {
            let mut policy = common::policies(algorithm);
            Simulation::run(&scenario, &schedule, &mut policy, &Options::default(), &mut Sum(0))
                .expect("the default topology can be simulated")
        };
        group.throughput(Throughput::Elements(run().events));
        group.bench_function(format!("shop/{algorithm}"), |bencher| bencher.iter(run));
    }
    group.finish();
}

/// Arrivals of a schedule, each a virtual user of its own, on situation B at 0.8 of its capacity.
fn arrivals(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("arrivals");
    let length = Span::from_secs(20);
    for start in [ArrivalStart::Action, ArrivalStart::Session] {
        // A session of the class is ten actions.
        let per_arrival = if start == ArrivalStart::Session { 10.0 } else { 1.0 };
        let process = common::arrivals(3_200.0 * 0.8 / per_arrival, Spacing::Poisson, start);
        let stage = common::stage(0, Some(process), length);
        let scenario = common::singles(common::topology("situation-b"), vec![stage]);
        let schedule = Schedule::new(Arc::clone(&scenario.workload), Seed(1));
        let policies = || {
            let mut policy = common::policies("least-connections");
            Simulation::run(&scenario, &schedule, &mut policy, &Options::default(), &mut Sum(0))
                .expect("a bundled topology can be simulated")
        };
        group.throughput(Throughput::Elements(policies().events));
        group.bench_function(format!("{start:?}/least-connections"), |bencher| bencher.iter(policies));
        for oracle in Oracle::ALL {
            let run = || -> Report {
                Simulation::with_oracle(&scenario, oracle, &Options::default())
                    .expect("a bundled topology can be simulated")
                    .measure(&schedule, &mut Sum(0))
            };
            group.throughput(Throughput::Elements(run().events));
            group.bench_function(format!("{start:?}/{}", oracle.name()), |bencher| bencher.iter(run));
        }
    }
    group.finish();
}

/// Requests that say what they cost: drawn by the open load, and read from the texts of a scenario.
fn telling(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("telling");
    let topology = common::topology("situation-b-sized");
    let drawn = || -> Report {
        let telling = Some(Telling { share: 0.81, sigma: 1.0, noise: 2, word: Some(0.3) });
        let load = OpenLoad::poisson(3_200.0 * 0.8, 50_000, Span::from_secs(10), Seed(1));
        let mut policy = common::policies("least-connections");
        simulate_open(&topology, &OpenLoad { telling, ..load }, &mut policy, &Options::default(), &mut Sum(0))
            .expect("a bundled topology can be simulated")
    };
    group.throughput(Throughput::Elements(drawn().events));
    group.bench_function("drawn/least-connections", |bencher| bencher.iter(drawn));
    let process = common::arrivals(3_200.0 * 0.8, Spacing::Poisson, ArrivalStart::Action);
    let stage = common::stage(0, Some(process), Span::from_secs(20));
    let journey = include_str!("../../configs/journeys/telling_get.json");
    let scenario = common::singles_of(journey, topology.clone(), vec![stage]);
    let schedule = Schedule::new(Arc::clone(&scenario.workload), Seed(1));
    let read = || {
        let mut policy = common::policies("least-connections");
        Simulation::run(&scenario, &schedule, &mut policy, &Options::default(), &mut Sum(0))
            .expect("a bundled topology can be simulated")
    };
    group.throughput(Throughput::Elements(read().events));
    group.bench_function("read/least-connections", |bencher| bencher.iter(read));
    group.finish();
}

criterion_group!(benches, open, closed, arrivals, telling);
criterion_main!(benches);
