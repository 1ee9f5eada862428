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
use simulator::{Bursts, OpenLoad, Options, Telling, simulate_open, simulate_open_with_oracle};

/// Name, requests per second, whether they come in bursts, and number of load balancers.
type Situation = (&'static str, f64, bool, u16);

const SITUATIONS: [Situation; 9] = [
    ("a", 2_880.0, false, 1),
    ("b", 2_560.0, false, 1),
    ("c", 2_240.0, false, 1),
    ("d", 1_920.0, true, 1),
    ("e", 1_920.0, false, 1),
    ("f", 1_920.0, true, 1),
    ("g", 2_560.0, false, 4),
    ("h", 2_240.0, false, 1),
    ("i", 10_240.0, false, 1),
];

/// Situations in which requests tell four fifths of the variance of their size.
const SIZED: [Situation; 5] = [
    ("b-sized", 2_560.0, false, 1),
    ("d-sized", 1_920.0, true, 1),
    ("f-sized", 1_920.0, true, 1),
    ("g-sized", 2_560.0, false, 4),
    ("h-sized", 2_240.0, false, 1),
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
    table(&SITUATIONS, &contestants);
    println!();
    let listening = [
        Contestant::Algorithm("ewma-scan+ejection"),
        Contestant::Algorithm("least-predicted-work+ejection"),
        Contestant::Lowest { told: false },
        Contestant::Oracle(Oracle::SizedPolicyImprovement),
    ];
    table(&SIZED, &listening);
}

fn table(situations: &[Situation], contestants: &[Contestant]) {
    print!("{:34}", "mean/p99 in ms, 3 x 60 k");
    situations.iter().for_each(|(name, ..)| print!("{:>12}", name.to_uppercase()));
    println!();
    for contestant in contestants {
        let name = match contestant {
            Contestant::Algorithm(name) => name,
            Contestant::Lowest { told: false } => "lowest cost",
            Contestant::Lowest { told: true } => "lowest cost, all sizes told",
            Contestant::Oracle(oracle) => oracle.name(),
        };
        print!("{name:34}");
        for situation in situations {
            let runs = [1, 2, 3].map(|seed| play(*contestant, *situation, seed));
            let mean = |of: fn(&(f64, f64)) -> f64| runs.iter().map(of).sum::<f64>() / 3.0;
            print!("{:>12}", format!("{:.1}/{:.0}", mean(|run| run.0), mean(|run| run.1)));
        }
        println!();
    }
}

fn play(contestant: Contestant, situation: Situation, seed: u64) -> (f64, f64) {
    let (name, rate, is_bursty, balancers) = situation;
    let case = topology(&format!("situation-{name}"));
    let bursts = Bursts { factor: 1.6, mean_length: Span::from_millis(500) };
    let telling = Telling { share: 0.8, sigma: 1.0, noise: 2, word: None };
    let load = OpenLoad {
        bursts: is_bursty.then_some(bursts),
        telling: name.ends_with("-sized").then_some(telling),
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
