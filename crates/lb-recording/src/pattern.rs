//! Turns URLs into request targets, and request targets into the patterns that group them.

use std::fmt::Write;

/// Minimum length of a hexadecimal number that counts as an identifier. Words made of the letters a to f are
/// shorter.
const LONG_HEX: usize = 12;

/// Returns the path and query of a URL, ready to be sent. Errors say what is wrong.
pub(super) fn request_target(url: &str) -> Result<String, String> {
    let url = url.trim();
    let path = match url.split_once("://") {
        Some((scheme, rest)) if scheme.chars().all(|c| c.is_ascii_alphanumeric()) => {
            if !["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()) {
                return Err(format!("`{url}` is not an HTTP address"));
            }
            rest.find(['/', '?', '#']).map_or("/", |end| &rest[end..])
        }
        _ => url,
    };
    let path = path.split('#').next().unwrap_or_default();
    if url.is_empty() || path == "*" {
        return Err(format!("`{url}` is not a path; use one such as `/api/items`"));
    }
    let mut target = if path.starts_with('/') { String::new() } else { "/".to_owned() };
    for byte in path.bytes() {
        if byte.is_ascii_graphic() {
            target.push(char::from(byte));
        } else {
            let _ = write!(target, "%{byte:02X}");
        }
    }
    Ok(target)
}

/// Returns the pattern of a request target: the path without the query, with `{id}` in place of identifiers.
pub(super) fn of(target: &str) -> String {
    let path = target.split('?').next().unwrap_or_default();
    let segments = path.split('/').map(|segment| if is_id(segment) { "{id}" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

fn is_id(segment: &str) -> bool {
    let number = !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit());
    let hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let groups: Vec<&str> = segment.split('-').collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    let uuid = lengths == [8, 4, 4, 4, 12] && groups.iter().all(|group| hex(group));
    number || uuid || (segment.len() >= LONG_HEX && hex(segment))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_become_one_pattern_and_queries_are_left_out() {
        for (target, pattern) in [
            ("/api/user/42", "/api/user/{id}"),
            ("/api/user/42/orders/7?page=2", "/api/user/{id}/orders/{id}"),
            ("/o/123e4567-e89b-12d3-a456-426614174000", "/o/{id}"),
            ("/blob/9f86d081884c7d65", "/blob/{id}"),
            ("/v1/facade/deadbeef", "/v1/facade/deadbeef"),
            ("/", "/"),
            ("/a//b/", "/a//b/"),
        ] {
            assert_eq!(of(target), pattern, "{target}");
        }
    }

    #[test]
    fn addresses_lose_scheme_and_host() {
        for (url, target) in [
            ("http://localhost:8080/api/v1/item?x=1", "/api/v1/item?x=1"),
            ("https://host", "/"),
            ("http://host?x=1", "/?x=1"),
            ("/api/v1/item#top", "/api/v1/item"),
            ("api/v1/item", "/api/v1/item"),
            ("/café au lait", "/caf%C3%A9%20au%20lait"),
            ("/go?to=http://other/", "/go?to=http://other/"),
        ] {
            assert_eq!(request_target(url).as_deref(), Ok(target), "{url}");
        }
        for url in ["", "ftp://host/x", "*"] {
            request_target(url).expect_err(url);
        }
    }
}
