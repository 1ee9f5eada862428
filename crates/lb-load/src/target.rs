//! Where the load goes: the load balancer's address, or backends without one.

use crate::error::LoadError;
use crate::transport::Scheme;
use serde::{Deserialize, Serialize};
use std::net::{SocketAddr, ToSocketAddrs};
use std::ops::Range;

/// The entry of the load balancer: the addresses to connect to, and the prefix of every path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The addresses of the host, in the order in which they are tried.
    pub(crate) addresses: Vec<SocketAddr>,
    /// The `host` header: name and port as they were written.
    pub(crate) host: String,
    /// The prefix of every path, without a slash at its end, such as `/proxy`; empty for none.
    pub(crate) prefix: String,
}

impl Target {
    /// Reads a URL such as `http://127.0.0.1:8080/proxy` and looks up its host once.
    ///
    /// # Errors
    /// When it is not a plain `http` URL, has a query string, or its host cannot be resolved.
    pub fn parse(url: &str) -> Result<Self, LoadError> {
        let bad = |problem: &str| LoadError::Url { url: url.to_owned(), problem: problem.to_owned() };
        let uri: http::Uri = url.parse().map_err(|error| bad(&format!("{error}")))?;
        let scheme = uri.scheme_str().map_or(Some(Scheme::Http), Scheme::from_name);
        let scheme = scheme.ok_or_else(|| bad("TLS is not supported; use a plain `http://` listener"))?;
        if uri.query().is_some() {
            return Err(bad("a query string cannot precede the paths of requests; remove it"));
        }
        let authority = uri.authority().ok_or_else(|| bad("it has no host; write `http://host:port`"))?;
        let port = authority.port_u16().unwrap_or(scheme.default_port());
        let name = authority.host().trim_start_matches('[').trim_end_matches(']');
        let addresses = (name, port)
            .to_socket_addrs()
            .map_err(|error| bad(&format!("host `{name}` cannot be resolved: {error}")))?
            .collect();
        Ok(Self {
            addresses,
            host: authority.as_str().to_owned(),
            prefix: uri.path().trim_end_matches('/').to_owned(),
        })
    }

    /// The target at `address`, without a path prefix.
    pub fn at(address: SocketAddr) -> Self {
        Self { addresses: vec![address], host: address.to_string(), prefix: String::new() }
    }

    /// The URL of the target, which [`Self::parse`] reads.
    pub fn url(&self) -> String {
        format!("{}://{}{}", Scheme::Http.name(), self.host, self.prefix)
    }
}

/// Backends that requests go to directly and in turn. What a load balancer costs is measured against such a
/// phase without one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Direct {
    /// The addresses of all backends, pool after pool.
    pub backends: Vec<SocketAddr>,
    /// The backends that answer each step of the workload, by step.
    pub by_step: Vec<Range<usize>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_gives_address_host_and_prefix() {
        let cases = [
            ("http://127.0.0.1:8080/proxy", "127.0.0.1:8080", "127.0.0.1:8080", "/proxy"),
            ("http://127.0.0.1:8080/", "127.0.0.1:8080", "127.0.0.1:8080", ""),
            ("http://127.0.0.1/a/b/", "127.0.0.1:80", "127.0.0.1", "/a/b"),
            ("http://[::1]:9000", "[::1]:9000", "[::1]:9000", ""),
        ];
        for (url, address, host, prefix) in cases {
            let target = Target::parse(url).expect(url);
            let address: SocketAddr = address.parse().expect("an address");
            assert_eq!(target.addresses, [address], "{url}");
            assert_eq!((target.host.as_str(), target.prefix.as_str()), (host, prefix), "{url}");
        }
    }

    #[test]
    fn an_address_is_a_target_without_a_prefix() {
        for text in ["127.0.0.1:8080", "[::1]:9000"] {
            let target = Target::at(text.parse().expect("an address"));
            assert_eq!(Target::parse(&target.url()).expect(text), target, "its URL leads back to it");
        }
    }

    #[test]
    fn a_url_that_cannot_be_used_is_refused_with_advice() {
        let cases = [
            ("https://127.0.0.1", "TLS is not supported"),
            ("/proxy", "it has no host"),
            ("http://127.0.0.1/?a=b", "a query string cannot precede"),
            ("http://", "http://"),
        ];
        for (url, expected) in cases {
            let error = Target::parse(url).expect_err(url).to_string();
            assert!(error.contains(expected), "{url}: `{error}` should say `{expected}`");
        }
    }
}
