//! Hosts as they stand in `Host` and `Origin`, and in the list of those that are allowed.

use http::uri::Authority;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// The reason why an entry of the list of allowed hosts cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "`{option}` has `{entry}`, which is not a host; use a name or an address, with or without a port, such as \
     `admin.example:9901` or `[fd00::1]`"
)]
pub struct HostError {
    pub(crate) option: &'static str,
    pub(crate) entry: String,
}

/// A host, with the port if one is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    /// Lower case, without the dot of a fully qualified name, and without brackets.
    name: String,
    port: Option<u16>,
}

impl Host {
    /// Parses `host` or `host:port`; `None` for anything else, such as a URL or credentials.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let authority: Authority = text.parse().ok()?;
        if text.contains('@') {
            return None;
        }
        let name = authority.host();
        let rest = &text[name.len()..];
        let port = match rest.strip_prefix(':') {
            None if rest.is_empty() => None,
            // `http` accepts `host:` and ports that do not exist.
            Some(digits) => Some(digits.parse().ok()?),
            None => return None,
        };
        let name = match name.strip_prefix('[') {
            Some(inner) => inner.strip_suffix(']')?.parse::<Ipv6Addr>().ok()?.to_string(),
            None => name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase(),
        };
        (!name.is_empty()).then_some(Self { name, port })
    }

    /// Returns the address if this is one and not a name.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.name.parse().ok().map(|address: IpAddr| address.to_canonical())
    }

    /// Returns whether this can only mean the machine itself.
    pub(crate) fn is_loopback(&self) -> bool {
        self.name == "localhost" || self.address().is_some_and(|address| address.is_loopback())
    }

    /// Returns whether this entry of the list of allowed hosts covers `other`: without a port, it does so with
    /// any.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        self.name == other.name && (self.port.is_none() || self.port == other.port)
    }

    /// Fills in the port that a scheme implies.
    pub(crate) fn with_port_of(self, scheme: &str) -> Self {
        let implied = if scheme == "https" { 443 } else { 80 };
        Self { port: self.port.or(Some(implied)), ..self }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.contains(':') { write!(f, "[{}]", self.name) } else { f.write_str(&self.name) }?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_or_addresses_with_or_without_a_port() {
        for (text, written, loopback) in [
            ("localhost", "localhost", true),
            ("LOCALHOST.:80", "localhost:80", true),
            ("127.0.0.1:8080", "127.0.0.1:8080", true),
            ("127.9.9.9", "127.9.9.9", true),
            ("[::1]:9901", "[::1]:9901", true),
            ("[0:0:0:0:0:0:0:1]", "[::1]", true),
            ("[::ffff:127.0.0.1]", "[::ffff:127.0.0.1]", true),
            ("10.0.0.5", "10.0.0.5", false),
            ("evil.example:8080", "evil.example:8080", false),
            ("localhost.evil.example", "localhost.evil.example", false),
            ("127.0.0.1.evil.example", "127.0.0.1.evil.example", false),
        ] {
            let host = Host::parse(text).unwrap_or_else(|| panic!("{text} is a host"));
            assert_eq!((host.to_string().as_str(), host.is_loopback()), (written, loopback), "{text}");
        }
        for text in
            ["", ":80", "a b", "http://a", "a/b", "me@localhost", "localhost:", "localhost:99999", "[::1"]
        {
            assert_eq!(Host::parse(text), None, "`{text}` is not a host");
        }
    }

    #[test]
    fn an_entry_without_a_port_covers_all_ports() {
        let host = |text| Host::parse(text).expect("a host");
        assert!(host("a.example").covers(&host("A.example:81")));
        assert!(host("a.example:81").covers(&host("a.example:81")));
        assert!(!host("a.example:81").covers(&host("a.example:82")));
        assert!(!host("a.example").covers(&host("b.a.example")), "a name does not cover those below it");
    }
}
