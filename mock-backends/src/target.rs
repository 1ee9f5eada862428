//! The service that a request is for, and the path below it.

use crate::boutique;
use crate::catalogue::SERVICES;
use http::HeaderMap;
use http::header::HeaderName;
use lb_core::headers;

const SERVICE: HeaderName = HeaderName::from_static(headers::SERVICE);

/// The service that a request is for, and the path below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target<'a> {
    pub(crate) service: &'a str,
    pub(crate) path: &'a str,
}

impl<'a> Target<'a> {
    /// Determines the service from the header, or else from a leading `/{service}`, or else from the path.
    ///
    /// `pool` lists the services of the backend's pool. With `pages`, the backend serves the shop for browsers, and
    /// everything is its, unless the header or the path names another service that this process knows.
    pub(crate) fn new(path: &'a str, headers: &'a HeaderMap, pool: &[String], pages: bool) -> Self {
        let named = headers.get(SERVICE).and_then(|value| value.to_str().ok());
        let (first, rest) = match path[1.min(path.len())..].split_once('/') {
            Some((first, rest)) => (first, Some(&path[path.len() - rest.len() - 1..])),
            None => (&path[1.min(path.len())..], None),
        };
        if named.is_none() && pages && !leads_elsewhere(first, pool) {
            return Self { service: boutique::SERVICE, path };
        }
        // If the service is named in the header, it may be omitted from the path, which can then have any
        // first segment.
        let is_service = named.map_or(!["api", "actuator"].contains(&first), |named| named == first);
        let (prefix, path) = match rest {
            Some(rest) if is_service => (Some(first), rest),
            _ => (None, path),
        };
        Self { service: named.or(prefix).unwrap_or_else(|| service_of(path)), path }
    }
}

/// Returns whether a pool with these services serves the shop for browsers.
pub(crate) fn serves_pages(pool: &[String]) -> bool {
    pool.iter().any(|service| service == boutique::SERVICE)
}

/// Returns whether a path with this first segment belongs to no page of the shop for browsers.
fn leads_elsewhere(first: &str, pool: &[String]) -> bool {
    ["api", "actuator"].contains(&first)
        || SERVICES.contains(&first)
        || pool.iter().any(|service| service == first)
}

/// Returns the service that is responsible for a path.
fn service_of(path: &str) -> &'static str {
    let area = path.strip_prefix("/api/").and_then(|rest| rest.split('/').next());
    match area {
        Some("users") => "user-service",
        Some("inventory") => "inventory-service",
        Some("cart") => "cart-service",
        Some("orders") => "order-service",
        Some("payments") => "payment-service",
        Some("notifications") => "notification-service",
        // The API of synthesised traffic: `/api/v1/resource`, `/api/v1/item`, `/api/v1/user`.
        Some("v1") => "api",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn the_service_comes_from_header_prefix_or_path() {
        let mut headers = HeaderMap::new();
        for (path, service, below) in [
            ("/api/users/me", "user-service", "/api/users/me"),
            ("/api/cart", "cart-service", "/api/cart"),
            ("/cart-service/api/cart", "cart-service", "/api/cart"),
            ("/my-service/actuator/health", "my-service", "/actuator/health"),
            ("/actuator/health", "", "/actuator/health"),
            ("/api/other", "", "/api/other"),
            ("/", "", "/"),
            ("*", "", "*"),
        ] {
            let target = Target::new(path, &headers, &[], false);
            assert_eq!(target, Target { service, path: below }, "the target of {path}");
        }
        headers.insert(SERVICE, HeaderValue::from_static("payment-service"));
        let target = Target::new("/api/cart", &headers, &[], false);
        assert_eq!(target.service, "payment-service", "the header outranks the path");
        for (path, below) in
            [("/v1/resource", "/v1/resource"), ("/payment-service/v1/resource", "/v1/resource")]
        {
            let target = Target { service: "payment-service", path: below };
            assert_eq!(
                Target::new(path, &headers, &[], false),
                target,
                "only the service itself is left out of {path}"
            );
        }
    }

    #[test]
    fn the_pages_lie_at_the_root_of_the_pools_that_serve_them() {
        let mut headers = HeaderMap::new();
        let pool = ["boutique", "images"].map(str::to_owned);
        for (path, service, below) in [
            ("/", "boutique", "/"),
            ("/cart/empty", "boutique", "/cart/empty"),
            ("/static/styles.css", "boutique", "/static/styles.css"),
            ("/boutique/cart", "boutique", "/cart"),
            ("/images/mug.jpg", "images", "/mug.jpg"),
            ("/api/cart", "cart-service", "/api/cart"),
            ("/cart-service/api/cart", "cart-service", "/api/cart"),
            ("/actuator/health", "", "/actuator/health"),
        ] {
            let target = Target::new(path, &headers, &pool, serves_pages(&pool));
            assert_eq!(target, Target { service, path: below }, "the target of {path}");
        }
        headers.insert(SERVICE, HeaderValue::from_static("boutique"));
        let target = Target::new("/cart/empty", &headers, &pool, serves_pages(&pool));
        assert_eq!(target, Target { service: "boutique", path: "/cart/empty" }, "named by the header");
        headers.insert(SERVICE, HeaderValue::from_static("images"));
        assert_eq!(
            Target::new("/cart", &headers, &pool, serves_pages(&pool)).service,
            "images",
            "the header outranks the pages"
        );
    }
}
