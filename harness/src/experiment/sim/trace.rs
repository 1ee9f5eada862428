//! Records the decisions of a simulated trial as Parquet, as a live load balancer does.

use crate::experiment::traces::in_results;
use lb_config::TrainedPolicy;
use lb_core::algorithm::Rule;
use lb_core::hints::{Reader, hash};
use lb_core::policy::{Logged, Policy};
use lb_core::topology::Route;
use lb_core::trace_summary::TraceSummary;
use lb_core::workload::Scenario;
use lb_core::{Algorithm, Time};
use lb_traces::write::{Names, Overflow, Recording, TracedPolicy, Tracer};
use std::cell::Cell;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Records the decisions of one simulated trial.
pub(super) struct SimulatedTrace {
    tracer: Tracer,
    path: PathBuf,
    run_id: String,
    exploration: f64,
    policy_id: String,
    /// The names of backends and routes, by pool.
    names: Vec<Arc<dyn Names>>,
    balancers: u16,
    /// The number of policies made so far: a simulation makes them balancer by balancer, one for each pool.
    made: Cell<u16>,
}

/// How the decisions of a simulated trial are recorded.
#[derive(Clone, Debug)]
pub(super) struct TracePlan {
    pub(super) path: PathBuf,
    pub(super) run_id: String,
    pub(super) exploration: f64,
}

impl SimulatedTrace {
    pub(super) fn new(
        plan: TracePlan,
        algorithm: Algorithm,
        policy: Option<&TrainedPolicy>,
        scenario: &Scenario,
        balancers: u16,
    ) -> std::io::Result<Self> {
        let topology = &scenario.topology;
        let TracePlan { path, run_id, exploration } = plan;
        let followed = policy.filter(|_| algorithm.rule == Rule::Rl);
        let policy_id = match followed {
            Some(policy) => format!("{algorithm}:{}", policy.file.short_hash()),
            None => algorithm.to_string(),
        };
        let routes: Arc<[String]> = topology.routes.iter().map(route_name).collect();
        let hints = Arc::new(hint_names(scenario));
        let names = topology.pools.iter().map(|pool| {
            let backends = pool.backends.iter().map(|backend| backend.id.clone()).collect();
            let (routes, hints) = (Arc::clone(&routes), Arc::clone(&hints));
            Arc::new(PoolNames { backends, routes, hints }) as Arc<dyn Names>
        });
        Ok(Self {
            tracer: Tracer::new(Overflow::Wait)?,
            path,
            run_id,
            exploration,
            policy_id,
            names: names.collect(),
            balancers,
            made: Cell::new(0),
        })
    }

    /// Wraps the next policy of the simulation so that its decisions are recorded.
    pub(super) fn over(&self, policy: Box<dyn Policy>) -> Box<dyn Policy> {
        let pools = self.names.len() as u16;
        let made = self.made.replace(self.made.get() + 1);
        let (balancer, pool) = (made / pools, made % pools);
        let traced = TracedPolicy {
            lb_id: pool * self.balancers + balancer,
            policy_id: self.policy_id.clone(),
            names: Arc::clone(&self.names[usize::from(pool)]),
        };
        Box::new(Logged::new(policy, self.tracer.log(traced), self.exploration))
    }

    /// Starts recording when the measured phase begins, at `now`.
    pub(super) fn start(&self, now: Time) -> anyhow::Result<()> {
        self.tracer.start(Recording {
            path: self.path.clone(),
            run_id: self.run_id.clone(),
            exploration: self.exploration,
            origin: now,
            started_at: None,
        })?;
        Ok(())
    }

    /// Ends the recording, and returns its summary.
    pub(super) fn stop(&self) -> anyhow::Result<TraceSummary> {
        Ok(in_results(self.tracer.stop()?))
    }
}

struct PoolNames {
    backends: Vec<String>,
    /// The names of the routes, from class 1 on.
    routes: Arc<[String]>,
    /// The names of hints by their hashes.
    hints: Arc<HashMap<u32, String>>,
}

impl Names for PoolNames {
    fn backends(&self) -> Vec<String> {
        self.backends.clone()
    }

    fn route(&self, class: u16) -> String {
        let place = usize::from(class).checked_sub(1);
        place.and_then(|place| self.routes.get(place)).map_or_else(|| "other".to_owned(), String::clone)
    }

    fn hint(&self, hash: u32) -> Option<String> {
        self.hints.get(&hash).cloned()
    }
}

/// Returns the names of what requests of a scenario can say: the parameters in the templates of their paths, what the
/// topology's costs depend on, and segments, of which templates do not tell which vary.
fn hint_names(scenario: &Scenario) -> HashMap<u32, String> {
    const MOST_SEGMENTS: usize = 16;
    let topology = &scenario.topology;
    let costs = topology.routes.iter().filter_map(|route| route.cost.as_ref()).chain(&topology.cost);
    let texts = costs.map(|cost| cost.from.clone());
    let texts = texts.chain((1..=MOST_SEGMENTS).map(|number| format!("path.{number}")));
    let mut names: HashMap<u32, String> = texts.map(|text| (hash(text.as_bytes()), text)).collect();
    for step in scenario.workload.steps() {
        Reader::default().describe(&step.path, &mut |name, text| drop(names.insert(name, text.to_owned())));
    }
    names
}

/// Names a route, such as `GET /inventory-service/api/product/*`; parts that the topology leaves open are
/// `*`.
fn route_name(route: &Route) -> String {
    let method = route.method.as_deref().unwrap_or("*");
    let service = route.service.as_deref().unwrap_or("*");
    format!("{method} /{service}{}", route.path)
}
