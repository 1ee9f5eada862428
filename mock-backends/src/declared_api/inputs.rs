//! What expressions see of a request: the parts that a route names are read, and no others.

use super::template::{Names, Variables};
use crate::cookies;
use crate::uri::decode;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use minijinja::Value;
use std::collections::BTreeMap;

/// The variables that requests give, as documentation and messages list them.
pub(super) const INPUTS: [&str; 9] =
    ["path", "query", "form", "body", "cookies", "headers", "method", "session", "backend"];

/// A request as the API sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Incoming<'a> {
    pub(crate) method: &'a str,
    /// Path as it was sent, without the query.
    pub(crate) path: &'a str,
    /// The service that the load balancer names in a header.
    pub(crate) service: Option<&'a str>,
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
    /// Id of the backend that answers.
    pub(crate) backend: &'a str,
    /// Number of the backend.
    pub(crate) unit: usize,
}

/// Which parts of a request a route reads.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reads {
    query: bool,
    form: bool,
    body: bool,
    cookies: bool,
    headers: bool,
}

impl Reads {
    /// Returns what the variables in `names` need.
    pub(super) fn of(names: &Names) -> Self {
        let reads = |name: &str| names.contains(name);
        Self {
            query: reads("query"),
            form: reads("form"),
            body: reads("body"),
            cookies: reads("cookies"),
            headers: reads("headers"),
        }
    }
}

/// Sets the variables of a request, except for the session.
pub(super) fn read(request: &Incoming<'_>, reads: Reads, arguments: &[(&str, String)], into: &Variables) {
    let arguments: BTreeMap<&str, &str> =
        arguments.iter().map(|(name, value)| (*name, value.as_str())).collect();
    into.set("path", Value::from_serialize(&arguments));
    into.set("method", request.method.into());
    into.set("backend", request.backend.into());
    if reads.query {
        into.set("query", pairs(request.query));
    }
    if reads.form && is_form(request.headers) {
        into.set("form", pairs(std::str::from_utf8(request.body).unwrap_or_default()));
    }
    if reads.body
        && !is_form(request.headers)
        && let Ok(body) = serde_json::from_slice::<serde_json::Value>(request.body)
    {
        into.set("body", Value::from_serialize(&body));
    }
    if reads.cookies {
        let sent = cookies::sent(request.headers);
        into.set("cookies", Value::from_serialize(cookies::pairs(&sent).collect::<BTreeMap<_, _>>()));
    }
    if reads.headers {
        let texts =
            request.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        into.set("headers", Value::from_serialize(texts.collect::<BTreeMap<_, _>>()));
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded")
}

/// Returns the decoded parameters of a query or a form. Of several with the same name, the first counts.
fn pairs(text: &str) -> Value {
    let decoded = |text: &str| decode(&text.replace('+', " ")).into_owned();
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        all.entry(decoded(name)).or_insert_with(|| decoded(value));
    }
    Value::from_serialize(&all)
}

#[cfg(test)]
mod tests {
    use super::super::template::Formula;
    use super::*;
    use http::HeaderValue;
    use std::sync::Arc;

    fn value(request: &Incoming<'_>, expression: &str) -> String {
        let names = INPUTS.iter().map(|name| (*name).to_owned()).collect();
        let variables = Arc::new(Variables::default());
        read(request, Reads::of(&names), &[("id", "7".to_owned())], &variables);
        let formula = Formula::new(expression).expect("it compiles");
        formula.text(&variables.context()).expect("it has a value")
    }

    fn request<'a>(headers: &'a HeaderMap, body: &'a [u8]) -> Incoming<'a> {
        Incoming {
            method: "POST",
            path: "/users/7",
            service: None,
            query: "q=caf%C3%A9+au&q=other&flag",
            headers,
            body,
            backend: "b1",
            unit: 0,
        }
    }

    #[test]
    fn expressions_see_all_parts_of_a_request() {
        let mut headers = HeaderMap::new();
        headers.insert("x-tenant", HeaderValue::from_static("t1"));
        headers.append("cookie", HeaderValue::from_static("a=1; b=2"));
        headers.append("cookie", HeaderValue::from_static("c=3"));
        let request = request(&headers, br#"{"user": {"name": "Ada"}}"#);
        for (expression, expected) in [
            ("path.id", "7"),
            ("query.q", "café au"),
            ("query.flag ~ '!'", "!"),
            ("headers['x-tenant']", "t1"),
            ("cookies.a ~ cookies.c", "13"),
            ("body.user.name", "Ada"),
            ("body.other.name", ""),
            ("form.name", ""),
            ("method ~ ' ' ~ backend", "POST b1"),
        ] {
            assert_eq!(value(&request, expression), expected, "{expression}");
        }
    }

    #[test]
    fn a_body_is_a_form_or_json_by_its_type() {
        let mut headers = HeaderMap::new();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded; charset=utf-8"),
        );
        let form = request(&headers, b"name=Ada+L&n=1");
        assert_eq!((value(&form, "form.name").as_str(), value(&form, "body.name").as_str()), ("Ada L", ""));
        let none = HeaderMap::new();
        for body in ["", "no json", "\u{1}"] {
            assert_eq!(value(&request(&none, body.as_bytes()), "body.name"), "", "{body} has no fields");
        }
    }
}
