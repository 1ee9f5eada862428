//! Does the evidence hold what it promises? Whole experiments, simulated, many times over.
//!
//! `cargo bench -p harness --bench evidence` prints what was seen and exits with 1 when a rule does not
//! hold; `-- aa`, `-- power`, `-- freeze` and `-- coverage` run one part.
//!
//! 1. `aa`: each algorithm of the default config under two labels, in 1000 experiments with different seeds
//!    and as many blocks as the config has. At most 5 % of them may call anything different, and 93 to 97 %
//!    of the 95 % intervals of latencies must cover the true value, which is no difference.
//! 2. `power`: a pool whose service takes 10 % longer, and with it the 95th percentile. At the repetitions
//!    that the tool recommends after a pilot, at least 80 % of 100 experiments must find it: without a noise
//!    floor, with the floor of one of the two algorithms, and with the floor of another, noisier one, which
//!    must not matter.
//! 3. `freeze`: live, one backend, 500 requests per second, frozen for 1 of 10 s. The open model must show
//!    the p99 that arithmetic gives, within 5 %; the closed model is shown beside it.
//! 4. `coverage`: made-up differences of four shapes. From ten blocks on, 93 to 97 % of the 95 % intervals
//!    must hold the truth.

#[path = "../../crates/lb-analysis/tests/statistics/coverage.rs"]
mod coverage;
#[path = "../../crates/lb-analysis/tests/statistics/noise.rs"]
#[allow(dead_code, reason = "shared with the tests of the statistics")]
mod noise;

use harness::experiment::{self, Ended, Interrupt, Mode, RunOptions};
use lb_analysis::{CompareOptions, compare, repetitions_for};
use lb_config::{Engine, Loaded, Overrides};
use lb_results::{LoadModel, Metric, ResultsFolder, Summary, TrialSummary, Verdict, read_summary};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::process::{Command, Stdio};

/// Experiments of the first part.
const EXPERIMENTS: u64 = 1000;
/// Experiments of the second part.
const POWER_EXPERIMENTS: u64 = 100;
/// Blocks of a pilot.
const BLOCKS: u32 = 10;

fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("a benchmark: run it with `cargo bench -p harness --bench evidence`");
        return;
    }
    let named: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("the runtime starts");
    let mut held = true;
    let parts =
        [("aa", aa as fn(&Runtime) -> bool), ("power", power), ("freeze", freeze), ("coverage", intervals)];
    for (name, part) in parts {
        if named.is_empty() || named.iter().any(|wanted| wanted == name) {
            held &= part(&Runtime { runtime: &runtime });
        }
    }
    if !held {
        std::process::exit(1);
    }
}

/// Runs experiments.
struct Runtime<'a> {
    runtime: &'a tokio::runtime::Runtime,
}

impl Runtime<'_> {
    /// The whole pipeline from config to summary, in a folder that is thrown away.
    fn run(&self, config: &Value, overrides: &Overrides, mode: Mode, replication: u64) -> Summary {
        let loaded = lb_config::from_text("evidence.json", &config.to_string()).expect("a config");
        self.run_loaded(&loaded, overrides, mode, replication)
    }

    fn run_loaded(&self, loaded: &Loaded, overrides: &Overrides, mode: Mode, replication: u64) -> Summary {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let plan = lb_config::plan(loaded, overrides).expect("a plan");
        let options = RunOptions {
            loaded,
            command: std::env::args().collect(),
            run_id: "evidence".to_owned(),
            folder: ResultsFolder::create(&dir.path().join("run")).expect("a writable folder"),
            record_actions: false,
            record_requests: false,
            traces: None,
            access_log: None,
            accept_invalid: false,
            oracles: false,
            replication,
            mode,
            resume: false,
            desk: None,
            fleet: None,
        };
        let interrupt = Interrupt::default();
        let work = experiment::run(&plan, options, &interrupt, &());
        let run = self.runtime.block_on(work).expect("the run");
        assert!(matches!(run.ended, Ended::Complete), "the run ends well: {:?}", run.ended);
        run.summary
    }
}

/// Some users on equal backends whose service takes `mean_ms` on average.
fn experiment(mean_ms: f64) -> Value {
    json!({
        "base_url": "http://127.0.0.1:1",
        "request_timeout": 10,
        "scenarios": [{
            "name": "experiment",
            "duration_minutes": 0.5,
            "concurrent_users": 40,
            "ramp_up_time_seconds": 2,
            "traffic_mix": { "browse_and_search": 0.8, "add_to_cart_and_order": 0.2 }
        }],
        "user_profiles": { "shopper": { "actions": [
            { "name": "browse_products", "weight": 50 },
            { "name": "search_products", "weight": 30 },
            { "name": "view_product_details", "weight": 20 }
        ]}},
        "bench": {
            "algorithms": ["least-connections"],
            "engine": "sim",
            "topology": {
                "name": "equal",
                "pools": [{ "name": "main", "backends": [{ "id": "b1" }, { "id": "b2" }, { "id": "b3" }, { "id": "b4" }] }],
                "service_time": { "distribution": "log_normal", "mean_ms": mean_ms, "sigma": 1.0 }
            }
        }
    })
}

fn simulated(seed: u64, blocks: u32) -> Overrides {
    Overrides {
        seed: Some(seed),
        repetitions: Some(blocks),
        engine: Some(Engine::Sim),
        ..Overrides::default()
    }
}

fn rule(holds: bool, what: &str) -> bool {
    println!("{} {what}", if holds { "ok  " } else { "FAIL" });
    holds
}

fn aa(runtime: &Runtime) -> bool {
    let loaded = lb_config::load("default_benchmark_config.json").expect("a bundled config");
    let plan = lb_config::plan(&loaded, &Overrides::default()).expect("a plan");
    let (algorithms, blocks) = (plan.algorithms().len(), plan.repetitions());
    println!(
        "\nA/A, simulated: {EXPERIMENTS} experiments, {algorithms} algorithms under two labels, {blocks} blocks"
    );
    let mut alarms = 0;
    let mut covered: BTreeMap<Metric, (u64, u64)> = BTreeMap::new();
    for seed in 0..EXPERIMENTS {
        let summary = runtime.run_loaded(&loaded, &simulated(1_000 + seed, blocks), Mode::Aa, 0);
        let comparison = summary.scenarios[0].comparison.as_ref().expect("two labels of each");
        let metrics = || comparison.pairs.iter().flat_map(|pair| &pair.metrics);
        let called = |verdict| matches!(verdict, Verdict::Better | Verdict::Worse | Verdict::Different);
        alarms += u64::from(metrics().any(|metric| !metric.exploratory && called(metric.verdict)));
        for metric in metrics() {
            if let Some([low, high]) = metric.interval {
                let count = covered.entry(metric.metric).or_default();
                count.0 += u64::from(low <= 0.0 && 0.0 <= high);
                count.1 += 1;
            }
        }
    }
    let rate = alarms as f64 / EXPERIMENTS as f64;
    let mut held = rule(
        rate <= 0.05,
        &format!("family-wise false-alarm rate {:.1} % ({alarms} of {EXPERIMENTS})", rate * 100.0),
    );
    let mut all = (0, 0);
    for (metric, (inside, of)) in &covered {
        println!("     {:<14} {inside} of {of} intervals hold the truth", metric.label());
        // The others count: in a closed model two trials often make equally many requests, and an interval
        // that ends at such a tie holds it.
        if matches!(metric, Metric::Mean | Metric::P50 | Metric::P95 | Metric::P99) {
            all = (all.0 + inside, all.1 + of);
        }
    }
    let coverage = all.0 as f64 / f64::from(u32::try_from(all.1).unwrap_or(u32::MAX)).max(1.0);
    held &= rule(
        (0.93..=0.97).contains(&coverage),
        &format!("{:.1} % of {} intervals of latencies hold the truth", coverage * 100.0, all.1),
    );
    held
}

fn power(runtime: &Runtime) -> bool {
    println!("\nPower: service of 11 instead of 10 ms on average");
    let (fast, slow) = (experiment(10.0), experiment(11.0));
    let labels = ["10 ms".to_owned(), "11 ms".to_owned()];
    let options = CompareOptions::default();
    let pilot = rows(runtime, &[&fast, &fast], &labels, 1, BLOCKS);
    let blocks = repetitions_for(&pilot, &labels, 0.10, Metric::P95, &options);
    println!("     recommended after a pilot of {BLOCKS} blocks: {blocks} repetitions");
    let experiments: Vec<Vec<TrialSummary>> = (0..POWER_EXPERIMENTS)
        .map(|experiment| rows(runtime, &[&fast, &slow], &labels, 5_000 + experiment, blocks))
        .collect();
    let floor = |label: &str, size: f64| {
        [(label.to_owned(), [(Metric::P95, size)].into_iter().collect())].into_iter().collect()
    };
    let floors = [
        ("without a noise floor", BTreeMap::new()),
        ("with a floor of 3 % of one of the two", floor("10 ms", 0.03)),
        ("with a floor of 30 % of a third algorithm", floor("random", 0.30)),
    ];
    floors.into_iter().fold(true, |held, (words, noise)| {
        let options = CompareOptions { noise, ..options.clone() };
        let finds = |rows: &&Vec<TrialSummary>| {
            let comparison = compare(rows, &labels, &options).expect("two labels");
            let p95 = comparison.pairs[0].metrics.iter().find(|m| m.metric == Metric::P95);
            p95.is_some_and(|p95| p95.verdict == Verdict::Worse)
        };
        let share = experiments.iter().filter(finds).count() as f64 / POWER_EXPERIMENTS as f64;
        let text = format!("found in {:.0} % of {POWER_EXPERIMENTS} experiments {words}", share * 100.0);
        rule(share >= 0.80, &text) && held
    })
}

/// The trials of several configs on the same schedules, each with a replication of its own.
fn rows(
    runtime: &Runtime,
    configs: &[&Value],
    labels: &[String],
    seed: u64,
    blocks: u32,
) -> Vec<TrialSummary> {
    let mut rows = Vec::new();
    for (number, (config, label)) in configs.iter().zip(labels).enumerate() {
        let replication = number as u64 + 1;
        let summary = runtime.run(config, &simulated(seed, blocks), Mode::Compare, replication);
        rows.extend(
            summary.scenarios[0]
                .trials
                .iter()
                .map(|row| TrialSummary { label: label.clone(), ..row.clone() }),
        );
    }
    rows
}

fn freeze(_: &Runtime) -> bool {
    const RATE: f64 = 500.0;
    const SECONDS: f64 = 10.0;
    const FROZEN: f64 = 1.0;
    println!("\nFreeze, live: one backend, {RATE} requests/s for {SECONDS} s, frozen for {FROZEN} s");
    let config = json!({
        "base_url": "http://127.0.0.1:1",
        "request_timeout": 10,
        "scenarios": [{
            "name": "freeze",
            "duration_minutes": SECONDS / 60.0,
            "concurrent_users": 8,
            "ramp_up_time_seconds": 0
        }],
        "user_profiles": { "client": { "actions": [{ "name": "get", "weight": 1 }] }},
        "bench": {
            "algorithms": ["round-robin"],
            "journey": "single_get",
            "warm_up_s": 0.5,
            "topology": {
                "name": "one",
                "pools": [{ "name": "main", "backends": [{ "id": "b1", "workers": 8 }] }],
                "service_time": { "distribution": "constant", "mean_ms": 1.0 },
                "faults": [{ "fault": "freeze", "backends": ["b1"], "start_s": 4.0, "duration_s": FROZEN }]
            }
        }
    });
    // Whoever arrives while the backend is frozen waits for the rest of the second: latencies are spread
    // evenly from 0 to 1 s over RATE x FROZEN of all requests, and one in a hundred of all lies beyond p99.
    let beyond = 0.01 * RATE * SECONDS / (RATE * FROZEN);
    let expected_ms = (1.0 - beyond) * FROZEN * 1e3;
    let dir = tempfile::tempdir().expect("a temporary folder");
    let file = dir.path().join("freeze.json");
    std::fs::write(&file, config.to_string()).expect("a writable folder");
    let p99 = |out: &str, arrivals: &[&str]| {
        let out = dir.path().join(out);
        let run = Command::new(env!("CARGO_BIN_EXE_bench"))
            .args(["--engine", "live", "--quiet", "--no-oracles"])
            .args(arrivals)
            .arg("--config")
            .arg(&file)
            .arg("--out")
            .arg(&out)
            .stdout(Stdio::null())
            .status()
            .expect("bench can be started");
        assert!(run.success(), "the run ends well: {run}");
        let summary = read_summary(&out).expect("the summary");
        let latency = summary.scenarios[0].algorithms[0].latency_ms.as_ref().expect("successes");
        (summary.scenarios[0].model, latency.p99)
    };
    let (open, open_p99) = p99("open", &["--arrivals", "constant:500"]);
    let (closed, closed_p99) = p99("closed", &[]);
    println!("     {closed} model: p99 {closed_p99:.1} ms, since users wait for the frozen backend too");
    let off = open_p99 / expected_ms - 1.0;
    rule(
        off.abs() <= 0.05 && open == LoadModel::Open && closed == LoadModel::Closed,
        &format!(
            "{open} model: p99 {open_p99:.1} ms, arithmetic {expected_ms:.0} ms ({:+.1} %)",
            off * 100.0
        ),
    )
}

fn intervals(_: &Runtime) -> bool {
    println!("\nCoverage of intervals, by the shape of the differences");
    rule(coverage::table(), "from ten blocks on, 93 to 97 % of the intervals hold the truth")
}
