//! Reads Caddy's configuration as `/config/` shows it: which `reverse_proxy` handles a request, and under
//! which conditions. The rest of the configuration is ignored.

use lb_core::Algorithm;
use lb_core::algorithm::Rule;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A `reverse_proxy` that has an `@id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Proxy {
    /// The handler's `@id`.
    pub(super) id: String,
    /// The flag file that must exist for requests to reach this handler; `None` if no file decides.
    pub(super) flag: Option<PathBuf>,
    /// Name of its selection policy.
    pub(super) policy: String,
    /// Addresses of its backends, as `host:port`.
    pub(super) addresses: Vec<String>,
}

/// Lists all handlers with an `@id`, in the order in which Caddy tries them for a request.
pub(super) fn proxies(config: &Value) -> Vec<Proxy> {
    let mut found = Vec::new();
    for server in servers(config) {
        walk(&server["routes"], None, &mut found);
    }
    found
}

/// Returns whether `X-Forwarded-For` determines the client's address.
pub(super) fn trusts_proxies(config: &Value) -> bool {
    servers(config).any(|server| !server["trusted_proxies"].is_null())
}

/// Returns the policies that implement an algorithm. Some hash the address of the connection, others that of
/// the client.
pub(super) fn policies(algorithm: Algorithm) -> &'static [&'static str] {
    match algorithm.rule {
        Rule::RoundRobin => &["round_robin"],
        Rule::Random => &["random"],
        Rule::LeastConnections => &["least_conn"],
        Rule::IpHash => &["ip_hash", HASH_OF_CLIENT, "header"],
        _ => &[],
    }
}

/// The policy that hashes the client's address, which `X-Forwarded-For` gives if the proxy is trusted.
pub(super) const HASH_OF_CLIENT: &str = "client_ip_hash";

fn servers(config: &Value) -> impl Iterator<Item = &Value> {
    config["apps"]["http"]["servers"].as_object().into_iter().flatten().map(|(_, server)| server)
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn walk(routes: &Value, above: Option<&Path>, found: &mut Vec<Proxy>) {
    for route in list(routes) {
        let own = list(&route["match"]).find_map(flag);
        let flag = own.as_deref().or(above);
        for handler in list(&route["handle"]) {
            match handler["handler"].as_str() {
                Some("subroute") => walk(&handler["routes"], flag, found),
                Some("reverse_proxy") => found.extend(proxy(handler, flag)),
                _ => {}
            }
        }
    }
}

/// Returns the file that a set of matchers requires; `None` if it requires none.
fn flag(matchers: &Value) -> Option<PathBuf> {
    let root = matchers.pointer("/file/root")?.as_str()?;
    let name = matchers.pointer("/file/try_files/0")?.as_str()?;
    Some(Path::new(root).join(name.trim_start_matches('/')))
}

fn proxy(handler: &Value, flag: Option<&Path>) -> Option<Proxy> {
    let policy = handler.pointer("/load_balancing/selection_policy/policy").and_then(Value::as_str);
    let dials = list(&handler["upstreams"]).filter_map(|upstream| upstream["dial"].as_str());
    Some(Proxy {
        id: handler["@id"].as_str()?.to_owned(),
        flag: flag.map(Path::to_owned),
        // This is Caddy's default.
        policy: policy.unwrap_or("random").to_owned(),
        addresses: dials.map(str::to_owned).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn proxies_are_found_in_the_order_of_their_routes_with_the_file_that_decides() {
        let proxy = |id: &str, policy: &str| {
            json!({"@id": id, "handler": "reverse_proxy", "upstreams": [{"dial": "a:1"}],
                "load_balancing": {"selection_policy": {"policy": policy}}})
        };
        let config = json!({"apps": {"http": {"servers": {"any": {"routes": [
            {"handle": [{"handler": "headers"}, {"handler": "reverse_proxy"}]},
            {"match": [{"path": ["/a/*"]}], "handle": [{"handler": "subroute", "routes": [
                {"match": [{"file": {"root": "/run/flags", "try_files": ["/random"]}}],
                 "handle": [{"handler": "subroute", "routes": [{"handle": [proxy("a.random", "random")]}]}]},
                {"handle": [proxy("a.round-robin", "round_robin")]},
            ]}]},
        ]}}}}});
        let found = proxies(&config);
        let ids: Vec<_> = found.iter().map(|proxy| (proxy.id.as_str(), proxy.policy.as_str())).collect();
        assert_eq!(
            ids,
            [("a.random", "random"), ("a.round-robin", "round_robin")],
            "without an `@id` it is not ours"
        );
        assert_eq!(
            found[0].flag.as_deref(),
            Some(Path::new("/run/flags/random")),
            "inherited from the route above"
        );
        assert_eq!((&found[1].flag, found[1].addresses.as_slice()), (&None, ["a:1".to_owned()].as_slice()));
        assert!(!trusts_proxies(&config));
        assert!(proxies(&Value::Null).is_empty(), "a Caddy without configuration has none");
    }
}
