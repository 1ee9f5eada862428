//! Calls to an admin API: one connection each, bounded in time.
//!
//! A call that changes something is never repeated, because a call without an answer may have taken effect. A
//! call that only reads is: Caddy, for one, restarts the listener of its admin API whenever its configuration changes,
//! and resets what is being accepted at that moment.

use crate::error::AdminError;
use crate::origin::Origin;
use lb_core::plain;
use lb_core::secret::mask_passwords;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde::de::DeserializeOwned;
use std::error::Error;
use std::fmt;
use std::time::Duration;

/// The number of characters of an unexpected answer that an error quotes.
const QUOTED: usize = 200;

/// The number of times that a call which only reads is made before it counts as failed.
const READS: u32 = 3;
/// The pause before such a call is made again.
const PAUSE: Duration = Duration::from_millis(100);

/// The base address of an admin API, and how to call it.
#[derive(Clone)]
pub(crate) struct Http {
    client: Client,
    base: String,
    token: Option<String>,
}

/// Omits the token.
impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("base", &self.base).finish_non_exhaustive()
    }
}

/// A single request to an admin API.
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    pub(crate) path: &'a str,
    pub(crate) query: &'a [(&'a str, &'a str)],
    pub(crate) body: Option<serde_json::Value>,
    /// The longest time that it may take; `None` for the usual limit.
    pub(crate) limit: Option<Duration>,
}

impl<'a> Call<'a> {
    pub(crate) fn get(path: &'a str) -> Self {
        Self { method: Method::GET, path, query: &[], body: None, limit: None }
    }

    pub(crate) fn post(path: &'a str, query: &'a [(&'a str, &'a str)]) -> Self {
        Self { method: Method::POST, path, query, body: None, limit: None }
    }
}

/// The answer to a call.
pub(crate) struct Reply {
    pub(crate) url: String,
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Http {
    /// Creates a client for the API at `base`, with a limit of `limit` for each call.
    pub(crate) fn new(base: &str, token: Option<&str>, limit: Duration) -> Result<Self, AdminError> {
        if Origin::parse(base)?.is_secure() {
            return Err(AdminError::BadAddress {
                url: mask_passwords(base).into_owned(),
                reason: "admin APIs are called over plain HTTP; name an `http://` address".to_owned(),
            });
        }
        let client = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            // Reusing a connection that the server closed while it was idle would make a switch ambiguous.
            .pool_max_idle_per_host(0)
            .timeout(limit)
            .build()
            .map_err(|error| AdminError::BadAddress { url: base.to_owned(), reason: error.to_string() })?;
        Ok(Self { client, base: base.trim_end_matches('/').to_owned(), token: token.map(str::to_owned) })
    }

    /// Returns the base address, without a slash at its end.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Makes one call. The caller handles every status except 401 and 403, which are errors.
    pub(crate) async fn call(&self, call: Call<'_>) -> Result<Reply, AdminError> {
        let url = format!("{}{}", self.base, call.path);
        let is_read = call.method == Method::GET;
        let mut request = self.client.request(call.method, &url);
        if !call.query.is_empty() {
            request = request.query(call.query);
        }
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        if let Some(limit) = call.limit {
            request = request.timeout(limit);
        }
        let reads = if is_read { READS } else { 1 };
        let reply = send(request, reads).await.map_err(|error| unreachable(&url, &error))?;
        let status = reply.status().as_u16();
        let url = reply.url().to_string();
        tracing::debug!(url, status, "admin call");
        let body = reply.text().await.map_err(|error| unreachable(&url, &error))?;
        if status == 401 || status == 403 {
            return Err(AdminError::Unauthorized { said: quoted(&body), url, status });
        }
        Ok(Reply { url, status, body })
    }
}

/// Sends a request, up to `times` times if the connection cannot be opened or is reset before there is an answer.
async fn send(request: RequestBuilder, times: u32) -> reqwest::Result<Response> {
    for _ in 1..times {
        let Some(copy) = request.try_clone() else { break };
        match copy.send().await {
            Err(error) if !error.is_timeout() => tokio::time::sleep(PAUSE).await,
            answer => return answer,
        }
    }
    request.send().await
}

impl Reply {
    /// Parses the body as `T`. Fails unless the status is 200.
    pub(crate) fn json<T: DeserializeOwned>(&self, expected: &'static str) -> Result<T, AdminError> {
        if self.status != 200 {
            return Err(self.unexpected(expected, None));
        }
        serde_json::from_str(&self.body).map_err(|error| self.unexpected(expected, Some(error.to_string())))
    }

    /// Returns the error for an answer that is not part of the protocol.
    pub(crate) fn unexpected(&self, expected: &'static str, fault: Option<String>) -> AdminError {
        let quoted = quoted(&self.body);
        let fault = fault.map(|fault| format!(" ({fault})")).unwrap_or_default();
        AdminError::Unexpected {
            url: self.url.clone(),
            status: self.status,
            expected,
            said: format!("{quoted}{fault}"),
        }
    }
}

/// Returns the beginning of an answer, for an error.
fn quoted(body: &str) -> String {
    plain::line(&body.trim().chars().take(QUOTED).collect::<String>()).into_owned()
}

/// Returns the error for a call without an answer, with its innermost cause.
pub(crate) fn unreachable(url: &str, error: &reqwest::Error) -> AdminError {
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let reason = if error.is_timeout() { "it did not answer in time".to_owned() } else { cause.to_string() };
    AdminError::Unreachable { url: mask_passwords(url).into_owned(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    /// Resets the first connection and answers the second.
    async fn restart(listener: TcpListener) {
        let (first, _) = listener.accept().await.expect("a connection");
        first.set_zero_linger().expect("a socket that can be reset");
        drop(first);
        let (mut second, _) = listener.accept().await.expect("a connection");
        let mut head = [0; 1024];
        let read = second.read(&mut head).await.expect("a request");
        assert!(head[..read].starts_with(b"GET /config/ "));
        second.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await.expect("the client reads");
    }

    #[tokio::test]
    async fn a_reset_repeats_what_only_reads_and_nothing_else() {
        for (method, answered) in [(Method::GET, true), (Method::POST, false)] {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let base = format!("http://{}", listener.local_addr().expect("an address"));
            let http = Http::new(&base, None, Duration::from_secs(30)).expect("an address");
            let server = tokio::spawn(restart(listener));
            let reply = http.call(Call { method: method.clone(), ..Call::get("/config/") }).await;
            server.abort();
            assert_eq!(reply.is_ok(), answered, "{method}: {:?}", reply.err());
        }
    }
}
