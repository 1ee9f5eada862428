//! Postman collections (v2.0, v2.1) as journeys: the requests in the order of the collection, each an action.

mod auth;
mod body;
mod script;
mod variables;
mod walk;

use crate::address::Address;
use crate::assemble::{Draft, Load, texts_of};
use crate::error::Problem;
use crate::names::{Names, pattern, word};
use crate::options::Options;
use crate::report::Report;
use crate::request::{Body, Request, header_value, is_header_name, json_or_text};
use crate::secret::{Vault, warn_of_text};
use lb_core::workload::{Action, Extract, ExtractFrom, Step};
use serde_json::Value;
use std::collections::BTreeSet;
use variables::{Resolved, Variables};
use walk::Item;

/// Pause between two requests in seconds: a collection has none, and a person takes about this long.
const THINK_TIME_S: [f64; 2] = [0.5, 1.5];
/// The most requests that a journey is made of.
const MOST_REQUESTS: usize = 2_000;
/// Statuses that are expected where a collection says nothing.
const FINE: [u16; 4] = [200, 201, 202, 204];

/// Makes a journey of a collection.
pub(crate) fn import(
    document: &Value,
    name: &str,
    options: &Options,
    vault: &mut Vault,
) -> Result<Draft, Problem> {
    let mut report = Report { format: "Postman collection".to_owned(), ..Report::default() };
    let schema = document.pointer("/info/schema").and_then(Value::as_str).unwrap_or_default();
    if schema.contains("v1.0") {
        return Err("is a Postman collection in the format v1; export it as v2.1".to_owned());
    }
    let items = walk::items(document, &mut report)?;
    if items.is_empty() {
        return Err("has no requests".to_owned());
    }
    if items.len() > MOST_REQUESTS {
        return Err(format!("has {} requests; the limit is {MOST_REQUESTS}", items.len()));
    }
    let mut variables = Variables::of(document, &options.variables);
    for item in &items {
        variables.will_be_captured(item.captures.iter().map(|capture| capture.variable.as_str()));
    }
    let mut writer = Writer {
        variables,
        vault,
        report,
        names: Names::default(),
        steps: Names::default(),
        origin: None,
        missing: BTreeSet::new(),
        options,
    };
    let mut actions = Vec::new();
    for item in &items {
        actions.extend(writer.action(item));
    }
    let (report, origin, missing) = (writer.report, writer.origin, writer.missing);
    let captures =
        items.iter().flat_map(|item| item.captures.iter().map(|capture| (&capture.variable, &item.name)));
    let captured: Vec<(String, String, String)> = captures
        .filter_map(|(variable, item)| {
            Some((writer.variables.name(variable)?, variable.clone(), item.clone()))
        })
        .collect();
    if !missing.is_empty() {
        let flags: Vec<String> = missing.iter().map(|name| format!("--variable {name}=...")).collect();
        return Err(format!(
            "uses variables that neither it nor one of its scripts sets: {}; give {}",
            missing.into_iter().collect::<Vec<_>>().join(", "),
            flags.join(" ")
        ));
    }
    if let Some((variable, item)) = lost(&captured, &actions) {
        return Err(format!(
            "uses the variable {variable}, which a script of `{item}` sets, and that request is left out; give \
            --variable {variable}=..."
        ));
    }
    if actions.is_empty() {
        return Err(format!(
            "has no request that can be imported; left out: {}",
            report.left_out().join("; ")
        ));
    }
    Ok(Draft {
        name: document.pointer("/info/name").and_then(Value::as_str).map_or_else(|| name.to_owned(), title),
        description: "The requests of a Postman collection, in its order.".to_owned(),
        origin,
        sequence: actions.iter().map(|(name, _): &(String, Action)| name.clone()).collect(),
        actions,
        load: Load { think_time_s: THINK_TIME_S, ..Load::default() },
        report,
        ..Draft::default()
    })
}

/// Returns a variable that a step names although no step takes it from a reply, with the request that would have: it was
/// left out.
fn lost(captures: &[(String, String, String)], actions: &[(String, Action)]) -> Option<(String, String)> {
    let steps = || actions.iter().flat_map(|(_, action)| &action.steps);
    let is_lost = |name: &str| {
        let placeholder = crate::request::placeholder(name);
        !steps().any(|step| step.extract.contains_key(name))
            && steps().any(|step| texts_of(step).contains(&placeholder))
    };
    let lost = captures.iter().find(|(name, ..)| is_lost(name))?;
    Some((lost.1.clone(), lost.2.clone()))
}

fn title(text: &str) -> String {
    let plain: String = text.chars().filter(|c| !c.is_control() && *c != '`').take(64).collect();
    if plain.trim().is_empty() { "collection".to_owned() } else { plain.trim().to_owned() }
}

/// Writes actions, and keeps what all of them share.
struct Writer<'a> {
    variables: Variables,
    vault: &'a mut Vault,
    report: Report,
    names: Names,
    steps: Names,
    /// Scheme and host of the first request.
    origin: Option<String>,
    /// Variables that nothing sets.
    missing: BTreeSet<String>,
    options: &'a Options,
}

impl Writer<'_> {
    /// Makes an action of a request; `None` if it cannot be imported.
    fn action(&mut self, item: &Item<'_>) -> Option<(String, Action)> {
        let address = self.address(item)?;
        let host = address.origin();
        match (&self.origin, host) {
            (None, host) => self.origin = host,
            (Some(first), Some(host)) if *first != host => {
                self.report
                    .leave_out(format!("requests to another host, {host}; the first one goes to {first}"));
                return None;
            }
            _ => {}
        }
        let request = item.request;
        let method =
            request.get("method").and_then(Value::as_str).unwrap_or("GET").trim().to_ascii_uppercase();
        if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_uppercase()) {
            self.report.leave_out("requests whose method is not one of HTTP");
            return None;
        }
        let body = match body::body_of(request) {
            Ok(body) => body,
            Err(reason) => {
                self.report.leave_out(reason);
                return None;
            }
        };
        let mut headers = body.headers;
        let own = walk::enabled(request.get("header")).filter(|(name, _)| !is_dropped(name));
        headers.extend(own.map(|(name, value)| (name, header_value(&value))));
        let request = Request { method, path: address.path, query: address.query, headers, body: body.body };
        let mut step = self.step(item, request);
        self.authorise(item, &mut step);
        let name = self.names.unique(&word(&item.name), "_");
        Some((
            name,
            Action {
                steps: vec![step],
                weight: 1.0,
                think_time_s: None,
                can_be_abandoned: false,
                tags: Vec::new(),
            },
        ))
    }

    /// Returns the address of a request, in which variables that hold a whole address are resolved.
    fn address(&mut self, item: &Item<'_>) -> Option<Address> {
        let raw = walk::url_of(item.request);
        let Some(raw) = raw.filter(|raw| !raw.trim().is_empty()) else {
            self.report.leave_out("requests without a URL");
            return None;
        };
        // The variable of the address is usually the first thing in it, and `--url` makes its value irrelevant.
        let raw = match raw.strip_prefix("{{").and_then(|rest| rest.split_once("}}")) {
            Some((name, rest))
                if self.variables.constant(name.trim()).is_none() && self.options.url.is_some() =>
            {
                rest.to_owned()
            }
            _ => raw,
        };
        let known = self.variables.constants_in(&raw);
        let known =
            if known.contains("://") || known.starts_with('/') { known } else { format!("http://{known}") };
        let host =
            known.split("://").nth(1).and_then(|rest| rest.split(['/', '?']).next()).unwrap_or_default();
        if host.contains("{{") {
            self.missing.extend(variables::names_in(host));
            return None;
        }
        let address = Address::parse(&known);
        if !["http", "https", ""].contains(&address.scheme.as_str()) {
            self.report.leave_out(format!("requests over {}", address.scheme));
            return None;
        }
        Some(Address { path: walk::path_variables(item.request, &address.path), ..address })
    }

    fn step(&mut self, item: &Item<'_>, request: Request) -> Step {
        let label = item.name.clone();
        warn_of_text(&request.body, &label, &mut self.report);
        let shown = self.variables.constants_in(&request.path);
        let name = self.steps.unique(&pattern(&shown), " ");
        // Secrets are hidden where a value is a constant; variables are written as templates afterwards.
        let resolved = self.resolve(&request);
        let (vault, report) = (&mut *self.vault, &mut self.report);
        let variables = &self.variables;
        let mut step = resolved.step(&name, &mut |spot, value| match variables.is_marked(value) {
            true => None,
            false => vault.replace(&resolved, &label, spot, value, report),
        });
        self.variables.restore(&mut step);
        for capture in &item.captures {
            if let Some(name) = self.variables.name(&capture.variable) {
                step.extract.insert(name, capture.from.clone());
            }
        }
        step.required = !step.extract.is_empty();
        step.expect = if item.expect.is_empty() { FINE.to_vec() } else { item.expect.clone() };
        step
    }

    /// Returns a request with the values of constant variables. Others are marked by texts that survive encoding.
    fn resolve(&mut self, request: &Request) -> Request {
        let variables = &mut self.variables;
        let mut missing = BTreeSet::new();
        let mut text = |text: &str| match variables.resolve(text) {
            Resolved { text, missing: none } if none.is_empty() => text,
            Resolved { text, missing: some } => {
                missing.extend(some);
                text
            }
        };
        let resolved = Request {
            method: request.method.clone(),
            path: text(&request.path),
            query: request.query.as_deref().map(&mut text),
            headers: request
                .headers
                .iter()
                .map(|(name, value)| (name.clone(), header_value(&text(value))))
                .collect(),
            body: match &request.body {
                Body::None => Body::None,
                Body::Text(body) => {
                    let body = text(body);
                    if is_json(&request.headers) { json_or_text(body) } else { Body::Text(body) }
                }
                Body::Form(fields) => {
                    Body::Form(fields.iter().map(|(name, value)| (text(name), text(value))).collect())
                }
                Body::Json(json) => Body::Json(json.clone()),
            },
        };
        self.missing.extend(missing);
        resolved
    }

    /// Adds what the authorisation of the collection, a folder or the request asks for.
    fn authorise(&mut self, item: &Item<'_>, step: &mut Step) {
        let Some(auth) = item.auth else { return };
        let made = auth::of(auth, &mut self.variables, &mut self.missing);
        match made {
            Ok(None) => {}
            Ok(Some(auth::Credential { place, scheme, value, is_constant })) => {
                let value = if is_constant {
                    let at = format!("the authorisation of {}", item.name);
                    let name = match &place {
                        auth::Place::Header(name) | auth::Place::Query(name) => name.clone(),
                    };
                    crate::request::placeholder(&self.vault.hide(&name, &value, &at, &mut self.report))
                } else {
                    value
                };
                match place {
                    auth::Place::Header(name) if !is_header_name(&name) => {
                        self.report.note(format!(
                            "{}: `{name}` is not a header name; its key is not sent",
                            item.name
                        ));
                    }
                    auth::Place::Header(name) => {
                        step.headers.retain(|known, _| !known.eq_ignore_ascii_case(&name));
                        step.headers.insert(name, header_value(&format!("{scheme}{value}")));
                    }
                    auth::Place::Query(name) => {
                        step.path.push(if step.path.contains('?') { '&' } else { '?' });
                        step.path.push_str(&format!("{}={value}", crate::address::encode(&name)));
                    }
                }
            }
            Err(reason) => self.report.note(format!("{}: {reason}", item.name)),
        }
    }
}

fn is_json(headers: &[(String, String)]) -> bool {
    headers.iter().any(|(name, kind)| name.eq_ignore_ascii_case("content-type") && kind.contains("json"))
}

fn is_dropped(name: &str) -> bool {
    const DROPPED: [&str; 9] = [
        "host",
        "cookie",
        "content-length",
        "connection",
        "accept-encoding",
        "transfer-encoding",
        "postman-token",
        "expect",
        "te",
    ];
    !is_header_name(name) || DROPPED.contains(&name.to_ascii_lowercase().as_str())
}

/// A value that a script takes from a reply.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Capture {
    pub(crate) variable: String,
    pub(crate) from: Extract,
}

impl Capture {
    /// Describes the place in the reply for a reader.
    pub(crate) fn place(&self) -> String {
        match &self.from {
            Extract::Pointer(pointer) => format!("`{pointer}`"),
            Extract::From(ExtractFrom::Header(name)) => format!("the header `{name}`"),
            Extract::From(ExtractFrom::Cookie(name)) => format!("the cookie `{name}`"),
            Extract::From(_) => "the text".to_owned(),
        }
    }
}
