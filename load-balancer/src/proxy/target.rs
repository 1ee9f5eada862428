//! How the path of a request names the service and what is asked of it.

use http::uri::PathAndQuery;

/// Path below which requests are forwarded.
pub(crate) const PREFIX: &str = "/proxy/";

/// Where a request goes: `/proxy/{service}{rest}?{query}`.
pub(super) struct Target<'a> {
    pub(super) service: &'a str,
    /// Path and query at the backend, with its slash unless empty or query only.
    pub(super) rest: &'a str,
}

impl<'a> Target<'a> {
    pub(super) fn of(uri: &'a PathAndQuery) -> Self {
        let below = &uri.as_str()[PREFIX.len()..];
        let end = below.find(['/', '?']).unwrap_or(below.len());
        let (service, rest) = below.split_at(end);
        Self { service, rest }
    }
}
