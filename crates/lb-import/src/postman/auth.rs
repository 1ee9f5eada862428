//! Authorisation of Postman requests: bearer tokens, HTTP Basic, API keys, and tokens of OAuth 2 that are written down.

use super::variables::{Variables, plain};
use crate::secret::basic;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Where a credential is sent.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Place {
    Header(String),
    Query(String),
}

/// A credential.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Credential {
    pub(super) place: Place,
    /// What stands before the value, such as `Bearer ` with its space.
    pub(super) scheme: &'static str,
    /// The value, or a template of it.
    pub(super) value: String,
    /// Whether the value is written in the collection; otherwise a reply gives it.
    pub(super) is_constant: bool,
}

/// Returns the credential that a block `auth` asks for; `None` if it asks for none. The error says why it cannot be
/// imported.
pub(super) fn of(
    auth: &Value,
    variables: &mut Variables,
    missing: &mut BTreeSet<String>,
) -> Result<Option<Credential>, String> {
    let kind = auth.get("type").and_then(Value::as_str).unwrap_or("noauth");
    let settings = settings(auth.get(kind));
    let mut get = |key: &str| -> (String, bool) {
        let written = settings.get(key).cloned().unwrap_or_default();
        let resolved = variables.resolve(&written);
        missing.extend(resolved.missing);
        let template = variables.restore_text(&resolved.text);
        let is_constant = template == resolved.text;
        (template, is_constant)
    };
    let header = |scheme, (value, is_constant)| {
        let place = Place::Header("Authorization".to_owned());
        Some(Credential { place, scheme, value, is_constant })
    };
    let credential = match kind {
        "noauth" => None,
        "bearer" => header("Bearer ", get("token")),
        "oauth2" if settings.contains_key("accessToken") => header("Bearer ", get("accessToken")),
        "basic" => {
            let ((user, user_is), (password, password_is)) = (get("username"), get("password"));
            if !user_is || !password_is {
                return Err("HTTP Basic with a value that a script sets is not imported".to_owned());
            }
            header("Basic ", (basic(&user, &password), true))
        }
        "apikey" => {
            let (name, value) = (get("key").0, get("value"));
            let place = match get("in").0.as_str() {
                "query" => Place::Query(name),
                _ => Place::Header(name),
            };
            Some(Credential { place, scheme: "", value: value.0, is_constant: value.1 })
        }
        other => return Err(format!("the authorisation `{other}` is not imported")),
    };
    Ok(credential.filter(|credential| !credential.value.is_empty()))
}

/// Returns settings by name: a list of keys and values in v2.1, an object in v2.0.
fn settings(block: Option<&Value>) -> BTreeMap<String, String> {
    match block {
        Some(Value::Array(items)) => {
            let pair =
                |item: &Value| Some((item.get("key")?.as_str()?.to_owned(), plain(item.get("value")?)));
            items.iter().filter_map(pair).collect()
        }
        Some(Value::Object(map)) => map.iter().map(|(key, value)| (key.clone(), plain(value))).collect(),
        _ => BTreeMap::new(),
    }
}
