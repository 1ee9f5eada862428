//! What is wrong with a topology: every problem at once, each with key path, value and rule.

use super::{BackendSpec, Topology};
use crate::fault::Fault;
use std::collections::HashMap;

/// Numbers of backends and routes are 16 bits wide in results.
const MOST: usize = u16::MAX as usize;

/// Beyond this a speed, or its inverse, is a typing error and no machine.
const SPEEDS: std::ops::RangeInclusive<f64> = 1e-3..=1e3;

impl Topology {
    /// What is wrong with the topology: key path, value and rule, one sentence each.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        self.pool_problems(&mut problems);
        self.backend_problems(&mut problems);
        let below = |key: &str, all: Vec<String>| -> Vec<String> {
            all.into_iter().map(|problem| format!("{key}.{problem}")).collect()
        };
        if self.routes.len() >= MOST {
            problems.push(format!(
                "routes: {} are too many; at most {} are allowed",
                self.routes.len(),
                MOST - 1
            ));
        }
        for (i, route) in self.routes.iter().enumerate() {
            if !route.path.starts_with(['/', '*']) {
                problems.push(format!("routes[{i}].path: `{}` must begin with `/` or `*`", route.path));
            }
            if let Some(service) = &route.service {
                problems.extend(self.unknown_service(&format!("routes[{i}].service"), service));
            }
            problems.extend(below(&format!("routes[{i}].service_time"), route.service_time.problems()));
        }
        problems.extend(below("service_time", self.service_time.problems()));
        for (i, fault) in self.faults.iter().enumerate() {
            let key = format!("faults[{i}]");
            problems.extend(below(&key, fault.problems()));
            self.fault_target_problems(&key, fault, &mut problems);
        }
        problems
    }

    fn pool_problems(&self, problems: &mut Vec<String>) {
        if self.pools.is_empty() {
            problems.push("pools: [] must hold at least one pool".to_owned());
        }
        let mut names = HashMap::new();
        let mut services = HashMap::new();
        let mut rest: Option<&str> = None;
        for (i, pool) in self.pools.iter().enumerate() {
            if pool.name.is_empty() {
                problems.push(format!("pools[{i}].name: `` must not be empty"));
            }
            if names.insert(&pool.name, i).is_some() {
                problems
                    .push(format!("pools[{i}].name: `{}` is the name of another pool already", pool.name));
            }
            if pool.backends.is_empty() {
                problems.push(format!("pools[{i}].backends: [] must hold at least one backend"));
            }
            for (j, service) in pool.services.iter().enumerate() {
                if let Some(other) = services.insert(service, &pool.name) {
                    problems.push(format!(
                        "pools[{i}].services[{j}]: `{service}` is answered by pool `{other}` already; name it once"
                    ));
                }
            }
            if pool.services.is_empty() {
                if let Some(other) = rest {
                    problems.push(format!(
                        "pools[{i}].services: [] means all other services, which pool `{other}` answers for already; name some"
                    ));
                }
                rest = rest.or(Some(&pool.name));
            }
        }
    }

    fn backend_problems(&self, problems: &mut Vec<String>) {
        let mut ids = HashMap::new();
        for (i, pool) in self.pools.iter().enumerate() {
            for (j, backend) in pool.backends.iter().enumerate() {
                let key = format!("pools[{i}].backends[{j}]");
                problems.extend(backend.problems().into_iter().map(|problem| format!("{key}.{problem}")));
                if let Some(other) = ids.insert(&backend.id, key.clone()) {
                    problems.push(format!("{key}.id: `{}` is the id of {other} already", backend.id));
                }
            }
        }
        let count: usize = self.pools.iter().map(|pool| pool.backends.len()).sum();
        if count > MOST {
            problems.push(format!("pools: {count} backends are too many; at most {MOST} are allowed"));
        }
    }

    fn fault_target_problems(&self, key: &str, fault: &Fault, problems: &mut Vec<String>) {
        let ids = || self.pools.iter().flat_map(|pool| &pool.backends).map(|backend| &backend.id);
        for (i, id) in fault.backends.iter().enumerate() {
            if !ids().any(|other| other == id) {
                let known: Vec<String> = ids().map(|id| format!("`{id}`")).collect();
                problems.push(format!(
                    "{key}.backends[{i}]: unknown backend `{id}`; known: {}",
                    known.join(", ")
                ));
            }
        }
        for (i, service) in fault.services.iter().enumerate() {
            problems.extend(self.unknown_service(&format!("{key}.services[{i}]"), service));
        }
    }

    fn unknown_service(&self, key: &str, service: &str) -> Option<String> {
        if self.pools.is_empty() || self.pool_of(service).is_some() {
            return None;
        }
        let known: Vec<String> =
            self.pools.iter().flat_map(|pool| &pool.services).map(|name| format!("`{name}`")).collect();
        Some(format!("{key}: no pool answers for `{service}`; known: {}", known.join(", ")))
    }
}

impl BackendSpec {
    /// What is wrong with the backend by itself, beginning with the key.
    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        // The id travels in a header and in a path.
        if self.id.is_empty() || !self.id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b)) {
            problems.push(format!(
                "id: `{}` must consist of ASCII letters, digits, `-`, `_`, `.` and `:`, one at least",
                self.id
            ));
        }
        if self.workers == 0 {
            problems.push("workers: 0 must be at least 1".to_owned());
        }
        if !SPEEDS.contains(&self.speed) {
            problems.push(format!(
                "speed: {} must lie between {} and {}",
                self.speed,
                SPEEDS.start(),
                SPEEDS.end()
            ));
        }
        if !(self.weight > 0.0 && self.weight.is_finite()) {
            problems.push(format!("weight: {} must be above 0", self.weight));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::RouteIndex;

    fn topology(json: &str) -> Topology {
        serde_json::from_str(json).expect("the test's topology must parse")
    }

    const TWO_POOLS: &str = r#"{
        "name": "two",
        "service_time": {"distribution": "constant", "mean_ms": 1},
        "routes": [
            {"service": "cart", "method": "POST", "path": "/items/*", "service_time": {"distribution": "constant", "mean_ms": 2}},
            {"path": "/items/*", "service_time": {"distribution": "constant", "mean_ms": 3}}
        ],
        "pools": [
            {"name": "carts", "services": ["cart"], "backends": [{"id": "c1"}, {"id": "c2", "speed": 2}]},
            {"name": "rest", "backends": [{"id": "r1"}]}
        ]
    }"#;

    #[test]
    fn services_belong_to_the_pool_that_names_them_or_else_to_the_one_that_names_none() {
        let topology = topology(TWO_POOLS);
        assert_eq!(topology.problems(), Vec::<String>::new());
        assert_eq!(topology.pool_of("cart"), Some(0));
        assert_eq!(topology.pool_of("order"), Some(1));
        let all = ["order", "cart", "user"].map(str::to_owned);
        let placed: Vec<_> = topology.backends(&all).collect();
        let ids: Vec<_> = placed.iter().map(|p| (p.pool, p.place, p.spec.id.as_str())).collect();
        assert_eq!(ids, [(0, 0, "c1"), (0, 1, "c2"), (1, 0, "r1")], "pool after pool, in order");
        assert_eq!(placed[2].services, ["order", "user"], "the rest, in the order given");
    }

    #[test]
    fn the_first_route_that_matches_counts() {
        let topology = topology(TWO_POOLS);
        let mean =
            |service, method, path| topology.service_time(topology.route(service, method, path)).mean_ms();
        assert_eq!(mean("cart", "POST", "/items/1"), 2.0);
        assert_eq!(mean("cart", "GET", "/items/1"), 3.0, "another method falls through");
        assert_eq!(mean("cart", "GET", "/"), 1.0, "no route: the topology's own service time");
        assert_eq!(topology.route("x", "GET", "/"), RouteIndex(2), "the last index means no route");
    }

    #[test]
    fn all_problems_are_named_at_once_with_key_value_and_rule() {
        let topology = topology(
            r#"{
            "name": "bad",
            "service_time": {"distribution": "exponential", "mean_ms": 0},
            "routes": [{"service": "ghost", "path": "items", "service_time": {"distribution": "log_normal", "mean_ms": 1, "sigma": 9}}],
            "pools": [
                {"name": "p", "services": ["cart"], "backends": [
                    {"id": "a", "workers": 0, "speed": 0, "weight": -1}, {"id": "a"}, {"id": "b c"}]},
                {"name": "p", "services": ["cart"], "backends": []}
            ],
            "faults": [
                {"fault": "error_rate", "rate": 1.5, "backends": ["z"], "services": ["ghost"], "start_s": -1},
                {"fault": "latency_factor", "factor": 0, "duration_s": 10, "every_s": 10},
                {"fault": "crash", "every_s": 10},
                {"fault": "flapping", "up_s": 0, "down_s": 1}
            ]
        }"#,
        );
        let expected = [
            "pools[1].name: `p` is the name of another pool already",
            "pools[1].backends: [] must hold at least one backend",
            "pools[1].services[0]: `cart` is answered by pool `p` already; name it once",
            "pools[0].backends[0].workers: 0 must be at least 1",
            "pools[0].backends[0].speed: 0 must lie between 0.001 and 1000",
            "pools[0].backends[0].weight: -1 must be above 0",
            "pools[0].backends[1].id: `a` is the id of pools[0].backends[0] already",
            "pools[0].backends[2].id: `b c` must consist of ASCII letters, digits, `-`, `_`, `.` and `:`, one at least",
            "routes[0].path: `items` must begin with `/` or `*`",
            "routes[0].service: no pool answers for `ghost`; known: `cart`, `cart`",
            "routes[0].service_time.sigma: 9 must lie between 0 and 3",
            "service_time.mean_ms: 0 must be above 0 and at most 86400000 (a day)",
            "faults[0].rate: 1.5 must lie between 0 and 1",
            "faults[0].start_s: -1 must be at least 0",
            "faults[0].backends[0]: unknown backend `z`; known: `a`, `a`, `b c`",
            "faults[0].services[0]: no pool answers for `ghost`; known: `cart`, `cart`",
            "faults[1].factor: 0 must be above 0 (10 is ten times slower)",
            "faults[1].every_s: 10 must be above duration_s, which is 10",
            "faults[2].every_s: 10 says when the fault comes back, but nothing says when it ends; give `duration_s`",
            "faults[3].up_s: 0 must be at least 0.01",
        ];
        assert_eq!(topology.problems(), expected);
    }

    #[test]
    fn a_second_pool_for_all_other_services_is_refused() {
        let mut topology = topology(TWO_POOLS);
        topology.pools[0].services.clear();
        assert_eq!(
            topology.problems(),
            [
                "pools[1].services: [] means all other services, which pool `carts` answers for already; name some"
            ]
        );
    }

    #[test]
    fn a_count_of_backends_is_refused_because_each_has_its_own_id() {
        let text = TWO_POOLS.replace(r#"{"id": "r1"}"#, r#"{"id": "r1", "count": 3}"#);
        let error = serde_json::from_str::<Topology>(&text).expect_err("`count` is unknown").to_string();
        assert!(error.contains("unknown field `count`"), "the key must be named: {error}");
    }
}
