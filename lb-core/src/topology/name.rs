//! The one allow-list for names of pools, backends and services.
//!
//! Such names stand in headers, paths, metric labels and file names, and in configurations of load balancers with
//! five different syntaxes, some of which run code. What none of them gives a meaning to is allowed, and
//! nothing else.

/// Longest name in bytes.
const LONGEST: usize = 128;

/// Says which names are allowed, in a form that fits after "must".
pub const NAME_RULE: &str =
    "consist of 1 to 128 ASCII letters, digits, `-`, `_`, `.` and `:`, with a letter or digit among them";

/// Returns whether `text` can be the name of a pool, a backend or a service.
///
/// ```
/// use lb_core::topology::is_name;
///
/// assert!(is_name("cart-service"));
/// assert!(!is_name("x\" } os.execute(\"id"));
/// assert!(!is_name(".."));
/// ```
pub fn is_name(text: &str) -> bool {
    text.len() <= LONGEST
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
        && text.bytes().any(|byte| byte.is_ascii_alphanumeric())
}

/// Returns whether a name also fits into the configuration of a real load balancer, where pools, backends and
/// algorithms are joined by `.` and `:`.
///
/// ```
/// use lb_core::topology::is_part;
///
/// assert!(is_part("shop-1"));
/// assert!(!is_part("shop.1"));
/// ```
pub fn is_part(text: &str) -> bool {
    is_name(text) && !text.contains(['.', ':'])
}
