//! Renders a plan as text for `bench plan`.

use crate::experiment::expect;
use comfy_table::{Cell, ContentArrangement, Table, presets};
use lb_analysis::fewest_blocks;
use lb_config::{Engine, Plan, PlannedScenario, Scrape, ScrapeWhat, Tls};
use lb_core::Span;
use lb_core::connections::{ConnectionPolicy, HttpChoice};
use lb_core::workload::{ArrivalProcess, Workload};
use lb_report::parts::{count, percent};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

/// Renders the plan as text; `schedule_sha256` covers the schedules of all scenarios and repetitions.
pub fn render_plan(plan: &Plan, schedule_sha256: &str) -> String {
    let mut out = String::new();
    let names =
        |list: &[lb_core::Algorithm]| list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let _ = writeln!(out, "config: {} ({})", plan.name(), plan.source());
    let _ = writeln!(out, "{}", driven(plan));
    if let Some(tls) = plan.tls() {
        let _ = writeln!(out, "TLS: {}", secured(tls));
    }
    if plan.engine() != Some(Engine::Sim) {
        let _ = writeln!(out, "protocol: {}", protocol(plan));
        let _ = writeln!(out, "connections: {}", connections(plan));
    }
    if let Some(place) = plan.target().backend_from() {
        let _ = writeln!(out, "backend of a reply: named by {place}");
    }
    if let Some(observation) = plan.observe() {
        let [hit, miss] = [&observation.hit, &observation.miss].map(|values| values.join(", "));
        let header = &observation.header;
        let _ = writeln!(out, "replies told apart by `{header}`: hits are {hit}; misses are {miss}");
    }
    if let Some(slow) = plan.slow() {
        let _ = writeln!(out, "slow requests: from {:.3} s on", slow.as_secs_f64());
    }
    out.push_str(&declared(plan));
    if let (Some(api), false) = (plan.mock_api(), plan.target().started().is_empty()) {
        let _ = writeln!(out, "mock backends answer: {}", api.name);
    }
    let _ = writeln!(out, "algorithms: {}", names(plan.algorithms()));
    for skipped in plan.skipped() {
        let _ = writeln!(out, "{}: skipped, {}", skipped.name, skipped.reason);
    }
    if let (true, Some(policy)) = (plan.runs_learned(), &plan.policy()) {
        let _ = writeln!(out, "policy: {} (weights {})", policy.source, policy.file.short_hash());
    }
    if plan.balancers() > 1 {
        let _ = writeln!(out, "balancers: {}; each sees only its own requests", plan.balancers());
    }
    if plan.is_endless() {
        let algorithm = plan.switch_once().map_or_else(
            || "the load balancer is left as it is".to_owned(),
            |algorithm| format!("after one switch to {algorithm}"),
        );
        let _ = writeln!(
            out,
            "length: until it is stopped, at the busiest moment of the first scenario; {algorithm}"
        );
    } else {
        let _ = writeln!(out, "repetitions: {}", repetitions(plan));
        let _ = writeln!(out, "length: {}", length(plan));
    }
    for scrape in plan.scrapes() {
        let _ = writeln!(out, "scrape: {}", read_beside(scrape, plan.scrape_interval()));
    }
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

/// Describes a target that is read beside the load.
fn read_beside(scrape: &Scrape, interval: Span) -> String {
    let name = scrape.name.as_ref().map_or_else(String::new, |name| format!("{name}, "));
    let what = match &scrape.what {
        ScrapeWhat::WellKnown => "well-known metrics".to_owned(),
        ScrapeWhat::Series { of, .. } => of.to_string(),
        ScrapeWhat::Query(query) => query.clone(),
    };
    format!("{name}{what} of {}, every {} s", scrape.shown_place(), interval.as_secs_f64())
}

/// Names the system under test: the load balancers to start, or the address of one that may already be
/// running.
fn driven(plan: &Plan) -> String {
    if plan.engine() == Some(Engine::Sim) {
        return "load balancer: simulated, in virtual time".to_owned();
    }
    let started: Vec<String> = plan.target().started().iter().map(ToString::to_string).collect();
    let target = plan.target();
    if target.as_is().is_some() {
        return format!("load balancer: {} as it is; nothing is switched", target.base_url());
    }
    if let Some(spec) = target.declared() {
        return format!("load balancer: {}, declared, running at {}", spec.name, target.base_url());
    }
    match (started.as_slice(), target.load_balancer()) {
        ([], Some(running)) => format!("load balancer: {running}, running at {}", target.base_url()),
        ([], None) => format!("load balancer: running at {}", target.base_url()),
        ([one], _) if target.is_named_by_config() => format!(
            "load balancer: the one at the config's base_url {} if it has the documented admin API, else {one}, started \
             in front of mock backends",
            target.base_url()
        ),
        ([one], _) => format!("load balancer: {one}, started in front of mock backends"),
        (several, _) => {
            format!("load balancers: {}, started in front of mock backends, and direct", several.join(", "))
        }
    }
}

/// Describes how TLS is spoken with the target.
fn secured(tls: &Tls) -> String {
    let mut parts = vec![match (&tls.ca, tls.insecure) {
        (_, true) => "certificates are NOT verified (--insecure)".to_owned(),
        (Some(ca), false) => format!("trusts the authorities in {}", ca.display()),
        (None, false) => "trusts the authorities of the system".to_owned(),
    }];
    if let Some((certificate, _)) = &tls.identity {
        parts.push(format!("shows the certificate in {}", certificate.display()));
    }
    parts.push(if tls.resumption { "resumes sessions" } else { "resumes no session" }.to_owned());
    parts.join(", ")
}

/// Names the version of HTTP that will be tried.
fn protocol(plan: &Plan) -> &'static str {
    match (plan.http(), plan.target().is_secure()) {
        (HttpChoice::Auto, true) => "HTTP/2 or HTTP/1.1, as the server chooses in the TLS handshake",
        (HttpChoice::Auto, false) | (HttpChoice::One, _) => "HTTP/1.1",
        (HttpChoice::Two, true) => "HTTP/2",
        (HttpChoice::Two, false) => "HTTP/2 without TLS, by prior knowledge",
    }
}

/// Describes which requests share a connection, and how connections to a running target are opened.
fn connections(plan: &Plan) -> String {
    let shared = match plan.connections() {
        ConnectionPolicy::PerUser => "each user keeps its own (per-user)".to_owned(),
        policy @ ConnectionPolicy::Pool(_) => format!("all users share them ({policy})"),
        ConnectionPolicy::PerRequest => "each request opens a new one (per-request)".to_owned(),
    };
    if !plan.target().started().is_empty() {
        return shared;
    }
    let again = match plan.resolve_every().as_secs_f64() {
        0.0 => "its name is looked up once".to_owned(),
        seconds => format!("its name is looked up every {seconds} s"),
    };
    format!(
        "{shared}, opened within {} s, to all addresses in turn; {again}",
        plan.connect_timeout().as_secs_f64()
    )
}

/// Lists the steps of a declared load balancer, and what is not declared; empty for others.
fn declared(plan: &Plan) -> String {
    let Some(spec) = plan.target().declared() else { return String::new() };
    let mut out = String::new();
    for steps in spec.outline() {
        let _ = writeln!(out, "  {steps}");
    }
    for missing in spec.undeclared() {
        let _ = writeln!(out, "  not declared: {missing}");
    }
    out
}

/// Describes how often each algorithm runs, and the precision that may add repetitions.
fn repetitions(plan: &Plan) -> String {
    let first = plan.repetitions().to_string();
    match plan.precision() {
        Some(precision) => format!(
            "{first} or more, at most {}, until every ratio of mean and p95 is known to ±{}",
            plan.max_repetitions(),
            percent(precision, 1)
        ),
        None if plan.repetitions() < fewest_blocks() && compares(plan) => {
            let fewest = fewest_blocks();
            format!("{first} (too few for verdicts, which need {fewest} or more: `--repetitions {fewest}`)")
        }
        None => first,
    }
}

/// Returns whether there is anything to compare.
fn compares(plan: &Plan) -> bool {
    plan.target().compared().len() > 1
        || plan.scenarios().iter().any(|scenario| scenario.algorithms().len() > 1)
}

/// Describes the number of trials and their duration.
fn length(plan: &Plan) -> String {
    let expected = expect(plan);
    let trials = count(expected.trials as usize, "trial");
    let more = if plan.precision().is_some() { " or more" } else { "" };
    match plan.engine() {
        Some(Engine::Sim) => format!("{trials}{more}, in virtual time"),
        _ => format!("{trials}{more} in about {}", spelled(expected.length)),
    }
}

/// Formats a duration: `95 s`, `12 min`, `3 h 5 min`.
fn spelled(length: Duration) -> String {
    let seconds = length.as_secs_f64().round() as u64;
    let minutes = (seconds + 30) / 60;
    match (seconds, minutes) {
        (..180, _) => format!("{seconds} s"),
        (_, ..120) => format!("{minutes} min"),
        (_, minutes) => format!("{} h {} min", minutes / 60, minutes % 60),
    }
}

/// Lists the kinds of a recording with the numbers of their requests, the most frequent first. `None` if nothing is
/// replayed.
fn recorded_kinds(workload: &Workload) -> Option<String> {
    /// The most kinds that are listed.
    const LISTED: usize = 40;
    let replays = workload.stages().iter().filter_map(|stage| match &stage.arrivals.as_ref()?.process {
        ArrivalProcess::Replay(replay) => Some(replay),
        _ => None,
    });
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for request in replays.flat_map(|replay| replay.iter()) {
        *counts.entry(request.action).or_default() += 1;
    }
    let mut ranked: Vec<(&str, u64)> = counts.into_iter().collect();
    ranked.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let listed: Vec<String> =
        ranked.iter().take(LISTED).map(|(kind, count)| format!("{kind} ({count})")).collect();
    let more = ranked.len().saturating_sub(LISTED);
    let more = if more > 0 { format!(" and {more} more kinds") } else { String::new() };
    (!ranked.is_empty()).then(|| listed.join(", ") + &more)
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
    let _ = match recorded_kinds(&inner.workload) {
        Some(kinds) => writeln!(out, "  recorded requests: {kinds}"),
        None => writeln!(out, "  actions: {}", inner.workload.action_names().join(", ")),
    };
    for fault in &inner.topology.faults {
        let described = serde_json::to_string(fault).unwrap_or_default();
        let _ = writeln!(out, "  fault: {described}");
    }
    out
}
