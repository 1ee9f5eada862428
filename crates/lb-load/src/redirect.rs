//! Where a redirect leads, and what is sent there, as browsers decide it.

use url::Url;

/// The statuses that redirect to their `location`.
const REDIRECTS: [u16; 5] = [301, 302, 303, 307, 308];

/// Returns whether a reply with this status redirects to its `location`.
#[inline]
pub(crate) fn is_redirect(status: u16) -> bool {
    REDIRECTS.contains(&status)
}

/// Returns the path and query to which `location` leads from the page `from`, which is a whole URL. `None` if it
/// leads to another site, where no load is sent, or is no address.
pub(crate) fn resolve(location: &[u8], from: &str) -> Option<String> {
    let from = Url::parse(from).ok()?;
    let to = from.join(std::str::from_utf8(location).ok()?).ok()?;
    if to.origin() != from.origin() {
        return None;
    }
    Some(match to.query() {
        Some(query) => format!("{}?{query}", to.path()),
        None => to.path().to_owned(),
    })
}

/// Returns the method of the request that follows a redirect. Only 307 and 308 repeat a request with its body;
/// after the others, everything but HEAD becomes GET.
pub(crate) fn method_after(status: u16, method: &str) -> &str {
    match (status, method) {
        (307 | 308, method) => method,
        (_, "HEAD") => "HEAD",
        _ => "GET",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_resolved_against_the_page_they_came_from() {
        let from = "http://shop.example:8080/a/b?x=1";
        for (location, path) in [
            ("/cart", Some("/cart")),
            ("/cart?y=2#top", Some("/cart?y=2")),
            ("c", Some("/a/c")),
            ("../d/", Some("/d/")),
            ("?z=3", Some("/a/b?z=3")),
            ("http://shop.example:8080", Some("/")),
            ("//SHOP.example:8080/e", Some("/e")),
            ("http://shop.example/e", None),
            ("https://shop.example:8080/e", None),
            ("http://other.example:8080/", None),
            ("http://[", None),
        ] {
            assert_eq!(resolve(location.as_bytes(), from).as_deref(), path, "{location}");
        }
        assert_eq!(resolve(b"\xff", from), None);
    }

    #[test]
    fn methods_change_as_in_browsers() {
        for (status, method, next) in [
            (302, "POST", "GET"),
            (301, "PUT", "GET"),
            (303, "HEAD", "HEAD"),
            (307, "POST", "POST"),
            (308, "DELETE", "DELETE"),
        ] {
            assert!(is_redirect(status));
            assert_eq!(method_after(status, method), next, "{status} {method}");
        }
        assert!(!is_redirect(300) && !is_redirect(304) && !is_redirect(200));
    }
}
