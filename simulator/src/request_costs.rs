//! What the requests of a scenario say about their cost, and what they cost by the topology.
//!
//! The text of a request is read by the same reader as in load balancers and mock backends. A text that is the same every
//! time is read once; every other is written into reused buffers before the request is sent. In a topology without costs
//! nothing is read at all: what requests say would tell a policy nothing.

use lb_core::hints::Hints;
use lb_core::topology::{Costs, RouteIndex, Topology};
use lb_core::workload::{Rendered, StepIndex};

/// What the requests of a scenario say and cost.
pub(crate) struct RequestCosts {
    costs: Costs,
    /// By step.
    steps: Vec<Step>,
    written: Rendered,
}

/// The text of the requests of a step.
pub(crate) struct StepText {
    /// What comes before the path below the service, such as `/cart-service`; empty if nothing does.
    pub(crate) prefix: String,
    pub(crate) route: RouteIndex,
    /// Whether the text is the same every time.
    pub(crate) is_static: bool,
}

/// A step, and what its requests say if it is known already.
struct Step {
    text: StepText,
    known: Option<Saying>,
}

/// What a request says, and the factor of its service time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Saying {
    pub(crate) hints: Hints,
    pub(crate) cost: f32,
}

impl RequestCosts {
    /// Prepares the costs of a topology; `None` if it has none.
    pub(crate) fn new(topology: &Topology, steps: impl Iterator<Item = StepText>) -> Option<Self> {
        let costs = Costs::new(topology)?;
        let steps = steps.map(|text| Step { text, known: None }).collect();
        Some(Self { costs, steps, written: Rendered::default() })
    }

    /// Returns what a request of `step` says and costs; `write` writes it.
    pub(crate) fn of(&mut self, step: StepIndex, write: impl FnOnce(&mut Rendered)) -> Saying {
        let place = usize::from(step.0);
        if let Some(saying) = self.steps[place].known {
            return saying;
        }
        write(&mut self.written);
        let saying = self.read(&self.steps[place].text);
        if self.steps[place].text.is_static {
            self.steps[place].known = Some(saying);
        }
        saying
    }

    /// Reads the request that was written last.
    fn read(&self, step: &StepText) -> Saying {
        let Rendered { path, headers, body, .. } = &self.written;
        let header = |name: &str| {
            let found = headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.as_bytes())
        };
        let body_bytes = (!body.is_empty()).then_some(body.len() as u64);
        let hints = self.costs.reader().read(below(path, &step.prefix), body_bytes, header);
        Saying { hints, cost: self.costs.factor(step.route, &hints) }
    }
}

/// Returns the path and query below a service.
fn below<'a>(target: &'a str, prefix: &str) -> &'a str {
    match target.strip_prefix(prefix) {
        Some(rest) if rest.is_empty() || rest.starts_with(['/', '?']) => rest,
        _ => target,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOPOLOGY: &str = r#"{
        "name": "t",
        "pools": [{"name": "all", "backends": [{"id": "b"}]}],
        "service_time": {"distribution": "constant", "mean_ms": 1},
        "cost": {"from": "query.limit", "law": {"power": {"of": 100}}},
        "routes": [
            {"path": "/batch", "service_time": {"distribution": "constant", "mean_ms": 1},
                "cost": {"from": "header.x-batch", "law": {"power": {"of": 10}}}},
            {"path": "/upload", "service_time": {"distribution": "constant", "mean_ms": 1},
                "cost": {"from": "body.bytes", "law": {"power": {"of": 4}}}},
            {"path": "/users/*", "service_time": {"distribution": "constant", "mean_ms": 1},
                "cost": {"from": "path.2", "law": {"power": {"of": 7}}}}
        ]
    }"#;

    fn request_costs(texts: &[(&str, u16, bool)]) -> RequestCosts {
        let topology: Topology = serde_json::from_str(TOPOLOGY).expect("a topology");
        let text = |(prefix, route, is_static): &(&str, u16, bool)| StepText {
            prefix: (*prefix).to_owned(),
            route: RouteIndex(*route),
            is_static: *is_static,
        };
        RequestCosts::new(&topology, texts.iter().map(text)).expect("it has costs")
    }

    #[test]
    fn requests_are_read_below_their_service_with_their_headers_and_bodies() {
        let mut scenario =
            request_costs(&[("", 3, false), ("", 0, false), ("/up", 1, false), ("/shop", 2, false)]);
        let mut cost = |step: u16, path: &str, header: &str, body: &[u8]| {
            let write = |out: &mut Rendered| {
                path.clone_into(&mut out.path);
                out.headers = vec![("X-Batch".to_owned(), header.to_owned())];
                body.clone_into(&mut out.body);
            };
            scenario.of(StepIndex(step), write).cost
        };
        assert_eq!(cost(0, "/?limit=250", "30", b""), 2.5);
        assert_eq!(cost(0, "/list?page=3", "30", b""), 1.0, "it does not say it");
        assert_eq!(cost(1, "/batch?limit=250", "30", b""), 3.0);
        assert_eq!(cost(2, "/up/upload", "30", b"12345678"), 2.0);
        assert_eq!(cost(2, "/up/upload", "30", b""), 1.0, "there is no body");
        assert_eq!(cost(3, "/shop/users/21", "30", b""), 3.0, "the second segment below the service");
        assert_eq!(cost(3, "/shopping/21", "30", b""), 3.0, "another service: the whole path is read");
    }

    #[test]
    fn a_text_that_stays_the_same_is_written_once() {
        let mut scenario = request_costs(&[("", 3, true), ("", 3, false)]);
        let mut written = [0, 0];
        for _ in 0..3 {
            for step in [0, 1] {
                let saying = scenario.of(StepIndex(step), |out| {
                    written[usize::from(step)] += 1;
                    out.path = "/?limit=50".to_owned();
                });
                assert_eq!((saying.cost, saying.hints.as_slice().len()), (0.5, 1));
            }
        }
        assert_eq!(written, [1, 3]);
    }

    #[test]
    fn a_topology_without_costs_reads_nothing() {
        let mut topology: Topology = serde_json::from_str(TOPOLOGY).expect("a topology");
        topology.cost = None;
        topology.routes.clear();
        assert!(RequestCosts::new(&topology, std::iter::empty()).is_none());
    }
}
