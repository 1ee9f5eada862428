//! The destination of the load: a load balancer, or backends without one.

use crate::cookies::Site;
use crate::error::LoadError;
use crate::transport::Scheme;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lb_core::percent;
use lb_core::secret::{MASK, Secret, mask_passwords};
use rustls::pki_types::ServerName;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::ops::Range;

/// The address of a load balancer: where to connect, and the prefix of every path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    pub(crate) scheme: Scheme,
    /// The addresses of the host, those of both families in turn.
    pub(crate) addresses: Vec<SocketAddr>,
    /// The host's name or address, without brackets.
    pub(crate) name: String,
    pub(crate) port: u16,
    /// The `host` header: name and port as they were written.
    pub(crate) host: String,
    /// The prefix of every path, without a slash at its end, such as `/proxy`; empty for none.
    pub(crate) prefix: String,
    /// The user and the password in the URL; `None` if it has none.
    pub(crate) credentials: Option<Credentials>,
}

/// The user and the password in a URL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Credentials {
    /// The user as written in the URL.
    user: String,
    /// The value of the `authorization` header.
    pub(crate) authorization: Secret,
}

impl Credentials {
    /// Reads `user:password`, in which special characters are written as in `%40`.
    fn parse(written: &str) -> Self {
        let (user, password) = written.split_once(':').unwrap_or((written, ""));
        let mut plain = percent::decoded(user);
        plain.push(b':');
        plain.extend(percent::decoded(password));
        Self {
            user: user.to_owned(),
            authorization: Secret::new(format!("Basic {}", STANDARD.encode(plain))),
        }
    }
}

impl Target {
    /// Parses a URL such as `http://127.0.0.1:8080/proxy` or `https://user:password@shop.example/`, and looks up
    /// its host once.
    ///
    /// # Errors
    /// When the URL is not an `http` or `https` URL, has a query string, or its host cannot be resolved.
    pub fn parse(url: &str) -> Result<Self, LoadError> {
        let target = Self::read(url)?;
        let found =
            (target.name.as_str(), target.port).to_socket_addrs().map_err(|error| LoadError::Url {
                url: mask_passwords(url).into_owned(),
                problem: format!("host `{}` cannot be resolved: {error}", target.name),
            })?;
        Ok(Self { addresses: in_turn(found), ..target })
    }

    /// Returns the `authorization` header for the user and the password in a URL; `None` if it has none.
    ///
    /// # Errors
    /// When the URL cannot be used.
    pub fn authorization(url: &str) -> Result<Option<Secret>, LoadError> {
        Ok(Self::read(url)?.credentials.map(|known| known.authorization))
    }

    /// Parses a URL without looking up its host.
    pub(crate) fn read(url: &str) -> Result<Self, LoadError> {
        let bad = |problem: &str| LoadError::Url {
            url: mask_passwords(url).into_owned(),
            problem: problem.to_owned(),
        };
        let uri: http::Uri = url.parse().map_err(|error| bad(&format!("{error}")))?;
        let scheme = uri.scheme_str().map_or(Some(Scheme::Http), Scheme::from_name);
        let scheme = scheme.ok_or_else(|| bad("only `http://` and `https://` are supported"))?;
        if uri.query().is_some() {
            return Err(bad("a query string cannot precede the paths of requests; remove it"));
        }
        let authority = uri.authority().ok_or_else(|| bad("it has no host; write `http://host:port`"))?;
        let (credentials, host) = match authority.as_str().rsplit_once('@') {
            Some((written, host)) => (Some(Credentials::parse(written)), host),
            None => (None, authority.as_str()),
        };
        let name = authority.host().trim_start_matches('[').trim_end_matches(']');
        if name.is_empty() {
            return Err(bad("it has no host; write `http://host:port`"));
        }
        if scheme == Scheme::Https && ServerName::try_from(name).is_err() {
            return Err(bad("its host is not a name that a certificate can have"));
        }
        Ok(Self {
            scheme,
            addresses: Vec::new(),
            name: name.to_owned(),
            port: authority.port_u16().unwrap_or(scheme.default_port()),
            host: host.to_owned(),
            prefix: uri.path().trim_end_matches('/').to_owned(),
            credentials,
        })
    }

    /// Creates a plain target at `address`, without a path prefix.
    pub fn at(address: SocketAddr) -> Self {
        Self {
            scheme: Scheme::Http,
            addresses: vec![address],
            name: address.ip().to_string(),
            port: address.port(),
            host: address.to_string(),
            prefix: String::new(),
            credentials: None,
        }
    }

    /// Returns the addresses of the host, those of both families in turn.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Returns what decides about cookies.
    pub(crate) fn site(&self) -> Site {
        let host = match self.host.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => &self.host,
        };
        Site { host: host.to_ascii_lowercase(), secure: self.is_secure() }
    }

    /// Returns the URL of the target, which [`Self::parse`] accepts. A password in it is masked.
    pub fn url(&self) -> String {
        let user = match &self.credentials {
            Some(credentials) => format!("{}:{MASK}@", credentials.user),
            None => String::new(),
        };
        format!("{}://{user}{}{}", self.scheme.name(), self.host, self.prefix)
    }

    /// Returns whether requests are sent over TLS.
    pub fn is_secure(&self) -> bool {
        self.scheme == Scheme::Https
    }

    /// Returns the name that the server's certificate must have.
    pub(crate) fn server_name(&self) -> Option<ServerName<'static>> {
        ServerName::try_from(self.name.clone()).ok()
    }

    /// Returns whether the host is a name, whose addresses may change.
    pub(crate) fn has_name(&self) -> bool {
        self.name.parse::<IpAddr>().is_err()
    }
}

/// Orders addresses so that both families take turns, beginning with that of the first one.
pub(crate) fn in_turn(found: impl IntoIterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let found: Vec<SocketAddr> = found.into_iter().collect();
    let first_family = found.first().is_some_and(SocketAddr::is_ipv6);
    let (mut one, mut other): (Vec<SocketAddr>, Vec<SocketAddr>) =
        found.into_iter().partition(|address| address.is_ipv6() == first_family);
    one.dedup();
    other.dedup();
    let (mut one, mut other) = (one.into_iter(), other.into_iter());
    let mut ordered = Vec::new();
    loop {
        let next = [one.next(), other.next()];
        if next == [None, None] {
            return ordered;
        }
        ordered.extend(next.into_iter().flatten());
    }
}

/// Backends that requests go to directly and in turn. Such a phase is the baseline for the overhead of a load
/// balancer.
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
            ("https://127.0.0.1/shop", "127.0.0.1:443", "127.0.0.1", "/shop"),
            ("https://ann:secret@127.0.0.1:8443/", "127.0.0.1:8443", "127.0.0.1:8443", ""),
        ];
        for (url, address, host, prefix) in cases {
            let target = Target::parse(url).expect(url);
            let address: SocketAddr = address.parse().expect("an address");
            assert_eq!(target.addresses, [address], "{url}");
            assert_eq!((target.host.as_str(), target.prefix.as_str()), (host, prefix), "{url}");
        }
    }

    #[test]
    fn credentials_become_a_header_and_are_never_shown() {
        for (url, plain, shown) in [
            ("https://ann:secret@127.0.0.1/x", "ann:secret", "https://ann:***@127.0.0.1/x"),
            ("http://ann:p%40ss%3Aword%2@127.0.0.1", "ann:p@ss:word%2", "http://ann:***@127.0.0.1"),
            ("http://ann@127.0.0.1", "ann:", "http://ann:***@127.0.0.1"),
        ] {
            let target = Target::parse(url).expect(url);
            let credentials = target.credentials.as_ref().expect("the URL has them");
            let expected = format!("Basic {}", STANDARD.encode(plain));
            assert_eq!(credentials.authorization.reveal(), expected, "{url}");
            assert_eq!(target.url(), shown);
            assert_eq!(target.host, "127.0.0.1", "they are not part of the host");
            let debugged = format!("{target:?}");
            assert!(!debugged.contains("secret") && !debugged.contains(&expected), "{debugged}");
        }
        let error =
            Target::parse("http://ann:secret@127.0.0.1/?a=b").expect_err("it has a query").to_string();
        assert!(error.contains("ann:***@") && !error.contains("secret"), "{error}");
    }

    #[test]
    fn addresses_of_both_families_take_turns() {
        let addresses = |texts: &[&str]| -> Vec<SocketAddr> {
            texts.iter().map(|text| text.parse().expect("an address")).collect()
        };
        let found = addresses(&["[::1]:80", "[::2]:80", "10.0.0.1:80", "[::3]:80", "10.0.0.2:80"]);
        let expected = addresses(&["[::1]:80", "10.0.0.1:80", "[::2]:80", "10.0.0.2:80", "[::3]:80"]);
        assert_eq!(in_turn(found), expected);
        assert_eq!(in_turn(addresses(&["10.0.0.1:80"])), addresses(&["10.0.0.1:80"]));
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
            ("ftp://127.0.0.1", "only `http://` and `https://`"),
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
