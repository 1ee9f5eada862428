//! What an operation needs to be allowed: a token from the log-in, or a key that no description holds.

use super::document::{Document, Operation};
use crate::report::Report;
use crate::request::{is_header_name, placeholder};
use crate::secret::{Vault, bearer};
use lb_core::workload::Step;
use serde_json::Value;

/// Adds to a step what its operation needs. `has_token` says whether the log-in gives a token.
pub(super) fn add(
    document: &Document<'_>,
    operation: &Operation<'_>,
    has_token: bool,
    step: &mut Step,
    vault: &mut Vault,
    report: &mut Report,
) {
    let own = operation.spec.get("security").or_else(|| document.get("/security"));
    let alternatives = own.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    // An empty alternative means that nothing is needed.
    if alternatives.iter().any(|one| one.as_object().is_some_and(serde_json::Map::is_empty)) && !has_token {
        return;
    }
    let is_token = |name: &String| kind(document, name) == Some(Kind::Token);
    let names =
        |one: &Value| one.as_object().map(|map| map.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
    let with_token = alternatives
        .iter()
        .map(names)
        .find(|names| has_token && !names.is_empty() && names.iter().all(is_token));
    let chosen = with_token.or_else(|| alternatives.iter().map(names).find(|names| !names.is_empty()));
    for name in chosen.unwrap_or_default() {
        let place = format!("the security scheme `{name}`");
        match kind(document, &name) {
            Some(Kind::Token) if has_token => {
                step.headers.insert("Authorization".to_owned(), bearer("token"));
            }
            Some(Kind::Token) => {
                let variable = vault.ask("token", &place, report);
                step.headers.insert("Authorization".to_owned(), bearer(&variable));
            }
            Some(Kind::Basic) => {
                let variable = vault.ask("basic_authorization", &place, report);
                step.headers.insert("Authorization".to_owned(), format!("Basic {}", placeholder(&variable)));
            }
            Some(Kind::Header(header)) if is_header_name(&header) => {
                let variable = key(&header, has_token, vault, &place, report);
                step.headers.insert(header, placeholder(&variable));
            }
            Some(Kind::Query(query)) => {
                let variable = key(&query, false, vault, &place, report);
                step.path.push(if step.path.contains('?') { '&' } else { '?' });
                step.path.push_str(&format!("{}={}", crate::address::encode(&query), placeholder(&variable)));
            }
            // Users keep the cookies that the log-in sets.
            Some(Kind::Cookie) => {}
            Some(Kind::Header(_)) | None => report.note(format!("{place} is not imported")),
        }
    }
}

/// Returns the variable of a key: that of the log-in where the header is meant for its token.
fn key(name: &str, has_token: bool, vault: &mut Vault, place: &str, report: &mut Report) -> String {
    let lower = name.to_ascii_lowercase();
    if has_token && (lower == "authorization" || lower.contains("token")) {
        return "token".to_owned();
    }
    vault.ask(name, place, report)
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    /// A token that is sent as `Authorization: Bearer`.
    Token,
    Basic,
    Header(String),
    Query(String),
    Cookie,
}

fn kind(document: &Document<'_>, name: &str) -> Option<Kind> {
    let all = document.get("/components/securitySchemes").or_else(|| document.get("/securityDefinitions"))?;
    let scheme = document.resolve(all.get(name)?).ok()?;
    let text = |key: &str| scheme.get(key).and_then(Value::as_str).unwrap_or_default();
    match text("type") {
        "http" if text("scheme").eq_ignore_ascii_case("basic") => Some(Kind::Basic),
        "http" if text("scheme").eq_ignore_ascii_case("bearer") => Some(Kind::Token),
        "basic" => Some(Kind::Basic),
        "oauth2" | "openIdConnect" => Some(Kind::Token),
        "apiKey" => match text("in") {
            "header" => Some(Kind::Header(text("name").to_owned())),
            "query" => Some(Kind::Query(text("name").to_owned())),
            "cookie" => Some(Kind::Cookie),
            _ => None,
        },
        _ => None,
    }
}
