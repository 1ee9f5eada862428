//! Walks through the folders of a collection, and reads the parts of its requests.

use super::Capture;
use super::script;
use crate::error::Problem;
use crate::report::Report;
use serde_json::Value;

/// The deepest nesting of folders.
const DEEPEST: usize = 32;

/// A request of a collection.
#[derive(Debug)]
pub(super) struct Item<'a> {
    /// Name with its folders, such as `Orders / Create`.
    pub(super) name: String,
    pub(super) request: &'a Value,
    /// The authorisation that applies: that of the request, or else of its folder or of the collection.
    pub(super) auth: Option<&'a Value>,
    pub(super) captures: Vec<Capture>,
    /// Statuses that its test or its saved examples name.
    pub(super) expect: Vec<u16>,
}

/// Returns all requests in order.
pub(super) fn items<'a>(document: &'a Value, report: &mut Report) -> Result<Vec<Item<'a>>, Problem> {
    let mut found = Vec::new();
    note_scripts(document, "the collection", report);
    folder(document, "", document.get("auth"), 0, &mut found, report)?;
    Ok(found)
}

fn folder<'a>(
    parent: &'a Value,
    path: &str,
    auth: Option<&'a Value>,
    depth: usize,
    found: &mut Vec<Item<'a>>,
    report: &mut Report,
) -> Result<(), Problem> {
    if depth > DEEPEST {
        return Err(format!("has folders nested deeper than {DEEPEST}"));
    }
    for item in parent.get("item").and_then(Value::as_array).into_iter().flatten() {
        let own = item.get("name").and_then(Value::as_str).unwrap_or("request").trim();
        let name = if path.is_empty() { own.to_owned() } else { format!("{path} / {own}") };
        let auth = item.get("auth").filter(|auth| !auth.is_null()).or(auth);
        if item.get("item").is_some() {
            note_scripts(item, &name, report);
            folder(item, &name, auth, depth + 1, found, report)?;
            continue;
        }
        let Some(request) = item.get("request") else {
            report.leave_out("items that are neither requests nor folders");
            continue;
        };
        let auth = request.get("auth").filter(|auth| !auth.is_null()).or(auth);
        let mut read = script::read(item);
        for line in &read.unknown {
            report.note(format!("{name}: not imported from a script: `{line}`"));
        }
        for capture in &read.captures {
            report.captures.push(format!("{}: {} in the reply to {name}", capture.variable, capture.place()));
        }
        if read.expect.is_empty() {
            let examples = item.get("response").and_then(Value::as_array).into_iter().flatten();
            let statuses = examples.filter_map(|example| example.get("code")?.as_u64());
            // Examples of failures show what else can happen, not what is wanted.
            read.expect =
                statuses.filter(|status| (200..400).contains(status)).map(|status| status as u16).collect();
            read.expect.sort_unstable();
            read.expect.dedup();
        }
        found.push(Item { name, request, auth, captures: read.captures, expect: read.expect });
    }
    Ok(())
}

/// Notes scripts of folders, which are run for each request in them.
fn note_scripts(item: &Value, name: &str, report: &mut Report) {
    let read = script::read(item);
    if !read.captures.is_empty() || !read.unknown.is_empty() {
        report.note(format!(
            "{name}: scripts of a collection or a folder are not imported, only those of requests"
        ));
    }
}

/// Returns the names and values in a list that are not disabled.
pub(super) fn enabled(list: Option<&Value>) -> impl Iterator<Item = (String, String)> {
    let items = list.and_then(Value::as_array).into_iter().flatten();
    let on = items.filter(|item| !item.get("disabled").and_then(Value::as_bool).unwrap_or(false));
    on.filter_map(|item| {
        let name = item.get("key").and_then(Value::as_str)?.to_owned();
        Some((name, item.get("value").map(super::variables::plain).unwrap_or_default()))
    })
}

/// Returns the address of a request as written; `None` if it has none.
pub(super) fn url_of(request: &Value) -> Option<String> {
    let url = match request {
        Value::String(url) => return Some(url.clone()),
        request => request.get("url")?,
    };
    if let Value::String(url) = url {
        return Some(url.clone());
    }
    let raw = url.get("raw").and_then(Value::as_str).unwrap_or_default();
    let base = match raw.split(['?', '#']).next().unwrap_or_default() {
        "" => parts_of(url)?,
        base => base.to_owned(),
    };
    // The list tells which parameters are disabled; the raw text does not.
    let query: Vec<String> = match url.get("query") {
        Some(_) => enabled(url.get("query")).map(|(name, value)| format!("{name}={value}")).collect(),
        None => raw.split_once('?').map(|(_, query)| query.to_owned()).into_iter().collect(),
    };
    Some(if query.is_empty() { base } else { format!("{base}?{}", query.join("&")) })
}

fn parts_of(url: &Value) -> Option<String> {
    let joined = |key: &str, separator: &str| match url.get(key)? {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => {
            Some(parts.iter().map(super::variables::plain).collect::<Vec<_>>().join(separator))
        }
        _ => None,
    };
    let protocol = url.get("protocol").and_then(Value::as_str).unwrap_or("http");
    let port = url.get("port").map(super::variables::plain).filter(|port| !port.is_empty());
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{protocol}://{}{port}/{}", joined("host", ".")?, joined("path", "/").unwrap_or_default()))
}

/// Replaces path variables, such as `:id`, by their values.
pub(super) fn path_variables(request: &Value, path: &str) -> String {
    let list = request.pointer("/url/variable");
    let values: Vec<(String, String)> = enabled(list).collect();
    let segment = |segment: &str| match segment.strip_prefix(':') {
        Some(name) => values
            .iter()
            .find(|(known, _)| known == name)
            .map_or(segment.to_owned(), |(_, value)| value.clone()),
        None => segment.to_owned(),
    };
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}
