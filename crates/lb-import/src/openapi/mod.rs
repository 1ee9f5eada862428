//! API descriptions (OpenAPI 3.0 and 3.1, Swagger 2.0) as journeys: an action for each operation. Sessions open with a
//! log-in, and with creating what the other operations need in their paths.

mod document;
mod roles;
mod sample;
mod security;
mod server;
mod write;

use crate::assemble::{Draft, Load};
use crate::error::Problem;
use crate::names::{Names, word};
use crate::options::Options;
use crate::report::Report;
use crate::secret::Vault;
use document::{Document, Operation};
use lb_core::workload::{Action, Extract, ExtractFrom};
use roles::Roles;
use sample::Sampler;
use serde_json::Value;
use server::Server;
use std::collections::{BTreeMap, BTreeSet};
use write::Writer;

/// The most operations that become actions.
const MOST_OPERATIONS: usize = 1_000;
/// Weight of an operation that reads: most APIs are read more often than they are written.
const READS: f64 = 5.0;
/// Weight of an operation that writes.
const WRITES: f64 = 1.0;

/// Makes a journey of a description.
pub(crate) fn import(
    root: &Value,
    name: &str,
    options: &Options,
    vault: &mut Vault,
) -> Result<Draft, Problem> {
    let document = Document::new(root)?;
    let mut report = Report { format: document.format().to_owned(), ..Report::default() };
    let (operations, broken) = document.operations();
    for (label, reason) in &broken {
        report.leave_out(format!("operation {label}, which {reason}"));
    }
    if operations.is_empty() {
        let why: Vec<String> =
            broken.iter().take(3).map(|(label, reason)| format!("{label} {reason}")).collect();
        return Err(match why.is_empty() {
            true => "has no operations under `paths`".to_owned(),
            false => format!("has no operation that can be read: {}", why.join("; ")),
        });
    }
    if operations.len() > MOST_OPERATIONS {
        return Err(format!("has {} operations; the limit is {MOST_OPERATIONS}", operations.len()));
    }
    let server = Server::of(&document, &mut report);
    let mut variables =
        Names::without(&["user", "uuid", "int", "env", "secret", "account", "braces", "token"]);
    let roles = Roles::of(&document, &operations, &mut variables);
    let mut writer = Writer {
        document,
        sampler: Sampler { document },
        operations: &operations,
        roles: &roles,
        base: &server.base,
        vault,
        report,
        steps: Names::default(),
        variables,
        feeds: BTreeMap::new(),
        accounts: BTreeMap::new(),
    };
    let (actions, open) = write_all(&mut writer, options);
    let (report, feeds) = (writer.report, writer.feeds);
    if actions.len() == open.len() {
        return Err(format!(
            "has no operation that can be imported; left out: {}",
            report.left_out().join("; ")
        ));
    }
    let title = document.get("/info/title").and_then(Value::as_str).unwrap_or(name);
    let title: String = title.chars().filter(|c| !c.is_control() && *c != '`').take(64).collect();
    Ok(Draft {
        name: if title.trim().is_empty() { name.to_owned() } else { title.trim().to_owned() },
        description: "The operations of an API, chosen at random by weight.".to_owned(),
        origin: server.origin,
        actions,
        open,
        feeds,
        load: Load { think_time_s: [0.5, 1.5], actions_per_session: Some([5, 15]), ..Load::default() },
        report,
        ..Draft::default()
    })
}

/// Writes all actions, and returns them with the names of the opening ones.
fn write_all(writer: &mut Writer<'_, '_>, options: &Options) -> (Vec<(String, Action)>, Vec<String>) {
    let (roles, operations) = (writer.roles, writer.operations);
    let mut names = Names::default();
    let mut actions: Vec<(String, Action)> = Vec::new();
    let login = roles.login.as_ref();
    let by_example = login.is_some_and(|login| writer.learn_account(login.operation));
    let mut opening = Vec::new();
    // An account of the description exists already; others must be registered first.
    let register = roles.register.filter(|_| login.is_some() && !by_example);
    opening.extend(register.map(|number| (number, None)));
    opening.extend(
        login.map(|login| (login.operation, login.token.clone().map(|from| ("token".to_owned(), from)))),
    );
    let needed = needed(operations, roles);
    let mut providers: Vec<_> =
        roles.providers.iter().filter(|(before, _)| needed.contains(before.as_str())).collect();
    // What lies deeper needs the identifiers above it.
    providers.sort_by_key(|(before, _)| before.matches('/').count());
    for (_, provider) in providers {
        let capture = Some((provider.variable.clone(), provider.from.clone()));
        opening.push((provider.operation, capture));
    }
    let mut opened = BTreeSet::new();
    for (number, capture) in opening {
        let operation = &operations[number];
        let is_login = login.is_some_and(|login| login.operation == number);
        let is_register = register == Some(number);
        let Some(mut step) =
            writer.step(number, if is_login || is_register { "" } else { " (set-up)" }, &BTreeMap::new())
        else {
            continue;
        };
        if let Some((variable, from)) = capture {
            writer.report.captures.push(format!(
                "{variable}: {} in the reply to {}",
                place(&from),
                operation.label()
            ));
            step.extract.insert(variable, from);
        }
        if is_register {
            // The account is registered again when its turn comes again.
            step.expect.push(409);
        } else {
            step.required = true;
        }
        opened.insert(number);
        let prefix = if is_login || is_register { "" } else { "set up " };
        let name = names.unique(&word(&format!("{prefix}{}", title_of(operation))), "_");
        actions.push((
            name,
            Action {
                steps: vec![step],
                weight: 0.0,
                think_time_s: None,
                can_be_abandoned: false,
                tags: Vec::new(),
            },
        ));
    }
    let open: Vec<String> = actions.iter().map(|(name, _)| name.clone()).collect();
    for (number, operation) in operations.iter().enumerate() {
        let is_login = login.is_some_and(|login| login.operation == number);
        if is_login || register == Some(number) {
            continue;
        }
        if roles.harmful.contains(&number) {
            let label = operation.label();
            writer
                .report
                .leave_out(format!("operation {label}, which would end the session or change its password"));
            continue;
        }
        let Some(steps) = writer.steps_of(number) else { continue };
        let name = names.unique(&word(&title_of(operation)), "_");
        let usual =
            if ["GET", "HEAD", "OPTIONS"].contains(&operation.method.as_str()) { READS } else { WRITES };
        let weight = options.weights.get(&name).or_else(|| options.weights.get(&operation.method)).copied();
        let weight = weight.unwrap_or(usual);
        actions.push((
            name,
            Action { steps, weight, think_time_s: None, can_be_abandoned: false, tags: Vec::new() },
        ));
    }
    (actions, open)
}

/// Returns the paths whose identifiers operations need, other than those that delete what they created themselves.
fn needed(operations: &[Operation<'_>], roles: &Roles) -> BTreeSet<String> {
    let mut needed = BTreeSet::new();
    for (number, operation) in operations.iter().enumerate() {
        let mut parents: Vec<String> =
            operation.path_parameters().into_iter().map(|(before, _)| before).collect();
        let deletes = operation.method == "DELETE" && operation.path.ends_with('}');
        if deletes {
            parents.pop();
        }
        if !roles.harmful.contains(&number) {
            needed.extend(parents);
        }
    }
    needed
}

fn title_of(operation: &Operation<'_>) -> String {
    let path = operation.path.replace(['{', '}'], "");
    operation.id.map_or_else(|| format!("{} {path}", operation.method), str::to_owned)
}

/// Describes a place in a reply for a reader.
fn place(from: &Extract) -> String {
    match from {
        Extract::Pointer(pointer) => format!("`{pointer}`"),
        Extract::From(ExtractFrom::HeaderMatches { header, .. }) => format!("the header `{header}`"),
        Extract::From(_) => "a part".to_owned(),
    }
}
