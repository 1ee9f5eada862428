//! How much of the difference between a prediction of `bench what-if` and a run of the real system is chance, and so for
//! how long both must run.
//!
//! `cargo bench -p lb-calibration --bench chance -- --load-balancers nginx,haproxy --situations b,d --seconds 30,120
//! --runs 10` simulates what `what_if_live` measures: a log of round-robin, and the same arrivals under other algorithms,
//! each time with other loads and two lucks. No machine disturbs these runs, so what remains is the fit's error and
//! chance. Printed are, for the mean and the p99 of each algorithm:
//!
//! - the value, and by how many percent it varies (one standard deviation) between two runs of one load, whose
//!   arrivals are the same, and between runs with loads of their own;
//! - by how many percent a prediction is off on average and in one case (root of the mean square), in how many cases it
//!   lies within 10 % (mean) or 20 % (p99), and how many intervals hold the value of the run;
//! - after how many seconds 95 of 100 runs of one load, and of all loads, lie within this bound.

#[path = "../tests/bundled/mod.rs"]
mod bundled;
#[path = "../tests/logged/mod.rs"]
#[allow(dead_code, reason = "shared with tests")]
mod logged;
#[path = "../tests/simulated/mod.rs"]
#[allow(dead_code, reason = "shared with tests")]
mod simulated;

use bundled::{load, topology};
use lb_calibration::log::Maker;
use lb_calibration::what_if::{Figure, FittedLog, Metric, WhatIf};
use lb_core::policy::{HaproxyRandom, Policy};
use lb_core::{Algorithm, Seed, Span};
use logged::{Style, log, truth_of};
use simulator::{Bursts, OpenLoad};

const ASKED: [&str; 3] = ["least-connections", "p2c", "peak-ewma"];
/// How far a prediction may be off: its mean, and its p99.
const ALLOWED: [f64; 2] = [0.1, 0.2];
/// Weight of HAProxy's servers in the template of `bench`.
const SERVER_WEIGHT: u32 = 100;
/// Standard deviations within which 95 of 100 values lie.
const DEVIATIONS: f64 = 1.96;

/// One figure of one algorithm, of one load.
#[derive(Clone, Copy, Debug)]
struct Case {
    /// Its values under two lucks.
    live: [f64; 2],
    predicted: Figure,
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let list = |flag: &str, otherwise: &str| -> Vec<String> {
        let place = arguments.iter().position(|argument| argument == flag);
        let text = place.and_then(|place| arguments.get(place + 1)).map_or(otherwise, String::as_str);
        text.split(',').map(str::to_lowercase).collect()
    };
    let numbers = |flag: &str, otherwise: &str| -> Vec<u64> {
        list(flag, otherwise)
            .iter()
            .map(|text| text.parse().expect("whole numbers, such as 30,120"))
            .collect()
    };
    for situation in list("--situations", "a,b,c,d") {
        for seconds in numbers("--seconds", "30") {
            for balancer in list("--load-balancers", "nginx,haproxy") {
                compare(&balancer, &situation, seconds, numbers("--runs", "10")[0]);
            }
        }
    }
}

/// The load that a situation is meant for.
fn load_of(situation: &str, seconds: u64, seed: u64) -> OpenLoad {
    let bursts = Some(Bursts { factor: 1.6, mean_length: Span::from_millis(500) });
    let (rate, bursts) = match situation {
        "a" => (2_880.0, None),
        "b" => (2_560.0, None),
        "c" => (2_240.0, None),
        "d" => (1_920.0, bursts),
        other => panic!("--situations {other}: not one of a, b, c, d"),
    };
    let requests = (rate * seconds as f64) as u64;
    let usual = load(rate, requests);
    OpenLoad { bursts, request_timeout: Span::from_secs(30), seed: Seed(1_000 + seed), ..usual }
}

fn compare(balancer: &str, situation: &str, seconds: u64, runs: u64) {
    let is_haproxy = match balancer {
        "nginx" => false,
        "haproxy" => true,
        other => panic!("--load-balancers {other}: not one of nginx, haproxy"),
    };
    let topology = topology(&format!("situation-{situation}"));
    let mut cases = vec![[const { Vec::new() }; 2]; ASKED.len()];
    for run in 0..runs {
        let load = load_of(situation, seconds, run);
        let style = if is_haproxy { Style::HaProxy } else { Style::Nginx };
        let mut log = log(&topology, &load, "round-robin", style);
        if is_haproxy {
            (log.maker, log.server_weight) = (Maker::Haproxy, SERVER_WEIGHT);
        }
        let fitted = FittedLog::new(&log, None).expect("a fit");
        let prediction = fitted.predict(&what_if(run), &|_| ()).expect("a prediction");
        for ((name, predicted), cases) in ASKED.iter().zip(&prediction.predicted[1..]).zip(&mut cases) {
            assert_eq!(*name, predicted.name, "what was recorded comes first");
            let live = [1, 2].map(|luck| truth_of(&topology, &load, luck, &|| policy(name, is_haproxy)));
            for (metric, predicted) in [predicted.mean_ms, predicted.p99_ms].into_iter().enumerate() {
                cases[metric].push(Case { live: live.map(|figures| figures[metric]), predicted });
            }
        }
    }
    lb_io::print(format_args!("{balancer}, situation {situation}, {runs} logs and runs of {seconds} s"));
    for (name, cases) in ASKED.iter().zip(&cases) {
        for ((what, allowed), cases) in [("mean", ALLOWED[0]), ("p99", ALLOWED[1])].into_iter().zip(cases) {
            lb_io::print(format_args!("  {name:<18} {what:<4} {}", described(cases, allowed, seconds)));
        }
    }
}

fn what_if(run: u64) -> WhatIf {
    let algorithms = ["round-robin"].iter().chain(&ASKED);
    WhatIf {
        algorithms: algorithms.map(|name| name.parse::<Algorithm>().expect("a known algorithm")).collect(),
        scale: 1.0,
        kills: Vec::new(),
        primary: Metric::P99,
        seed: Seed(run),
        threads: std::thread::available_parallelism().map_or(1, usize::from),
    }
}

fn policy(name: &str, is_haproxy: bool) -> Box<dyn Policy> {
    match name {
        "p2c" if is_haproxy => Box::new(HaproxyRandom::new(2, SERVER_WEIGHT)),
        name => name.parse::<Algorithm>().expect("a known algorithm").policy().expect("no policy file"),
    }
}

fn described(cases: &[Case], allowed: f64, seconds: u64) -> String {
    let count = cases.len() as f64;
    let mean = |value: &dyn Fn(&Case) -> f64| cases.iter().map(value).sum::<f64>() / count;
    let level = mean(&|case| f64::midpoint(case.live[0].ln(), case.live[1].ln()));
    let same = (mean(&|case| (case.live[0] / case.live[1]).ln().powi(2)) / 2.0).sqrt();
    let either = |case: &Case| case.live.map(|live| (live.ln() - level).powi(2)).iter().sum::<f64>() / 2.0;
    let all = (mean(&either) * count / (count - 1.0).max(1.0)).sqrt();
    let off = |case: &Case| (case.predicted.estimate / case.live[0]).ln();
    let (bias, error) = (mean(&off), mean(&|case| off(case).powi(2)).sqrt());
    let within = cases.iter().filter(|case| (off(case).exp() - 1.0).abs() <= allowed).count();
    let holds = |case: &&Case| {
        let [low, high] = case.predicted.interval;
        (low..=high).contains(&case.live[0])
    };
    let held = cases.iter().filter(holds).count();
    // Deviations fall with the root of the time.
    let needed = |deviation: f64| seconds as f64 * (DEVIATIONS * deviation / allowed).powi(2);
    format!(
        "{:>7.1} ms, varies by {:.0} % and {:.0} %; off by {:+.0} %, {:.0} % in one case; {within} of {} within {:.0} %, {held} \
         held; {:.0} s and {:.0} s",
        level.exp(),
        same * 100.0,
        all * 100.0,
        bias * 100.0,
        error * 100.0,
        cases.len(),
        allowed * 100.0,
        needed(same),
        needed(all),
    )
}
