//! Where an API is found: the first server of the description.

use super::document::Document;
use crate::address::{Address, clean};
use crate::report::Report;
use serde_json::Value;

/// Origin and base path of the API.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Server {
    /// Scheme and host; `None` if the description names none.
    pub(super) origin: Option<String>,
    /// Path before those of the operations, without a slash at its end; may be empty.
    pub(super) base: String,
}

impl Server {
    pub(super) fn of(document: &Document<'_>, report: &mut Report) -> Self {
        let text = |pointer: &str| document.get(pointer).and_then(Value::as_str);
        if document.get("/swagger").is_some() {
            let scheme = text("/schemes/0").unwrap_or("http");
            let origin = text("/host").map(|host| format!("{scheme}://{}", host.trim_end_matches('/')));
            return Self { origin, base: base_of(text("/basePath").unwrap_or_default()) };
        }
        let servers = document.get("/servers").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let Some(server) = servers.first() else { return Self::default() };
        if servers.len() > 1 {
            report.note(format!("of {} servers, the first one is used", servers.len()));
        }
        let mut url = server.get("url").and_then(Value::as_str).unwrap_or_default().to_owned();
        for (name, variable) in server.get("variables").and_then(Value::as_object).into_iter().flatten() {
            let value = variable.get("default").and_then(Value::as_str).unwrap_or_default();
            url = url.replace(&format!("{{{name}}}"), value);
        }
        let address = Address::parse(&url);
        Self { origin: address.origin(), base: base_of(&address.path) }
    }
}

fn base_of(path: &str) -> String {
    match path.trim_matches('/') {
        "" => String::new(),
        path => format!("/{}", clean(path)),
    }
}
