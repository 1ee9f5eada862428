//! What a request costs by what it says: the factor of its service time that the topology gives it.

use crate::server::Instance;
use http::request::Parts;
use http::{HeaderValue, Uri};
use lb_core::topology::RouteIndex;

impl Instance {
    /// Returns the factor of the service time of a request of `route`. `path` is its path below the service, as it stands at
    /// the end of that of its head.
    pub(crate) fn cost(&self, head: &Parts, path: &str, body: &[u8], route: RouteIndex) -> f32 {
        let Some(costs) = &self.shared.costs else {
            return 1.0;
        };
        let body_bytes = (!body.is_empty()).then_some(body.len() as u64);
        let header = |name: &str| head.headers.get(name).map(HeaderValue::as_bytes);
        let hints = costs.reader().read(below(&head.uri, path), body_bytes, header);
        costs.factor(route, &hints)
    }
}

/// Returns the path and query of which `path` is the end of the path.
fn below<'a>(uri: &'a Uri, path: &str) -> &'a str {
    let whole = uri.path_and_query().map_or("/", |target| target.as_str());
    let begin = uri.path().len().saturating_sub(path.len());
    whole.get(begin..).unwrap_or(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_stays_when_the_service_goes() {
        for (uri, path, expected) in [
            ("/cart/items/7?limit=5", "/items/7", "/items/7?limit=5"),
            ("/items?a=1&b=2", "/items", "/items?a=1&b=2"),
            ("/items", "/items", "/items"),
            ("http://host/cart/items?limit=5", "/items", "/items?limit=5"),
            ("*", "*", "*"),
        ] {
            let uri: Uri = uri.parse().expect("a target");
            assert_eq!(below(&uri, path), expected, "{uri}");
        }
    }
}
