//! Addresses of HTTP servers: parsing and validation.

use crate::error::AdminError;
use lb_core::secret::mask_passwords;
use reqwest::Url;
use std::fmt;
use std::net::IpAddr;

/// Scheme, host and port of an address. Written as `http://host:port`; never with a user or a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    secure: bool,
    host: String,
    port: u16,
    path: String,
}

impl Origin {
    /// Reads an address such as `http://127.0.0.1:8080/proxy`.
    ///
    /// # Errors
    /// When it is not an address of an HTTP server, or has a query or a fragment.
    pub fn parse(url: &str) -> Result<Self, AdminError> {
        let bad = |reason: String| AdminError::BadAddress { url: mask_passwords(url).into_owned(), reason };
        let parsed = Url::parse(url).map_err(|error| bad(error.to_string()))?;
        if !["http", "https"].contains(&parsed.scheme()) {
            return Err(bad(format!("scheme `{}` is not supported; use `http` or `https`", parsed.scheme())));
        }
        if parsed.query().is_some() || parsed.fragment().is_some() {
            return Err(bad("a base address has neither query nor fragment".to_owned()));
        }
        Ok(Self {
            secure: parsed.scheme() == "https",
            // An address with one of these schemes always has a host and a default port.
            host: parsed.host_str().unwrap_or_default().to_owned(),
            port: parsed.port_or_known_default().unwrap_or(80),
            path: parsed.path().to_owned(),
        })
    }

    /// Returns the host's name or address; that of IPv6 has no brackets.
    pub fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// Returns the port; 80 or 443 if the address has none.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the path, which is at least `/`.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Returns whether the server speaks TLS.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Returns whether the host is a loopback name or address.
    pub fn is_loopback(&self) -> bool {
        let host = self.host();
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", if self.secure { "https" } else { "http" }, self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_an_origin_and_may_be_of_this_machine() {
        for (url, origin, host, loopback) in [
            ("http://localhost:8080/proxy", "http://localhost:8080", "localhost", true),
            ("http://127.0.0.2/", "http://127.0.0.2:80", "127.0.0.2", true),
            ("http://[::1]:9000", "http://[::1]:9000", "::1", true),
            ("https://ann:secret@shop.example/x", "https://shop.example:443", "shop.example", false),
            ("http://lb.example:8080/proxy/", "http://lb.example:8080", "lb.example", false),
        ] {
            let parsed = Origin::parse(url).expect("a good address");
            assert_eq!((parsed.to_string().as_str(), parsed.host()), (origin, host), "{url}");
            assert_eq!(parsed.is_loopback(), loopback, "{url}");
        }
    }

    #[test]
    fn what_cannot_be_called_is_refused_with_the_reason() {
        for (url, reason) in [
            ("localhost:8080", "use `http`"),
            ("ftp://localhost", "use `http`"),
            ("http://host/?a=b", "neither query nor fragment"),
            ("/proxy", "relative URL without a base"),
            ("http://", "empty host"),
        ] {
            let message = Origin::parse(url).expect_err(url).to_string();
            assert!(message.contains(reason), "{url}: {message}");
        }
    }
}
