//! Computes one hash over everything that the numbers of a run depend on, apart from algorithms, seed and
//! repetitions: two runs with the same fingerprint on the same machine have the same noise.

use lb_config::{Plan, PlannedScenario};
use lb_core::connections::{ConnectionPolicy, HttpChoice};
use lb_core::workload::Schedule;
use lb_core::{Seed, hex};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::sync::Arc;

/// Returns the fingerprint of a plan on a target, such as `embedded` or `simulated`; `traces` is the
/// probability of a random decision while decisions are recorded, and `None` if they are not.
pub(super) fn fingerprint(plan: &Plan, target: &str, traces: Option<f64>) -> String {
    let mut text = format!("target {target}\nwarm-up detected {}\n", plan.detect_warm_up());
    // Defaults are left out, so that fingerprints from before a setting existed stay valid.
    if plan.balancers() > 1 {
        let _ = writeln!(text, "balancers {}", plan.balancers());
    }
    if plan.connections() != ConnectionPolicy::PerUser {
        let _ = writeln!(text, "connections {}", plan.connections());
    }
    if plan.http() != HttpChoice::Auto {
        let _ = writeln!(text, "http {}", plan.http());
    }
    if let Some(exploration) = traces {
        let _ = writeln!(text, "traces with exploration {exploration}");
    }
    for scenario in plan.scenarios() {
        describe(scenario, &mut text);
    }
    hex::encode(Sha256::digest(text))
}

fn describe(scenario: &PlannedScenario, text: &mut String) {
    let inner = &scenario.scenario();
    // The hash of a schedule covers users, journey and arrivals; its seed does not matter here.
    let schedule = Schedule::new(Arc::clone(&inner.workload), Seed(0));
    let topology = serde_json::to_string(&*inner.topology).unwrap_or_default();
    let _ = writeln!(
        text,
        "scenario {} users {} duration {} warm-up {} timeout {} in flight {} topology {topology}",
        inner.name,
        schedule.sha256(),
        inner.duration.as_nanos(),
        inner.warm_up.as_nanos(),
        inner.request_timeout.as_nanos(),
        inner.max_in_flight,
    );
}
