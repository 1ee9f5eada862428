//! The cookies of the shop.

/// The cookie that names the session of a visitor.
pub(super) const SESSION: &str = "shop_session-id";
/// The cookie that holds the currency in which a visitor sees prices.
pub(super) const CURRENCY: &str = "shop_currency";

/// How long browsers keep the cookies, in seconds.
const TWO_DAYS: u32 = 48 * 3600;
/// The longest session id that is accepted; a new one has 36 characters.
const LONGEST: usize = 64;

/// Returns the value of a cookie in a `Cookie` header.
pub(super) fn cookie<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let pairs = header.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.into_iter().find_map(|(known, value)| (known == name).then_some(value))
}

/// Returns whether a value can be a session id. Others are as good as none: pages show the id as it is.
pub(super) fn is_session(id: &str) -> bool {
    (1..=LONGEST).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Returns the `Set-Cookie` value of a cookie for the whole site.
pub(super) fn lasting(name: &str, value: &str) -> String {
    format!("{name}={value}; Path=/; Max-Age={TWO_DAYS}")
}

/// Returns the `Set-Cookie` value that deletes a cookie.
pub(super) fn deletion(name: &str) -> String {
    format!("{name}=; Path=/; Max-Age=0")
}
