//! Validation of a topology: reports every problem at once, each with key path, value and rule.

use super::{BackendSpec, Cost, NAME_RULE, Topology, is_name};
use crate::fault::Fault;
use crate::hints::Reader;
use crate::plain;
use std::collections::HashMap;

/// Maximum number of backends and of routes: their numbers have 16 bits in results.
const MOST: usize = u16::MAX as usize;

/// Range of plausible speeds; a value outside it is a typing error.
const SPEEDS: std::ops::RangeInclusive<f64> = 1e-3..=1e3;

impl Topology {
    /// Returns the problems of the topology: key path, value and rule, one sentence each.
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
            let cost = route.cost.as_ref().map(Cost::problems).unwrap_or_default();
            problems.extend(below(&format!("routes[{i}].cost"), cost));
        }
        problems.extend(below("service_time", self.service_time.problems()));
        problems.extend(below("cost", self.cost.as_ref().map(Cost::problems).unwrap_or_default()));
        problems.extend(self.header_problem());
        for (i, fault) in self.faults.iter().enumerate() {
            let key = format!("faults[{i}]");
            problems.extend(below(&key, fault.problems()));
            self.fault_target_problems(&key, fault, &mut problems);
        }
        problems
    }

    /// Returns the problem of the headers that costs depend on, all together.
    fn header_problem(&self) -> Option<String> {
        let headers = self.cost_headers();
        let each_is_sound = headers.iter().all(|header| Reader::new(std::slice::from_ref(header)).is_ok());
        let refusal = Reader::new(&headers).err().filter(|_| each_is_sound)?;
        Some(format!("routes[].cost.from: {refusal}"))
    }

    fn pool_problems(&self, problems: &mut Vec<String>) {
        if self.pools.is_empty() {
            problems.push("pools: [] must hold at least one pool".to_owned());
        }
        let mut names = HashMap::new();
        let mut services = HashMap::new();
        let mut rest: Option<&str> = None;
        for (i, pool) in self.pools.iter().enumerate() {
            problems.extend(name_problem(&format!("pools[{i}].name"), &pool.name));
            if names.insert(&pool.name, i).is_some() {
                problems
                    .push(format!("pools[{i}].name: `{}` is already the name of another pool", pool.name));
            }
            if pool.backends.is_empty() {
                problems.push(format!("pools[{i}].backends: [] must hold at least one backend"));
            }
            for (j, service) in pool.services.iter().enumerate() {
                problems.extend(name_problem(&format!("pools[{i}].services[{j}]"), service));
                if let Some(other) = services.insert(service, &pool.name) {
                    problems.push(format!(
                        "pools[{i}].services[{j}]: `{service}` is already served by pool `{other}`; name it only once"
                    ));
                }
            }
            if pool.services.is_empty() {
                if let Some(other) = rest {
                    problems.push(format!(
                        "pools[{i}].services: [] means all other services, which pool `{other}` already serves; name at least one"
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
                    problems.push(format!("{key}.id: `{}` is already the id of {other}", backend.id));
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
        Some(format!("{key}: no pool serves `{service}`; known: {}", known.join(", ")))
    }
}

/// Returns the problem of a name that is not on the allow-list.
fn name_problem(key: &str, name: &str) -> Option<String> {
    (!is_name(name)).then(|| format!("{key}: `{}` must {NAME_RULE}", plain::line(name)))
}

impl BackendSpec {
    /// Returns the problems of the backend by itself, each beginning with the key.
    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        problems.extend(name_problem("id", &self.id));
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
            "cost": {"from": "limit", "law": {"power": {"of": 100}}},
            "routes": [{"service": "ghost", "path": "items", "service_time": {"distribution": "log_normal", "mean_ms": 1, "sigma": 9},
                "cost": {"from": "path.2", "law": {"affine": {"base": -1, "per": 1, "of": 1}}}}],
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
            "pools[1].name: `p` is already the name of another pool",
            "pools[1].backends: [] must hold at least one backend",
            "pools[1].services[0]: `cart` is already served by pool `p`; name it only once",
            "pools[0].backends[0].workers: 0 must be at least 1",
            "pools[0].backends[0].speed: 0 must lie between 0.001 and 1000",
            "pools[0].backends[0].weight: -1 must be above 0",
            "pools[0].backends[1].id: `a` is already the id of pools[0].backends[0]",
            "pools[0].backends[2].id: `b c` must consist of 1 to 128 ASCII letters, digits, `-`, `_`, `.` and `:`, with a letter or digit among them",
            "routes[0].path: `items` must begin with `/` or `*`",
            "routes[0].service: no pool serves `ghost`; known: `cart`, `cart`",
            "routes[0].service_time.sigma: 9 must lie between 0 and 3",
            "routes[0].cost.law.affine.base: -1 must lie between 0 and 1000",
            "service_time.mean_ms: 0 must be above 0 and at most 86400000 (a day)",
            "cost.from: `limit` must be `query.NAME`, `path.N` with N from 1 to 255, `header.NAME` in lower case, or `body.bytes`",
            "faults[0].rate: 1.5 must lie between 0 and 1",
            "faults[0].start_s: -1 must be at least 0",
            "faults[0].backends[0]: unknown backend `z`; known: `a`, `a`, `b c`",
            "faults[0].services[0]: no pool serves `ghost`; known: `cart`, `cart`",
            "faults[1].factor: 0 must be above 0 (10 is ten times slower)",
            "faults[1].every_s: 10 must be above duration_s, which is 10",
            "faults[2].every_s: 10 makes the fault repeat, but `duration_s` is missing; set `duration_s`",
            "faults[3].up_s: 0 must be at least 0.01",
        ];
        assert_eq!(topology.problems(), expected);
    }

    #[test]
    fn names_that_a_configuration_could_obey_are_refused_wherever_they_stand() {
        for hostile in [
            "",
            "..",
            "a b",
            "a\"b",
            "a'b",
            "a\nserver evil 10.0.0.1:80",
            "${jndi}",
            "{{ dir }}",
            "a}b",
            "a;b",
            "a`b",
            "a/../b",
            "a\\b",
            "a#b",
            "ä",
            "\") os.execute(\"id\") --",
            &"a".repeat(129),
        ] {
            let mut topology = topology(TWO_POOLS);
            hostile.clone_into(&mut topology.pools[0].name);
            hostile.clone_into(&mut topology.pools[0].services[0]);
            hostile.clone_into(&mut topology.pools[1].backends[0].id);
            topology.routes.clear();
            let shown = plain::line(hostile);
            let expected = ["pools[0].name", "pools[0].services[0]", "pools[1].backends[0].id"]
                .map(|key| format!("{key}: `{shown}` must {NAME_RULE}"));
            assert_eq!(topology.problems(), expected, "{hostile:?}");
        }
    }

    #[test]
    fn a_second_pool_for_all_other_services_is_refused() {
        let mut topology = topology(TWO_POOLS);
        topology.pools[0].services.clear();
        assert_eq!(
            topology.problems(),
            [
                "pools[1].services: [] means all other services, which pool `carts` already serves; name at least one"
            ]
        );
    }

    #[test]
    fn costs_on_more_headers_than_a_load_balancer_reads_are_refused() {
        let on = |header: &str| {
            format!(
                r#"{{"path": "/{header}", "service_time": {{"distribution": "constant", "mean_ms": 1}},
                    "cost": {{"from": "header.{header}", "law": {{"power": {{"of": 1}}}}}}}}"#
            )
        };
        let with = |headers: &[&str]| {
            let routes: Vec<String> = headers.iter().map(|header| on(header)).collect();
            topology(&format!(
                r#"{{"name": "t", "service_time": {{"distribution": "constant", "mean_ms": 1}},
                    "routes": [{}], "pools": [{{"name": "p", "backends": [{{"id": "a"}}]}}]}}"#,
                routes.join(", ")
            ))
        };
        assert_eq!(with(&["a", "b", "c", "d", "a"]).problems(), Vec::<String>::new(), "four different ones");
        let problems = with(&["a", "b", "c", "d", "e"]).problems();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with("routes[].cost.from: 5 headers are more than the 4"), "{problems:?}");
    }

    #[test]
    fn a_count_of_backends_is_refused_because_each_has_its_own_id() {
        let text = TWO_POOLS.replace(r#"{"id": "r1"}"#, r#"{"id": "r1", "count": 3}"#);
        let error = serde_json::from_str::<Topology>(&text).expect_err("`count` is unknown").to_string();
        assert!(error.contains("unknown field `count`"), "the key must be named: {error}");
    }
}
