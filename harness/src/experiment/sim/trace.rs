//! Records the decisions of a simulated trial as Parquet, as a live load balancer does.

use crate::experiment::traces::in_results;
use lb_config::TrainedPolicy;
use lb_core::algorithm::Rule;
use lb_core::policy::{Logged, Policy};
use lb_core::topology::{Route, Topology};
use lb_core::trace_summary::TraceSummary;
use lb_core::{Algorithm, Time};
use lb_traces::write::{Names, Overflow, Recording, TracedPolicy, Tracer};
use std::cell::Cell;
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
        topology: &Topology,
        balancers: u16,
    ) -> std::io::Result<Self> {
        let TracePlan { path, run_id, exploration } = plan;
        let followed = policy.filter(|_| algorithm.rule == Rule::Rl);
        let policy_id = match followed {
            Some(policy) => format!("{algorithm}:{}", policy.file.short_hash()),
            None => algorithm.to_string(),
        };
        let routes: Arc<[String]> = topology.routes.iter().map(route_name).collect();
        let names = topology.pools.iter().map(|pool| {
            let backends = pool.backends.iter().map(|backend| backend.id.clone()).collect();
            Arc::new(PoolNames { backends, routes: Arc::clone(&routes) }) as Arc<dyn Names>
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
}

impl Names for PoolNames {
    fn backends(&self) -> Vec<String> {
        self.backends.clone()
    }

    fn route(&self, class: u16) -> String {
        let place = usize::from(class).checked_sub(1);
        place.and_then(|place| self.routes.get(place)).map_or_else(|| "other".to_owned(), String::clone)
    }
}

/// Names a route, such as `GET /inventory-service/api/product/*`; parts that the topology leaves open are
/// `*`.
fn route_name(route: &Route) -> String {
    let method = route.method.as_deref().unwrap_or("*");
    let service = route.service.as_deref().unwrap_or("*");
    format!("{method} /{service}{}", route.path)
}
