//! What `bench what-if` predicts from logs of real load balancers, against live runs of what it predicts.
//!
//! `cargo bench -p harness --bench what_if_live -- --load-balancers nginx,haproxy --situations a,b,c,d` runs each load
//! balancer under round-robin with `--access-log`, and then under least-connections and p2c, on mock backends at the
//! load of the situation; peak-ewma runs on the reference load balancer, since neither has it. The log of the first
//! run is all that the predictions are made of. Means may be off by 10 %, p99s by 20 %, algorithms must be ranked by
//! p99 with a Kendall's tau of 0.8, and 9 of 10 intervals must hold the live value; it exits with 1 otherwise.
//!
//! Runs take as long as it needs until chance alone seldom exceeds these bounds: 40 s, 60 s, 40 s and 120 s in the
//! situations A to D, as the benchmark `chance` of `lb-calibration` measures in simulation (docs/what-if.md); `--seconds N`
//! sets one length for all. Where even that is not enough, a prediction says so itself: if the ends of its interval
//! differ by a factor of more than two, it makes no claim to 20 %, is marked `wide`, and must keep its interval instead.
//! `--repetitions 2` repeats runs with arrivals that are not those of the log, so these vary more.
//!
//! It wants a quiet machine, and takes five to ten minutes for each load balancer and situation, which is why it is not a
//! test. The load averages before each run are printed.

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const MEAN: f64 = 0.1;
const P99: f64 = 0.2;
const TAU: f64 = 0.8;
const COVERAGE: f64 = 0.9;
/// Ratio of the ends of an interval above which a prediction makes no claim to be near.
const WIDE: f64 = 2.0;
/// The algorithm that is logged.
const LOGGED: &str = "round-robin";
/// The algorithms that real load balancers run, and the one that only the reference has.
const PREDICTED: [&str; 2] = ["least-connections", "p2c"];
const OF_REFERENCE: &str = "peak-ewma";

/// What to run.
struct Asked {
    load_balancers: Vec<String>,
    situations: Vec<String>,
    /// Length of a run; `None` for as long as each situation needs.
    seconds: Option<u32>,
    repetitions: u32,
}

/// Mean and p99 of one live trial in milliseconds.
type Live = [f64; 2];

/// Predictions that were compared with live runs.
#[derive(Default)]
struct Score {
    intervals: u32,
    held: u32,
    misses: Vec<String>,
}

fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("a benchmark: run it with `cargo bench -p harness --bench what_if_live`");
        return;
    }
    let asked = asked();
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut score = Score::default();
    for situation in &asked.situations {
        let reference = run(dir.path(), "reference", situation, &[OF_REFERENCE], &asked);
        for load_balancer in &asked.load_balancers {
            let algorithms = [&[LOGGED][..], &PREDICTED].concat();
            let out = run(dir.path(), load_balancer, situation, &algorithms, &asked);
            let predicted = predict(&out.with_extension("log"), load_balancer);
            compare(&predicted, load_balancer, situation, [&out, &reference], &asked, &mut score);
        }
    }
    let share = f64::from(score.held) / f64::from(score.intervals.max(1));
    println!("\n{} of {} intervals hold the live value", score.held, score.intervals);
    if share < COVERAGE {
        score.misses.push(format!("{:.0} % of intervals hold the live value", share * 100.0));
    }
    for miss in &score.misses {
        println!("FAIL {miss}");
    }
    if !score.misses.is_empty() {
        std::process::exit(1);
    }
}

fn asked() -> Asked {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |flag: &str, otherwise: &str| {
        let place = arguments.iter().position(|argument| argument == flag);
        place.and_then(|place| arguments.get(place + 1)).map_or(otherwise, String::as_str).to_owned()
    };
    let list = |text: String| text.split(',').map(str::to_lowercase).collect();
    let number = |flag: &str, otherwise: &str| {
        let text = value(flag, otherwise);
        text.parse().unwrap_or_else(|_| panic!("{flag} {text}: not a whole number, such as {otherwise}"))
    };
    Asked {
        load_balancers: list(value("--load-balancers", "nginx,haproxy")),
        situations: list(value("--situations", "a,b,c,d")),
        seconds: arguments.iter().any(|argument| argument == "--seconds").then(|| number("--seconds", "40")),
        repetitions: number("--repetitions", "1"),
    }
}

/// Returns the seconds after which chance alone seldom exceeds the bounds. In B, round-robin overloads the slow backends,
/// so a log that is much longer shows a pool in collapse.
fn usual_seconds(situation: &str) -> u32 {
    match situation {
        "b" => 60,
        "d" => 120,
        _ => 40,
    }
}

/// The load that a situation is meant for, as `configs/topologies/` says.
fn arrivals(situation: &str) -> &'static str {
    match situation {
        "a" => "poisson:2880",
        "b" => "poisson:2560",
        "c" => "poisson:2240",
        "d" => "bursts:768-3072:500ms-500ms",
        other => panic!("--situations {other}: not one of a, b, c, d"),
    }
}

/// Runs a load balancer, and returns its results folder. The log of the first algorithm's first trial lies beside it,
/// with the extension `.log`.
fn run(dir: &Path, load_balancer: &str, situation: &str, algorithms: &[&str], asked: &Asked) -> PathBuf {
    let out = dir.join(format!("{load_balancer}-{situation}"));
    // Clients wait for long: in situations B to D, round-robin overloads slow backends.
    let config = json!({
        "base_url": "http://localhost:8080/proxy",
        "request_timeout": 30,
        "scenarios": [{ "name": "Steady", "duration_minutes": 1, "concurrent_users": 64, "ramp_up_time_seconds": 0 }],
        "user_profiles": { "client": { "actions": [{ "name": "get", "weight": 1 }] } },
        "bench": { "journey": "single_get", "warm_up_s": 2 }
    });
    let file = dir.join("config.json");
    std::fs::write(&file, config.to_string()).expect("a config");
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<&str> = load.split(' ').take(3).collect();
    println!("{load_balancer}, situation {situation}, load averages before it: {}", load.join(", "));
    let seconds = asked.seconds.unwrap_or_else(|| usual_seconds(situation));
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench"));
    command
        .args(["--quiet", "--accept-invalid", "--no-oracles", "--load-balancer", load_balancer])
        .args(["--topology", &format!("situation-{situation}"), "--arrivals", arrivals(situation)])
        .args(["--duration", &format!("{seconds}s"), "--algorithms", &algorithms.join(",")])
        .args(["--repetitions", &asked.repetitions.to_string()])
        .arg("--config")
        .arg(&file)
        .arg("--out")
        .arg(&out);
    if algorithms[0] == LOGGED {
        command.arg("--access-log").arg(out.with_extension("log"));
    }
    let output = command.stdout(Stdio::null()).output().expect("bench can be started");
    assert!(output.status.success(), "bench ends well: {}", String::from_utf8_lossy(&output.stderr));
    if algorithms[0] == LOGGED {
        let trial = dir.join(format!("{load_balancer}-{situation}-steady-{LOGGED}-0.log"));
        std::fs::rename(trial, out.with_extension("log")).expect("the log of the first trial");
    }
    out
}

/// Predicts all algorithms from a log.
fn predict(log: &Path, load_balancer: &str) -> Value {
    let algorithms = [&[LOGGED][..], &PREDICTED, &[OF_REFERENCE]].concat().join(",");
    let output = Command::new(env!("CARGO_BIN_EXE_bench"))
        .arg("what-if")
        .arg(log)
        .args(["--algorithms", &algorithms, "--json", "--accept-misfit"])
        .output()
        .expect("bench can be started");
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{load_balancer}: {said}"))
}

fn compare(
    predicted: &Value,
    load_balancer: &str,
    situation: &str,
    [own, reference]: [&Path; 2],
    asked: &Asked,
    score: &mut Score,
) {
    let case = format!("{load_balancer}, situation {situation}");
    if predicted["fit_holds"] != true {
        score.misses.push(format!("{case}: the fit does not predict the end of the log"));
    }
    let mut p99s = Vec::new();
    for one in predicted["prediction"]["predicted"].as_array().expect("predictions") {
        let name = one["name"].as_str().expect("a name");
        let folder = if name == OF_REFERENCE { reference } else { own };
        let trials: Vec<Live> =
            (0..asked.repetitions).map(|block| trial(folder, &format!("steady-{name}-{block}"))).collect();
        let mut row = format!("  {name:<18}");
        for (place, (what, allowed)) in [("mean", MEAN), ("p99", P99)].into_iter().enumerate() {
            let figure = &one[format!("{what}_ms")];
            let number = |value: &Value| value.as_f64().expect("a number");
            let (estimate, interval) =
                (number(&figure["estimate"]), [0, 1].map(|end| number(&figure["interval"][end])));
            let live = trials.iter().map(|trial| trial[place]).sum::<f64>() / trials.len() as f64;
            let off = estimate / live - 1.0;
            let list: Vec<String> = trials.iter().map(|trial| format!("{:.1}", trial[place])).collect();
            let is_wide = interval[1] > WIDE * interval[0];
            row += &format!(
                "  {what} live {}, predicted {estimate:.1} ({:.1} to {:.1}), {:+.1} %{}",
                list.join(" "),
                interval[0],
                interval[1],
                off * 100.0,
                if is_wide { ", wide" } else { "" }
            );
            if place == 1 {
                p99s.push([live, estimate]);
            }
            score.intervals += trials.len() as u32;
            let held = trials.iter().filter(|trial| (interval[0]..=interval[1]).contains(&trial[place]));
            score.held += held.count() as u32;
            let kept =
                if is_wide { (interval[0]..=interval[1]).contains(&live) } else { off.abs() <= allowed };
            if !kept {
                score.misses.push(format!("{case}, {name}: {what} is off by {:+.1} %", off * 100.0));
            }
        }
        println!("{row}");
    }
    let tau = tau(&p99s);
    println!("  Kendall's tau of the ranks by p99: {tau:.2}");
    if tau < TAU {
        score.misses.push(format!("{case}: algorithms are ranked with a tau of {tau:.2}"));
    }
}

/// Kendall's rank correlation of pairs.
fn tau(pairs: &[[f64; 2]]) -> f64 {
    let mut sum = 0.0;
    let mut count = 0.0;
    for (place, one) in pairs.iter().enumerate() {
        for other in &pairs[..place] {
            sum += ((one[0] - other[0]) * (one[1] - other[1])).signum();
            count += 1.0;
        }
    }
    sum / count
}

fn trial(out: &Path, stem: &str) -> Live {
    let file = out.join(format!("trials/{stem}.json"));
    let trial: Value = serde_json::from_slice(&std::fs::read(file).expect("a trial")).expect("JSON");
    ["mean", "p99"].map(|which| trial["result"]["latency_ms"][which].as_f64().expect("a latency"))
}
