//! Where the load goes.

use crate::error::LoadError;
use crate::transport::Scheme;
use serde::{Deserialize, Serialize};
use std::net::{SocketAddr, ToSocketAddrs};
use std::ops::Range;

/// The load balancer's entry: where to connect, and what comes before every path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Addresses to try, in order.
    pub(crate) addresses: Vec<SocketAddr>,
    /// The `host` header: name and port as they were written.
    pub(crate) host: String,
    /// Path prefix without a slash at its end, such as `/proxy`.
    pub(crate) prefix: String,
}

impl Target {
    /// Reads a URL such as `http://127.0.0.1:8080/proxy` and looks up its host once.
    ///
    /// # Errors
    /// When it is no plain `http` URL or the host has no address.
    pub fn parse(url: &str) -> Result<Self, LoadError> {
        let bad = |problem: &str| LoadError::Url { url: url.to_owned(), problem: problem.to_owned() };
        let uri: http::Uri = url.parse().map_err(|error| bad(&format!("{error}")))?;
        let scheme = uri.scheme_str().map_or(Some(Scheme::Http), Scheme::from_name);
        let scheme = scheme.ok_or_else(|| bad("only http is spoken; take a listener without TLS"))?;
        if uri.query().is_some() {
            return Err(bad("a query cannot come before a path; leave it out"));
        }
        let authority = uri.authority().ok_or_else(|| bad("names no host; write http://host:port"))?;
        let port = authority.port_u16().unwrap_or(scheme.default_port());
        let name = authority.host().trim_start_matches('[').trim_end_matches(']');
        let addresses = (name, port)
            .to_socket_addrs()
            .map_err(|error| bad(&format!("host `{name}` has no address: {error}")))?
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

    /// The URL as [`Self::parse`] takes it.
    pub fn url(&self) -> String {
        format!("{}://{}{}", Scheme::Http.name(), self.host, self.prefix)
    }
}

/// Backends that requests go to straight and in turn, without a load balancer: what the way through one
/// costs is measured against this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Direct {
    /// All backends, pool after pool.
    pub backends: Vec<SocketAddr>,
    /// By step of the workload: the backends that answer it.
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
    fn a_url_that_cannot_be_served_is_refused_with_the_way_out() {
        let cases = [
            ("https://127.0.0.1", "only http is spoken"),
            ("/proxy", "names no host"),
            ("http://127.0.0.1/?a=b", "a query cannot come before a path"),
            ("http://", "http://"),
        ];
        for (url, expected) in cases {
            let error = Target::parse(url).expect_err(url).to_string();
            assert!(error.contains(expected), "{url}: `{error}` should say `{expected}`");
        }
    }
}
