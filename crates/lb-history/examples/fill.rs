//! Fills a history with runs, to see how long it takes to read them.
//!
//!     cargo run --release -p lb-history --example fill -- sqlite:/tmp/h.db 1000
//!
//! Each run has two scenarios, four algorithms and ten trials of each; every 250 runs, all latencies become 4 % longer.

use lb_core::Seed;
use lb_history::{Access, Given, History, Run};
use lb_results::{
    Engine, Metric, MetricValue, ResultsFolder, ScenarioSummary, Summary, TrialSummary, write_summary,
};
use rand::RngExt as _;
use std::time::Duration;

const SCENARIOS: [&str; 2] = ["Checkout", "Search"];
const ALGORITHMS: [&str; 4] = ["round-robin", "least-connections", "peak-ewma", "rl"];
const BLOCKS: u32 = 10;

fn main() -> anyhow::Result<()> {
    let mut words = std::env::args().skip(1);
    let (url, runs) = (words.next().unwrap_or_default(), words.next().unwrap_or_default().parse::<u32>()?);
    let mut history = History::open(&url.parse()?, Access::Create, Duration::from_secs(10))?;
    let dir = tempfile::tempdir()?;
    for number in 0..runs {
        let folder = ResultsFolder::create(&dir.path().join("run"))?;
        write_summary(&folder, &night(number))?;
        let given = Given { subject: Some(format!("c{number}")), ..Given::default() };
        history.record(&Run::read(folder.path())?, &given)?;
    }
    Ok(())
}

fn night(number: u32) -> Summary {
    let mut random = Seed(u64::from(number)).stream(&[]);
    let mut noise = |size: f64| 1.0 + size * (random.random::<f64>() - 0.5);
    let level = 1.04_f64.powi((number / 250) as i32) * noise(0.03);
    let mut summary = Summary::empty(&format!("night-{number:05}"), Engine::Live);
    let began =
        jiff::Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(24 * (19_000 + i64::from(number)));
    summary.started_at = began.to_string();
    summary.config.name = "shop.json".to_owned();
    summary.load_balancer = "haproxy".to_owned();
    summary.scenarios = SCENARIOS
        .map(|scenario| {
            let mut trials = Vec::new();
            for block in 0..BLOCKS {
                for label in ALGORITHMS {
                    let own = level * noise(0.06);
                    let value = |metric| match metric {
                        Metric::ErrorRate => 0.0,
                        Metric::JainIndex => 0.98,
                        Metric::Goodput => 900.0 / own,
                        _ => 20.0 * own,
                    };
                    let metrics =
                        Metric::ALL.map(|metric| MetricValue { metric, value: Some(value(metric)) }).to_vec();
                    trials.push(TrialSummary {
                        label: label.to_owned(),
                        block,
                        metrics,
                        ..TrialSummary::default()
                    });
                }
            }
            ScenarioSummary { name: scenario.to_owned(), trials, ..ScenarioSummary::default() }
        })
        .to_vec();
    summary
}
