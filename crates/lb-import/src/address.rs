//! Splits addresses into origin, path and query, and percent-encoding.

use std::fmt::Write;

/// An address in its parts, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// Scheme in lower case; empty if the address has none.
    pub(crate) scheme: String,
    /// Host and port in lower case, without a user; empty if the address has none.
    pub(crate) host: String,
    /// The path, which begins with `/`.
    pub(crate) path: String,
    /// The query without the `?`; `None` if there is none.
    pub(crate) query: Option<String>,
}

impl Address {
    /// Splits an address or a path. Fragments are left out.
    pub(crate) fn parse(text: &str) -> Self {
        let text = text.trim().split('#').next().unwrap_or_default();
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest))
                if !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphanumeric()) =>
            {
                (scheme.to_ascii_lowercase(), rest)
            }
            _ => (String::new(), text),
        };
        let (host, rest) = match scheme.is_empty() {
            true => ("", rest),
            false => rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len())),
        };
        let host = host.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
        let host = match (scheme.as_str(), host.strip_suffix(":80"), host.strip_suffix(":443")) {
            ("http", Some(plain), _) | ("https", _, Some(plain)) => plain.to_owned(),
            _ => host,
        };
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (rest, None),
        };
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Self { scheme, host, path, query }
    }

    /// Returns scheme and host, such as `https://shop.example`; `None` without them.
    pub(crate) fn origin(&self) -> Option<String> {
        (!self.host.is_empty()).then(|| format!("{}://{}", self.scheme, self.host))
    }
}

/// Splits a query or a form into names and values, as written.
pub(crate) fn pairs(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    text.split('&').filter(|pair| !pair.is_empty()).map(|pair| match pair.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (pair, None),
    })
}

/// Decodes percent-encoding, and `+` as a space in a query. What is not valid stays as it is.
pub(crate) fn decode(text: &str, plus: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        match (bytes[at], hex(at + 1), hex(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 2;
            }
            (b'+', ..) if plus => out.push(b' '),
            (byte, ..) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

/// Encodes a value as part of a path or a query.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Encodes the characters of a recorded path or query that cannot be sent, and leaves the others.
pub(crate) fn clean(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && !b"\"<>\\^`{|}#".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_split_into_its_parts() {
        let parts = |text: &str| {
            let Address { scheme, host, path, query } = Address::parse(text);
            (scheme, host, path, query)
        };
        let of = |scheme: &str, host: &str, path: &str, query: Option<&str>| {
            (scheme.to_owned(), host.to_owned(), path.to_owned(), query.map(str::to_owned))
        };
        for (text, expected) in [
            ("https://Shop.example:443/a/b?x=1#top", of("https", "shop.example", "/a/b", Some("x=1"))),
            ("http://ann:pw@h:8080", of("http", "h:8080", "/", None)),
            ("http://h?x", of("http", "h", "/", Some("x"))),
            ("/go?to=http://other/", of("", "", "/go", Some("to=http://other/"))),
            ("a", of("", "", "/a", None)),
        ] {
            assert_eq!(parts(text), expected, "{text}");
        }
    }

    #[test]
    fn values_are_decoded_and_encoded() {
        assert_eq!(decode("a%20b+c%zz%C3%A9", true), "a b c%zzé");
        assert_eq!(decode("a+b", false), "a+b");
        assert_eq!(decode("%ff", false), "%ff", "what is not text stays as it is");
        assert_eq!(encode("a b/é"), "a%20b%2F%C3%A9");
        assert_eq!(clean("/a b/{x}|é?q=%20"), "/a%20b/%7Bx%7D%7C%C3%A9?q=%20");
    }
}
