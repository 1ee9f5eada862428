//! The costs of a topology, ready to be read from requests: the mock backends read them from the requests that arrive, the
//! simulator from those that it would send.

use super::cost::Rule;
use super::{Cost, RouteIndex, Topology};
use crate::hints::{Hints, Reader};

/// The costs of a topology, with the reader of what they depend on.
#[derive(Debug)]
pub struct Costs {
    reader: Reader,
    /// The cost of each route.
    routes: Vec<Option<Rule>>,
    /// The cost of requests that match no route.
    other: Option<Rule>,
}

impl Topology {
    /// Returns the cost of requests of a route: its own, or else that of the topology. `None` if they all cost the same.
    pub fn cost_of(&self, route: RouteIndex) -> Option<&Cost> {
        let own = self.routes.get(usize::from(route.0)).and_then(|route| route.cost.as_ref());
        own.or(self.cost.as_ref())
    }

    /// Returns the names of the headers that costs depend on, each once.
    pub fn cost_headers(&self) -> Vec<String> {
        let costs = self.routes.iter().filter_map(|route| route.cost.as_ref()).chain(&self.cost);
        let mut headers: Vec<String> = costs.filter_map(Cost::header).map(str::to_owned).collect();
        headers.sort();
        headers.dedup();
        headers
    }
}

impl Costs {
    /// Makes the costs of a topology ready. `None` if all of its requests cost the same, or if the topology has
    /// [problems](Topology::problems) with its costs.
    pub fn new(topology: &Topology) -> Option<Self> {
        let numbers = (0..topology.routes.len()).map(|number| RouteIndex(number as u16));
        let routes: Vec<Option<Rule>> = numbers.map(|route| topology.cost_of(route).map(Rule::new)).collect();
        let other = topology.cost.as_ref().map(Rule::new);
        let reader = Reader::new(&topology.cost_headers()).ok()?;
        let is_any = other.is_some() || routes.iter().any(Option::is_some);
        is_any.then_some(Self { reader, routes, other })
    }

    /// Returns the reader of what requests say. It reads the headers that costs depend on, and no other.
    pub const fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Returns the factor of the service time of a request of `route` that says `hints`, from 0.001 to 1000.
    pub fn factor(&self, route: RouteIndex, hints: &Hints) -> f32 {
        let rule = self.routes.get(usize::from(route.0)).unwrap_or(&self.other);
        rule.as_ref().map_or(1.0, |rule| rule.factor(hints))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOPOLOGY: &str = r#"{
        "name": "telling",
        "service_time": {"distribution": "constant", "mean_ms": 1},
        "cost": {"from": "query.limit", "law": {"power": {"of": 100}}},
        "routes": [
            {"path": "/batch/*", "service_time": {"distribution": "constant", "mean_ms": 2},
                "cost": {"from": "header.x-batch", "law": {"affine": {"base": 1, "per": 1, "of": 10}}}},
            {"path": "/items/*", "service_time": {"distribution": "constant", "mean_ms": 3}},
            {"method": "POST", "path": "/upload", "service_time": {"distribution": "constant", "mean_ms": 3},
                "cost": {"from": "body.bytes", "law": {"power": {"of": 1000, "exponent": 0.5}}}},
            {"path": "/users/*", "service_time": {"distribution": "constant", "mean_ms": 3},
                "cost": {"from": "path.2", "law": {"table": {"factors": {"u-123": 7}, "otherwise": 3}}}}
        ],
        "pools": [{"name": "p", "backends": [{"id": "a"}]}]
    }"#;

    fn topology() -> Topology {
        let topology: Topology = serde_json::from_str(TOPOLOGY).expect("the test's topology must parse");
        assert_eq!(topology.problems(), Vec::<String>::new());
        topology
    }

    #[test]
    fn a_request_costs_what_its_route_says_and_else_what_the_topology_says() {
        let topology = topology();
        let costs = Costs::new(&topology).expect("there are costs");
        let factor = |method: &str, target: &str, body: Option<u64>, header: Option<&'static [u8]>| {
            let path = target.split('?').next().unwrap_or(target);
            let hints = costs.reader().read(target, body, |name| header.filter(|_| name == "x-batch"));
            costs.factor(topology.route("", method, path), &hints)
        };
        for (method, target, body, header, expected) in [
            ("GET", "/?limit=250", None, None, 2.5),
            ("GET", "/", None, None, 1.0),
            ("GET", "/items/7?limit=50&page=2", None, None, 0.5),
            ("GET", "/batch/7?limit=50", None, Some(&b"30"[..]), 4.0),
            ("GET", "/batch/7?limit=50", None, None, 1.0),
            ("POST", "/upload", Some(4_000), None, 2.0),
            ("GET", "/users/u-123", None, None, 7.0),
            ("GET", "/users/u-124", None, None, 3.0),
            ("GET", "/users/me", None, None, 1.0),
        ] {
            assert_eq!(factor(method, target, body, header), expected, "{method} {target}");
        }
    }

    #[test]
    fn a_topology_whose_requests_cost_the_same_has_no_costs() {
        let mut topology = topology();
        topology.cost = None;
        assert!(Costs::new(&topology).is_some(), "some routes have costs");
        topology.routes.iter_mut().for_each(|route| route.cost = None);
        assert!(Costs::new(&topology).is_none());
        let text = serde_json::to_string(&topology).expect("JSON");
        assert!(!text.contains("cost"), "nothing is written where there is none: {text}");
    }
}
