//! How long `bench what-if` takes on a log of a million requests: gathering the entries, the fit, its check, and the
//! prediction of all algorithms that need no training. The aim is less than 60 s on two cores.
//!
//! `cargo bench -p lb-calibration --bench what_if` simulates the log first; `-- 100000` uses a shorter one.

#[path = "../tests/bundled/mod.rs"]
mod bundled;
#[path = "../tests/logged/mod.rs"]
#[allow(dead_code, reason = "shared with tests")]
mod logged;
#[path = "../tests/simulated/mod.rs"]
#[allow(dead_code, reason = "shared with tests")]
mod simulated;

use bundled::{load, topology};
use lb_calibration::Tolerance;
use lb_calibration::log::Gatherer;
use lb_calibration::what_if::{FittedLog, Metric, WhatIf};
use lb_core::{Algorithm, Seed, Span};
use logged::{Style, entries};
use simulator::OpenLoad;
use std::time::Instant;

fn main() {
    let count = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(1_000_000);
    let usual = OpenLoad { request_timeout: Span::from_secs(30), ..load(2_560.0, count) };
    let entries = entries(&topology("situation-a"), &usual, "round-robin", Style::Nginx);

    let all = Instant::now();
    let mut gatherer = Gatherer::default();
    entries.iter().for_each(|entry| gatherer.take(entry));
    let log = gatherer.finish(None).expect("a log");
    let gathered = all.elapsed();
    let fitted = FittedLog::new(&log, None).expect("a fit");
    let fit = all.elapsed() - gathered;
    let check = fitted.check(Tolerance::default()).expect("a check");
    let checked = all.elapsed() - gathered - fit;
    let rules = Algorithm::table().iter().map(|entry| Algorithm::plain(entry.rule));
    let asked = WhatIf {
        algorithms: rules.filter(|algorithm| algorithm.policy().is_ok()).collect(),
        scale: 1.0,
        kills: Vec::new(),
        primary: Metric::P99,
        seed: Seed(1),
        threads: std::thread::available_parallelism().map_or(1, usize::from),
    };
    let prediction = fitted.predict(&asked, &|_| ()).expect("a prediction");
    let total = all.elapsed();
    lb_io::print(format_args!(
        "{count} requests, {} algorithms, {} threads, fit {}: gather {gathered:.1?}, fit {fit:.1?}, check {checked:.1?}, \
         predict {:.1?} ({:.1} million requests), in all {total:.1?}",
        asked.algorithms.len(),
        asked.threads,
        if check.refusals().is_empty() { "holds" } else { "does not hold" },
        total - gathered - fit - checked,
        prediction.simulated as f64 / 1e6,
    ));
}
