//! Prints mean and p99 of several algorithms in the bundled situations under Poisson arrivals.

#[path = "../tests/common/mod.rs"]
mod common;

use lb_core::{Seed, Span};
use simulator::oracle::Oracle;
use simulator::{OpenLoad, Options, simulate_open_with_oracle};

fn main() {
    let cases = [("a", 0.9), ("b", 0.8), ("c", 0.7), ("e", 0.6), ("h", 0.7)];
    print!("{:28}", "mean/p99 in ms, 3 x 60 k");
    for (situation, load) in cases {
        print!("{:>16}", format!("{} at {load}", situation.to_uppercase()));
    }
    println!();
    for algorithm in [
        "random",
        "round-robin",
        "p2c",
        "least-connections",
        "least-connections+ejection",
        "peak-ewma",
        "ewma-scan",
        "ewma-scan+ejection",
        "shortest-expected-delay",
        "prequal",
        "least-predicted-work",
    ] {
        print!("{algorithm:28}");
        for (situation, load) in cases {
            let runs = 3;
            let (mut mean, mut p99) = (0.0, 0.0);
            for seed in 1..=runs {
                let (recorder, _) =
                    common::open(&format!("situation-{situation}"), algorithm, load, 60_000, seed);
                let one = recorder.mean_and_p99(2_000.0);
                mean += one.0 / runs as f64;
                p99 += one.1 / runs as f64;
            }
            print!("{:>16}", format!("{mean:.1}/{p99:.0}"));
        }
        println!();
    }
    for oracle in Oracle::ALL {
        print!("{:28}", oracle.name());
        for (situation, load) in cases {
            let runs = 3;
            let (mut mean, mut p99) = (0.0, 0.0);
            for seed in 1..=runs {
                let load = OpenLoad::poisson(3_200.0 * load, 60_000, Span::from_secs(2), Seed(seed));
                let topology = common::topology(&format!("situation-{situation}"));
                let mut recorder = common::Recorder::default();
                simulate_open_with_oracle(&topology, &load, oracle, &Options::default(), &mut recorder)
                    .expect("a bundled topology can be simulated");
                let one = recorder.mean_and_p99(2_000.0);
                mean += one.0 / runs as f64;
                p99 += one.1 / runs as f64;
            }
            print!("{:>16}", format!("{mean:.1}/{p99:.0}"));
        }
        println!();
    }
}
