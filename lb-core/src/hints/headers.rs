//! Which headers may be read as hints. The value of a header that says who the client is must not reach models and
//! traces, so headers with such names are refused, unless only a hash of their value is asked for.

use thiserror::Error;

/// Most headers that are read of each request.
pub const MOST_HEADERS: usize = 4;

/// Marks a header of which only a hash is used.
const HASHED: &str = "hash:";

/// Words that mark the name of a header as secret, alone or between `-`, `_` and `.`; also at the end of such a part, as
/// in `x-csrftoken`.
const SECRET: [&str; 20] = [
    "auth",
    "authentication",
    "authorization",
    "bearer",
    "cookie",
    "cookies",
    "credential",
    "credentials",
    "csrf",
    "jwt",
    "key",
    "passphrase",
    "passwd",
    "password",
    "secret",
    "session",
    "sessionid",
    "signature",
    "token",
    "xsrf",
];

/// A header that is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Name in lower case.
    pub(super) name: String,
    /// Hash of the hint's name, `header.NAME`.
    pub(super) hash: u32,
    /// Whether only a hash of the value is used, even if it is a number.
    pub(super) is_hashed: bool,
}

/// Why a header is not read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// The header holds a secret.
    #[error("`{0}` holds secrets; write `hash:{0}` to use a hash of its value, or leave it out")]
    Secret(String),
    /// The text is not the name of a header.
    #[error("`{0}` is not the name of a header; use letters, digits and `-`, as in `x-batch-size`")]
    NotAName(String),
    /// The header is listed twice.
    #[error("`{0}` is listed twice; leave one of them out")]
    Twice(String),
    /// There are more headers than are read.
    #[error(
        "{0} headers are more than the {most} that are read; leave out those that say least about the cost of requests",
        most = MOST_HEADERS
    )]
    TooMany(usize),
}

/// Checks the names of headers as configured.
pub(super) fn check(names: &[String]) -> Result<Vec<Header>, HeaderError> {
    let mut headers: Vec<Header> = Vec::with_capacity(names.len());
    for text in names {
        let lower = text.trim().to_ascii_lowercase();
        let (name, is_hashed) = match lower.strip_prefix(HASHED) {
            Some(name) => (name.trim(), true),
            None => (lower.as_str(), false),
        };
        if !is_name(name) {
            return Err(HeaderError::NotAName(text.clone()));
        }
        if !is_hashed && is_secret(name) {
            return Err(HeaderError::Secret(name.to_owned()));
        }
        if headers.iter().any(|header| header.name == name) {
            return Err(HeaderError::Twice(name.to_owned()));
        }
        let hash = super::hash_both(b"header.", name.as_bytes());
        headers.push(Header { name: name.to_owned(), hash, is_hashed });
    }
    if headers.len() > MOST_HEADERS {
        return Err(HeaderError::TooMany(headers.len()));
    }
    Ok(headers)
}

/// Returns whether a text is a token (RFC 9110, section 5.6.2), as names of headers are.
fn is_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_allowed)
}

/// Returns whether a name, in lower case, says that the header holds a secret.
fn is_secret(name: &str) -> bool {
    let mut parts = name.split(['-', '_', '.']);
    parts.any(|part| SECRET.iter().any(|secret| part.ends_with(secret)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(names: &[&str]) -> Result<Vec<Header>, HeaderError> {
        check(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn headers_that_hold_secrets_are_refused_in_every_spelling() {
        for name in [
            "authorization",
            "Authorization",
            "Proxy-Authorization",
            "cookie",
            "set-cookie",
            "Cookie2x-cookie",
            "x-api-key",
            "X_API_KEY",
            "apikey",
            "x-apikey",
            "ocp-apim-subscription-key",
            "x-auth",
            "x-auth-token",
            "x-csrftoken",
            "x-xsrf-token",
            "x-amz-security-token",
            "x-session",
            "x-session-id",
            "php.sessionid",
            "x-client-secret",
            "x-password",
            "x-hub-signature",
            "x-jwt-assertion",
        ] {
            let error = checked(&[name]).expect_err(name);
            let lower = name.to_ascii_lowercase();
            assert_eq!(error, HeaderError::Secret(lower.clone()));
            let way_out = format!("hash:{lower}");
            assert!(error.to_string().contains(&way_out), "the refusal says what to write: {error}");
            let headers = checked(&[&way_out]).expect("asked for");
            assert_eq!((headers[0].name.as_str(), headers[0].is_hashed), (lower.as_str(), true));
        }
    }

    #[test]
    fn headers_that_tell_a_cost_are_read() {
        for name in
            ["X-Batch-Size", "x-max-tokens", "accept-language", "content-type", "x-author", "priority"]
        {
            let headers = checked(&[name]).expect(name);
            assert_eq!(
                (headers[0].name.as_str(), headers[0].is_hashed),
                (&*name.to_ascii_lowercase(), false)
            );
            let text = format!("header.{}", headers[0].name);
            assert_eq!(headers[0].hash, crate::hints::hash(text.as_bytes()));
        }
    }

    #[test]
    fn each_other_fault_says_what_to_write_instead() {
        for (names, message) in [
            (
                &["x batch"][..],
                "`x batch` is not the name of a header; use letters, digits and `-`, as in `x-batch-size`",
            ),
            (&[""], "`` is not the name of a header; use letters, digits and `-`, as in `x-batch-size`"),
            (
                &["hash:"],
                "`hash:` is not the name of a header; use letters, digits and `-`, as in `x-batch-size`",
            ),
            (&["x-a", "X-A"], "`x-a` is listed twice; leave one of them out"),
            (&["hash:x-a", "x-a"], "`x-a` is listed twice; leave one of them out"),
            (
                &["a", "b", "c", "d", "e"],
                "5 headers are more than the 4 that are read; leave out those that say least about the cost of requests",
            ),
        ] {
            assert_eq!(checked(names).expect_err("a fault").to_string(), message);
        }
        assert_eq!(checked(&[]).map(|headers| headers.len()), Ok(0), "none are needed");
    }
}
