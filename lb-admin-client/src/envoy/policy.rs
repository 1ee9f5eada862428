//! How a cluster picks its hosts: read from its configuration, compared with an algorithm, and written into a
//! configuration.
//!
//! A missing `lb_policy` means ROUND_ROBIN. A plain LEAST_REQUEST is the power of two choices;
//! `load_balancing_policy`, which takes precedence over `lb_policy`, can make it consider all hosts.

use super::names::NAMES;
use lb_core::Algorithm;
use lb_core::algorithm::Rule;
use serde_json::{Map, Value, json};
use std::fmt;

const LEAST_REQUEST: &str =
    "type.googleapis.com/envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest";

/// Suffix of a policy's name in [`NAMES`] if its weights are steered.
const STEERED: &str = ", steered weights";
const WEIGHTED: &str = ", weighted";

/// The keys of a cluster's configuration that determine how hosts are picked.
const KEYS: [&str; 6] = [
    "lb_policy",
    "load_balancing_policy",
    "least_request_lb_config",
    "round_robin_lb_config",
    "ring_hash_lb_config",
    "maglev_lb_config",
];

/// How a cluster picks its hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Policy {
    /// Name of the policy, such as `LEAST_REQUEST, FULL_SCAN`.
    name: String,
    /// Whether its endpoints have different weights.
    weighted: bool,
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.name, if self.weighted { WEIGHTED } else { "" })
    }
}

impl Policy {
    /// Reads the policy from a cluster's configuration.
    pub(super) fn of(cluster: &Value) -> Self {
        let mut weights =
            endpoints(cluster).map(|endpoint| endpoint["load_balancing_weight"].as_u64().unwrap_or(1));
        let first = weights.next();
        Self { name: name(cluster), weighted: weights.any(|weight| Some(weight) != first) }
    }

    /// Returns whether a cluster with this policy runs `algorithm`; `None` if the policy is unknown.
    pub(super) fn fits(&self, algorithm: Algorithm) -> Option<bool> {
        const KNOWN: [&str; 5] = ["ROUND_ROBIN", "LEAST_REQUEST", "RANDOM", "MAGLEV", "RING_HASH"];
        const HASHES: [&str; 2] = ["MAGLEV", "RING_HASH"];
        if !KNOWN.iter().any(|known| self.name.starts_with(known)) {
            return None;
        }
        let base = base(algorithm).unwrap_or_default();
        let unequal_spoil = matches!(algorithm.rule, Rule::RoundRobin | Rule::LeastConnections | Rule::P2c);
        let both_hash = HASHES.contains(&base) && HASHES.contains(&self.name.as_str());
        Some((self.name == base || both_hash) && !(unequal_spoil && self.weighted))
    }

    /// Returns the algorithm that has this policy's name.
    pub(super) fn algorithm(&self) -> Option<Algorithm> {
        let name = self.to_string();
        NAMES.algorithms().find(|algorithm| NAMES.native(*algorithm) == Some(&name))
    }
}

/// Returns Envoy's name for an algorithm, without the suffix that describes weights.
fn base(algorithm: Algorithm) -> Option<&'static str> {
    let native = NAMES.native(algorithm)?;
    Some(native.trim_end_matches(STEERED).trim_end_matches(WEIGHTED))
}

fn name(cluster: &Value) -> String {
    let typed = &cluster["load_balancing_policy"]["policies"][0]["typed_extension_config"]["typed_config"];
    let Some(kind) = typed["@type"].as_str() else {
        let named = cluster["lb_policy"].as_str().unwrap_or("ROUND_ROBIN");
        return with_choices(named, &cluster["least_request_lb_config"]);
    };
    match kind.rsplit('.').next().unwrap_or(kind) {
        "RoundRobin" => "ROUND_ROBIN".to_owned(),
        "Random" => "RANDOM".to_owned(),
        "Maglev" => "MAGLEV".to_owned(),
        "RingHash" => "RING_HASH".to_owned(),
        "LeastRequest" if typed["selection_method"] == "FULL_SCAN" => "LEAST_REQUEST, FULL_SCAN".to_owned(),
        "LeastRequest" => with_choices("LEAST_REQUEST", typed),
        other => other.to_owned(),
    }
}

fn with_choices(named: &str, config: &Value) -> String {
    match config["choice_count"].as_u64() {
        Some(count) if count != 2 && named == "LEAST_REQUEST" => format!("{named}, {count} choices"),
        _ => named.to_owned(),
    }
}

/// Lists the endpoints in a cluster's configuration.
fn endpoints(cluster: &Value) -> impl Iterator<Item = &Value> {
    let localities = cluster["load_assignment"]["endpoints"].as_array().into_iter().flatten();
    localities.flat_map(|locality| locality["lb_endpoints"].as_array().into_iter().flatten())
}

/// Makes a cluster run `algorithm`. A weighted algorithm gets the weight that `share` returns for each
/// endpoint; for other algorithms, the weights are removed.
pub(super) fn write(cluster: &mut Map<String, Value>, algorithm: Algorithm, share: impl Fn(&Value) -> u32) {
    KEYS.iter().for_each(|key| drop(cluster.shift_remove(*key)));
    match algorithm.rule {
        Rule::LeastConnections => {
            let typed = json!({"@type": LEAST_REQUEST, "selection_method": "FULL_SCAN"});
            let extension =
                json!({"name": "envoy.load_balancing_policies.least_request", "typed_config": typed});
            let policy = json!({"policies": [{"typed_extension_config": extension}]});
            cluster.insert("load_balancing_policy".to_owned(), policy);
        }
        _ => drop(cluster.insert("lb_policy".to_owned(), json!(base(algorithm)))),
    }
    let localities = cluster.get_mut("load_assignment").and_then(|all| all["endpoints"].as_array_mut());
    for locality in localities.into_iter().flatten() {
        for endpoint in locality["lb_endpoints"].as_array_mut().into_iter().flatten() {
            let weight = (algorithm.rule == Rule::WeightedRoundRobin).then(|| share(endpoint));
            let Some(fields) = endpoint.as_object_mut() else { continue };
            match weight {
                Some(weight) => fields.insert("load_balancing_weight".to_owned(), weight.into()),
                None => fields.shift_remove("load_balancing_weight"),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn algorithm(name: &str) -> Algorithm {
        name.parse().expect("the name is in the table")
    }

    fn fits(cluster: &Value, name: &str) -> Option<bool> {
        Policy::of(cluster).fits(algorithm(name))
    }

    #[test]
    fn a_policy_that_is_left_out_is_round_robin() {
        let cluster = json!({"name": "main.round-robin", "type": "STATIC"});
        assert_eq!(Policy::of(&cluster).to_string(), "ROUND_ROBIN");
        assert_eq!(fits(&cluster, "round-robin"), Some(true));
        assert_eq!(fits(&cluster, "least-connections"), Some(false));
    }

    #[test]
    fn least_request_is_two_choices_unless_it_scans() {
        let plain = json!({"lb_policy": "LEAST_REQUEST"});
        assert_eq!((fits(&plain, "p2c"), fits(&plain, "least-connections")), (Some(true), Some(false)));
        let three = json!({"lb_policy": "LEAST_REQUEST", "least_request_lb_config": {"choice_count": 3}});
        assert_eq!(Policy::of(&three).to_string(), "LEAST_REQUEST, 3 choices");
        assert_eq!((fits(&three, "p2c"), fits(&three, "least-connections")), (Some(false), Some(false)));
    }

    #[test]
    fn unequal_weights_spoil_what_should_be_blind_to_them() {
        let endpoints = json!([{"lb_endpoints": [{"load_balancing_weight": 3}, {}]}]);
        for (policy, name, right) in [
            ("ROUND_ROBIN", "round-robin", false),
            ("ROUND_ROBIN", "weighted-round-robin", true),
            ("LEAST_REQUEST", "p2c", false),
            ("RANDOM", "random", true),
        ] {
            let cluster = json!({"lb_policy": policy, "load_assignment": {"endpoints": endpoints}});
            assert_eq!(fits(&cluster, name), Some(right), "{name} as weighted {policy}");
        }
    }

    #[test]
    fn an_unknown_policy_is_not_judged() {
        let typed = json!({"@type": "type.googleapis.com/some.v3.ClientSideWeightedRoundRobin"});
        let cluster = json!({"load_balancing_policy": {"policies": [{"typed_extension_config": {"typed_config": typed}}]}});
        assert_eq!(fits(&cluster, "round-robin"), None);
        assert_eq!(Policy::of(&cluster).to_string(), "ClientSideWeightedRoundRobin", "but it is named");
    }

    #[test]
    fn what_is_written_is_read_as_the_same_and_leaves_nothing_of_the_former() {
        let before = json!({
            "name": "shop",
            "lb_policy": "LEAST_REQUEST",
            "least_request_lb_config": {"choice_count": 3},
            "connect_timeout": "2s",
            "load_assignment": {"endpoints": [{"lb_endpoints": [{"load_balancing_weight": 7}, {}]}]},
        });
        for wanted in NAMES.algorithms().filter(|wanted| wanted.rule != Rule::Rl) {
            let mut after = before.clone();
            let weight = |endpoint: &Value| if endpoint["load_balancing_weight"].is_null() { 1 } else { 2 };
            write(after.as_object_mut().expect("it is an object"), wanted, weight);
            assert_eq!(Policy::of(&after).algorithm(), Some(wanted), "{after}");
            assert_eq!(after["connect_timeout"], "2s", "the rest stays");
            assert!(after["least_request_lb_config"].is_null(), "{after}");
        }
    }
}
