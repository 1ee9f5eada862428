//! Physics, live against simulated: the same schedule over real sockets and in virtual time.
//!
//! `cargo bench -p harness --bench live_vs_sim` runs three experiments on the bundled situations and
//! prints what was seen; it exits with 1 when a rule does not hold. It takes about a quarter of an hour and
//! wants a quiet machine, which is why it is not a test. `-- tails`, `-- low-load` and `-- agreement` run one
//! of them.
//!
//! 1. Where speeds differ (B) or one backend is slow for a while (C), least-connections has at most half
//!    of round-robin's p99.
//! 2. On equal backends at low load (A), no algorithm differs from another by more than two runs of the
//!    same algorithm do.
//! 3. Below saturation, live and simulated mean latency agree within 15 % for four policies in A and B.

use serde_json::Value;
use std::path::Path;
use std::process::Command;

const AGREEMENT: f64 = 0.15;

/// One experiment: works in a folder and says which rules held.
type Part = fn(&Path, &mut Verdict);

/// Whether all rules held so far.
struct Verdict(bool);

impl Verdict {
    fn rule(&mut self, holds: bool, what: &str) {
        println!("{} {what}", if holds { "ok  " } else { "FAIL" });
        self.0 &= holds;
    }
}

fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("a benchmark: run it with `cargo bench -p harness --bench live_vs_sim`");
        return;
    }
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut verdict = Verdict(true);
    let named: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let parts: [(&str, Part); 3] = [("tails", tails), ("low-load", low_load), ("agreement", agreement)];
    for (name, part) in parts {
        if named.is_empty() || named.iter().any(|wanted| wanted == name) {
            part(dir.path(), &mut verdict);
        }
    }
    if !verdict.0 {
        std::process::exit(1);
    }
}

fn tails(dir: &Path, verdict: &mut Verdict) {
    println!("\np99 in ms, 200 users, 30 s");
    for topology in ["situation-b", "situation-c"] {
        for engine in ["live", "sim"] {
            let summary = run(dir, engine, topology, 200, "30s", "round-robin,least-connections", 1);
            let [round_robin, least] =
                ["round-robin", "least-connections"].map(|name| latency(&summary, name, "p99"));
            let ratio = round_robin / least;
            verdict.rule(
                ratio >= 2.0,
                &format!("{topology} {engine}: round-robin {round_robin:.0}, least-connections {least:.0}, {ratio:.1} times"),
            );
        }
    }
}

fn low_load(dir: &Path, verdict: &mut Verdict) {
    let names = ["round-robin", "random", "least-connections", "p2c", "peak-ewma"];
    println!("\nmean in ms on equal backends, 40 users, 10 s, live, 4 blocks");
    let summary = run(dir, "live", "situation-a", 40, "10s", &names.join(","), 4);
    let means = names.map(|name| latency(&summary, name, "mean"));
    for (name, mean) in names.iter().zip(means) {
        println!("     {name:<20} {mean:.2}");
    }
    // The noise of one algorithm: how far the trials of one and the same differ, pooled over all.
    let spread = pooled_spread(dir, &names);
    let most = means.iter().copied().fold(0.0, f64::max);
    let least = means.iter().copied().fold(f64::INFINITY, f64::min);
    // The range of 5 means of 4 trials lies below 3.86 standard errors in 95 of 100 cases (studentised range).
    let bound = 3.86 * spread / 2.0;
    verdict.rule(
        most - least <= bound.max(0.05 * least),
        &format!(
            "largest difference of means {:.2} ms, noise of such a difference {bound:.2} ms",
            most - least
        ),
    );
}

/// Standard deviation of a trial's mean around its algorithm's.
fn pooled_spread(dir: &Path, names: &[&str]) -> f64 {
    let mut squares = 0.0;
    let mut freedom = 0.0;
    for name in names {
        let trials: Vec<f64> = (0..4)
            .map(|block| {
                let file =
                    dir.join(format!("live-situation-a-40/trials/read-heavy-traffic-{name}-{block}.json"));
                let trial: Value =
                    serde_json::from_slice(&std::fs::read(file).expect("a trial")).expect("JSON");
                trial["result"]["latency_ms"]["mean"].as_f64().expect("a mean")
            })
            .collect();
        let mean = trials.iter().sum::<f64>() / trials.len() as f64;
        squares += trials.iter().map(|trial| (trial - mean).powi(2)).sum::<f64>();
        freedom += trials.len() as f64 - 1.0;
    }
    (squares / freedom).sqrt()
}

fn agreement(dir: &Path, verdict: &mut Verdict) {
    let names = ["round-robin", "least-connections", "p2c", "ewma-scan"];
    println!("\nmean in ms, 100 users, 20 s, 2 blocks: live, simulated");
    for topology in ["situation-a", "situation-b"] {
        let algorithms = names.join(",");
        let [live, sim] =
            ["live", "sim"].map(|engine| run(dir, engine, topology, 100, "20s", &algorithms, 2));
        for name in names {
            let [live, sim] = [&live, &sim].map(|summary| latency(summary, name, "mean"));
            let off = live / sim - 1.0;
            verdict.rule(
                off.abs() <= AGREEMENT,
                &format!("{topology} {name:<20} {live:.2} {sim:.2} ({:+.1} %)", off * 100.0),
            );
        }
    }
}

fn run(
    dir: &Path,
    engine: &str,
    topology: &str,
    users: u32,
    duration: &str,
    algorithms: &str,
    blocks: u32,
) -> Value {
    let out = dir.join(format!("{engine}-{topology}-{users}"));
    let status = Command::new(env!("CARGO_BIN_EXE_bench"))
        .args([
            "--quiet",
            "--engine",
            engine,
            "--topology",
            topology,
            "--duration",
            duration,
            "--ramp-up",
            "1s",
        ])
        .args([
            "--users",
            &users.to_string(),
            "--repetitions",
            &blocks.to_string(),
            "--algorithms",
            algorithms,
        ])
        .arg("--out")
        .arg(&out)
        .stdout(std::process::Stdio::null())
        .status()
        .expect("bench can be started");
    assert!(status.success(), "bench ends well: {status}");
    serde_json::from_slice(&std::fs::read(out.join("summary.json")).expect("a summary")).expect("JSON")
}

fn latency(summary: &Value, algorithm: &str, which: &str) -> f64 {
    let algorithms = summary["scenarios"][0]["algorithms"].as_array().expect("algorithms");
    let result = algorithms.iter().find(|result| result["name"] == algorithm).expect("the algorithm");
    result["latency_ms"][which].as_f64().expect("a latency")
}
