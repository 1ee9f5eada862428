//! Bodies of Postman requests.

use super::variables::plain;
use super::walk::enabled;
use crate::request::{Body, FORM};
use serde_json::{Value, json};

/// What separates the parts of a form that is sent as `multipart/form-data`.
const BOUNDARY: &str = "----bench-boundary-7f3a9c";

/// A body, and the headers that it needs.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Made {
    pub(super) body: Body,
    pub(super) headers: Vec<(String, String)>,
}

/// Returns the body of a request, not resolved yet, or the reason why it cannot be imported.
pub(super) fn body_of(request: &Value) -> Result<Made, &'static str> {
    let Some(body) = request.get("body").filter(|body| body.is_object()) else { return Ok(Made::default()) };
    if body.get("disabled").and_then(Value::as_bool).unwrap_or(false) {
        return Ok(Made::default());
    }
    let typed =
        |kind: &str, body| Ok(Made { body, headers: vec![("Content-Type".to_owned(), kind.to_owned())] });
    let own_type = enabled(request.get("header")).any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    match body.get("mode").and_then(Value::as_str) {
        None => Ok(Made::default()),
        Some("raw") => {
            let text = body.get("raw").map(plain).unwrap_or_default();
            if text.trim().is_empty() {
                return Ok(Made::default());
            }
            let language = body.pointer("/options/raw/language").and_then(Value::as_str);
            let looks_like_json = text.trim_start().starts_with(['{', '[']);
            let kind = match language {
                Some("json") => "application/json",
                Some("xml") => "application/xml",
                Some("html") => "text/html",
                Some("javascript") => "application/javascript",
                None if looks_like_json => "application/json",
                _ => "text/plain",
            };
            match own_type {
                true => Ok(Made { body: Body::Text(text), headers: Vec::new() }),
                false => typed(kind, Body::Text(text)),
            }
        }
        Some("urlencoded") => {
            let fields = enabled(body.get("urlencoded")).collect();
            Ok(Made { body: Body::Form(fields), headers: vec![("Content-Type".to_owned(), FORM.to_owned())] })
        }
        Some("formdata") => {
            let items = body.get("formdata").and_then(Value::as_array).into_iter().flatten();
            let has_file = items.clone().any(|item| item.get("type").and_then(Value::as_str) == Some("file"));
            if has_file {
                return Err("requests that upload files, which are not in the collection");
            }
            let mut text = String::new();
            for (name, value) in enabled(body.get("formdata")) {
                text.push_str(&format!(
                    "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{}\"\r\n\r\n{value}\r\n",
                    name.replace('"', "%22")
                ));
            }
            text.push_str(&format!("--{BOUNDARY}--\r\n"));
            typed(&format!("multipart/form-data; boundary={BOUNDARY}"), Body::Text(text))
        }
        Some("graphql") => {
            let query = body.pointer("/graphql/query").map(plain).unwrap_or_default();
            let variables = body.pointer("/graphql/variables").map(plain).unwrap_or_default();
            let variables: Value = serde_json::from_str(&variables).unwrap_or_else(|_| json!({}));
            let text = json!({ "query": query, "variables": variables }).to_string();
            typed("application/json", Body::Text(text))
        }
        Some("file") => Err("requests that send a file, which is not in the collection"),
        Some(_) => Err("requests with a kind of body that is not imported"),
    }
}
