//! Makes actions of groups of recorded requests, and feeds of the values in them.

use super::patterns::Group;
use crate::address::clean;
use crate::names::{Names, word};
use crate::options::Options;
use crate::report::Report;
use crate::request::{Body, FORM, Request, blank_step, header_value, is_header_name, json_or_text};
use crate::secret::{Vault, is_secret_name, warn_of_text};
use lb_core::workload::{Action, Step};
use lb_recording::Entry;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The most rows of a feed; rarer values are left out.
const MOST_ROWS: usize = 1_000;
/// The most JSON values in all feeds together, so that the config can be read.
const MOST_VALUES: usize = 120_000;
/// The variable of the rows.
const ROW: &str = "row";
/// Headers of a recorded request that belong to its connection or to its user.
const DROPPED: [&str; 8] = [
    "host",
    "cookie",
    "content-length",
    "connection",
    "accept-encoding",
    "transfer-encoding",
    "user-agent",
    "te",
];

/// Actions by name, and rows of feeds by name.
type Made = (Vec<(String, Action)>, BTreeMap<String, Vec<Value>>);

/// Makes an action of each group, with the number of its requests as its weight.
pub(super) fn of(groups: &[Group<'_>], options: &Options, vault: &mut Vault, report: &mut Report) -> Made {
    let (mut actions, mut feeds) = (Vec::new(), BTreeMap::new());
    let (mut names, mut step_names) = (Names::default(), Names::default());
    let mut room = MOST_VALUES;
    for group in groups {
        let expect = expected(group, report);
        if expect.is_empty() {
            continue;
        }
        let shown: Vec<&str> = group.segments.iter().map(|one| one.as_deref().unwrap_or("{id}")).collect();
        let shown = format!("/{}", shown.join("/"));
        let name = names.unique(&word(&format!("{} {}", group.method, shown.replace("{id}", "one"))), "_");
        let fields = fields(group);
        let mut step = step(group, &step_names.unique(&shown, " "), &fields, vault, report);
        step.expect = expect;
        if !fields.is_empty() {
            step.bind.insert(ROW.to_owned(), name.clone());
            for (query, _) in group.query.iter().filter(|(query, _)| is_secret_name(query)) {
                let place = format!("the query value `{query}` of {} {shown}", group.method);
                report.secrets.push(format!("{place}: written in clear into `feeds.{name}`, as recorded"));
            }
            feeds.insert(name.clone(), rows(group, &fields, &mut room, report));
        }
        let weights = &options.weights;
        let weight = weights.get(&name).or_else(|| weights.get(&group.method)).copied();
        let weight = weight.unwrap_or(group.entries.len() as f64);
        actions.push((
            name,
            Action {
                steps: vec![step],
                weight,
                think_time_s: None,
                can_be_abandoned: false,
                tags: Vec::new(),
            },
        ));
    }
    (actions, feeds)
}

/// Returns the statuses that were recorded, without failures of the server.
fn expected(group: &Group<'_>, report: &mut Report) -> Vec<u16> {
    let mut statuses: Vec<u16> = group.entries.iter().filter_map(|entry| entry.status).collect();
    if statuses.is_empty() {
        return vec![200];
    }
    statuses.sort_unstable();
    statuses.dedup();
    let failed = statuses.iter().any(|status| *status >= 500);
    statuses.retain(|status| (200..500).contains(status));
    // No copy in a cache is sent along.
    if statuses.contains(&304) && !statuses.contains(&200) {
        statuses.insert(0, 200);
    }
    if statuses.is_empty() && failed {
        for _ in &group.entries {
            report.leave_out("requests that always failed with a status of 5xx");
        }
    }
    if statuses.iter().any(|status| [401, 403].contains(status)) {
        report.note("some requests were recorded with 401 or 403; these statuses are expected where they were recorded");
    }
    statuses
}

/// Returns the names of the values in a group: of the path, then of the query.
fn fields(group: &Group<'_>) -> Vec<String> {
    let mut names = Names::without(&["popularity"]);
    let ids = group.segments.iter().filter(|segment| segment.is_none()).map(|_| "id".to_owned());
    let query = group.query.iter().filter(|(_, has_value)| *has_value).map(|(name, _)| word(name));
    ids.chain(query).map(|name| names.unique(&name, "_")).collect()
}

fn rows(group: &Group<'_>, fields: &[String], room: &mut usize, report: &mut Report) -> Vec<Value> {
    let mut counted: BTreeMap<Vec<String>, usize> = BTreeMap::new();
    for entry in &group.entries {
        *counted.entry(group.values(entry)).or_default() += 1;
    }
    let mut counted: Vec<(Vec<String>, usize)> = counted.into_iter().collect();
    counted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    // A row has two values for each field and for its popularity. A feed needs at least one row.
    let cost = 2 * fields.len() + 3;
    let most = MOST_ROWS.min(*room / cost).max(1);
    for _ in counted.iter().skip(most) {
        report.leave_out("rare values in paths and queries, beyond the most frequent ones of each pattern");
    }
    *room = room.saturating_sub(cost * counted.len().min(most));
    let row = |(values, count): (Vec<String>, usize)| {
        let mut row: Map<String, Value> =
            fields.iter().cloned().zip(values.into_iter().map(Value::from)).collect();
        row.insert("popularity".to_owned(), json!(count));
        Value::Object(row)
    };
    counted.into_iter().take(most).map(row).collect()
}

fn step(group: &Group<'_>, name: &str, fields: &[String], vault: &mut Vault, report: &mut Report) -> Step {
    let mut fields = fields.iter().map(|field| format!("{{{{{ROW}.{field}}}}}"));
    let mut path = String::new();
    for segment in &group.segments {
        path.push('/');
        match segment {
            Some(segment) => path.push_str(&clean(segment)),
            None => path.push_str(&fields.next().unwrap_or_default()),
        }
    }
    for (number, (name, has_value)) in group.query.iter().enumerate() {
        path.push(if number == 0 { '?' } else { '&' });
        path.push_str(&clean(name));
        if *has_value {
            path.push('=');
            path.push_str(&fields.next().unwrap_or_default());
        }
    }
    let Some(first) =
        group.entries.first().filter(|entry| !entry.headers.is_empty() || !entry.body.is_empty())
    else {
        return blank_step(name, &group.method, path);
    };
    let label = format!("{} {name}", group.method);
    let request = request(first, &group.method);
    if group.entries.iter().any(|entry| entry.body != first.body) {
        report
            .note(format!("{label}: the body of the first request is sent each time; recorded ones differ"));
    }
    warn_of_text(&request.body, &label, report);
    let mut step =
        request.step(name, &mut |spot, value| vault.replace(&request, &label, spot, value, report));
    step.path = path;
    step
}

/// Returns the parts of a recorded request that can be sent again.
fn request(entry: &Entry, method: &str) -> Request {
    let headers: Vec<(String, String)> = entry
        .headers
        .iter()
        .filter(|(name, value)| !DROPPED.contains(&name.to_ascii_lowercase().as_str()) && !value.is_empty())
        .filter(|(name, _)| is_header_name(name))
        .map(|(name, value)| (name.clone(), header_value(value)))
        .collect();
    let text = String::from_utf8_lossy(&entry.body).into_owned();
    let is_form = headers
        .iter()
        .any(|(name, kind)| name.eq_ignore_ascii_case("content-type") && kind.starts_with(FORM));
    let body = match text.is_empty() {
        true => Body::None,
        false if is_form => {
            let decode = |text: &str| crate::address::decode(text, true);
            let fields = crate::address::pairs(&text);
            Body::Form(
                fields.map(|(name, value)| (decode(name), decode(value.unwrap_or_default()))).collect(),
            )
        }
        false => json_or_text(text),
    };
    Request { method: method.to_owned(), path: "/".to_owned(), query: None, headers, body }
}
