//! One reading of a target over HTTP, bounded in time and bytes.

use super::endpoint::{Endpoint, Take};
use reqwest::{Client, Response};
use std::error::Error;
use std::time::Duration;

/// The longest page in bytes. Pages of exporters have some tens of thousands.
const LONGEST_PAGE: usize = 4 << 20;

/// The formats that are read, the preferred one first.
const FORMATS: &str = "text/plain;version=0.0.4, application/openmetrics-text;version=1.0.0;q=0.8, */*;q=0.1";

/// Why a reading failed. The text is the end of a sentence about readings, and the same for the same cause.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    /// It took too long.
    #[error("did not end within {} ms", .0.as_millis())]
    Slow(Duration),
    /// There was no whole answer.
    #[error("got no answer: {0}")]
    Away(String),
    /// The answer is not a page.
    #[error("were answered with status {0}")]
    Status(u16),
    /// The page is too long.
    #[error("were longer than {} MiB, which is the most that is read", LONGEST_PAGE >> 20)]
    Long,
    /// The page is compressed although that was not asked for.
    #[error("were compressed, which was not asked for")]
    Packed,
}

/// Reads targets.
#[derive(Clone, Debug)]
pub(super) struct Fetcher {
    client: Client,
    limit: Duration,
}

impl Fetcher {
    /// Makes a client in which each reading takes at most `limit`.
    pub(super) fn new(limit: Duration) -> Self {
        // Only a broken TLS set-up can make the builder fail, and there is no TLS here.
        let client = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(limit)
            .pool_max_idle_per_host(1)
            .build()
            .unwrap_or_default();
        Self { client, limit }
    }

    /// Reads a target once.
    pub(super) async fn fetch(&self, endpoint: &Endpoint) -> Result<String, FetchError> {
        let mut request = self.client.get(endpoint.page.url.reveal()).header("accept", FORMATS);
        if let Take::Query(query) = &endpoint.take {
            request = request.query(&[("query", query)]);
        }
        if let Some(token) = &endpoint.page.token {
            request = request.bearer_auth(token.reveal());
        }
        let answer = request.send().await.map_err(|error| self.explain(&error))?;
        let status = answer.status();
        // Prometheus explains a query that it refuses in the body.
        let is_explained = matches!(endpoint.take, Take::Query(_)) && status.is_client_error();
        if !status.is_success() && !is_explained {
            return Err(FetchError::Status(status.as_u16()));
        }
        if answer.headers().get("content-encoding").is_some_and(|encoding| encoding != "identity") {
            return Err(FetchError::Packed);
        }
        self.body(answer).await
    }

    async fn body(&self, mut answer: Response) -> Result<String, FetchError> {
        let mut bytes = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(|error| self.explain(&error))? {
            if bytes.len() + piece.len() > LONGEST_PAGE {
                return Err(FetchError::Long);
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    fn explain(&self, error: &reqwest::Error) -> FetchError {
        if error.is_timeout() {
            return FetchError::Slow(self.limit);
        }
        let mut cause: &dyn Error = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        FetchError::Away(cause.to_string())
    }
}
