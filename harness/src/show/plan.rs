//! The plan as text: `bench plan`.

use comfy_table::{Cell, ContentArrangement, Table, presets};
use lb_config::{Plan, PlannedScenario};
use lb_report::parts::{count, percent};
use std::fmt::Write;

/// Renders the plan as text; `schedule_sha256` covers the schedules of all scenarios and repetitions.
pub fn render_plan(plan: &Plan, schedule_sha256: &str) -> String {
    let mut out = String::new();
    let names =
        |list: &[lb_core::Algorithm]| list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let _ = writeln!(out, "config: {} ({})", plan.name(), plan.source());
    let _ = writeln!(out, "{}", driven(plan));
    let _ = writeln!(out, "algorithms: {}", names(plan.algorithms()));
    for skipped in plan.skipped() {
        let _ = writeln!(out, "{}: skipped, {}", skipped.name, skipped.reason);
    }
    if let (true, Some(policy)) = (plan.runs_learned(), &plan.policy()) {
        let _ = writeln!(out, "policy: {} (weights {})", policy.source, policy.file.short_hash());
    }
    if plan.balancers() > 1 {
        let _ = writeln!(out, "balancers: {}, each sees only what it has sent itself", plan.balancers());
    }
    let _ = writeln!(out, "repetitions: {}", repetitions(plan));
    for threshold in plan.thresholds() {
        let _ = writeln!(out, "threshold: {}", threshold.text());
    }
    for scenario in plan.scenarios() {
        out.push_str(&render_scenario(scenario));
        if scenario.algorithms() != plan.algorithms() {
            let _ = writeln!(out, "  algorithms: {}", names(scenario.algorithms()));
        }
        for skipped in scenario.skipped() {
            let _ = writeln!(out, "  {}: skipped, {}", skipped.name, skipped.reason);
        }
    }
    for note in plan.notes() {
        let _ = writeln!(out, "note: {note}");
    }
    let _ = writeln!(out, "seed {}, schedule {schedule_sha256}", plan.seed().0);
    out
}

/// Names what is under test: load balancers that are started, or the entry of one that runs or may run.
fn driven(plan: &Plan) -> String {
    let started: Vec<String> = plan.target().started().iter().map(ToString::to_string).collect();
    match (started.as_slice(), plan.target().load_balancer()) {
        ([], Some(running)) => format!("load balancer: {running}, running at {}", plan.target().base_url()),
        ([], None) => format!("entry: {}", plan.target().base_url()),
        ([one], _) => format!("load balancer: {one}, started before mock backends"),
        (several, _) => {
            format!("load balancers: {}, started before mock backends, and direct", several.join(", "))
        }
    }
}

/// Says how often each algorithm runs, and what may add repetitions.
fn repetitions(plan: &Plan) -> String {
    let first = plan.repetitions().to_string();
    match plan.precision() {
        Some(precision) => format!(
            "{first} or more, at most {}, until the intervals of mean and p95 are within {}",
            plan.max_repetitions(),
            percent(precision, 1)
        ),
        None => first,
    }
}

fn render_scenario(scenario: &PlannedScenario) -> String {
    let inner = scenario.scenario();
    let mut out = String::new();
    let mut senders = Vec::new();
    if scenario.patterns().iter().any(|pattern| pattern.arrivals().is_none()) {
        let cap = scenario.cap().map_or_else(String::new, |cap| format!(" (cap {cap})"));
        senders.push(format!("at most {}{cap}", count(scenario.peak_users() as usize, "user")));
    }
    if scenario.patterns().iter().any(|pattern| pattern.arrivals().is_some()) {
        senders.push(format!("open arrivals (at most {} in flight)", inner.max_in_flight));
    }
    let _ = writeln!(
        out,
        "\nScenario \"{}\": {:.1} s after {:.1} s of warm-up, {}, {} accounts, topology {}, request timeout {:.1} s",
        inner.name,
        inner.duration.as_secs_f64(),
        inner.warm_up.as_secs_f64(),
        senders.join(" and "),
        scenario.identities(),
        inner.topology.name,
        inner.request_timeout.as_secs_f64(),
    );
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header([
        "Pattern",
        "Start (s)",
        "Duration (s)",
        "Ramp-up (s)",
        "Users or arrivals",
        "Expected req/s",
    ]);
    for pattern in scenario.patterns() {
        let background = if pattern.background() { " (background)" } else { "" };
        table.add_row([
            Cell::new(format!("{}{background}", pattern.name())),
            Cell::new(format!("{:.1}", pattern.start().as_secs_f64())),
            Cell::new(format!("{:.1}", pattern.duration().as_secs_f64())),
            Cell::new(format!("{:.1}", pattern.ramp_up().as_secs_f64())),
            Cell::new(pattern.arrivals_in_words().unwrap_or_else(|| count(pattern.users() as usize, "user"))),
            Cell::new(format!("{:.1}", pattern.expected_rps())),
        ]);
    }
    let _ = writeln!(out, "{table}");
    let _ = writeln!(out, "  actions: {}", inner.workload.action_names().join(", "));
    for fault in &inner.topology.faults {
        let described = serde_json::to_string(fault).unwrap_or_default();
        let _ = writeln!(out, "  fault: {described}");
    }
    out
}
