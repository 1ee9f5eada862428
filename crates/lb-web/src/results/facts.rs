//! What the list of results says of a run, read from its files. Only the fields that are shown are read.

use serde::Deserialize;
use std::path::Path;

/// The longest file that is read for the list, in bytes.
const LONGEST: u64 = 256 << 20;

/// What is known of results.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub(super) kind: &'static str,
    pub(super) name: String,
    pub(super) started_at: String,
    pub(super) ended: &'static str,
    pub(super) label: Option<String>,
    pub(super) config: String,
    pub(super) algorithms: Vec<String>,
    pub(super) headline: String,
}

/// `run.json`, which is there from the beginning of a run.
#[derive(Default, Deserialize)]
#[serde(default)]
struct RunFile {
    head: Summary,
}

/// `summary.json`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Summary {
    run_id: String,
    started_at: String,
    command: Vec<String>,
    config: Config,
    interrupted: bool,
    scenarios: Vec<Scenario>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Config {
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Scenario {
    name: String,
    answer: Option<Answer>,
    algorithms: Vec<Algorithm>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    title: String,
    sentences: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Algorithm {
    name: String,
    throughput_rps: f64,
    error_rate: f64,
    latency_ms: Option<Latency>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Latency {
    p95: f64,
}

/// `continuous.json`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Continuous {
    run_id: String,
    started_at: String,
    command: Vec<String>,
    config: String,
    algorithm: Option<String>,
    ending: String,
    seconds: f64,
    totals: Totals,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Totals {
    requests: u64,
    requests_per_s: f64,
    error_rate: f64,
    p95_ms: Option<f64>,
}

/// `suite.json`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Suite {
    name: String,
    started_at: String,
    command: Vec<String>,
    state: String,
    runs: Vec<SuiteRun>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SuiteRun {
    state: String,
}

impl Facts {
    /// Reads what is known of the results in a folder; `None` if it holds none.
    pub(super) fn read(folder: &Path) -> Option<Self> {
        if let Some(summary) = read::<Summary>(folder, "summary.json") {
            return Some(Self::of_summary(summary));
        }
        if let Some(load) = read::<Continuous>(folder, "continuous.json") {
            return Some(Self::of_load(load));
        }
        if let Some(suite) = read::<Suite>(folder, "suite.json") {
            return Some(Self::of_suite(suite));
        }
        let run = read::<RunFile>(folder, "run.json")?.head;
        let headline = "The run has not ended, or was cut off; complete trials are kept.".to_owned();
        Some(Self { headline, ended: "running", ..Self::of_summary(run) })
    }

    fn of_summary(summary: Summary) -> Self {
        let headline =
            summary.scenarios.first().map_or_else(|| "No scenario has results.".to_owned(), headline_of);
        let more = summary.scenarios.len().saturating_sub(1);
        let mut algorithms: Vec<String> = Vec::new();
        for algorithm in summary.scenarios.iter().flat_map(|scenario| &scenario.algorithms) {
            if !algorithms.contains(&algorithm.name) {
                algorithms.push(algorithm.name.clone());
            }
        }
        Self {
            kind: "experiment",
            name: summary.run_id,
            started_at: summary.started_at,
            ended: if summary.interrupted { "interrupted" } else { "complete" },
            label: flag(&summary.command, "--label"),
            config: summary.config.name,
            algorithms,
            headline: match more {
                0 => headline,
                _ => format!("{}: {headline} (and {more} more)", summary.scenarios[0].name),
            },
        }
    }

    fn of_load(load: Continuous) -> Self {
        let p95 = load.totals.p95_ms.map_or_else(String::new, |p95| format!(", p95 {p95:.1} ms"));
        let Totals { requests, requests_per_s, error_rate, .. } = load.totals;
        Self {
            kind: "load",
            name: load.run_id,
            started_at: load.started_at,
            ended: match load.ending.as_str() {
                "running" => "running",
                "failed" => "failed",
                _ => "complete",
            },
            label: flag(&load.command, "--label"),
            config: load.config,
            algorithms: load.algorithm.into_iter().collect(),
            headline: format!(
                "{requests} requests in {:.0} s, {requests_per_s:.1} per second, {:.2} % errors{p95}",
                load.seconds,
                100.0 * error_rate
            ),
        }
    }

    fn of_suite(suite: Suite) -> Self {
        let count = |state: &str| suite.runs.iter().filter(|run| run.state == state).count();
        let headline =
            format!("{} of {} runs passed, {} failed", count("passed"), suite.runs.len(), count("failed"));
        Self {
            kind: "suite",
            name: suite.name,
            started_at: suite.started_at,
            ended: match suite.state.as_str() {
                "complete" => "complete",
                "interrupted" => "interrupted",
                _ => "running",
            },
            label: flag(&suite.command, "--label"),
            headline,
            ..Self::default()
        }
    }
}

/// Says in one sentence what a scenario found.
fn headline_of(scenario: &Scenario) -> String {
    if let Some(answer) = &scenario.answer {
        let first = answer.sentences.first().map_or("", String::as_str);
        return match answer.title.is_empty() {
            true => first.to_owned(),
            false => format!("{}. {first}", answer.title),
        };
    }
    match scenario.algorithms.as_slice() {
        [] => "No algorithm has a valid trial.".to_owned(),
        [one] => {
            let p95 = one
                .latency_ms
                .as_ref()
                .map_or_else(String::new, |latency| format!("p95 {:.1} ms, ", latency.p95));
            format!(
                "{}: {p95}{:.1} requests per second, {:.2} % errors",
                one.name,
                one.throughput_rps,
                100.0 * one.error_rate
            )
        }
        _ => "The algorithms were not compared.".to_owned(),
    }
}

/// Returns the value of a flag in a command line.
fn flag(command: &[String], flag: &str) -> Option<String> {
    let mut words = command.iter();
    while let Some(word) = words.next() {
        if word == flag {
            return words.next().cloned();
        }
        if let Some(value) = word.strip_prefix(flag).and_then(|rest| rest.strip_prefix('=')) {
            return Some(value.to_owned());
        }
    }
    None
}

/// Reads a JSON file; `None` if it is not there or not what it should be.
fn read<T: for<'de> Deserialize<'de>>(folder: &Path, name: &str) -> Option<T> {
    let bytes = lb_io::read(&folder.join(name), LONGEST).ok()?;
    serde_json::from_slice(&bytes).ok()
}
