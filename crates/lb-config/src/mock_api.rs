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
    /// Returns whether requests take other times than those that the topology gives, since a route has a cache, a cost or a
    /// service time of its own.
    pub fn has_own_times(&self) -> bool {
        const KEYS: [&str; 4] = ["cache", "cost", "service_time", "at_once"];
        let Ok(api) = serde_json::from_str::<Value>(&self.json) else { return false };
        let has_times = |object: &Value| KEYS.iter().any(|key| object.get(key).is_some());
        let routes = api.get("routes").and_then(Value::as_array);
        has_times(&api) || routes.is_some_and(|routes| routes.iter().any(has_times))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_api_that_changes_service_times_is_known() {
        let of = |json: &str| MockApi { name: "test".to_owned(), json: json.to_owned() }.has_own_times();
        assert!(of(r#"{"routes": [{"path": "/"}, {"path": "/a", "cache": {"ttl_s": 1}}]}"#));
        assert!(of(r#"{"routes": [{"path": "/a", "cost": 2}]}"#));
        assert!(of(r#"{"service_time": {}, "routes": [{"path": "/a"}]}"#));
        assert!(!of(r#"{"routes": [{"path": "/cache"}]}"#));
        assert!(!of("{"));
    }
}
