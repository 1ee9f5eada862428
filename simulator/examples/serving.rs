//! Prints what estimates of how backends serve are worth without a network: mean and p99 in the bundled
//! situations of the policy that picks by cost, with and without knowledge of sizes, next to good algorithms
//! and oracles.

#[path = "../tests/common/mod.rs"]
mod common;
#[path = "../tests/common/lowest.rs"]
mod lowest;

use common::{Recorder, policies, topology};
use lb_core::policy::Policy;
use lb_core::{Seed, Span};
use lowest::{Looks, Lowest};
use simulator::oracle::Oracle;
use simulator::{Bursts, OpenLoad, Options, simulate_open, simulate_open_with_oracle};

/// Letter, requests per second, whether they come in bursts, and number of load balancers.
const SITUATIONS: [(char, f64, bool, u16); 9] = [
    ('a', 2_880.0, false, 1),
    ('b', 2_560.0, false, 1),
    ('c', 2_240.0, false, 1),
    ('d', 1_920.0, true, 1),
    ('e', 1_920.0, false, 1),
    ('f', 1_920.0, true, 1),
    ('g', 2_560.0, false, 4),
    ('h', 2_240.0, false, 1),
    ('i', 10_240.0, false, 1),
];

/// Who picks backends.
#[derive(Clone, Copy)]
enum Contestant {
    Algorithm(&'static str),
    Lowest { told: bool },
    Oracle(Oracle),
}

fn main() {
    let contestants = [
        Contestant::Algorithm("least-connections+ejection"),
        Contestant::Algorithm("ewma-scan+ejection"),
        Contestant::Algorithm("shortest-expected-delay+ejection"),
        Contestant::Algorithm("prequal+ejection"),
        Contestant::Lowest { told: false },
        Contestant::Oracle(Oracle::FirstPolicyImprovement),
        Contestant::Lowest { told: true },
        Contestant::Oracle(Oracle::SizedPolicyImprovement),
    ];
    print!("{:34}", "mean/p99 in ms, 3 x 60 k");
    SITUATIONS.iter().for_each(|(letter, ..)| print!("{:>12}", letter.to_ascii_uppercase()));
    println!();
    for contestant in contestants {
        let name = match contestant {
            Contestant::Algorithm(name) => name,
            Contestant::Lowest { told: false } => "lowest cost, sizes not told",
            Contestant::Lowest { told: true } => "lowest cost, sizes told",
            Contestant::Oracle(oracle) => oracle.name(),
        };
        print!("{name:34}");
        for situation in SITUATIONS {
            let runs = [1, 2, 3].map(|seed| play(contestant, situation, seed));
            let mean = |of: fn(&(f64, f64)) -> f64| runs.iter().map(of).sum::<f64>() / 3.0;
            print!("{:>12}", format!("{:.1}/{:.0}", mean(|run| run.0), mean(|run| run.1)));
        }
        println!();
    }
}

fn play(contestant: Contestant, situation: (char, f64, bool, u16), seed: u64) -> (f64, f64) {
    let (letter, rate, is_bursty, balancers) = situation;
    let case = topology(&format!("situation-{letter}"));
    let bursts = Bursts { factor: 1.6, mean_length: Span::from_millis(500) };
    let load = OpenLoad {
        bursts: is_bursty.then_some(bursts),
        ..OpenLoad::poisson(rate, 60_000, Span::from_secs(2), Seed(seed))
    };
    let network_delay = Span::from_micros(250);
    let options = Options { balancers, network_delay, seed: Seed(seed), ..Options::default() };
    let mut recorder = Recorder::default();
    let played = match contestant {
        Contestant::Algorithm(name) => {
            simulate_open(&case, &load, &mut policies(name), &options, &mut recorder)
        }
        Contestant::Lowest { told } => {
            let told = told.then(|| case.service_time.clone());
            let mut policy = || -> Box<dyn Policy> { Box::new(Lowest::new(told.clone(), Looks::default())) };
            simulate_open(&case, &load, &mut policy, &options, &mut recorder)
        }
        Contestant::Oracle(oracle) => {
            simulate_open_with_oracle(&case, &load, oracle, &options, &mut recorder)
        }
    };
    played.expect("a bundled topology can be simulated");
    recorder.mean_and_p99(2_000.0)
}
