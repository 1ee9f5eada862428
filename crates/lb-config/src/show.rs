//! Renders plans as JSON (`bench plan --json`), and describes their arrivals.

use super::arrivals::words;
use super::plan::Plan;
use super::planned::{PatternSummary, PlannedScenario};
use super::scrape::Scrape;
use super::tls::Tls;
use lb_analysis::threshold::Threshold;
use lb_core::Algorithm;
use serde_json::{Value, json};

impl Plan {
    /// Returns the plan for `bench plan --json`. `schedule_sha256` is the hash of the schedules of all
    /// scenarios, which the caller generates.
    pub fn to_json(&self, schedule_sha256: &str) -> Value {
        json!({
            "name": self.name,
            "source": self.source,
            "dialect": self.dialect,
            "base_url": self.target.base_url,
            "admin_url": self.target.admin_url,
            "tls": self.tls.as_ref().map(Tls::to_json),
            "http": self.http.to_string(),
            "connections": self.connections.to_string(),
            "connect_timeout_s": self.connect_timeout.as_secs_f64(),
            "resolve_every_s": self.resolve_every.as_secs_f64(),
            "observe": self.observe,
            "slow_s": self.slow.map(|slow| slow.as_secs_f64()),
            "backend_from": self.target.backend_from(),
            "backends": self.target.backends,
            "load_balancers": self.target.started().iter().map(ToString::to_string).collect::<Vec<_>>(),
            "declared": self.target.declared.as_ref().map(|spec| spec.to_json()),
            "not_declared": self.target.declared.as_ref().map(|spec| spec.undeclared()),
            "algorithms": names(&self.algorithms),
            "skipped": self.skipped,
            "policy": self.policy.as_ref().map(|policy| {
                json!({ "source": policy.source, "sha256": policy.file.sha256 })
            }),
            "balancers": self.balancers,
            "load_reports": self.load_reports,
            "repetitions": self.repetitions,
            "precision": self.precision,
            "detect": self.detect,
            "max_repetitions": self.max_repetitions,
            "margin": self.margin,
            "primary_metric": self.primary_metric,
            "baseline": self.baseline,
            "warm_up_detection": self.detect_warm_up,
            "seed": self.seed.0,
            "steering_period_s": self.steering_period.as_secs_f64(),
            "engine": self.engine,
            "cool_down_s": self.cool_down.as_secs_f64(),
            "drain_timeout_s": self.drain_timeout.as_secs_f64(),
            "scrape": self.scrapes.iter().map(Scrape::to_json).collect::<Vec<_>>(),
            "scrape_interval_s": self.scrape_interval.as_secs_f64(),
            "schedule_sha256": schedule_sha256,
            "mock_api": self.mock_api.as_ref().map(|api| &api.name),
            "thresholds": self.thresholds.iter().map(Threshold::text).collect::<Vec<_>>(),
            "scenarios": self.scenarios.iter().map(PlannedScenario::to_json).collect::<Vec<_>>(),
            "notes": self.notes,
        })
    }
}

impl PlannedScenario {
    fn to_json(&self) -> Value {
        let topology = &self.scenario.topology;
        json!({
            "name": self.scenario.name,
            "files": self.slug,
            "duration_s": self.scenario.duration.as_secs_f64(),
            "warm_up_s": self.scenario.warm_up.as_secs_f64(),
            "request_timeout_s": self.scenario.request_timeout.as_secs_f64(),
            "max_in_flight": self.scenario.max_in_flight,
            "peak_users": self.peak_users,
            "max_concurrent_users": self.cap,
            "identities": self.identities,
            "errors": self.errors,
            "algorithms": names(&self.algorithms),
            "skipped": self.skipped,
            "topology": topology.name,
            "faults": topology.faults,
            "actions": self.scenario.workload.action_names(),
            "patterns": self.patterns.iter().map(PatternSummary::to_json).collect::<Vec<_>>(),
        })
    }
}

impl PatternSummary {
    /// Describes the arrivals in a few words, such as `poisson 500/s`. `None` in the closed model.
    pub fn arrivals_in_words(&self) -> Option<String> {
        self.arrivals.as_ref().map(words::describe)
    }

    /// Returns the mean number of sessions or actions per second. `None` in the closed model.
    pub fn mean_arrival_rate(&self) -> Option<f64> {
        self.arrivals.as_ref().map(|open| words::mean_rate(&open.process, self.duration))
    }

    fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "model": if self.arrivals.is_some() { "open" } else { "closed" },
            "start_s": self.start.as_secs_f64(),
            "duration_s": self.duration.as_secs_f64(),
            "ramp_up_s": self.ramp_up.as_secs_f64(),
            "users": self.users,
            "arrivals": self.arrivals.as_ref().map(|open| words::to_json(open, self.duration)),
            "background": self.background,
            "intensity": self.intensity,
            "expected_rps": self.expected_rps,
            "service_labels": self.service_labels,
            "service_limits": self.service_limits,
        })
    }
}

fn names(algorithms: &[Algorithm]) -> Vec<String> {
    algorithms.iter().map(Algorithm::to_string).collect()
}
