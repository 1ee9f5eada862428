//! The results in Prometheus' text exposition format 0.0.4, to be pushed or read from a text file.
//!
//! Names follow Prometheus' conventions: prefix `lbbench_`, base units (seconds, ratios), and counters that
//! end in `_total`. Latency is a summary: its quantiles come from the pooled histogram, exact within a
//! bucket. They cannot be added up over algorithms, which the buckets of a Prometheus histogram would
//! suggest.

use lb_results::{AlgorithmSummary, Latency, ScenarioSummary, Summary, TrialSummary};
use std::fmt::Write;

/// The labels of a sample.
type Labels<'a> = Vec<(&'static str, &'a str)>;

/// Renders the results as metrics.
pub fn render_prometheus(summary: &Summary) -> String {
    let mut out = Exposition::default();
    out.family("lbbench_build_info", "gauge", "The build of bench; always 1.");
    out.sample("", &vec![("version", &summary.version), ("revision", &summary.commit)], 1.0);
    out.family("lbbench_run_info", "gauge", "The run; always 1.");
    let seed = summary.seed.to_string();
    out.sample(
        "",
        &vec![
            ("run", &summary.run_id),
            ("engine", summary.engine.name()),
            ("seed", &seed),
            ("schedule_sha256", &summary.schedule_sha256),
        ],
        1.0,
    );
    requests(&mut out, summary);
    latencies(&mut out, summary);
    rates(&mut out, summary);
    backends(&mut out, summary);
    trials(&mut out, summary);
    if !summary.thresholds.is_empty() {
        out.family("lbbench_threshold_ok", "gauge", "Whether a threshold held: 1 or 0.");
    }
    for result in &summary.thresholds {
        let labels = vec![
            ("scenario", result.scenario.as_str()),
            ("algorithm", &result.algorithm),
            ("threshold", &result.threshold),
        ];
        out.sample("", &labels, f64::from(u8::from(result.ok)));
    }
    out.text
}

fn algorithms(summary: &Summary) -> impl Iterator<Item = (&ScenarioSummary, &AlgorithmSummary)> {
    summary.scenarios.iter().flat_map(|scenario| scenario.algorithms.iter().map(move |one| (scenario, one)))
}

fn labels<'a>(scenario: &'a ScenarioSummary, algorithm: &'a AlgorithmSummary) -> Labels<'a> {
    vec![("scenario", &scenario.name), ("algorithm", &algorithm.name)]
}

fn with<'a>(mut labels: Labels<'a>, name: &'static str, value: &'a str) -> Labels<'a> {
    labels.push((name, value));
    labels
}

fn requests(out: &mut Exposition, summary: &Summary) {
    out.family("lbbench_requests_total", "counter", "Requests that ended, by outcome.");
    for (scenario, algorithm) in algorithms(summary) {
        for (outcome, count) in &algorithm.outcomes {
            out.sample("", &with(labels(scenario, algorithm), "outcome", outcome), *count as f64);
        }
    }
}

fn latencies(out: &mut Exposition, summary: &Summary) {
    let successes = |algorithm: &AlgorithmSummary| {
        ["ok", "expected_error"].iter().filter_map(|outcome| algorithm.outcomes.get(*outcome)).sum::<u64>()
    };
    out.family(
        "lbbench_request_duration_seconds",
        "summary",
        "Latency of requests that got the expected reply.",
    );
    for (scenario, algorithm) in algorithms(summary) {
        if let Some(latency) = &algorithm.latency_ms {
            out.summary(&labels(scenario, algorithm), latency, successes(algorithm));
        }
    }
    out.family(
        "lbbench_action_duration_seconds",
        "summary",
        "Latency of requests that got the expected reply, by kind of request.",
    );
    for (scenario, algorithm) in algorithms(summary) {
        for action in &algorithm.actions {
            if let Some(latency) = &action.latency_ms {
                let labels = with(labels(scenario, algorithm), "action", &action.name);
                out.summary(
                    &with(labels, "method", &action.method),
                    latency,
                    action.requests - action.errors,
                );
            }
        }
    }
}

fn rates(out: &mut Exposition, summary: &Summary) {
    /// Name, help text and value of a gauge.
    type Gauge = (&'static str, &'static str, fn(&AlgorithmSummary) -> Option<f64>);
    const GAUGES: [Gauge; 5] = [
        ("lbbench_throughput_requests_per_second", "Requests that ended, per second.", |a| {
            Some(a.throughput_rps)
        }),
        ("lbbench_goodput_requests_per_second", "Ordinary requests that succeeded, per second.", |a| {
            Some(a.goodput_rps)
        }),
        ("lbbench_error_ratio", "Share of requests that did not get what was expected.", |a| {
            Some(a.error_rate)
        }),
        ("lbbench_backend_fairness_ratio", "Jain's index of the backends' shares: 1 is even.", |a| {
            a.jain_index
        }),
        ("lbbench_measured_seconds", "Measured time over all trials.", |a| Some(a.measured_s)),
    ];
    for (name, help, value) in GAUGES {
        out.family(name, "gauge", help);
        for (scenario, algorithm) in algorithms(summary) {
            if let Some(value) = value(algorithm) {
                out.sample("", &labels(scenario, algorithm), value);
            }
        }
    }
}

fn backends(out: &mut Exposition, summary: &Summary) {
    out.family("lbbench_backend_requests_total", "counter", "Replies that named a backend.");
    for (scenario, algorithm) in algorithms(summary) {
        for backend in &algorithm.backends {
            out.sample(
                "",
                &with(labels(scenario, algorithm), "backend", &backend.id),
                backend.requests as f64,
            );
        }
    }
    out.family("lbbench_inflight_requests", "gauge", "Most requests in flight at a backend at once.");
    for (scenario, algorithm) in algorithms(summary) {
        for backend in &algorithm.backends {
            if let Some(peak) = backend.peak_in_flight {
                out.sample("", &with(labels(scenario, algorithm), "backend", &backend.id), f64::from(peak));
            }
        }
    }
}

fn trials(out: &mut Exposition, summary: &Summary) {
    out.family("lbbench_trials", "gauge", "Trials by validity; accepted trials are invalid but counted.");
    for scenario in &summary.scenarios {
        let mut names: Vec<&str> = Vec::new();
        for trial in &scenario.trials {
            if !names.contains(&trial.label.as_str()) {
                names.push(&trial.label);
            }
        }
        for name in names {
            type State = fn(&TrialSummary) -> bool;
            let states: [(&str, State); 3] = [
                ("valid", |trial| trial.is_valid() && !trial.is_accepted()),
                ("accepted", TrialSummary::is_accepted),
                ("invalid", |trial| !trial.is_valid()),
            ];
            for (state, is_so) in states {
                let of = scenario.trials.iter().filter(|trial| trial.label == name && is_so(trial));
                let labels =
                    vec![("scenario", scenario.name.as_str()), ("algorithm", name), ("state", state)];
                out.sample("", &labels, of.count() as f64);
            }
        }
    }
}

/// The text so far, and the family to which new samples belong.
#[derive(Default)]
struct Exposition {
    text: String,
    family: &'static str,
}

impl Exposition {
    /// Begins a family; all its samples must follow, as the format requires.
    fn family(&mut self, name: &'static str, kind: &str, help: &str) {
        self.family = name;
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, suffix: &str, labels: &Labels<'_>, value: f64) {
        let labels: Vec<String> =
            labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        let _ = writeln!(self.text, "{}{suffix}{{{}}} {value}", self.family, labels.join(","));
    }

    fn summary(&mut self, labels: &Labels<'_>, latency: &Latency, count: u64) {
        let quantiles = [
            ("0.5", latency.p50),
            ("0.9", latency.p90),
            ("0.95", latency.p95),
            ("0.99", latency.p99),
            ("0.999", latency.p999),
        ];
        for (quantile, ms) in quantiles {
            self.sample("", &with(labels.clone(), "quantile", quantile), ms / 1e3);
        }
        self.sample("_sum", labels, latency.mean / 1e3 * count as f64);
        self.sample("_count", labels, count as f64);
    }
}

/// Escapes backslash, quote and line feed in a label's value.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
