//! Prints mean and p99 in situation G (four load balancers) under reports of different kinds.

#[path = "../tests/common/mod.rs"]
mod common;

use lb_core::{Seed, Span};
use simulator::{OpenLoad, Options, Reports, simulate_open};

fn main() {
    let kinds = [
        ("none", Reports::None),
        ("orca", Reports::Orca),
        ("probes 0.5", Reports::Probes { per_request: 0.5 }),
        ("probes 1", Reports::Probes { per_request: 1.0 }),
        ("probes 3", Reports::Probes { per_request: 3.0 }),
    ];
    let topology = common::topology("situation-g");
    let seeds = 5;
    println!("situation G, 4 load balancers, mean/p99 in ms, {seeds} x 60 k");
    print!("{:28}", "");
    for (name, _) in kinds {
        print!("{name:>14}");
    }
    println!();
    let algorithms = std::env::args().skip(1).collect::<Vec<_>>();
    let algorithms = if algorithms.is_empty() { vec!["prequal".to_owned()] } else { algorithms };
    for algorithm in algorithms {
        print!("{algorithm:28}");
        for (_, reports) in kinds {
            let (mut mean, mut p99) = (0.0, 0.0);
            for seed in 1..=seeds {
                let load = OpenLoad::poisson(2_560.0, 60_000, Span::from_secs(2), Seed(seed));
                let options = Options {
                    balancers: 4,
                    network_delay: Span::from_micros(250),
                    reports,
                    seed: Seed(seed),
                    ..Options::default()
                };
                let mut recorder = common::Recorder::default();
                let mut policies = common::policies(&algorithm);
                simulate_open(&topology, &load, &mut policies, &options, &mut recorder)
                    .expect("a bundled topology can be simulated");
                let one = recorder.mean_and_p99(2_000.0);
                mean += one.0 / seeds as f64;
                p99 += one.1 / seeds as f64;
            }
            print!("{:>14}", format!("{mean:.1}/{p99:.0}"));
        }
        println!();
    }
}
