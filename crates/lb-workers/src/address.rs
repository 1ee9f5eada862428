//! Where workers and their leader meet: a NATS server and a name.

use async_nats::ServerAddr;
use lb_core::percent;
use lb_core::secret::mask_passwords;
use std::fmt;
use url::Url;

/// The name if the URL has none.
const DEFAULT_NAME: &str = "default";

/// The longest name.
const LONGEST: usize = 32;

/// A NATS server, and the name under which workers and leader find each other there.
#[derive(Clone)]
pub(crate) struct Address {
    pub(crate) server: ServerAddr,
    pub(crate) name: String,
    /// The URL as it was written, with its password masked.
    shown: String,
}

impl Address {
    /// Reads a URL such as `nats://host:4222` or `tls://user:password@host/NAME`. `flag` is where it was written.
    pub(crate) fn parse(flag: &str, text: &str) -> Result<Self, String> {
        let shown = mask_passwords(text).into_owned();
        let bad = |problem: &str| {
            format!("{flag} `{shown}`: {problem}; write `nats://HOST:4222` or `nats://HOST:4222/NAME`")
        };
        let mut url = Url::parse(text).map_err(|error| bad(&error.to_string()))?;
        if !["nats", "tls"].contains(&url.scheme()) {
            return Err(bad("only `nats://` and `tls://` are supported"));
        }
        let name = match url.path().trim_matches('/') {
            "" => DEFAULT_NAME.to_owned(),
            name => name.to_owned(),
        };
        let is_plain = |one: char| one.is_ascii_alphanumeric() || one == '-' || one == '_';
        if name.len() > LONGEST || !name.chars().all(is_plain) {
            return Err(bad("a name has at most 32 letters, digits, `-` and `_`"));
        }
        url.set_path("");
        let server = ServerAddr::from_url(url).map_err(|error| bad(&error.to_string()))?;
        Ok(Self { server, name, shown })
    }
}

impl Address {
    /// Returns user and password of the URL, as they are sent.
    pub(crate) fn credentials(&self) -> Option<(String, String)> {
        let plain = |text: &str| String::from_utf8_lossy(&percent::decoded(text)).into_owned();
        Some((plain(self.server.username()?), plain(self.server.password().unwrap_or_default())))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_the_server_and_who_works_together() {
        for (url, name) in [
            ("nats://127.0.0.1:4222", "default"),
            ("nats://127.0.0.1:4222/", "default"),
            ("nats://ann:secret@nats.example:4222/night-1", "night-1"),
            ("tls://nats.example/a_b", "a_b"),
        ] {
            let address = Address::parse("--join", url).expect(url);
            assert_eq!(address.name, name, "{url}");
            assert!(!format!("{address} {address:?}").contains("secret"));
        }
    }

    #[test]
    fn a_url_that_cannot_be_used_is_refused_with_advice() {
        for (url, part) in [
            ("http://127.0.0.1", "only `nats://` and `tls://`"),
            ("127.0.0.1", "write `nats://HOST:4222`"),
            ("nats://127.0.0.1/a/b", "at most 32 letters"),
            ("nats://127.0.0.1/a.b", "at most 32 letters"),
        ] {
            let error = Address::parse("--workers", url).expect_err(url);
            assert!(error.contains(part) && error.contains("--workers"), "{url}: {error}");
        }
    }
}
