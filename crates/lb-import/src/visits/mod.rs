//! Logs and the recorded output of load generators as journeys: actions by pattern of the path, sessions by client, and
//! arrivals at the recorded rate.

mod actions;
mod patterns;
mod sessions;

use crate::address::Address;
use crate::assemble::{Draft, Load, round};
use crate::error::Problem;
use crate::options::{Assets, Options};
use crate::report::Report;
use crate::secret::Vault;
use lb_recording::Entry;
use serde_json::json;
use sessions::Habits;
use std::collections::BTreeMap;

/// The shortest run that is proposed, in seconds, and the longest.
const LENGTH_S: [f64; 2] = [60.0, 3600.0];
/// Arrivals that a run should have, so that it shows something.
const WANTED_ARRIVALS: f64 = 100.0;
/// The longest think time that a config may have, in seconds.
const LONGEST_THINK_S: f64 = 86_400.0;

/// Makes a journey of recorded requests, in order of time.
pub(crate) fn import(
    entries: &[Entry],
    notes: &[String],
    name: &str,
    options: &Options,
    vault: &mut Vault,
) -> Result<Draft, Problem> {
    let mut report = Report { format: "log".to_owned(), notes: notes.to_vec(), ..Report::default() };
    let chosen = choose(entries, options, &mut report)?;
    let groups = patterns::group(&chosen, &mut report);
    let kept: Vec<&Entry> = groups.iter().flat_map(|group| group.entries.iter().copied()).collect();
    if kept.is_empty() {
        let why = report.left_out().join("; ");
        return Err(format!("has no request that can be imported; left out: {why}"));
    }
    let habits = Habits::of(&kept);
    let (actions, feeds) = actions::of(&groups, options, vault, &mut report);
    let origin = kept.iter().find_map(|entry| {
        let host = entry.host.as_deref().filter(|host| !host.is_empty())?;
        Address::parse(&format!("http://{host}")).origin()
    });
    if origin.is_some() && options.url.is_none() {
        report.note("a log does not say whether TLS was spoken; http is assumed");
    }
    if kept.iter().all(|entry| entry.client.is_none() && entry.user.is_none() && entry.user_agent.is_none()) {
        report.note("the file names no clients, so each request is a session of its own");
    }
    let load = load(&habits, &mut report);
    // With an address, the backends are those behind it.
    let topology = (origin.is_none() && options.url.is_none()).then(|| topology(&kept));
    Ok(Draft {
        name: name.to_owned(),
        description:
            "Visitors as a log recorded them: requests by pattern of the path, as often as recorded."
                .to_owned(),
        origin,
        actions,
        feeds,
        load,
        topology,
        report,
        ..Draft::default()
    })
}

/// Returns the entries to import.
fn choose<'a>(
    entries: &'a [Entry],
    options: &Options,
    report: &mut Report,
) -> Result<Vec<&'a Entry>, Problem> {
    let host_of = |entry: &Entry| entry.host.as_deref().unwrap_or_default().to_ascii_lowercase();
    let mut hosts: BTreeMap<String, usize> = BTreeMap::new();
    for entry in entries {
        *hosts.entry(host_of(entry)).or_default() += 1;
    }
    let own: Vec<String> = match options.hosts.is_empty() {
        true => {
            hosts.iter().max_by_key(|(_, count)| **count).map(|(host, _)| host.clone()).into_iter().collect()
        }
        false => options.hosts.iter().map(|host| host.trim().to_ascii_lowercase()).collect(),
    };
    let mut chosen = Vec::new();
    for entry in entries {
        let host = host_of(entry);
        let is_own = own.contains(&host) || (options.hosts.is_empty() && host.is_empty());
        if !is_own {
            report
                .leave_out(format!("requests to another host, {host} (--host {host} imports them instead)"));
        } else if options.assets == Assets::Drop && patterns::is_asset(&entry.target) {
            report.leave_out("static assets (--assets keep imports them)");
        } else {
            chosen.push(entry);
        }
    }
    match chosen.is_empty() {
        true => {
            let known = hosts.keys().map(|host| if host.is_empty() { "(none)" } else { host.as_str() });
            Err(format!(
                "has no request to {}; it has requests to {}",
                own.join(", "),
                lb_core::suggest::listing(known)
            ))
        }
        false => Ok(chosen),
    }
}

/// Returns the load that the habits amount to.
fn load(habits: &Habits, report: &mut Report) -> Load {
    let think_time_s = habits.think_time_s.map(|seconds| round(seconds.clamp(0.0, LONGEST_THINK_S)));
    let count = habits.actions_per_session;
    let mut load = Load { think_time_s, actions_per_session: Some(count), ..Load::default() };
    let Some(rate) = habits.requests_per_s else {
        report.note("the file has no times, so 10 users with pauses of 1 s to 3 s are assumed");
        return Load { think_time_s: Load::default().think_time_s, ..load };
    };
    let sessions_per_s = rate / (f64::from(count[0] + count[1]) / 2.0);
    let digits = |number: f64| (number * 1e6).round() / 1e6;
    load.arrivals =
        Some(json!({ "process": "poisson", "rate": digits(sessions_per_s).max(1e-6), "start": "session" }));
    load.duration_s = (WANTED_ARRIVALS / sessions_per_s)
        .max(habits.length_s.min(300.0))
        .clamp(LENGTH_S[0], LENGTH_S[1])
        .ceil();
    // Only flags and the simulator's warm-up ask for users; arrivals replace them.
    (load.users, load.ramp_up_s) = (1, 0.0);
    report.note(format!(
        "recorded: {} requests in {} sessions over {}, {} requests per second on average; sessions arrive at {} per \
        second and have {} to {} actions, with pauses of {} s to {} s",
        habits.requests,
        habits.sessions,
        span(habits.length_s),
        digits(rate),
        digits(sessions_per_s),
        count[0],
        count[1],
        think_time_s[0],
        think_time_s[1],
    ));
    if let Some(peak) = habits.busiest_minute_per_s.filter(|peak| *peak > 2.0 * rate) {
        report.note(format!(
            "the busiest minute had {} requests per second; for its load, set bench.arrivals.rate to {}",
            digits(peak),
            digits(sessions_per_s * peak / rate)
        ));
    }
    load
}

/// Returns three backends that answer for all paths, as fast on average as recorded replies, or within 10 ms.
fn topology(entries: &[&Entry]) -> serde_json::Value {
    let times: Vec<f64> =
        entries.iter().filter_map(|entry| Some(entry.duration?.as_secs_f64() * 1000.0)).collect();
    let mean = times.iter().sum::<f64>() / times.len().max(1) as f64;
    let mean = if mean > 0.0 { round(mean.clamp(0.1, 10_000.0)) } else { 10.0 };
    let backends = ["one", "two", "three"].map(|id| json!({ "id": id }));
    json!({
        "name": "made-up",
        "service_time": { "distribution": "exponential", "mean_ms": mean },
        "pools": [{ "name": "site", "backends": backends }]
    })
}

fn span(seconds: f64) -> String {
    match seconds {
        _ if seconds >= 7200.0 => format!("{:.1} h", seconds / 3600.0),
        _ if seconds >= 120.0 => format!("{:.1} min", seconds / 60.0),
        _ => format!("{} s", round(seconds)),
    }
}
