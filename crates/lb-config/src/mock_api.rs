//! What mock backends answer, as text: they interpret it themselves.

use serde_json::Value;

/// The replies of mock backends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MockApi {
    /// Where the text comes from, for messages: a path, the name of a pack, or a key.
    pub name: String,
    /// The text, which is JSON.
    pub json: String,
}

impl MockApi {
    /// Returns whether replies of a route are cached, so that requests do not all take the service time of their route.
    pub fn caches(&self) -> bool {
        let Ok(api) = serde_json::from_str::<Value>(&self.json) else { return false };
        let routes = api.get("routes").and_then(Value::as_array);
        routes.is_some_and(|routes| routes.iter().any(|route| route.get("cache").is_some()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_api_with_a_cached_route_is_known() {
        let of = |json: &str| MockApi { name: "test".to_owned(), json: json.to_owned() }.caches();
        assert!(of(r#"{"routes": [{"path": "/"}, {"path": "/a", "cache": {"ttl_s": 1}}]}"#));
        assert!(!of(r#"{"routes": [{"path": "/cache"}]}"#));
        assert!(!of("{"));
    }
}
