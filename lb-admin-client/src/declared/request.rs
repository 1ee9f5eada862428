//! Sends the request of a step, within a time limit, and never twice.

use super::spec::Call;
use super::template::{Values, fill, fill_json};
use crate::error::AdminError;
use crate::http::unreachable;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Client, Method, Url};
use serde_json::Value;
use std::time::Duration;

/// The longest answer that is read.
const LONGEST: usize = 8 << 20;

/// The answer to a request.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

/// A client that keeps no connection, follows no redirect and repeats nothing.
pub(super) fn client() -> Result<Client, AdminError> {
    let builder = Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .pool_max_idle_per_host(0);
    builder
        .build()
        .map_err(|error| AdminError::BadAddress { url: "the steps".to_owned(), reason: error.to_string() })
}

/// Returns the method of a call.
pub(super) fn method(call: &Call) -> &str {
    call.method.as_deref().unwrap_or("GET")
}

/// Checks an address. Errors say what to write instead.
pub(super) fn check_url(text: &str) -> Result<(), String> {
    let url = Url::parse(text).map_err(|error| format!("is not a URL ({error})"))?;
    if url.scheme() != "http" {
        return Err("must begin with `http://`".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not contain a user or a password; send a header such as \
            `\"Authorization\": \"Bearer {env:TOKEN}\"`"
            .to_owned());
    }
    Ok(())
}

/// Sends a call with its placeholders filled in. Neither its headers nor its body are logged: they may be
/// secret.
pub(super) async fn send(
    client: &Client,
    call: &Call,
    values: &Values,
    limit: Duration,
) -> Result<Answer, AdminError> {
    let url = fill(&call.url, values);
    let bad = |reason: String| AdminError::BadAddress { url: url.clone(), reason };
    check_url(&url).map_err(bad)?;
    let method = Method::from_bytes(method(call).as_bytes()).map_err(|error| bad(error.to_string()))?;
    let mut request = client.request(method, &url).timeout(limit).headers(headers(call, values)?);
    request = match &call.body {
        None => request,
        Some(Value::String(text)) => request.body(fill(text, values)),
        Some(json)
            if call.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(CONTENT_TYPE.as_str())) =>
        {
            request.body(fill_json(json, values).to_string())
        }
        Some(json) => request.json(&fill_json(json, values)),
    };
    let mut reply = request.send().await.map_err(|error| unreachable(&url, &error))?;
    let status = reply.status().as_u16();
    let mut body = Vec::new();
    while let Some(part) = reply.chunk().await.map_err(|error| unreachable(&url, &error))? {
        body.extend_from_slice(&part);
        if body.len() > LONGEST {
            return Err(AdminError::Unreachable {
                url,
                reason: format!("its answer is longer than {} MiB", LONGEST >> 20),
            });
        }
    }
    Ok(Answer { status, body })
}

fn headers(call: &Call, values: &Values) -> Result<HeaderMap, AdminError> {
    let mut headers = HeaderMap::new();
    for (name, value) in call.headers.iter() {
        let bad = || AdminError::BadValue {
            what: "send a request",
            reason: format!("`{name}` and its value are not a header"),
        };
        let name = name.parse::<reqwest::header::HeaderName>().map_err(|_| bad())?;
        let mut value = fill(value, values).parse::<reqwest::header::HeaderValue>().map_err(|_| bad())?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_called_is_refused_with_the_way_out() {
        assert_eq!(check_url("http://127.0.0.1:5555/v3/version?a=b"), Ok(()));
        for (url, reason) in [
            ("127.0.0.1:5555", "is not a URL"),
            ("https://host/", "must begin with `http://`"),
            ("http://admin:secret@host/", "{env:TOKEN}"),
        ] {
            let message = check_url(url).expect_err(url);
            assert!(message.contains(reason), "{url}: {message}");
        }
    }
}
