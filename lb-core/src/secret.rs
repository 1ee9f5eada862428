//! Secrets that must not be printed: values that only their user may see, and passwords in URLs.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// What stands in place of a secret.
pub const MASK: &str = "***";

/// A value that is never printed: formatting it for debugging shows a mask.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// Returns the value itself, for the one who has to send it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// Replaces the passwords of all URLs in a text: `http://ann:secret@host` becomes `http://ann:***@host`.
///
/// A user without a password stays, because it may be a name that the reader needs.
pub fn mask_passwords(text: &str) -> Cow<'_, str> {
    let mut masked = String::new();
    let mut rest = text;
    while let Some(begin) = rest.find("://").map(|at| at + 3) {
        let (before, after) = rest.split_at(begin);
        masked.push_str(before);
        rest = after;
        if let Some((colon, end)) = password(after) {
            masked.push_str(&after[..=colon]);
            masked.push_str(MASK);
            rest = &after[end..];
        }
    }
    if masked.is_empty() {
        return Cow::Borrowed(text);
    }
    masked.push_str(rest);
    Cow::Owned(masked)
}

/// Returns the places of the `:` before and of the `@` after the password of a URL, which begins behind its
/// `://`. `None` if it has no password.
fn password(url: &str) -> Option<(usize, usize)> {
    let end_of = |text: &str, ends: &str| {
        text.find(|c: char| ends.contains(c) || c.is_whitespace()).unwrap_or(text.len())
    };
    let url = &url[..end_of(url, "\"'<>`")];
    let authority = &url[..end_of(url, "/?#")];
    let colon = url.find(':')?;
    if let Some(end) = authority.rfind('@') {
        return (colon < end).then_some((colon, end));
    }
    // A password with a `/`, `?` or `#` should have been written as `%2F`, `%3F` or `%23`. It is a secret all the same.
    let port = authority.get(colon + 1..)?;
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit());
    let end = url.rfind('@').filter(|_| !is_port && !authority.starts_with('['))?;
    Some((colon, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret:?}"), "***");
        assert_eq!(format!("{:?}", Some(&secret)), "Some(***)");
        assert_eq!(secret.reveal(), "hunter2");
    }

    #[test]
    fn passwords_of_urls_are_masked_and_nothing_else_changes() {
        for (text, masked) in [
            ("https://ann:secret@shop.example/x", "https://ann:***@shop.example/x"),
            ("http://ann:p@ss:word@[::1]:80", "http://ann:***@[::1]:80"),
            ("http://:secret@host", "http://:***@host"),
            ("--url=http://a:b@c and http://d:e@f/g", "--url=http://a:***@c and http://d:***@f/g"),
            ("`http://a:b@c`", "`http://a:***@c`"),
            ("http://a:se/cr#et@host/x", "http://a:***@host/x"),
            ("http://ann@host:80/", "http://ann@host:80/"),
            ("http://[::1]:80/a@b", "http://[::1]:80/a@b"),
            ("http://host:80/path@x:y", "http://host:80/path@x:y"),
            ("host:80", "host:80"),
            ("", ""),
        ] {
            assert_eq!(mask_passwords(text), masked, "{text}");
        }
    }

    #[test]
    fn masking_twice_is_masking_once() {
        let once = mask_passwords("http://a:b@c").into_owned();
        assert_eq!(mask_passwords(&once), once);
    }
}
