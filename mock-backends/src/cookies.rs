//! Cookies: those that a client sends, and those that it is told to keep.

use http::HeaderMap;
use http::header::COOKIE;

/// How long browsers keep the cookies, in seconds.
const TWO_DAYS: u32 = 48 * 3600;
/// The longest session id that is accepted; a new one has 36 characters.
const LONGEST: usize = 64;

/// Returns the values of all `Cookie` headers, joined by `; `.
pub(crate) fn sent(headers: &HeaderMap) -> String {
    let texts = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    texts.collect::<Vec<_>>().join("; ")
}

/// Returns the cookies in a `Cookie` header.
pub(crate) fn pairs(header: &str) -> impl Iterator<Item = (&str, &str)> {
    header.split(';').filter_map(|pair| pair.trim().split_once('='))
}

/// Returns the value of a cookie in a `Cookie` header.
pub(crate) fn cookie<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    pairs(header).find_map(|(known, value)| (known == name).then_some(value))
}

/// Returns whether a value can be a session id. Others are as good as none: pages show the id as it is.
pub(crate) fn is_session(id: &str) -> bool {
    (1..=LONGEST).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Returns whether a value can stand in a `Set-Cookie` header as it is (RFC 6265, 4.1.1).
pub(crate) fn is_value(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_graphic() && !b"\",;\\".contains(&byte))
}

/// Returns the `Set-Cookie` value of a cookie for the whole site.
pub(crate) fn lasting(name: &str, value: &str) -> String {
    format!("{name}={value}; Path=/; Max-Age={TWO_DAYS}")
}

/// Returns the `Set-Cookie` value that deletes a cookie.
pub(crate) fn deletion(name: &str) -> String {
    format!("{name}=; Path=/; Max-Age=0")
}
