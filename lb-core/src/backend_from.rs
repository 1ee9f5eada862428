//! Where replies name the backend that answered: a header, a cookie, or a place in a JSON body.

use crate::headers;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// Headers that mean something else, and so cannot name a backend.
const RESERVED: [&str; 4] = [headers::ALGORITHM, "connection", "content-length", "transfer-encoding"];
/// The number of bytes of the longest name that counts as one; what is longer is a text rather than a name.
const LONGEST_NAME: usize = 256;

/// How replies name the backend that answered.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BackendFrom {
    /// The header that holds the name, such as `X-Served-By`. A list of addresses, as nginx writes it into
    /// `$upstream_addr`, is one of attempts, of which the last one answered.
    Header(String),
    /// The cookie that holds the name, such as the one that a load balancer sets for sticky sessions. A reply
    /// that does not set it comes from the backend that the user's cookie names.
    Cookie(String),
    /// JSON pointer to the name in the body, such as `/hostname`.
    BodyPointer(String),
}

impl Default for BackendFrom {
    fn default() -> Self {
        Self::Header(headers::BACKEND.to_owned())
    }
}

impl fmt::Display for BackendFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) => write!(f, "the header `{name}`"),
            Self::Cookie(name) => write!(f, "the cookie `{name}`"),
            Self::BodyPointer(pointer) => write!(f, "the JSON pointer `{pointer}`"),
        }
    }
}

impl BackendFrom {
    /// Returns the header that names the backend; empty, like no header, if another part of the reply does.
    #[inline]
    pub fn header(&self) -> &str {
        match self {
            Self::Header(name) => name,
            Self::Cookie(_) | Self::BodyPointer(_) => "",
        }
    }

    /// Returns whether the name is in the body.
    #[inline]
    pub const fn needs_body(&self) -> bool {
        matches!(self, Self::BodyPointer(_))
    }

    /// Returns the key of the place, as it is written.
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Header(_) => "header",
            Self::Cookie(_) => "cookie",
            Self::BodyPointer(_) => "body_pointer",
        }
    }

    /// Returns the value of the place, as it is written.
    pub fn value(&self) -> &str {
        match self {
            Self::Header(value) | Self::Cookie(value) | Self::BodyPointer(value) => value,
        }
    }

    /// Returns why this cannot name a backend, with the way out. `None` if it can.
    pub fn fault(&self) -> Option<&'static str> {
        match self {
            Self::Header(name) => {
                let reserved = RESERVED.iter().any(|known| known.eq_ignore_ascii_case(name));
                (reserved || !is_token(name))
                    .then_some("is not a header that can name a backend; use one such as `X-Served-By`")
            }
            Self::Cookie(name) => {
                (!is_token(name)).then_some("is not the name of a cookie; use one such as `SERVERID`")
            }
            Self::BodyPointer(pointer) => {
                (!pointer.starts_with('/')).then_some("is not a JSON pointer; use one such as `/hostname`")
            }
        }
    }

    /// Finds the name of the backend in a reply without its headers: `cookies` are the values of its `set-cookie`
    /// headers, and `body` is its body. `None` if they do not name one, or the place is a header.
    pub fn find<'a>(&self, cookies: impl Iterator<Item = &'a [u8]>, body: &[u8]) -> Option<String> {
        let name = match self {
            Self::Header(_) => None,
            Self::Cookie(name) => set_cookie(name, cookies),
            Self::BodyPointer(pointer) => pointed(pointer, body),
        };
        name.filter(|name| (1..=LONGEST_NAME).contains(&name.len()))
    }
}

/// Returns the value that the last of these `set-cookie` headers gives the cookie `name`.
fn set_cookie<'a>(name: &str, cookies: impl Iterator<Item = &'a [u8]>) -> Option<String> {
    let pairs = cookies.filter_map(|header| {
        let pair = std::str::from_utf8(header).ok()?.split(';').next()?;
        pair.split_once('=')
    });
    let (_, value) = pairs.filter(|(known, _)| known.trim() == name).last()?;
    Some(value.trim().trim_matches('"').to_owned())
}

/// Returns the text, the number or the truth value at a JSON pointer.
fn pointed(pointer: &str, body: &[u8]) -> Option<String> {
    match serde_json::from_slice::<Value>(body).ok()?.pointer(pointer)? {
        Value::String(text) => Some(text.clone()),
        value @ (Value::Number(_) | Value::Bool(_)) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Returns whether a text is a token (RFC 9110, section 5.6.2), as names of headers and cookies are.
pub(crate) fn is_token(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(from: &BackendFrom, cookies: &[&str], body: &str) -> Option<String> {
        from.find(cookies.iter().map(|cookie| cookie.as_bytes()), body.as_bytes())
    }

    #[test]
    fn a_cookie_or_a_place_in_the_body_names_the_backend() {
        let cookie = BackendFrom::Cookie("SERVERID".to_owned());
        let sets = ["sid=1; Path=/", "SERVERID=old", "SERVERID=\"b2\"; Path=/", "serverid=c"];
        assert_eq!(found(&cookie, &sets, "").as_deref(), Some("b2"), "the last one counts, without quotes");
        assert_eq!(found(&cookie, &["sid=1", "SERVERID"], ""), None);
        let pointer = |text: &str| BackendFrom::BodyPointer(text.to_owned());
        let body = r#"{"host": {"name": "b1", "id": 7, "tags": []}, "empty": ""}"#;
        for (place, name) in [
            ("/host/name", Some("b1")),
            ("/host/id", Some("7")),
            ("/host/tags", None),
            ("/host", None),
            ("/none", None),
            ("/empty", None),
        ] {
            assert_eq!(found(&pointer(place), &[], body).as_deref(), name, "{place}");
        }
        assert_eq!(found(&pointer("/a"), &[], "<html>"), None, "a body that is not JSON names none");
        let long = format!(r#"{{"a": "{}"}}"#, "x".repeat(LONGEST_NAME + 1));
        assert_eq!(found(&pointer("/a"), &[], &long), None, "a text is not a name");
        assert_eq!(
            found(&BackendFrom::default(), &["x-backend=1"], body),
            None,
            "a header is not looked for"
        );
    }

    #[test]
    fn what_cannot_name_a_backend_is_refused_with_an_example() {
        for (from, part) in [
            (BackendFrom::Header("Content-Length".to_owned()), "X-Served-By"),
            (BackendFrom::Header("X Y".to_owned()), "X-Served-By"),
            (BackendFrom::Cookie("a=b".to_owned()), "SERVERID"),
            (BackendFrom::Cookie(String::new()), "SERVERID"),
            (BackendFrom::BodyPointer("host".to_owned()), "/hostname"),
        ] {
            assert!(from.fault().is_some_and(|fault| fault.contains(part)), "{from:?}");
        }
        for fine in ["{\"header\":\"X-Served-By\"}", "{\"cookie\":\"SERVERID\"}", "{\"body_pointer\":\"/a\"}"]
        {
            let from: BackendFrom = serde_json::from_str(fine).expect("one place");
            assert_eq!(from.fault(), None, "{fine}");
            assert_eq!(serde_json::to_string(&from).expect("it is plain data"), fine);
        }
    }
}
