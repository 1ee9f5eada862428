//! Prints mean and p99 of the classical rules in the situations A to I, and in those whose requests tell their size: what
//! `docs/request-costs.md` says of least predicted work.
//!
//! `cargo run --release -p simulator --example predicted_work`

#[path = "../tests/common/mod.rs"]
mod common;

use lb_core::{Seed, Span};
use simulator::{Bursts, OpenLoad, Options, Telling, simulate_open};

const REQUESTS: u64 = 60_000;
const SEEDS: u64 = 6;

/// Letter, load, requests per second that fill the pool, whether they come in bursts, number of load balancers, and whether
/// there is a variant whose requests tell their size.
const SITUATIONS: [(char, f64, f64, bool, u16, bool); 9] = [
    ('a', 0.9, 3_200.0, false, 1, false),
    ('b', 0.8, 3_200.0, false, 1, true),
    ('c', 0.7, 3_200.0, false, 1, false),
    ('d', 0.6, 3_200.0, true, 1, true),
    ('e', 0.6, 3_200.0, false, 1, false),
    ('f', 0.6, 3_200.0, true, 1, true),
    ('g', 0.8, 3_200.0, false, 4, true),
    ('h', 0.7, 3_200.0, false, 1, true),
    ('i', 0.8, 12_800.0, false, 1, false),
];

const ALGORITHMS: [&str; 6] = [
    "ewma-scan+ejection",
    "least-connections+ejection",
    "shortest-expected-delay+ejection",
    "prequal+ejection",
    "least-predicted-work+ejection",
    "least-predicted-work",
];

fn main() {
    println!("mean/p99 in ms, {SEEDS} x {REQUESTS} requests: {}", ALGORITHMS.join(", "));
    for (letter, load, capacity, in_bursts, balancers, can_tell) in SITUATIONS {
        for tells in [false, true] {
            if tells && !can_tell {
                continue;
            }
            let name = format!("situation-{letter}{}", if tells { "-sized" } else { "" });
            print!("{name:20}");
            for algorithm in ALGORITHMS {
                let (mut mean, mut p99) = (0.0, 0.0);
                for seed in 1..=SEEDS {
                    let bursts = Bursts { factor: 1.6, mean_length: Span::from_millis(500) };
                    let open = OpenLoad {
                        bursts: in_bursts.then_some(bursts),
                        telling: tells.then_some(Telling { share: 0.8064, sigma: 1.0, noise: 0, word: None }),
                        ..OpenLoad::poisson(capacity * load, REQUESTS, Span::from_secs(2), Seed(seed))
                    };
                    let options = Options {
                        balancers,
                        network_delay: Span::from_micros(250),
                        seed: Seed(seed),
                        ..Options::default()
                    };
                    let mut recorder = common::Recorder::default();
                    let topology = common::topology(&name);
                    let mut policies = common::policies(algorithm);
                    simulate_open(&topology, &open, &mut policies, &options, &mut recorder)
                        .expect("a bundled topology can be simulated");
                    let one = recorder.mean_and_p99(2_000.0);
                    mean += one.0 / SEEDS as f64;
                    p99 += one.1 / SEEDS as f64;
                }
                print!("{:>16}", format!("{mean:.2}/{p99:.1}"));
            }
            println!();
        }
    }
}
