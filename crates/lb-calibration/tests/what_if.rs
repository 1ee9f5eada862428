//! Predictions from access logs of simulated load balancers, compared with what these would have done.

mod bundled;
mod logged;
#[allow(dead_code, reason = "shared with the tests of traces")]
mod simulated;

use bundled::{load, topology};
use lb_calibration::Tolerance;
use lb_calibration::what_if::{FittedLog, Metric, Prediction, WhatIf};
use lb_core::{Algorithm, Seed, Span};
use logged::{Style, log, truth};
use simulator::{Bursts, OpenLoad};

const ASKED: [&str; 6] =
    ["round-robin", "random", "least-connections", "p2c", "peak-ewma", "shortest-expected-delay"];

fn algorithm(name: &str) -> Algorithm {
    name.parse().expect("a known algorithm")
}

fn what_if(algorithms: &[&str]) -> WhatIf {
    WhatIf {
        algorithms: algorithms.iter().copied().map(algorithm).collect(),
        scale: 1.0,
        kills: Vec::new(),
        primary: Metric::P99,
        seed: Seed(5),
        threads: 2,
    }
}

fn predict(fitted: &FittedLog<'_>, what_if: &WhatIf) -> Prediction {
    fitted.predict(what_if, &|_| ()).expect("a prediction")
}

/// Kendall's rank correlation of two lists.
fn tau(one: &[f64], other: &[f64]) -> f64 {
    let mut sum = 0.0;
    let mut pairs = 0.0;
    for a in 0..one.len() {
        for b in 0..a {
            sum += ((one[a] - one[b]) * (other[a] - other[b])).signum();
            pairs += 1.0;
        }
    }
    sum / pairs
}

/// The bundled situations at the loads that they are meant for.
fn situations() -> [(&'static str, OpenLoad); 4] {
    let bursts = Some(Bursts { factor: 1.6, mean_length: Span::from_millis(500) });
    // Load balancers wait for long.
    let load = |rate, requests| OpenLoad { request_timeout: Span::from_secs(30), ..load(rate, requests) };
    [
        ("situation-c", load(2_240.0, 120_000)),
        ("situation-a", load(2_880.0, 120_000)),
        ("situation-b", load(2_560.0, 120_000)),
        ("situation-d", OpenLoad { bursts, ..load(1_920.0, 120_000) }),
    ]
}

#[test]
fn other_algorithms_are_predicted_from_a_log_of_round_robin() {
    let (mut inside, mut intervals) = (0, 0);
    for (name, load) in situations() {
        let topology = topology(name);
        for style in [Style::Nginx] {
            let log = log(&topology, &load, "round-robin", style);
            let fitted = FittedLog::new(&log, None).expect("a fit");
            assert_eq!(fitted.routing().algorithm, Some(algorithm("round-robin")), "{name}, {style:?}");
            let prediction = predict(&fitted, &what_if(&ASKED));
            let mut p99s = [Vec::new(), Vec::new()];
            for (asked, found) in ASKED.iter().zip(&prediction.predicted) {
                let [mean, p99] = truth(&topology, &load, asked);
                eprintln!(
                    "{name} {style:?} {asked}: mean {mean:.2} {:.2} {:+.1}% [{:.2} {:.2}], p99 {p99:.1} {:.1} {:+.1}% [{:.1} {:.1}]",
                    found.mean_ms.estimate, (found.mean_ms.estimate / mean - 1.0) * 100.0, found.mean_ms.interval[0], found.mean_ms.interval[1],
                    found.p99_ms.estimate, (found.p99_ms.estimate / p99 - 1.0) * 100.0, found.p99_ms.interval[0], found.p99_ms.interval[1],
                );
                p99s[0].push(p99);
                p99s[1].push(found.p99_ms.estimate);
                for (figure, truth) in [(found.mean_ms, mean), (found.p99_ms, p99)] {
                    intervals += 1;
                    inside += usize::from((figure.interval[0]..=figure.interval[1]).contains(&truth));
                }
            }
            eprintln!("{name} {style:?} tau {:.2}", tau(&p99s[0], &p99s[1]));
            for b in &fitted.calibration().topology.pools[0].backends { eprintln!("   {} w{} s{:.2} {:?} cap{}", b.id, b.workers, b.speed, b.discipline, b.queue_cap); }
            eprintln!("   {:?}", fitted.calibration().topology.service_time.mean_ms());
            for f in fitted.calibration().topology.faults.iter().take(8) { eprintln!("   {f:?}"); }
            let check = fitted.check(Tolerance::default()).expect("a check");
            eprintln!("   check {:?} {:?}", check.refusals(), check.compared[0]);
        }
    }
    eprintln!("inside {inside} of {intervals}");
}
